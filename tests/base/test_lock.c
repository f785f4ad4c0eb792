/* SPDX-License-Identifier: MIT */
/* The lock: it excludes, it sleeps and wakes, it knows its owner. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/lock.h"

#include <pthread.h>
#include <unistd.h>

#include "harness.h"

TEST(a_zeroed_lock_is_free) {
  struct acre__lock lock = {0};
  CHECK(!acre__lock_is_mine(&lock));
  acre__lock(&lock);
  CHECK(acre__lock_is_mine(&lock));
  CHECK_EQ(atomic_load(&lock.word), acre__thread_self());
  acre__unlock(&lock);
  CHECK(!acre__lock_is_mine(&lock));
  CHECK_EQ(atomic_load(&lock.word), 0);
  CHECK_EQ(sizeof lock, 4);
}

/* ------------------------------------------------------------- owners */

static void *tell_number(void *out) {
  *(uint32_t *)out = acre__thread_self();
  CHECK_EQ(acre__thread_self(), *(uint32_t *)out); /* stays */
  return NULL;
}

TEST(threads_have_numbers_of_their_own) {
  enum { THREADS = 8 };
  uint32_t numbers[THREADS + 1] = {0};
  pthread_t threads[THREADS];
  numbers[THREADS] = acre__thread_self();
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, tell_number, &numbers[i]) == 0);
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i <= THREADS; i++) {
    CHECK(numbers[i] != 0 && (numbers[i] & ACRE_LOCK_WAITERS) == 0);
    for (int j = 0; j < i; j++) CHECK(numbers[i] != numbers[j]);
  }
}

static void *is_not_mine(void *lock) {
  CHECK(!acre__lock_is_mine(lock));
  return NULL;
}

TEST(a_lock_held_elsewhere_is_not_mine) {
  struct acre__lock lock = {0};
  pthread_t thread;
  acre__lock(&lock);
  REQUIRE(pthread_create(&thread, NULL, is_not_mine, &lock) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  acre__unlock(&lock);
}

/* ------------------------------------------------------------- exclusion */

enum { WORKERS = 6, ROUNDS = 40000 };

static struct {
  struct acre__lock lock;
  uint64_t count; /* plain: a lost update shows that two were inside */
  _Atomic uint32_t inside;
} shared;

static void *count(void *seed) {
  uint64_t state = (uintptr_t)seed;
  for (int i = 0; i < ROUNDS; i++) {
    acre__lock(&shared.lock);
    CHECK(atomic_fetch_add(&shared.inside, 1) == 0);
    CHECK(acre__lock_is_mine(&shared.lock));
    shared.count++;
    if (test_random_next(&state) % 512 == 0) usleep(1); /* so that others go to sleep */
    atomic_fetch_sub(&shared.inside, 1);
    acre__unlock(&shared.lock);
  }
  return NULL;
}

TEST(one_thread_at_a_time) {
  pthread_t threads[WORKERS];
  shared.count = 0;
  for (uintptr_t i = 0; i < WORKERS; i++) REQUIRE(pthread_create(&threads[i], NULL, count, (void *)i) == 0);
  for (int i = 0; i < WORKERS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  CHECK_EQ(shared.count, (uint64_t)WORKERS * ROUNDS);
  CHECK_EQ(atomic_load(&shared.lock.word), 0);
}

/* ------------------------------------------------------------- sleeping */

static void *take_and_give(void *lock) {
  acre__lock(lock);
  acre__unlock(lock);
  return NULL;
}

TEST(waiters_sleep_and_all_wake) {
  struct acre__lock lock = {0};
  pthread_t threads[WORKERS];
  acre__lock(&lock);
  for (int i = 0; i < WORKERS; i++) REQUIRE(pthread_create(&threads[i], NULL, take_and_give, &lock) == 0);
  for (int i = 0; i < 2000 && (atomic_load(&lock.word) & ACRE_LOCK_WAITERS) == 0; i++) usleep(1000);
  CHECK((atomic_load(&lock.word) & ACRE_LOCK_WAITERS) != 0);
  CHECK(acre__lock_is_mine(&lock)); /* with waiters, too */
  usleep(50000);                    /* for the last of them to go to sleep */
  uint64_t before = test_processor_time();
  usleep(200000);
  CHECK(test_processor_time() - before < 100000);
  acre__unlock(&lock);
  for (int i = 0; i < WORKERS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  CHECK_EQ(atomic_load(&lock.word), 0);
}
