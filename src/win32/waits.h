/* SPDX-License-Identifier: MIT */
/*
 * waits.h - objects that threads wait for.
 *
 *   thread's wait [ objects | all or one | its condition ] <--- in the list of all waits
 *
 * One lock for all states: a wait looks at several objects at once, and takes all of them or
 * none. Who changes an object's state wakes the waits that name it.
 *
 * What has a name is found by all processes of the user: its state is in memory that they share (shared.h), and
 * who waits for such an object sleeps there.
 */
#ifndef ACRE_WIN32_WAITS_H
#define ACRE_WIN32_WAITS_H

#include <pthread.h>

#include "win32/handles.h"

struct acre__mutex;

/* Lock of all fields: acre__waits_lock. */
struct acre__thread {
  struct acre__object object;
  pthread_t pthread;
  DWORD id;
  DWORD code; /* with which it ended; STILL_ACTIVE before */
  bool ended;
  unsigned suspended; /* before it runs */
  int priority;
  LPTHREAD_START_ROUTINE start;
  void *parameter;
  struct acre__mutex *owned; /* mutexes that it has */
};

void acre__waits_lock(void);
void acre__waits_unlock(void);

/* With the lock: the object's state has changed. */
void acre__waits_wake(const struct acre__object *object);

/* With the lock: waits until another thread wakes the object's waits. */
void acre__waits_pause(const struct acre__object *object);

/* With the lock: the thread ends, and what it owns is abandoned. */
void acre__waits_abandon(struct acre__thread *thread);

#endif
