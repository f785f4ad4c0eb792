/* SPDX-License-Identifier: MIT */
/* The contract of os.h: the end of a thread, fences, the last words. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "contract.h"

static atomic_uint exits;

static void count_exit(void) {
  atomic_fetch_add(&exits, 1);
}

static void *want_exit(void *twice) {
  CHECK_OK(acre__os_want_thread_exit());
  if (twice != NULL) CHECK_OK(acre__os_want_thread_exit());
  return NULL;
}

static void *want_nothing(void *nothing) {
  return nothing;
}

static void run_thread(void *(*run)(void *), void *argument) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, run, argument) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
}

TEST(who_wants_it_is_told_of_a_threads_end) {
  REQUIRE_OK(acre__os_at_thread_exit(count_exit));
  CHECK_OK(acre__os_at_thread_exit(NULL)); /* later calls do nothing */
  unsigned before = atomic_load(&exits);
  run_thread(want_nothing, NULL);
  CHECK_EQ(atomic_load(&exits), before);
  run_thread(want_exit, NULL);
  CHECK_EQ(atomic_load(&exits), before + 1);
  run_thread(want_exit, &before);
  CHECK_EQ(atomic_load(&exits), before + 2);
}

/*
 * Two threads store and then load the other one's word, one with the fence and
 * one without: at least one of them must see the other's store.
 */
enum { ROUNDS = 2000 };

static struct { atomic_uint often, rare, often_saw, rare_saw, round; } meeting;

static void meet_at(unsigned number) {
  atomic_fetch_add(&meeting.round, 1);
  while (atomic_load(&meeting.round) < 2 * number) sched_yield();
}

static void *often(void *nothing) {
  for (unsigned i = 1; i <= ROUNDS; i++) {
    meet_at(2 * i - 1);
    atomic_store_explicit(&meeting.often, i, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    unsigned saw = atomic_load_explicit(&meeting.rare, memory_order_relaxed);
    atomic_store(&meeting.often_saw, saw);
    meet_at(2 * i);
  }
  return nothing;
}

TEST(one_sided_fence) {
  if (acre__os_fence_prepare() != ACRE_OK) test_skip("no membarrier here");
  CHECK_OK(acre__os_fence_prepare());
  pthread_t thread;
  unsigned missed = 0;
  REQUIRE(pthread_create(&thread, NULL, often, NULL) == 0);
  for (unsigned i = 1; i <= ROUNDS; i++) {
    meet_at(2 * i - 1);
    atomic_store_explicit(&meeting.rare, i, memory_order_relaxed);
    acre__os_fence_threads();
    unsigned saw = atomic_load_explicit(&meeting.often, memory_order_relaxed);
    meet_at(2 * i);
    missed += saw != i && atomic_load(&meeting.often_saw) != i;
  }
  REQUIRE(pthread_join(thread, NULL) == 0);
  CHECK_EQ(missed, 0);
}

static void fence_in_child(void *nothing) {
  (void)nothing;
  CHECK_OK(acre__os_fence_prepare());
  acre__os_fence_threads();
}

TEST(a_forked_child_prepares_fences_again) {
  if (acre__os_fence_prepare() != ACRE_OK) test_skip("no membarrier here");
  CHECK_IN_CHILD(fence_in_child, NULL);
}

static void die(void *nothing) {
  (void)nothing;
  close(STDERR_FILENO);
  signal(SIGABRT, SIG_DFL);
  acre__os_die("the last words\n");
}

TEST(dying_is_an_abort) {
  int status = test_in_child(die, NULL);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
