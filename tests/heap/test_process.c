/* SPDX-License-Identifier: MIT */
/* The process heap: what it begins with, and the medium blocks that threads have at hand. */
#include <acre/heap.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "heap/medium.h"
#include "heap/runs.h"

static acre_heap_figures figures_now(void) {
  acre_heap_figures figures;
  REQUIRE_OK(acre_heap_stats(acre_process_heap(), &figures));
  return figures;
}

/* First, while nothing has been allocated. */
TEST(it_begins_with_addresses_of_its_own) {
  acre_heap *heap = acre_process_heap();
  REQUIRE(heap != NULL);
  CHECK_EQ(figures_now().set_aside, 1 << 20);
  char *first = acre_heap_alloc(heap, 5000), *large = acre_heap_alloc(heap, 300000),
       *more = acre_heap_alloc(heap, 1 << 20);
  REQUIRE(first != NULL && large != NULL && more != NULL);
  CHECK(figures_now().set_aside < 1 << 20);
  CHECK(large - first > 0 && large - first < 1 << 20);
  CHECK(acre__runs_are_valid());
  for (size_t left; (left = figures_now().set_aside) > 0;) CHECK(acre_heap_alloc(heap, left) != NULL);
  CHECK(acre__runs_are_valid());
  CHECK_RESULT(acre_heap_destroy(heap), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_heap_reset(heap), ACRE_E_INVALID_ARGUMENT);
  CHECK_OK(acre_heap_free(heap, first));
  CHECK_OK(acre_heap_free(heap, large));
  CHECK_OK(acre_heap_free(heap, more));
  CHECK_OK(acre_heap_validate(heap, NULL));
}

TEST(freed_medium_blocks_count_as_free) {
  acre_heap *heap = acre_process_heap();
  void *blocks[40];
  acre_heap_figures before = figures_now();
  for (unsigned i = 0; i < 40; i++) blocks[i] = acre_heap_alloc(heap, 20000);
  CHECK_EQ(figures_now().blocks, before.blocks + 40);
  for (unsigned i = 0; i < 40; i++) CHECK_OK(acre_heap_free(heap, blocks[i]));
  CHECK_EQ(figures_now().blocks, before.blocks);
  CHECK_OK(acre_heap_validate(heap, NULL));
}

TEST(they_count_as_free_while_the_heap_is_locked) {
  acre_heap *heap = acre_process_heap();
  acre_heap_lock(heap);
  size_t before = figures_now().blocks;
  void *block = acre_heap_alloc(heap, 20000);
  CHECK_EQ(figures_now().blocks, before + 1);
  CHECK_OK(acre_heap_free(heap, block));
  CHECK_EQ(figures_now().blocks, before);
  CHECK_OK(acre_heap_unlock(heap));
}

TEST(a_freed_medium_block_comes_back) {
  acre_heap *heap = acre_process_heap();
  void *first = acre_heap_alloc(heap, 9000), *second = acre_heap_alloc(heap, 9000);
  CHECK_OK(acre_heap_free(heap, first));
  CHECK(acre_heap_alloc(heap, 9000) == first);
  CHECK_OK(acre_heap_free(heap, first));
  CHECK_OK(acre_heap_free(heap, second));
}

static void free_twice(void *block) {
  (void)acre_heap_free(acre_process_heap(), block);
  (void)acre_heap_free(acre_process_heap(), block);
}

/* Without membarrier no thread keeps blocks, and the result says it. */
TEST(a_medium_block_that_is_freed_twice) {
  void *block = acre_heap_alloc(acre_process_heap(), 9000);
  if (acre__this_thread.gate == 0) CHECK(test_died_by(test_in_child(free_twice, block), SIGABRT));
  CHECK_OK(acre_heap_free(acre_process_heap(), block));
  if (acre__this_thread.gate != 0) CHECK_RESULT(acre_heap_free(acre_process_heap(), block), ACRE_E_NOT_A_BLOCK);
}

/* ------------------------------------------------------------- threads */

enum { SLOTS = 64, ROUNDS = 3000 };

static _Atomic(unsigned char *) slots[SLOTS]; /* blocks that any thread may take and free */
static _Atomic bool wrong;

/* Its own number in every byte that is looked at; whoever takes it checks that. */
static void *work(void *context) {
  uint64_t state = (uintptr_t)context;
  for (unsigned i = 0; i < ROUNDS; i++) {
    size_t size = 3000 + test_random_next(&state) % 70000;
    unsigned char mark = (unsigned char)test_random_next(&state);
    unsigned char *block = acre_heap_alloc(acre_process_heap(), size);
    if (block == NULL) break;
    block[0] = block[1] = block[size / 2] = mark;
    memcpy(block + 8, &size, sizeof size);
    block = atomic_exchange(&slots[test_random_next(&state) % SLOTS], block);
    if (block == NULL) continue;
    memcpy(&size, block + 8, sizeof size);
    if (block[0] != block[1] || block[size / 2] != block[0]) wrong = true;
    if (acre_free(block) != ACRE_OK) wrong = true;
  }
  return NULL;
}

static void run_threads(void *(*look)(void *), void *context) {
  pthread_t threads[4], looker;
  for (uintptr_t i = 0; i < 4; i++) REQUIRE(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
  REQUIRE(pthread_create(&looker, NULL, look, context) == 0);
  for (unsigned i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  pthread_join(looker, NULL);
  for (unsigned i = 0; i < SLOTS; i++) CHECK_OK(acre_free(atomic_exchange(&slots[i], NULL)));
  CHECK(!wrong);
  CHECK_OK(acre_heap_validate(acre_process_heap(), NULL));
  CHECK(acre__runs_are_valid());
}

static void *look_again_and_again(void *context) {
  for (unsigned i = 0; i < 60; i++) {
    if (acre_heap_validate(acre_process_heap(), NULL) != ACRE_OK) wrong = true;
    (void)acre_heap_compact(acre_process_heap());
    usleep(500);
  }
  return context;
}

TEST(threads_hand_blocks_on_while_one_looks) {
  size_t before = figures_now().blocks;
  run_threads(look_again_and_again, NULL);
  CHECK_EQ(figures_now().blocks, before);
}

static void *fork_again_and_again(void *context) {
  for (unsigned i = 0; i < 20; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(60);
      void *block = acre_heap_alloc(acre_process_heap(), 10000);
      bool good = block != NULL && acre_free(block) == ACRE_OK;
      _exit(good && acre_heap_validate(acre_process_heap(), NULL) == ACRE_OK ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (status != 0) wrong = true;
  }
  return context;
}

TEST(threads_hand_blocks_on_while_one_forks) {
  run_threads(fork_again_and_again, NULL);
}
