/* SPDX-License-Identifier: MIT */
/* The metadata allocator: blocks that do not overlap, are zero at first, and keep what was put into them. */
#include "vm/meta_check.h"

#include <pthread.h>

enum { BLOCKS = 3000 };

TEST(blocks_are_zero_aligned_and_apart) {
  static struct block blocks[BLOCKS];
  uint64_t state = test_random();
  size_t before = acre__meta_bytes();
  CHECK(churn(blocks, BLOCKS, 60000, &state));
  CHECK_EQ(acre__meta_bytes(), before);
}

TEST(bytes_in_use_are_counted_rounded) {
  size_t before = acre__meta_bytes();
  for (size_t size = 1; size <= ACRE_META_LARGEST; size = size * 3 / 2 + 1) {
    void *block = acre__meta_alloc(size);
    REQUIRE(block != NULL);
    CHECK_EQ(acre__meta_bytes() - before, rounded(size));
    acre__meta_free(block, size);
  }
  acre__meta_free(NULL, 100);
  CHECK_EQ(acre__meta_bytes(), before);
}

TEST(freed_blocks_are_used_again) {
  void *first = acre__meta_alloc(500);
  acre__meta_free(first, 500);
  void *second = acre__meta_alloc(512);
  CHECK(first == second);
  acre__meta_free(second, 512);
}

TEST(what_was_never_used_costs_no_memory) {
  (void)test_resident_bytes(); /* costs some memory itself the first time */
  void *first = acre__meta_alloc(16);
  size_t before = test_resident_bytes();
  void *more = acre__meta_alloc(16);
  CHECK((ptrdiff_t)(test_resident_bytes() - before) < 65536);
  acre__meta_free(first, 16);
  acre__meta_free(more, 16);
}

/* ------------------------------------------------------------- threads */

enum { THREADS = 4, EACH = 300 };

static void *churn_in_thread(void *context) {
  struct block *blocks = context;
  uint64_t state = (uintptr_t)context;
  return churn(blocks, EACH, 20000, &state) ? blocks : NULL;
}

TEST(threads_have_blocks_of_their_own) {
  static struct block blocks[THREADS][EACH];
  pthread_t threads[THREADS];
  size_t before = acre__meta_bytes();
  for (unsigned i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, churn_in_thread, blocks[i]) == 0);
  for (unsigned i = 0; i < THREADS; i++) {
    void *whole = NULL;
    pthread_join(threads[i], &whole);
    CHECK(whole != NULL);
  }
  CHECK_EQ(acre__meta_bytes(), before);
}
