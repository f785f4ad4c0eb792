/* SPDX-License-Identifier: MIT */
/* Any address of a block leads to it, wherever it lies: in a home, a slab, a medium slab, or alone. */
#include "heap/block.h"
#include "heap/heap_check.h"

static void check_around(char *block, size_t offset, size_t size) {
  char *start = NULL;
  struct acre__found found = acre__block_around(block + offset, &start);
  if (found.segment == NULL || start != block || found.size < size)
    test_fail(__FILE__, __LINE__, "byte %zu of a block of %zu bytes at %p leads to %p", offset, size, (void *)block,
              (void *)start);
}

TEST(every_block_is_found_from_within) {
  static const size_t sizes[] = {1, 16, 24, 100, 500, 1000, 4096, 4097, 10000, 40000, 65536, 65537, 300000, 5000000};
  enum { SIZES = sizeof sizes / sizeof *sizes, EACH = 70 };
  static char *blocks[SIZES][EACH];
  acre_heap *heap = make_heap(NULL);
  for (size_t i = 0; i < SIZES; i++)
    for (size_t n = 0; n < (sizes[i] > 100000 ? 3 : EACH); n++) {
      blocks[i][n] = acre_heap_alloc(heap, sizes[i]);
      REQUIRE(blocks[i][n] != NULL);
    }
  for (size_t i = 0; i < SIZES; i++)
    for (size_t n = 0; n < EACH && blocks[i][n] != NULL; n++) {
      size_t size = sizes[i];
      check_around(blocks[i][n], 0, size);
      check_around(blocks[i][n], size / 2, size);
      check_around(blocks[i][n], size - 1, size);
    }
  end_heap(heap);
}

TEST(what_is_no_block_leads_to_none) {
  char local, *start;
  static char data[100];
  acre_heap *heap = make_heap(NULL);
  char *large = acre_heap_alloc(heap, 1000000);
  CHECK(acre__block_around(&local, &start).segment == NULL);
  CHECK(acre__block_around(data, &start).segment == NULL);
  CHECK(acre__block_around(NULL, &start).segment == NULL);
  CHECK(acre__block_around(heap, &start).segment == NULL); /* the heap's own data */
  CHECK_OK(acre_heap_free(heap, large));
  CHECK(acre__block_around(large + 500000, &start).segment == NULL);
  end_heap(heap);
}
