/* SPDX-License-Identifier: MIT */
/*
 * thread.c - park, unpark, fork, threads and their end, fences on Linux: private
 * futexes, pthread_atfork, pthreads, the destructor of a pthread key, membarrier.
 */
#include "linux.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"

/* All keep errno: they run in signal handlers, and in functions that report no errno. */
void acre__park(_Atomic uint32_t *word, uint32_t expected) {
  int error = errno;
  syscall(SYS_futex, word, ACRE_LINUX_FUTEX_WAIT, expected, (void *)0);
  errno = error;
}

/* In pieces of a day at most. The size of a time in the system call is that of `long` here, as on all 64-bit systems. */
void acre__park_for(_Atomic uint32_t *word, uint32_t expected, uint64_t milliseconds) {
  int error = errno;
  if (milliseconds > 86400000) milliseconds = 86400000;
  struct timespec time = {.tv_sec = (time_t)(milliseconds / 1000), .tv_nsec = (long)(milliseconds % 1000 * 1000000)};
  syscall(SYS_futex, word, ACRE_LINUX_FUTEX_WAIT, expected, &time);
  errno = error;
}

static void wake(_Atomic uint32_t *word, int most) {
  int error = errno;
  syscall(SYS_futex, word, ACRE_LINUX_FUTEX_WAKE, most);
  errno = error;
}

void acre__unpark(_Atomic uint32_t *word) {
  wake(word, 1);
}

void acre__unpark_all(_Atomic uint32_t *word) {
  wake(word, INT_MAX);
}

/* The kernel's own form of a signal mask: libc's hides the signals that it uses itself. */
static uint64_t bit_of(int number) {
  return UINT64_C(1) << (number - 1);
}

uint64_t acre__signals_block(void) {
  int error = errno;
  uint64_t before = 0;
  uint64_t all = ~(bit_of(SIGSEGV) | bit_of(SIGBUS) | bit_of(SIGILL) | bit_of(SIGFPE) | bit_of(SIGTRAP) |
                   bit_of(SIGSYS));
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof all);
  errno = error;
  return before;
}

void acre__signals_restore(uint64_t before) {
  int error = errno;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, (void *)0, sizeof before);
  errno = error;
}

acre_result acre__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  static struct acre__lock lock;
  static bool images; /* its calls are registered */
  int error = pthread_atfork(before, parent, child);
  /* What is registered last comes first. */
  acre__lock(&lock);
  if (error == 0 && !images) {
    error = pthread_atfork(acre__linux_images_before_fork, acre__linux_images_in_parent, acre__linux_images_in_child);
    images = error == 0;
  }
  acre__unlock(&lock);
  return acre__linux_error(error);
}

/* ------------------------------------------------------------- threads */

static void *begin_thread(void *context) {
  struct acre__os_thread *thread = context;
  thread->run(thread->context);
  return NULL;
}

acre_result acre__os_thread_start(struct acre__os_thread *thread) {
  _Static_assert(sizeof(pthread_t) <= sizeof thread->handle, "a handle holds it");
  pthread_t handle;
  uint64_t signals = acre__signals_block(); /* which the thread inherits */
  int error = pthread_create(&handle, NULL, begin_thread, thread);
  acre__signals_restore(signals);
  if (error != 0) return error == EAGAIN ? ACRE_E_NO_MEMORY : acre__linux_error(error);
  thread->handle = (uintptr_t)handle;
  return ACRE_OK;
}

void acre__os_thread_join(struct acre__os_thread *thread) {
  (void)pthread_join((pthread_t)thread->handle, NULL);
}

/* ------------------------------------------------------------- the end of a thread */

/* The key's value only says that the destructor is wanted. pthread_once is no help: it takes no result. */
static struct {
  struct acre__lock lock;
  bool made;
  pthread_key_t key;
  void (*call)(void);
} at_exit;

static void thread_ends(void *wanted) {
  (void)wanted;
  at_exit.call();
}

acre_result acre__os_at_thread_exit(void (*call)(void)) {
  int error = 0;
  acre__lock(&at_exit.lock);
  if (!at_exit.made) {
    at_exit.call = call;
    error = pthread_key_create(&at_exit.key, thread_ends);
    at_exit.made = error == 0;
  }
  acre__unlock(&at_exit.lock);
  return error == 0 ? ACRE_OK : ACRE_E_NO_MEMORY;
}

acre_result acre__os_want_thread_exit(void) {
  return pthread_setspecific(at_exit.key, &at_exit) == 0 ? ACRE_OK : ACRE_E_NO_MEMORY;
}

/* ------------------------------------------------------------- fences */

acre_result acre__os_fence_prepare(void) {
  int error = errno;
  long commands = syscall(SYS_membarrier, ACRE_LINUX_MEMBARRIER_QUERY, 0, 0);
  bool works = commands >= 0 && (commands & ACRE_LINUX_MEMBARRIER_PRIVATE) != 0 &&
               syscall(SYS_membarrier, ACRE_LINUX_MEMBARRIER_REGISTER_PRIVATE, 0, 0) == 0 &&
               syscall(SYS_membarrier, ACRE_LINUX_MEMBARRIER_PRIVATE, 0, 0) == 0;
  errno = error;
  return works ? ACRE_OK : ACRE_E_NOT_SUPPORTED;
}

void acre__os_fence_threads(void) {
  int error = errno;
  syscall(SYS_membarrier, ACRE_LINUX_MEMBARRIER_PRIVATE, 0, 0);
  errno = error;
}
