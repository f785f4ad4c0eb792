/* SPDX-License-Identifier: MIT */
/* What acre/heap.h promises of blocks: sizes, alignment, content, freeing, resizing, limits, ends. */
#include <stdlib.h>

#include "heap/heap_check.h"

static acre_heap *heap;

static const acre_heap_options kinds[] = {
    {.name = "shared"},
    {.name = "single", .flags = ACRE_HEAP_SINGLE_THREAD},
    {.name = "checked", .flags = ACRE_HEAP_CHECKED},
    {.name = "limited", .limit = (size_t)1 << 30},
    {.name = "begun", .initial_commit = 1 << 20},
};

static void on_each_kind(void (*run)(void)) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    heap = make_heap(&kinds[i]);
    run();
    end_heap(heap);
  }
}

/* ------------------------------------------------------------- sizes */

static const size_t sizes[] = {0,    1,     15,    16,    17,    100,    128,     129,    500,
                               512,  513,   1000,  1024,  2049,  4096,   4097,    5000,   8192,
                               9000, 16384, 40000, 65536, 65537, 100000, 1 << 20, 3000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void blocks_of_every_size(void) {
  void *blocks[SIZES][3];
  for (size_t i = 0; i < SIZES; i++)
    for (size_t j = 0; j < 3; j++) {
      void *block = blocks[i][j] = acre_heap_alloc(heap, sizes[i]);
      REQUIRE(block != NULL);
      CHECK_EQ((uintptr_t)block % 16, 0);
      CHECK(acre_heap_size(block) >= sizes[i]);
      CHECK(acre_heap_requested(block) >= sizes[i]);
      CHECK(acre_heap_of(block) == heap);
      fill_block(block, sizes[i], i * 3 + j);
    }
  CHECK_VALID(heap);
  CHECK_EQ(figures_of(heap).blocks, SIZES * 3);
  for (size_t i = 0; i < SIZES; i++)
    for (size_t j = 0; j < 3; j++) {
      CHECK(block_is_filled(blocks[i][j], sizes[i], sizes[i], i * 3 + j));
      CHECK_OK(acre_heap_validate(heap, blocks[i][j]));
      CHECK_OK(acre_heap_free(heap, blocks[i][j]));
    }
  CHECK_EQ(figures_of(heap).blocks, 0);
}

TEST(blocks_of_every_size) {
  on_each_kind(blocks_of_every_size);
}

TEST(waste_is_an_eighth_at_most) {
  heap = make_heap(NULL);
  for (size_t size = 1; size <= 65536; size += size < 2000 ? 1 : 37) {
    void *block = acre_heap_alloc(heap, size);
    REQUIRE(block != NULL);
    size_t usable = acre_heap_size(block), waste = usable - size;
    if (waste > 15 && waste * 8 > usable) test_fail(__FILE__, __LINE__, "%zu bytes take %zu", size, usable);
    CHECK_OK(acre_heap_free(heap, block));
  }
  for (unsigned size_class = 0; size_class < ACRE_ALL_CLASSES; size_class++) {
    size_t size = acre__class_size(size_class);
    size_t slab = size_class < ACRE_SMALL_CLASSES ? ACRE_SEGMENT : acre__medium_segments(size_class) * ACRE_SEGMENT;
    CHECK(slab % size <= slab / 8); /* what is left over behind the last block */
    CHECK_EQ(acre__class_of(size), size_class);
    CHECK_EQ(acre__class_of(size - 1), size_class);
    if (size < ACRE_MEDIUM_MOST) CHECK_EQ(acre__class_of(size + 1), size_class + 1);
  }
  end_heap(heap);
}

TEST(size_0_gives_blocks_of_their_own) {
  heap = make_heap(NULL);
  char *a = acre_heap_alloc(heap, 0), *b = acre_heap_alloc(heap, 0), *c = acre_heap_zalloc(heap, 0);
  CHECK(a != NULL && b != NULL && c != NULL && a != b && b != c && a != c);
  end_heap(heap);
}

TEST(sizes_that_cannot_be) {
  heap = make_heap(NULL);
  CHECK(acre_heap_alloc(heap, SIZE_MAX) == NULL);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_INVALID_SIZE);
  CHECK(acre_heap_alloc(heap, (size_t)PTRDIFF_MAX + 1) == NULL);
  CHECK(acre_heap_zalloc(heap, SIZE_MAX - 100) == NULL);
  CHECK(acre_heap_alloc_array(heap, SIZE_MAX / 2, 3) == NULL);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_INVALID_SIZE);
  CHECK(acre_heap_alloc(heap, PTRDIFF_MAX) == NULL);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_NO_ADDRESS_SPACE);
  CHECK(acre_heap_strndup(heap, "text", SIZE_MAX) != NULL);
  end_heap(heap);
}

static void use_terabytes(char *block, size_t size) {
  block[0] = block[size / 2] = block[size - 1] = 1;
  CHECK_EQ(acre_heap_size(block), size);
  CHECK_EQ(figures_of(heap).large, 1);
  CHECK_VALID(heap);
  CHECK_OK(acre_free(block));
  CHECK(acre_heap_of(block) == NULL);
}

/* Memory of that size is mostly over the commit limit; a range of the program's own is not counted there. */
TEST(terabytes) {
  if (SANITIZED) test_skip("a sanitizer's shadow takes the address space");
  size_t size = (size_t)3 << 40, room = size + ((size_t)1 << 30);
  heap = make_heap(NULL);
  char *block = acre_heap_alloc(heap, size);
  if (block != NULL)
    use_terabytes(block, size);
  else
    CHECK_RESULT(acre_heap_why(heap), ACRE_E_COMMIT_LIMIT);
  CHECK_OK(acre_heap_free(heap, acre_heap_alloc(heap, 1)));
  end_heap(heap);

  void *range = test_take_memory(room);
  if (range == NULL) test_skip("the system gives no range of 3 TiB");
  acre_heap_options options = {.range = range, .range_size = room};
  heap = make_heap(&options);
  block = acre_heap_alloc(heap, size);
  REQUIRE(block != NULL);
  CHECK(block > (char *)range && block + size <= (char *)range + room);
  use_terabytes(block, size);
  CHECK(acre_heap_alloc(heap, 2 * size) == NULL);
  end_heap(heap);
  test_give_memory(range, room);
}

/* ------------------------------------------------------------- content */

static void zeroed_blocks_are_zero(void) {
  for (int round = 0; round < 2; round++) /* the second time from memory that was used */
    for (size_t i = 0; i < SIZES; i++) {
      unsigned char *block = acre_heap_zalloc(heap, sizes[i]);
      REQUIRE(block != NULL);
      for (size_t at = 0; at < sizes[i]; at++)
        if (block[at] != 0) {
          test_fail(__FILE__, __LINE__, "byte %zu of %zu is not zero", at, sizes[i]);
          break;
        }
      memset(block, 0xaa, sizes[i]);
      CHECK_OK(acre_heap_free(heap, block));
    }
}

TEST(zeroed_blocks_are_zero) {
  on_each_kind(zeroed_blocks_are_zero);
}

static void copies(void) {
  char *a = acre_heap_strdup(heap, "some text"), *b = acre_heap_strndup(heap, "some text", 4);
  char *c = acre_heap_memdup(heap, "\0\1\2", 3), *d = acre_heap_strndup(heap, "ab", 100);
  REQUIRE(a != NULL && b != NULL && c != NULL && d != NULL);
  CHECK(strcmp(a, "some text") == 0 && strcmp(b, "some") == 0 && memcmp(c, "\0\1\2", 3) == 0 && strcmp(d, "ab") == 0);
  uint64_t *array = acre_heap_alloc_array(heap, 100, sizeof *array);
  REQUIRE(array != NULL);
  for (size_t i = 0; i < 100; i++) CHECK_EQ(array[i], 0);
}

TEST(copies_and_arrays) {
  on_each_kind(copies);
}

/* ------------------------------------------------------------- alignment */

static void aligned_blocks(void) {
  for (size_t alignment = 1; alignment <= ((size_t)1 << 24); alignment *= 2)
    for (size_t i = 0; i < SIZES; i += 3) {
      void *block = acre_heap_alloc_aligned(heap, sizes[i], alignment);
      REQUIRE(block != NULL);
      CHECK_EQ((uintptr_t)block % alignment, 0);
      CHECK(acre_heap_size(block) >= sizes[i]);
      fill_block(block, sizes[i], i);
      if (i % 2 == 0) CHECK_OK(acre_heap_free(heap, block));
    }
}

TEST(aligned_blocks) {
  on_each_kind(aligned_blocks);
}

TEST(the_greatest_alignment) {
  heap = make_heap(NULL);
  void *block = acre_heap_alloc_aligned(heap, 100, ACRE_HEAP_ALIGNMENT_MOST);
  CHECK(block != NULL || SANITIZED);
  CHECK_EQ((uintptr_t)block % ACRE_HEAP_ALIGNMENT_MOST, 0);
  CHECK(acre_heap_alloc_aligned(heap, 1, ACRE_HEAP_ALIGNMENT_MOST * 2) == NULL);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_INVALID_ALIGNMENT);
  CHECK(acre_heap_alloc_aligned(heap, 1, 0) == NULL);
  CHECK(acre_heap_alloc_aligned(heap, 1, 48) == NULL);
  end_heap(heap);
}

/* ------------------------------------------------------------- pointers that are none */

TEST(pointers_that_are_no_blocks_are_refused) {
  heap = make_heap(NULL);
  acre_heap *other = make_heap(NULL);
  int local = 0;
  static int global;
  char *foreign = malloc(100), *small = acre_heap_alloc(heap, 100), *medium = acre_heap_alloc(heap, 10000);
  char *large = acre_heap_alloc(heap, 1000000), *of_other = acre_heap_alloc(other, 1000), *slab = NULL;
  for (int i = 0; i < 2000; i++) slab = acre_heap_alloc(heap, 100);
  const void *const none[] = {&local,
                              &global,
                              foreign,
                              small + 1,
                              small + 16,
                              medium + 16,
                              medium + 65536,
                              large + 16,
                              large + 65536,
                              slab + 16,
                              slab + 8,
                              (void *)16,
                              (void *)UINTPTR_MAX,
                              of_other,
                              heap,
                              (char *)heap + 256,
                              (char *)heap + 4096 * 15,
                              large + ((size_t)1 << 36)};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    void *pointer = (void *)(uintptr_t)none[i];
    if (acre_heap_free(heap, pointer) != ACRE_E_NOT_A_BLOCK) test_fail(__FILE__, __LINE__, "pointer %zu was freed", i);
    CHECK_RESULT(acre_heap_resize_in_place(heap, pointer, 50), ACRE_E_NOT_A_BLOCK);
    CHECK(acre_heap_realloc(heap, pointer, 50) == NULL);
    CHECK_RESULT(acre_heap_validate(heap, pointer == NULL ? &local : pointer), ACRE_E_NOT_A_BLOCK);
    if (pointer == of_other) continue;
    CHECK_RESULT(acre_free(pointer), ACRE_E_NOT_A_BLOCK);
    CHECK(acre_heap_of(pointer) == NULL);
    CHECK_EQ(acre_heap_size(pointer), 0);
  }
  CHECK_OK(acre_heap_free(heap, NULL));
  CHECK_OK(acre_free(NULL));
  CHECK_EQ(acre_heap_size(NULL), 0);
  free(foreign);
  end_heap(other);
  CHECK_RESULT(acre_free(of_other), ACRE_E_NOT_A_BLOCK); /* gone with its heap */
  end_heap(heap);
  CHECK_RESULT(acre_free(slab), ACRE_E_NOT_A_BLOCK);
  CHECK_RESULT(acre_free(medium), ACRE_E_NOT_A_BLOCK);
  CHECK_RESULT(acre_free(large), ACRE_E_NOT_A_BLOCK);
  CHECK_RESULT(acre_free(small), ACRE_E_NOT_A_BLOCK);
}

/* ------------------------------------------------------------- resizing */

static void realloc_keeps_content(void) {
  static const size_t steps[] = {10, 100, 50, 3000, 5000, 70000, 300000, 200000, 4000000, 100, 0, 60};
  size_t size = 10;
  void *block = acre_heap_realloc(heap, NULL, size);
  REQUIRE(block != NULL);
  fill_block(block, size, 1);
  for (size_t i = 1; i < sizeof steps / sizeof *steps; i++) {
    block = acre_heap_realloc(heap, block, steps[i]);
    REQUIRE(block != NULL);
    CHECK(acre_heap_size(block) >= steps[i]);
    CHECK(block_is_filled(block, size < steps[i] ? size : steps[i], size, i));
    size = steps[i];
    fill_block(block, size, i + 1);
  }
  CHECK_EQ(figures_of(heap).blocks, 1);
  CHECK_OK(acre_heap_free(heap, block));
}

TEST(realloc_keeps_content) {
  on_each_kind(realloc_keeps_content);
}

TEST(large_blocks_grow_in_place) {
  static char memory[(size_t)64 << 20]; /* so that nobody else's blocks are between */
  heap = make_heap(&(acre_heap_options){.limit = 40 << 20, .range = memory, .range_size = sizeof memory});
  char *block = acre_heap_alloc(heap, 20 << 20);
  REQUIRE(block != NULL);
  fill_block(block, 1 << 20, 5);
  CHECK_OK(acre_heap_resize_in_place(heap, block, 1 << 20));
  CHECK(block_is_filled(block, 1 << 20, 1 << 20, 5));
  CHECK_OK(acre_heap_resize_in_place(heap, block, 8 << 20)); /* the neighbour is free: it was its own */
  CHECK(acre_heap_size(block) >= 8 << 20);
  block[(8 << 20) - 1] = 1;
  CHECK(block_is_filled(block, 1 << 20, 1 << 20, 5));
  char *neighbour = acre_heap_alloc(heap, 1 << 20);
  CHECK(neighbour == block + (8 << 20));
  CHECK_RESULT(acre_heap_resize_in_place(heap, block, 9 << 20), ACRE_E_NO_SPACE);
  CHECK_OK(acre_heap_resize_in_place(heap, block, 2 << 20));
  CHECK_EQ(figures_of(heap).reserved, (3 << 20) + ACRE_HEAP_SEGMENT);
  CHECK_OK(acre_heap_resize_in_place(heap, block, 4 << 20));
  CHECK_OK(acre_heap_free(heap, neighbour));
  CHECK_RESULT(acre_heap_resize_in_place(heap, block, 80 << 20), ACRE_E_HEAP_LIMIT);
  char *small = acre_heap_alloc(heap, 100);
  CHECK_OK(acre_heap_resize_in_place(heap, small, acre_heap_size(small)));
  CHECK_RESULT(acre_heap_resize_in_place(heap, small, 4000), ACRE_E_NO_SPACE);
  end_heap(heap);
}

/* What lies behind a block is free in pieces: blocks that were freed one by one, and what was never used. */
TEST(large_blocks_grow_over_several_pieces) {
  enum { MIB = 1 << 20, BEHIND = 4 };
  heap = make_heap(&(acre_heap_options){.flags = ACRE_HEAP_LARGE_PAGES, .limit = 40 * MIB}); /* addresses of its own */
  for (int compact = 0; compact < 2; compact++) {
    char *block = acre_heap_alloc(heap, MIB), *behind[BEHIND], *last;
    REQUIRE(block != NULL);
    fill_block(block, MIB, 3);
    for (size_t i = 0; i < BEHIND; i++) {
      behind[i] = acre_heap_alloc(heap, MIB);
      REQUIRE(behind[i] == block + (i + 1) * MIB);
      memset(behind[i], 1, MIB);
    }
    last = behind[BEHIND - 1];
    for (size_t i = 0; i < BEHIND - 1; i++) {
      CHECK_OK(acre_heap_free(heap, behind[i]));
      if (i == 0 && compact == 1) (void)acre_heap_compact(heap); /* some have memory, some have none */
    }
    CHECK_RESULT(acre_heap_resize_in_place(heap, block, (BEHIND + 1) * MIB), ACRE_E_NO_SPACE);
    CHECK_OK(acre_heap_resize_in_place(heap, block, 2 * MIB + MIB / 2)); /* a piece, and a part of the next one */
    CHECK_VALID(heap);
    CHECK_OK(acre_heap_resize_in_place(heap, block, BEHIND * MIB));
    CHECK_OK(acre_heap_free(heap, last));
    REQUIRE_OK(acre_heap_resize_in_place(heap, block, 30 * MIB)); /* and what nobody has had yet */
    CHECK_EQ(acre_heap_size(block), 30 * MIB);
    memset(block + MIB, 2, 29 * MIB);
    CHECK(block_is_filled(block, MIB, MIB, 3));
    CHECK_VALID(heap);
    CHECK(acre__runs_are_valid());
    CHECK_OK(acre_heap_free(heap, block));
    CHECK_OK(acre_heap_reset(heap));
    (void)acre_heap_compact(heap);
  }
  end_heap(heap);
}

/* ------------------------------------------------------------- limits */

static void fill_to_the_limit(size_t limit, size_t size, unsigned flags) {
  heap = make_heap(&(acre_heap_options){.limit = limit, .flags = flags});
  acre_heap *other = make_heap(NULL);
  size_t count = 0;
  void *first = NULL, *block;
  while ((block = acre_heap_alloc(heap, size)) != NULL) {
    if (count++ == 0) first = block;
    memset(block, 1, size);
    REQUIRE(count < limit);
  }
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_HEAP_LIMIT);
  acre_heap_figures figures = figures_of(heap);
  CHECK(figures.reserved <= limit);
  /* Exact to one slab. */
  size_t slab = size <= 4096    ? 65536
                : size <= 65536 ? acre__medium_segments(acre__class_of(size)) * 65536
                                : size + 65536;
  CHECK(figures.reserved + slab > limit);
  CHECK_EQ(figures.blocks, count);
  CHECK(acre_heap_alloc(heap, size) == NULL);
  CHECK(acre_heap_alloc(other, size) != NULL);
  CHECK_OK(acre_heap_free(heap, first)); /* it stays usable */
  CHECK(acre_heap_alloc(heap, size) != NULL);
  CHECK(acre_heap_alloc(heap, size) == NULL);
  end_heap(heap);
  end_heap(other);
}

TEST(limits) {
  for (unsigned flags = 0; flags <= ACRE_HEAP_SINGLE_THREAD; flags++) {
    fill_to_the_limit(65536, 64, flags);
    fill_to_the_limit(65536, 4000, flags);
    fill_to_the_limit(1 << 20, 16, flags);
    fill_to_the_limit(1 << 20, 1000, flags);
    fill_to_the_limit(1 << 20, 50000, flags);
    fill_to_the_limit(10 << 20, 1 << 20, flags);
  }
}

TEST(a_limit_of_one_segment_is_used_up) {
  heap = make_heap(&(acre_heap_options){.limit = 65536});
  size_t bytes = 0;
  while (acre_heap_alloc(heap, 16) != NULL) bytes += 16;
  CHECK(bytes >= ACRE_SEGMENT - ACRE_FIRST_UNIT * ACRE_UNIT);
  end_heap(heap);
}

/* ------------------------------------------------------------- ends */

static unsigned destroyed;

static void count_destroy(acre_heap *ending, void *context) {
  CHECK(context == &destroyed);
  CHECK(acre_heap_alloc(ending, 10) != NULL);
  destroyed++;
}

TEST(reset_keeps_the_heap) {
  heap = make_heap(
      &(acre_heap_options){.name = "again", .limit = 1 << 20, .on_destroy = count_destroy, .context = &destroyed});
  for (int round = 0; round < 10; round++) {
    void *old = acre_heap_alloc(heap, 300000), *small = NULL;
    for (int i = 0; i < 3000; i++) small = acre_heap_alloc(heap, 100);
    REQUIRE(old != NULL && small != NULL);
    CHECK_OK(acre_heap_reset(heap));
    CHECK_EQ(figures_of(heap).blocks, 0);
    CHECK_EQ(figures_of(heap).reserved, ACRE_HEAP_SEGMENT);
    CHECK(strcmp(figures_of(heap).name, "again") == 0);
    CHECK_RESULT(acre_heap_free(heap, small), ACRE_E_NOT_A_BLOCK);
    CHECK_VALID(heap);
  }
  CHECK_EQ(destroyed, 10);
  end_heap(heap);
  CHECK_EQ(destroyed, 11);
  CHECK_OK(acre_heap_destroy(NULL));
  CHECK_RESULT(acre_heap_reset(NULL), ACRE_E_INVALID_ARGUMENT);
}

TEST(a_heap_in_memory_of_the_callers) {
  static _Alignas(4096) char memory[(size_t)5 << 20];
  heap = make_heap(&(acre_heap_options){.range = memory + 100, .range_size = sizeof memory - 200});
  char *least = memory, *most = memory + sizeof memory;
  CHECK((char *)heap >= least && (char *)heap < most);
  size_t count = 0;
  for (char *block; (block = acre_heap_alloc(heap, 3000)) != NULL; count++) {
    CHECK(block >= least && block + 3000 <= most);
    if (count % 3 == 0) CHECK_OK(acre_free(block));
  }
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_NO_MEMORY);
  CHECK(count > 1000);
  CHECK_OK(acre_heap_reset(heap));
  char *large = acre_heap_alloc(heap, (size_t)4 << 20);
  CHECK(large != NULL && acre_heap_of(large) == heap);
  CHECK_OK(acre_heap_free(heap, large));
  end_heap(heap);
  CHECK(acre_heap_of(large) == NULL);
}

TEST(a_range_is_one_heaps_alone) {
  enum { SIZE = 1 << 20 };
  static char room[SIZE + ACRE_SEGMENT];
  char *memory = (char *)acre__align_up((uintptr_t)room, ACRE_SEGMENT);
  acre_heap *out = NULL;
  heap = make_heap(&(acre_heap_options){.range = memory, .range_size = SIZE / 2});
  for (size_t from = 0; from < SIZE / 2; from += ACRE_HEAP_SEGMENT)
    CHECK_RESULT(acre_heap_create(&(acre_heap_options){.range = memory + from, .range_size = SIZE - from}, &out),
                 ACRE_E_ADDRESS_IN_USE);
  CHECK(out == NULL);
  acre_heap *second = make_heap(&(acre_heap_options){.range = memory + SIZE / 2, .range_size = SIZE / 2});
  end_heap(second);
  end_heap(heap);
  heap = make_heap(&(acre_heap_options){.range = memory, .range_size = SIZE}); /* free again */
  end_heap(heap);

  heap = make_heap(NULL);
  void *block = acre_heap_alloc(heap, SIZE);
  CHECK_RESULT(acre_heap_create(&(acre_heap_options){.range = block, .range_size = SIZE}, &out), ACRE_E_ADDRESS_IN_USE);
  end_heap(heap);
}

/* Free neighbours there are one run at once, and what they were is not to be found in it. */
TEST(blocks_that_were_in_a_range) {
  enum { BLOCKS = 4, SIZE = 2 * ACRE_SEGMENT };
  static char memory[(BLOCKS + 2) * SIZE];
  char *blocks[BLOCKS];
  heap = make_heap(&(acre_heap_options){.range = memory, .range_size = sizeof memory});
  for (int i = 0; i < BLOCKS; i++) REQUIRE((blocks[i] = acre_heap_alloc(heap, SIZE)) != NULL);
  for (int i = 0; i < BLOCKS; i++) CHECK_OK(acre_heap_free(heap, blocks[i]));
  for (int round = 0; round < 2; round++) {
    for (int i = 1; i < BLOCKS; i++) {
      CHECK(acre_heap_of(blocks[i]) == NULL && acre_heap_size(blocks[i]) == 0);
      CHECK_RESULT(acre_free(blocks[i]), ACRE_E_NOT_A_BLOCK);
      CHECK_RESULT(acre_heap_free(heap, blocks[i]), ACRE_E_NOT_A_BLOCK);
    }
    if (round == 0) CHECK(acre_heap_alloc(heap, (size_t)BLOCKS * SIZE) == blocks[0]);
  }
  end_heap(heap);
}

TEST(a_heap_on_large_pages) {
  heap = make_heap(&(acre_heap_options){.flags = ACRE_HEAP_LARGE_PAGES, .limit = 32 << 20});
  for (int i = 0; i < 1000; i++) CHECK(acre_heap_alloc(heap, 10000) != NULL);
  end_heap(heap);
}

TEST(options_that_cannot_be) {
  char memory[1000];
  acre_heap *out = (acre_heap *)(void *)memory;
  CHECK_RESULT(acre_heap_create(NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_heap_create(&(acre_heap_options){.flags = 1U << 20}, &out), ACRE_E_INVALID_ARGUMENT);
  CHECK(out == NULL);
  CHECK_RESULT(acre_heap_create(&(acre_heap_options){.limit = 1000}, &out), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_heap_create(&(acre_heap_options){.limit = 65536, .initial_commit = 65537}, &out),
               ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_heap_create(&(acre_heap_options){.initial_commit = SIZE_MAX}, &out), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_heap_create(&(acre_heap_options){.range = memory, .range_size = sizeof memory}, &out),
               ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_heap_create(&(acre_heap_options){.range = memory, .range_size = SIZE_MAX}, &out),
               ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_heap_create(&(acre_heap_options){.flags = ACRE_HEAP_LARGE_PAGES}, &out), ACRE_E_INVALID_ARGUMENT);
}

TEST(the_process_heap) {
  acre_heap *process = acre_process_heap();
  REQUIRE(process != NULL);
  CHECK(acre_process_heap() == process);
  void *block = acre_heap_alloc(process, 100);
  CHECK(acre_heap_of(block) == process);
  CHECK_OK(acre_free(block));
  CHECK_RESULT(acre_heap_destroy(process), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_heap_reset(process), ACRE_E_INVALID_ARGUMENT);
}

static void nothing_happens(acre_heap *ended, void *context) {
  (void)ended;
  (void)context;
}

TEST(heaps_tell_how_they_were_made) {
  static char memory[1 << 19];
  acre_heap_options out;
  heap = make_heap(NULL);
  CHECK_OK(acre_heap_query(heap, NULL));
  CHECK_OK(acre_heap_query(heap, &out));
  CHECK(strcmp(out.name, "heap") == 0);
  CHECK_EQ(out.flags, 0);
  CHECK_EQ(out.backing, ACRE_VM_BACKING_MEMORY);
  CHECK(out.limit == 0 && out.initial_commit == 0 && out.range == NULL && out.range_size == 0);
  CHECK(out.on_destroy == NULL && out.on_error == NULL && out.context == NULL);
  end_heap(heap);

  heap = make_heap(&(acre_heap_options){.name = "limited",
                                        .flags = ACRE_HEAP_SINGLE_THREAD,
                                        .limit = (1 << 20) + 1,
                                        .initial_commit = 1,
                                        .on_destroy = nothing_happens,
                                        .context = memory});
  CHECK_OK(acre_heap_query(heap, &out));
  CHECK(strcmp(out.name, "limited") == 0);
  CHECK_EQ(out.flags, ACRE_HEAP_SINGLE_THREAD);
  CHECK_EQ(out.limit, 1 << 20);
  CHECK_EQ(out.initial_commit, ACRE_HEAP_SEGMENT);
  CHECK(out.on_destroy == nothing_happens && out.context == memory);
  end_heap(heap);

  heap = make_heap(&(acre_heap_options){.range = memory, .range_size = sizeof memory});
  CHECK_OK(acre_heap_query(heap, &out));
  CHECK((char *)out.range >= memory && (char *)out.range + out.range_size <= memory + sizeof memory);
  CHECK(out.range_size >= sizeof memory - 2 * ACRE_HEAP_SEGMENT);
  end_heap(heap);
  CHECK_OK(acre_heap_query(acre_process_heap(), &out));
}

static void is_no_heap(const void *address) {
  acre_heap *none = (acre_heap *)(uintptr_t)address;
  CHECK_RESULT(acre_heap_query(none, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_heap_reset(none), ACRE_E_INVALID_ARGUMENT);
  if (none != NULL) CHECK_RESULT(acre_heap_destroy(none), ACRE_E_INVALID_ARGUMENT);
}

TEST(what_is_no_heap_is_refused) {
  static char memory[1 << 19];
  int local = 0;
  heap = make_heap(NULL);
  char *small = acre_heap_alloc(heap, 100), *large = acre_heap_alloc(heap, 1 << 20);
  const void *const none[] = {NULL,
                              &local,
                              memory,
                              (void *)16,
                              (void *)UINTPTR_MAX,
                              (char *)heap + 16,
                              small,
                              large,
                              large + ACRE_HEAP_SEGMENT};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) is_no_heap(none[i]);
  CHECK_OK(acre_heap_query(heap, NULL));
  end_heap(heap);
  is_no_heap(heap); /* it is no more */
  (void)acre_heap_compact(NULL);
  is_no_heap(heap);
  heap = make_heap(&(acre_heap_options){.range = memory, .range_size = sizeof memory});
  end_heap(heap);
  is_no_heap(heap);
}

static bool never(const acre_heap_entry *entry, void *context) {
  (void)entry;
  (void)context;
  test_fail(__FILE__, __LINE__, "no heap has an entry");
  return false;
}

TEST(no_heap_has_no_blocks) {
  acre_heap_figures figures;
  heap = make_heap(NULL);
  for (size_t size = 100; size < 1000000; size *= 10) {
    void *block = acre_heap_alloc(heap, size);
    REQUIRE(block != NULL);
    CHECK_RESULT(acre_heap_free(NULL, block), ACRE_E_NOT_A_BLOCK);
    CHECK_RESULT(acre_heap_free_sized(NULL, block, size), ACRE_E_NOT_A_BLOCK);
    CHECK_RESULT(acre_heap_resize_in_place(NULL, block, size), ACRE_E_NOT_A_BLOCK);
    CHECK_RESULT(acre_heap_resize_exact(NULL, block, size), ACRE_E_NOT_A_BLOCK);
    CHECK_OK(acre_heap_validate(heap, block));
    CHECK_OK(acre_heap_free_sized(heap, block, size));
  }
  CHECK_OK(acre_heap_free(NULL, NULL));
  CHECK_OK(acre_heap_free_sized(NULL, NULL, 1));
  CHECK_RESULT(acre_heap_walk(NULL, never, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_heap_validate(NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_heap_stats(NULL, &figures), ACRE_E_INVALID_ARGUMENT);
  acre_heap_lock(NULL);
  CHECK_RESULT(acre_heap_unlock(NULL), ACRE_E_INVALID_ARGUMENT);
  end_heap(heap);
}

TEST(all_heaps) {
  size_t before = acre_heap_list(NULL, 0);
  static char memory[1 << 18];
  acre_heap *mine[40], *all[200];
  for (size_t i = 0; i < 40; i++)
    mine[i] = make_heap(i == 7 ? &(acre_heap_options){.range = memory, .range_size = sizeof memory} : NULL);
  size_t count = acre_heap_list(all, 200);
  CHECK_EQ(count, before + 40);
  for (size_t i = 0; i < 40; i++) {
    size_t seen = 0;
    for (size_t j = 0; j < count; j++) seen += all[j] == mine[i];
    CHECK_EQ(seen, 1);
    CHECK_OK(acre_heap_destroy(mine[i]));
  }
  CHECK_EQ(acre_heap_list(all, 200), before);
}
