/* SPDX-License-Identifier: MIT */
/*
 * interrupted.h - a function that is called over and over while signals come
 * between any two of its instructions.
 *
 * Where a signal takes longer than the time to the next one (a virtual machine, a
 * sanitizer), nothing but handlers ever runs. So they end by themselves after so
 * many; and if the function has hardly got on, they come again, at longer intervals.
 */
#ifndef ACRE_TESTS_VM_INTERRUPTED_H
#define ACRE_TESTS_VM_INTERRUPTED_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>

#include "harness.h"

static struct {
  void (*handle)(void);
  unsigned long wanted; /* signals; 0: without end */
  atomic_ulong count;
} interrupting;

static void set_alarm(long microseconds, bool again) {
  struct itimerval time = {{0, again ? microseconds : 0}, {0, microseconds}};
  if (setitimer(ITIMER_REAL, &time, NULL) != 0) test_fail(__FILE__, __LINE__, "setitimer: no timer");
}

static void on_alarm(int number) {
  (void)number;
  int error = errno; /* which is the interrupted code's */
  interrupting.handle();
  if (atomic_fetch_add_explicit(&interrupting.count, 1, memory_order_relaxed) + 1 == interrupting.wanted)
    set_alarm(0, false);
  errno = error;
}

/* Each SIGALRM calls `handle`, until `wanted` have come. */
static void handle_alarms(void (*handle)(void), unsigned long wanted) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  action.sa_flags = SA_RESTART;
  interrupting.handle = handle;
  interrupting.wanted = wanted;
  atomic_store(&interrupting.count, 0);
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
}

/* Calls fn(0), fn(1), ... while so many signals come, one each so many microseconds. */
static inline void call_interrupted(void (*fn)(unsigned round), void (*handle)(void), unsigned long signals,
                                    long microseconds) {
  enum { ROUNDS_LEAST = 20 };
  for (unsigned round = 0; round < ROUNDS_LEAST; microseconds *= 2) {
    handle_alarms(handle, signals);
    set_alarm(microseconds, true);
    for (round = 0; atomic_load(&interrupting.count) < signals; round++) fn(round);
  }
}

#endif
