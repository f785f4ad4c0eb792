/* SPDX-License-Identifier: MIT */
/* Blocks that know their size: exactly, whatever is done to them, beside blocks that do not; and the calls for faces. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "heap/heap_check.h"

static acre_heap *heap;

static const acre_heap_options kinds[] = {
    {.name = "shared"},
    {.name = "single", .flags = ACRE_HEAP_SINGLE_THREAD},
    {.name = "checked", .flags = ACRE_HEAP_CHECKED},
    {.name = "limited", .limit = (size_t)1 << 30},
};

static void on_each_kind(void (*run)(void)) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    heap = make_heap(&kinds[i]);
    run();
    end_heap(heap);
  }
}

/* ------------------------------------------------------------- sizes */

static void one_size(size_t size) {
  unsigned char *block = acre_heap_alloc_exact(heap, size);
  REQUIRE(block != NULL);
  CHECK_EQ((uintptr_t)block % 16, 0);
  CHECK_EQ(acre_heap_size_exact(block), size);
  CHECK(acre_heap_size(block) >= size);
  fill_block(block, size, size);
  if (size > 0) block[size - 1] = 0xff;
  CHECK_EQ(acre_heap_size_exact(block), size);
  CHECK_OK(acre_heap_validate(heap, block));
  CHECK_OK(acre_heap_free(heap, block));
}

static void every_size(void) {
  for (size_t size = 0; size < 5000; size++) one_size(size);
  for (size_t size = 5000; size < 300000; size += 997) one_size(size);
  /* Where the size changes its place, and where it makes the block one longer. */
  for (size_t size = ACRE_MEDIUM_MOST - 40; size < ACRE_MEDIUM_MOST + 40; size++) one_size(size);
  for (unsigned size_class = 1; size_class < ACRE_ALL_CLASSES; size_class++) {
    size_t usable = acre__class_size(size_class);
    for (size_t size = usable - 20; size < usable + 2; size++) one_size(size);
  }
  for (size_t segments = 2; segments < 40; segments += 7)
    for (size_t size = segments * ACRE_SEGMENT - 20; size < segments * ACRE_SEGMENT + 4; size++) one_size(size);
}

TEST(every_size) {
  on_each_kind(every_size);
}

static void zeroed_ones_are_zero(void) {
  static const size_t sizes[] = {0, 1, 30, 100, 1000, 4094, 4095, 5000, 65534, 65535, 200000};
  for (int round = 0; round < 3; round++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      unsigned char *block = acre_heap_zalloc_exact(heap, sizes[i]);
      REQUIRE(block != NULL);
      CHECK_EQ(acre_heap_size_exact(block), sizes[i]);
      for (size_t j = 0; j < sizes[i]; j++) REQUIRE(block[j] == 0);
      memset(block, 0xff, sizes[i]);
      CHECK_OK(acre_heap_free(heap, block));
    }
}

TEST(zeroed_ones_are_zero) {
  on_each_kind(zeroed_ones_are_zero);
}

TEST(sizes_that_cannot_be) {
  heap = make_heap(NULL);
  for (size_t less = 0; less < 20; less++) {
    CHECK(acre_heap_alloc_exact(heap, SIZE_MAX - less) == NULL);
    CHECK_RESULT(acre_heap_why(heap), ACRE_E_INVALID_SIZE);
    CHECK(acre_heap_zalloc_exact(heap, SIZE_MAX - less) == NULL);
  }
  void *block = acre_heap_alloc_exact(heap, 77);
  CHECK(acre_heap_realloc_exact(heap, block, SIZE_MAX) == NULL);
  CHECK_RESULT(acre_heap_resize_exact(heap, block, SIZE_MAX), ACRE_E_NO_SPACE);
  CHECK_EQ(acre_heap_size_exact(block), 77);
  CHECK_EQ(acre_heap_size_exact(NULL), 0);
  CHECK_EQ(acre_heap_size_exact(&heap), 0);
  CHECK(acre_heap_realloc_exact(heap, &heap, 10) == NULL);
  CHECK_RESULT(acre_heap_resize_exact(heap, &heap, 10), ACRE_E_NOT_A_BLOCK);
  end_heap(heap);
}

TEST(a_limit_that_is_met) {
  heap = make_heap(&(acre_heap_options){.limit = 4 * ACRE_HEAP_SEGMENT});
  CHECK(acre_heap_alloc_exact(heap, 1 << 20) == NULL);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_HEAP_LIMIT);
  size_t count = 0;
  for (void *block; (block = acre_heap_alloc_exact(heap, 1000)) != NULL; count++)
    CHECK_EQ(acre_heap_size_exact(block), 1000);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_HEAP_LIMIT);
  CHECK(count > 200);
  end_heap(heap);
}

/* ------------------------------------------------------------- resizing */

static void resizing(void) {
  static const size_t steps[] = {10,    100,    50,  3000, 5000, 70000, 300000, 200000, 65535,
                                 65534, 400000, 100, 4094, 4095, 2000,  0,      60,     61};
  size_t size = 7;
  void *block = acre_heap_realloc_exact(heap, NULL, size);
  REQUIRE(block != NULL);
  fill_block(block, size, 0);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    void *moved = acre_heap_realloc_exact(heap, block, steps[i]);
    REQUIRE(moved != NULL);
    block = moved;
    CHECK_EQ(acre_heap_size_exact(block), steps[i]);
    CHECK(block_is_filled(block, size < steps[i] ? size : steps[i], size, i));
    size = steps[i];
    fill_block(block, size, i + 1);
    CHECK_EQ(acre_heap_size_exact(block), size);
  }
  CHECK_OK(acre_heap_free(heap, block));
}

TEST(resizing) {
  on_each_kind(resizing);
}

static void in_place(void) {
  static const size_t sizes[] = {1000, 4000, 40000, 65536, 300000, 2000000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    void *block = acre_heap_alloc_exact(heap, sizes[i]);
    size_t size = sizes[i];
    REQUIRE(block != NULL);
    for (; size > 3; size -= size / 4) {
      CHECK_OK(acre_heap_resize_exact(heap, block, size));
      CHECK_EQ(acre_heap_size_exact(block), size);
      fill_block(block, size, i);
      CHECK_EQ(acre_heap_size_exact(block), size);
    }
    size_t now = acre_heap_size_exact(block);
    CHECK(acre_heap_resize_exact(heap, block, (size_t)1 << 45) != ACRE_OK);
    CHECK_EQ(acre_heap_size_exact(block), now);
    CHECK_OK(acre_heap_free(heap, block));
  }
}

TEST(in_place) {
  on_each_kind(in_place);
}

/* ------------------------------------------------------------- beside others */

static void beside_blocks_that_do_not(void) {
  enum { COUNT = 2000 };
  static void *blocks[COUNT];
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < COUNT; i++) {
      size_t size = i % 300;
      blocks[i] = (i + round) % 2 == 0 ? acre_heap_alloc_exact(heap, size) : acre_heap_alloc(heap, size);
      REQUIRE(blocks[i] != NULL);
      fill_block(blocks[i], size, i);
    }
    for (size_t i = 0; i < COUNT; i++) {
      if ((i + round) % 2 == 0) CHECK_EQ(acre_heap_size_exact(blocks[i]), i % 300);
      CHECK(acre_heap_size_exact(blocks[i]) <= acre_heap_size(blocks[i]));
      REQUIRE(block_is_filled(blocks[i], i % 300, i % 300, i));
      CHECK_OK(i % 3 == 0 ? acre_free(blocks[i]) : acre_heap_free(heap, blocks[i]));
    }
    CHECK_VALID(heap);
  }
  CHECK_EQ(figures_of(heap).blocks, 0);
}

TEST(beside_blocks_that_do_not) {
  on_each_kind(beside_blocks_that_do_not);
}

TEST(an_overwritten_end_says_no_more_than_the_block_has) {
  static const size_t sizes[] = {0, 10, 1000, 10000, 65534, 65535, 1000000};
  heap = make_heap(NULL);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    unsigned char *block = acre_heap_alloc_exact(heap, sizes[i]);
    size_t usable = acre_heap_size(block);
    memset(block + sizes[i], 0xff, usable - sizes[i]);
    CHECK_EQ(acre_heap_size_exact(block), usable);
    memset(block + sizes[i], 0, usable - sizes[i]);
    CHECK_EQ(acre_heap_size_exact(block), 0);
    CHECK_OK(acre_heap_free(heap, block));
  }
  end_heap(heap);
}

/* ------------------------------------------------------------- for faces */

static unsigned asked, asked_flags;
static acre_result told;

static void *otherwise(acre_heap *of, unsigned flags, size_t size) {
  asked++;
  asked_flags = flags;
  CHECK(of == heap);
  return acre_heap_alloc_exact(of, size);
}

static int not_freed(acre_result why) {
  told = why;
  return -5;
}

static void free_or(void *block) {
  int result = acre_heap_free_or(heap, block, not_freed);
  CHECK_EQ(result, 1);
}

static void calls_of_faces(void) {
  static const size_t sizes[] = {0, 1, 30, 100, 1000, 4094, 4095, 20000, 65534};
  enum { SIZES = sizeof sizes / sizeof *sizes, COUNT = 100 };
  static void *blocks[SIZES][COUNT];
  asked = 0;
  for (unsigned round = 0; round < 2; round++) {
    for (size_t i = 0; i < SIZES; i++)
      for (size_t j = 0; j < COUNT; j++) {
        blocks[i][j] = acre_heap_alloc_exact_or(heap, 0, sizes[i], otherwise);
        REQUIRE(blocks[i][j] != NULL);
        CHECK_EQ(acre_heap_size_exact(blocks[i][j]), sizes[i]);
        fill_block(blocks[i][j], sizes[i], j);
      }
    for (size_t i = 0; i < SIZES; i++)
      for (size_t j = 0; j < COUNT; j++) {
        CHECK(block_is_filled(blocks[i][j], sizes[i], sizes[i], j));
        CHECK_EQ(acre_heap_size_exact(blocks[i][j]), sizes[i]);
        free_or(blocks[i][j]);
      }
  }
  free_or(NULL);
  CHECK_EQ(asked, 0);
  CHECK_EQ(figures_of(heap).blocks, 0);

  void *block = acre_heap_alloc_exact_or(heap, 8, 100, otherwise);
  CHECK(asked == 1 && asked_flags == 8);
  free_or(block);
  block = acre_heap_alloc_exact_or(heap, 0, 65535, otherwise);
  CHECK(asked == 2 && asked_flags == 0);
  CHECK_EQ(acre_heap_size_exact(block), 65535);
  free_or(block);
  CHECK_EQ(figures_of(heap).blocks, 0);
}

TEST(calls_of_faces) {
  on_each_kind(calls_of_faces);
}

TEST(what_is_no_block_is_told_otherwise) {
  heap = make_heap(NULL);
  acre_heap *other = make_heap(NULL);
  char *block = acre_heap_alloc_exact(heap, 100), *of_other = acre_heap_alloc_exact(other, 100);
  char *foreign = malloc(100);
  void *const none[] = {of_other, foreign, block + 16, block + 1, heap};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    told = ACRE_OK;
    CHECK(acre_heap_free_or(heap, none[i], not_freed) == -5);
    CHECK_RESULT(told, ACRE_E_NOT_A_BLOCK);
  }
  free_or(block);
  free(foreign);
  end_heap(other);
  end_heap(heap);
}

TEST(what_cannot_be_had_is_asked_for_otherwise) {
  heap = make_heap(&(acre_heap_options){.limit = 2 * ACRE_HEAP_SEGMENT});
  asked = 0;
  while (acre_heap_alloc_exact_or(heap, 0, 1000, otherwise) != NULL) CHECK_EQ(asked, 0);
  CHECK(asked == 1 && asked_flags == 0);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_HEAP_LIMIT);
  end_heap(heap);
}

/* Blocks of one thread, freed by another while the first one allocates. */
enum { HANDED = SANITIZED ? 20000 : 200000, ROW = 256 };

static _Atomic(unsigned char *) row[ROW];

static size_t size_of_number(size_t number) {
  return number * 7 % 500;
}

static void *take_and_free(void *context) {
  (void)context;
  for (size_t number = 0; number < HANDED; number++) {
    unsigned char *block;
    while ((block = atomic_exchange(&row[number % ROW], NULL)) == NULL) sched_yield();
    CHECK_EQ(acre_heap_size_exact(block), size_of_number(number));
    free_or(block);
  }
  return NULL;
}

TEST(freed_by_another_thread) {
  heap = make_heap(NULL);
  pthread_t taker;
  REQUIRE(pthread_create(&taker, NULL, take_and_free, NULL) == 0);
  for (size_t number = 0; number < HANDED; number++) {
    unsigned char *block = acre_heap_alloc_exact_or(heap, 0, size_of_number(number), otherwise);
    REQUIRE(block != NULL);
    while (atomic_load(&row[number % ROW]) != NULL) sched_yield();
    atomic_store(&row[number % ROW], block);
  }
  pthread_join(taker, NULL);
  CHECK_EQ(figures_of(heap).blocks, 0);
  end_heap(heap);
}
