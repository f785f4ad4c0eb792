/* SPDX-License-Identifier: MIT */
/* locks.c - see locks.h. */
#include "win32/locks.h"

pthread_mutex_t acre__locks[ACRE_LOCKS] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};

static void take_all(void) {
  for (int i = 0; i < ACRE_LOCKS; i++) pthread_mutex_lock(&acre__locks[i]);
}

static void give_all(void) {
  for (int i = ACRE_LOCKS; i-- > 0;) pthread_mutex_unlock(&acre__locks[i]);
}

static __attribute__((constructor)) void prepare(void) {
  pthread_atfork(take_all, give_all, give_all);
}
