/* SPDX-License-Identifier: MIT */
/* The contract of os.h: threads, their end, fences. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/lock.h"
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

static void note_that_it_ran(void *context) {
  atomic_fetch_add((atomic_uint *)context, 1);
}

TEST(a_thread_runs_until_it_is_joined) {
  atomic_uint ran = 0;
  struct acre__os_thread thread = {.run = note_that_it_ran, .context = &ran};
  REQUIRE_OK(acre__os_thread_start(&thread));
  acre__os_thread_join(&thread);
  CHECK_EQ(atomic_load(&ran), 1);
}

static struct { _Atomic uint32_t word, returned; } parked;

static void park_once(void *nothing) {
  (void)nothing;
  while (atomic_load(&parked.word) == 0) acre__park(&parked.word, 0);
  atomic_fetch_add(&parked.returned, 1);
}

TEST(park_for_returns_in_time_and_unpark_all_wakes_all) {
  enum { PARKED = 4 };
  struct acre__os_thread threads[PARKED];
  _Atomic uint32_t word = 0;
  acre__park_for(&word, 1, 1000000); /* not what is expected: returns at once */
  uint64_t before = acre__os_clock_ms();
  while (acre__os_clock_ms() - before < 20) acre__park_for(&word, 0, 20); /* nobody wakes it */
  for (int i = 0; i < PARKED; i++) {
    threads[i] = (struct acre__os_thread){.run = park_once};
    REQUIRE_OK(acre__os_thread_start(&threads[i]));
  }
  test_sleep(20);
  CHECK_EQ(atomic_load(&parked.returned), 0);
  atomic_store(&parked.word, 1);
  acre__unpark_all(&parked.word);
  for (int i = 0; i < PARKED; i++) acre__os_thread_join(&threads[i]);
  CHECK_EQ(atomic_load(&parked.returned), PARKED);
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
  if (acre__os_fence_prepare() != ACRE_OK) test_skip("no fence on one side here");
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
