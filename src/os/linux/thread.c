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

#include "base/compiler.h"
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

/* ------------------------------------------------------------- fork */

/*
 * Our calls are in a list of our own, which libc knows by two entries in its:
 *
 *   before fork   [ others', newest first ] [ ours ] [ others' ] [ ours again ] --> the process is copied
 *                                             |                     |
 *                   with the first call that is registered      when the library is loaded
 *
 * The first entry gives our calls their turn among those of other libraries. libc leaves it out of a fork that had
 * begun already, in another thread; then the second one, which is last, makes the calls. Each makes
 * them if they have not been made, and keeps the lock until the process is copied: who registers
 * a call meanwhile waits, and afterwards may take the locks that the call is for.
 */
enum { FORK_CALLS = 16 };

static struct {
  struct acre__lock lock; /* of the list; kept during a fork */
  struct {
    void (*before)(void), (*parent)(void), (*child)(void);
  } calls[FORK_CALLS];
  unsigned count;
  _Atomic bool in_turn; /* the first entry is registered */
} forks;

static ACRE_THREAD_LOCAL bool forking; /* the calls were made, and this thread has the lock */

static void call_in_parent(unsigned count) {
  for (unsigned i = 0; i < count; i++)
    if (forks.calls[i].parent != NULL) forks.calls[i].parent();
}

/* The calls are made without the lock: they wait for locks, and one who has such a lock may wait for this one. */
static void before_fork(void) {
  if (forking) return;
  acre__lock(&forks.lock);
  for (unsigned made = 0; made != forks.count;) { /* a later one belongs before those made: all anew */
    unsigned count = forks.count;
    acre__unlock(&forks.lock);
    call_in_parent(made);
    for (made = count; count-- > 0;)
      if (forks.calls[count].before != NULL) forks.calls[count].before();
    acre__lock(&forks.lock);
  }
  forking = true;
}

static void fork_in_parent(void) {
  if (!forking) return;
  forking = false;
  call_in_parent(forks.count);
  acre__unlock(&forks.lock);
}

static void fork_in_child(void) {
  if (!forking) return;
  forking = false;
  for (unsigned i = 0; i < forks.count; i++)
    if (forks.calls[i].child != NULL) forks.calls[i].child();
  acre__lock_reset(&forks.lock);
}

/* Not where Acre was used even before: then the first entry comes before all others', and no thread was there. */
__attribute__((constructor)) static void watch_forks(void) {
  if (!atomic_load(&forks.in_turn)) (void)pthread_atfork(before_fork, fork_in_parent, fork_in_child);
}

/* With the lock. */
static acre_result add_calls(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  for (unsigned i = 0; i < forks.count; i++)
    if (forks.calls[i].before == before && forks.calls[i].parent == parent && forks.calls[i].child == child)
      return ACRE_OK;
  if (forks.count == FORK_CALLS) return ACRE_E_NO_MEMORY;
  forks.calls[forks.count].before = before;
  forks.calls[forks.count].parent = parent;
  forks.calls[forks.count].child = child;
  forks.count++;
  return ACRE_OK;
}

acre_result acre__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  if (!atomic_load(&forks.in_turn)) { /* two threads at once: it does no harm to be there twice */
    int error = pthread_atfork(before_fork, fork_in_parent, fork_in_child);
    if (error != 0) return acre__linux_error(error);
    atomic_store(&forks.in_turn, true);
  }
  acre__lock(&forks.lock);
  acre_result result = add_calls(before, parent, child);
  if (result == ACRE_OK)
    result = add_calls(acre__linux_images_before_fork, acre__linux_images_in_parent, acre__linux_images_in_child);
  acre__unlock(&forks.lock);
  return result;
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
