/* SPDX-License-Identifier: MIT */
/* fork, with threads allocating: the child's heaps are whole, and it can use them, start threads and end. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/heap_check.h"

enum { WORKERS = 2, PATIENCE = 20 /* seconds that a child may take */ };

/* A hang is seldom, so there are many; fewer where the test runs once more, or slowly. */
static unsigned forks(void) {
  if (SANITIZED) return 60;
  return getenv("ACRE_OPTIONS") != NULL ? 300 : 2000;
}

static atomic_bool stop;
static atomic_uint at_work; /* workers that have begun */
static acre_heap *heap;

static void *work(void *seed) {
  uint64_t state = (uintptr_t)seed;
  void *blocks[64] = {0};
  atomic_fetch_add(&at_work, 1);
  while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
    uint64_t number = test_random_next(&state);
    void **slot = &blocks[number % 64];
    CHECK_OK(acre_heap_free(heap, *slot));
    *slot = acre_heap_alloc(heap, number >> 40 & 1 ? number >> 8 & 1023 : number >> 8 & 65535);
    if ((number >> 20 & 511) != 0) continue;
    acre_heap *own;
    if (acre_heap_create(NULL, &own) != ACRE_OK) continue;
    CHECK(acre_heap_alloc(own, 100) != NULL);
    CHECK_OK(acre_heap_destroy(own));
  }
  for (unsigned i = 0; i < 64; i++) CHECK_OK(acre_heap_free(heap, blocks[i]));
  return NULL;
}

static void *allocate_some(void *nothing) {
  for (unsigned i = 0; i < 100; i++) {
    void *block = acre_heap_alloc(heap, i * 50);
    CHECK(block != NULL);
    if (i % 2 == 0) CHECK_OK(acre_heap_free(heap, block));
  }
  return nothing;
}

static void be_a_child(void *look) {
  alarm(PATIENCE);
  if (look != NULL) CHECK_VALID(heap);
  allocate_some(NULL);
#ifndef __SANITIZE_THREAD__ /* which allows no threads in the child of a process that had some */
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, allocate_some, NULL) == 0);
  pthread_join(thread, NULL);
#endif
  acre_heap *own = make_heap(NULL);
  CHECK(acre_heap_alloc(own, 1000) != NULL);
  CHECK_OK(acre_heap_destroy(own));
  if (look != NULL) CHECK_VALID(heap);
  CHECK_OK(acre_heap_destroy(heap));
  CHECK(acre__runs_are_valid());
}

static void expect_good_child(void (*fn)(void *context), void *context) {
  int status = test_in_child(fn, context);
  if (status != 0)
    test_fail(__FILE__, __LINE__, "the child %s (status 0x%x)",
              WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "hangs" : "failed", (unsigned)status);
}

TEST(forks_while_others_allocate) {
  pthread_t workers[WORKERS];
  heap = make_heap(NULL);
  atomic_store(&stop, false);
  for (uintptr_t i = 0; i < WORKERS; i++) REQUIRE(pthread_create(&workers[i], NULL, work, (void *)(i + 1)) == 0);
  /* A thread that is only starting may hold locks of a sanitizer's allocator, which are not there to fork. */
  while (atomic_load(&at_work) < WORKERS) usleep(100);
  for (unsigned i = 0, most = forks(); i < most; i++) expect_good_child(be_a_child, i % 10 == 0 ? heap : NULL);
  atomic_store(&stop, true);
  for (unsigned i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
  CHECK_EQ(figures_of(heap).blocks, 0);
  end_heap(heap);
}

static void unlock_in_child(void *nothing) {
  (void)nothing;
  alarm(PATIENCE);
  allocate_some(NULL);
  CHECK_OK(acre_heap_unlock(heap));
  be_a_child(heap);
}

TEST(what_is_locked_is_locked_in_the_child) {
  heap = make_heap(NULL);
  acre_heap_lock(heap);
  expect_good_child(unlock_in_child, NULL);
  CHECK_OK(acre_heap_unlock(heap));
  CHECK_RESULT(acre_heap_unlock(heap), ACRE_E_INVALID_ARGUMENT);
  CHECK(acre_heap_alloc(heap, 10) != NULL);
  end_heap(heap);
}

static void fork_again(void *context) {
  alarm(PATIENCE);
  expect_good_child(be_a_child, context);
  be_a_child(context);
}

TEST(children_of_children) {
  heap = make_heap(NULL);
  expect_good_child(fork_again, heap);
  end_heap(heap);
}

#ifndef __SANITIZE_THREAD__ /* which takes the other thread, that is not in the child, for one that goes on there */

enum { ENDED = 3000 };

static _Atomic(char *) ended[ENDED];

static void *make_and_end(void *nothing) {
  while (!atomic_load(&stop)) {
    acre_heap *own = make_heap(NULL);
    for (unsigned i = 0; i < ENDED; i++) atomic_store(&ended[i], acre_heap_alloc(own, 60000));
    CHECK_OK(acre_heap_destroy(own));
  }
  return nothing;
}

static void ask_of_blocks(void *nothing) {
  (void)nothing;
  for (unsigned i = 0; i < ENDED; i++) {
    char *block = atomic_load(&ended[i]);
    size_t size = acre_heap_size(block);
    CHECK(size == 0 || (block != NULL && size >= 60000));
    CHECK(acre_heap_size_exact(block) <= size);
  }
}

/* In the child that heap goes on ending, without anybody who ends it. */
TEST(a_heap_that_another_thread_was_ending) {
  pthread_t thread;
  heap = make_heap(NULL);
  atomic_store(&stop, false);
  REQUIRE(pthread_create(&thread, NULL, make_and_end, NULL) == 0);
  for (unsigned i = 0; i < (SANITIZED ? 30 : 100); i++) {
    usleep(1000 + i * 37);
    expect_good_child(ask_of_blocks, NULL);
  }
  atomic_store(&stop, true);
  pthread_join(thread, NULL);
  end_heap(heap);
}

#endif
