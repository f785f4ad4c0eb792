/* SPDX-License-Identifier: MIT */
/* The metadata allocator: blocks that do not overlap, are zero at first, and keep what was put into them. */
#include "vm/meta.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>

#include "harness.h"

enum { BLOCKS = 3000 };

struct block {
  unsigned char *bytes;
  size_t size;
  unsigned char mark;
};

static bool all_are(const unsigned char *bytes, size_t size, unsigned char value) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != value) return false;
  return true;
}

static size_t rounded(size_t size) {
  size_t bytes = 16;
  while (bytes < size) bytes *= 2;
  return bytes;
}

static bool take(struct block *block, uint64_t *state) {
  size_t largest = (size_t)1 << (4 + test_random_next(state) % 9);
  block->size = 1 + (size_t)(test_random_next(state) % largest);
  block->mark = (unsigned char)(1 + test_random_next(state) % 255);
  block->bytes = acre__meta_alloc(block->size);
  if (block->bytes == NULL || (uintptr_t)block->bytes % 16 != 0) return false;
  if (!all_are(block->bytes, rounded(block->size), 0)) return false;
  memset(block->bytes, block->mark, block->size);
  return true;
}

static bool give_back(struct block *block) {
  bool whole = all_are(block->bytes, block->size, block->mark);
  acre__meta_free(block->bytes, block->size);
  block->bytes = NULL;
  return whole;
}

/* Takes and gives back at random; false as soon as something is wrong. */
static bool churn(struct block *blocks, size_t count, unsigned steps, uint64_t *state) {
  for (unsigned step = 0; step < steps; step++) {
    struct block *block = &blocks[test_random_next(state) % count];
    if (block->bytes == NULL ? !take(block, state) : !give_back(block)) return false;
  }
  for (size_t i = 0; i < count; i++)
    if (blocks[i].bytes != NULL && !give_back(&blocks[i])) return false;
  return true;
}

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

/* ------------------------------------------------------------- handlers */

static struct block in_handler[64];
static uint64_t handler_state = 1;
static atomic_ulong interruptions;
static atomic_bool wrong;

static void on_alarm(int number) {
  (void)number;
  struct block *block = &in_handler[test_random_next(&handler_state) % 64];
  if (block->bytes == NULL ? !take(block, &handler_state) : !give_back(block)) atomic_store(&wrong, true);
  atomic_fetch_add(&interruptions, 1);
}

TEST(a_handler_allocates_while_it_interrupts_the_allocator) {
  static struct block blocks[EACH];
  struct sigaction action;
  struct itimerval period = {{0, 20}, {0, 20}}, none = {{0, 0}, {0, 0}};
  uint64_t state = 2;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  action.sa_flags = SA_RESTART;
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
  REQUIRE(setitimer(ITIMER_REAL, &period, NULL) == 0);
  bool whole = true;
  while (atomic_load(&interruptions) < 5000) whole &= churn(blocks, EACH, 1000, &state);
  REQUIRE(setitimer(ITIMER_REAL, &none, NULL) == 0);
  CHECK(whole);
  CHECK(!atomic_load(&wrong));
  for (unsigned i = 0; i < 64; i++)
    if (in_handler[i].bytes != NULL) CHECK(give_back(&in_handler[i]));
}
