/* SPDX-License-Identifier: MIT */
/*
 * Queries of regions that are changed, where one of the two is interrupted for a while and the other goes on: at any
 * instruction, also between two that otherwise follow one another too soon. See moment_check.h.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "vm/moment_check.h"

#ifndef sigev_notify_thread_id /* musl has the name that the manual gives it, glibc of some years has not */
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum {
  SHOTS = SANITIZED ? 50 : 300, /* interruptions of each */
  PATIENCE = 2                  /* milliseconds, where the other one waits for a lock that the interrupted one has */
};

static _Atomic unsigned wanted, steps; /* how many changes were asked for, and how many are done */
static _Atomic unsigned queries, shots;
static atomic_bool stop;
static bool changer_is_hit; /* else the one that asks */
static timer_t timer;

static int64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Once, in some 50 microseconds: so the interrupted thread gets on in between. */
static void aim(void) {
  static long nanoseconds = 40000;
  nanoseconds = 40000 + (nanoseconds + 7919) % 20000;
  struct itimerspec once = {{0, 0}, {0, nanoseconds}};
  timer_settime(timer, 0, &once, NULL);
}

/* In the interrupted thread: lets the other one do something. */
static void on_timer(int number) {
  (void)number;
  int error = errno; /* which is the interrupted code's */
  _Atomic unsigned *other = changer_is_hit ? &queries : &steps;
  unsigned before = atomic_load(other);
  if (!changer_is_hit) atomic_store(&wanted, before + 1); /* if it waited for this query's lock, it still does */
  for (int64_t begun = milliseconds(); atomic_load(other) == before && milliseconds() - begun < PATIENCE;)
    sched_yield();
  atomic_fetch_add(&shots, 1);
  aim();
  errno = error;
}

/* Interrupts the calling thread alone. */
static void start_timer(void) {
  struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
  event.sigev_notify_thread_id = gettid();
  REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
  REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  aim();
}

static void stop_timer(void) {
  REQUIRE(timer_delete(timer) == 0);
}

/* An even number of steps: it ends as it began. */
static void *change(void *argument) {
  const struct changes *changes = argument;
  if (changer_is_hit) start_timer();
  for (unsigned number = 0; number % 2 != 0 || !atomic_load(&stop);) {
    bool is_idle = !changer_is_hit && number == atomic_load(&wanted) && !atomic_load(&stop);
    if (is_idle) {
      sched_yield();
      continue;
    }
    changes->step(number);
    atomic_store(&steps, ++number);
  }
  if (changer_is_hit) stop_timer();
  return NULL;
}

static void ask_until_hit(const struct changes *changes) {
  pthread_t thread;
  struct seen seen = {0};
  atomic_store(&stop, false);
  atomic_store(&wanted, 0);
  atomic_store(&steps, 0);
  atomic_store(&shots, 0);
  REQUIRE(pthread_create(&thread, NULL, change, (void *)changes) == 0);
  if (!changer_is_hit) start_timer();
  while (atomic_load(&shots) < SHOTS || seen.one == 0 || seen.other == 0) {
    ask(changes, &seen);
    atomic_fetch_add(&queries, 1);
  }
  if (!changer_is_hit) stop_timer();
  atomic_store(&stop, true);
  pthread_join(thread, NULL);
}

static void while_changing(const struct changes *changes) {
  changer_is_hit = false;
  ask_until_hit(changes);
  changer_is_hit = true;
  ask_until_hit(changes);
}
