/* SPDX-License-Identifier: MIT */
/*
 * locks.h - the face's locks, all in one place, so that a fork takes them all, in one order.
 *
 * Who has one may take those that stand behind it here, and calls nothing of Acre's: a fork takes Acre's own
 * locks before these. None is held while a program's function runs, or a thread waits (but for ACRE_LOCK_WAITS,
 * which a wait gives back).
 */
#ifndef ACRE_WIN32_LOCKS_H
#define ACRE_WIN32_LOCKS_H

#include <pthread.h>

enum acre__lock_name {
  ACRE_LOCK_BLOCKS,   /* blocks by handle: blocks.c */
  ACRE_LOCK_WALKS,    /* walks of heaps: walk.c */
  ACRE_LOCK_WAITS,    /* states of what threads wait for: waits.c */
  ACRE_LOCK_VIEWS,    /* the table of views: views.c */
  ACRE_LOCK_HANDLES,  /* the table of handles: handles.c */
  ACRE_LOCK_TLS,      /* indexes of thread-local storage: threads.c */
  ACRE_LOCK_VECTORED, /* the list of vectored handlers: exceptions.c */
  ACRE_LOCKS
};

extern pthread_mutex_t acre__locks[ACRE_LOCKS];

static inline void acre__take(enum acre__lock_name name) {
  pthread_mutex_lock(&acre__locks[name]);
}

static inline void acre__give(enum acre__lock_name name) {
  pthread_mutex_unlock(&acre__locks[name]);
}

#endif
