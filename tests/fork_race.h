/* SPDX-License-Identifier: MIT */
/*
 * fork_race.h - a fork at the very moment of a process's first call: the child is to be able to make it, too.
 *
 *   this process ----> a process that has never called Acre, with two threads
 *                        one makes the call
 *                        the other forks ----> a child, which makes the call
 *
 * The program must not call Acre itself, as the process in the middle would have inherited what is tested.
 */
#ifndef ACRE_TESTS_FORK_RACE_H
#define ACRE_TESTS_FORK_RACE_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "harness.h"

enum {
  FORK_RACE_TIMES = ACRE_SANITIZED ? 40 : 200,
  FORK_RACE_PATIENCE = 10 /* seconds that a child may take */
};

static struct fork_race {
  void (*call)(void *nothing);
  unsigned start, wait; /* how long each side waits for the other, in turns of a loop */
  bool inside;          /* the call begins while fork runs another one's handler */
  atomic_bool go;
} fork_race;

static void fork_race_spin(unsigned turns) {
  for (volatile unsigned i = 0; i < turns; i++) continue;
}

/* A handler like any other library's: it does not know of Acre, and takes its time. */
static void fork_race_handler(void) {
  if (!fork_race.inside) return;
  atomic_store(&fork_race.go, true);
  fork_race_spin(fork_race.wait);
}

static void *fork_race_first(void *nothing) {
  while (!atomic_load(&fork_race.go)) continue;
  fork_race_spin(fork_race.start);
  fork_race.call(NULL);
  return nothing;
}

/* SIGKILL, as who waits for a lock may hold the signal of alarm back. */
static void fork_race_child(void *nothing) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  struct itimerspec time = {.it_value.tv_sec = FORK_RACE_PATIENCE};
  REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &time, NULL) == 0);
  fork_race.call(nothing);
}

static void fork_race_middle(void *nothing) {
  pthread_t thread;
  REQUIRE(pthread_atfork(fork_race_handler, NULL, NULL) == 0);
  REQUIRE(pthread_create(&thread, NULL, fork_race_first, NULL) == 0);
  if (!fork_race.inside) {
    atomic_store(&fork_race.go, true);
    fork_race_spin(fork_race.wait);
  }
  int status = test_in_child(fork_race_child, nothing);
  if (status != 0)
    test_fail(__FILE__, __LINE__, "the child %s (status 0x%x)",
              WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "hangs" : "failed", (unsigned)status);
  pthread_join(thread, NULL);
}

/* Many times, at moments that the seed chooses. Ends with the first that goes wrong. */
static void fork_race_run(void (*call)(void *nothing), bool inside) {
  for (unsigned i = 0; i < FORK_RACE_TIMES; i++) {
    fork_race.call = call;
    fork_race.inside = inside;
    fork_race.start = (unsigned)test_random_below(20000);
    fork_race.wait = (unsigned)test_random_below(100000);
    atomic_store(&fork_race.go, false);
    REQUIRE_EQ(test_in_child(fork_race_middle, NULL), 0);
  }
}

#endif
