/* SPDX-License-Identifier: MIT */
/* thread.c - park, unpark, fork on Linux: private futexes and pthread_atfork. */
#include "linux.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"

/* Both keep errno: they run in signal handlers, and in functions that report no errno. */
void acre__park(_Atomic uint32_t *word, uint32_t expected) {
  int error = errno;
  syscall(SYS_futex, word, ACRE_LINUX_FUTEX_WAIT, expected, (void *)0);
  errno = error;
}

void acre__unpark(_Atomic uint32_t *word) {
  int error = errno;
  syscall(SYS_futex, word, ACRE_LINUX_FUTEX_WAKE, 1);
  errno = error;
}

acre_result acre__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  return acre__linux_error(pthread_atfork(before, parent, child));
}
