/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "check/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"
#include "override/override.h"
#include "posix/pass_on.h"

enum { SIGNALS = 2, VERSIONS = 64 };

/* For Acre's own fault handler (CMakeLists.txt), which blocks what it raises anew. */
int acre__real_sigprocmask(int how, const sigset_t *set, sigset_t *former);

/* glibc's sigaction by its other name. */
extern int __sigaction(int number, const struct sigaction *action, struct sigaction *former);

/*
 * What the program has set: the handler reads the newest version without a lock,
 * and it is overwritten when as many others have come.
 */
static struct kept {
  struct sigaction versions[VERSIONS];
  _Atomic unsigned newest;
} kept[SIGNALS];

static struct acre__lock lock; /* of setting */
static _Atomic bool keeps;

static struct kept *kept_of(int number) {
  return number == SIGSEGV ? &kept[0] : number == SIGBUS ? &kept[1] : NULL;
}

static struct sigaction newest(struct kept *of) {
  return of->versions[atomic_load_explicit(&of->newest, memory_order_acquire) % VERSIONS];
}

static void set(struct kept *of, const struct sigaction *action) {
  unsigned next = atomic_load_explicit(&of->newest, memory_order_relaxed) + 1;
  of->versions[next % VERSIONS] = *action;
  atomic_store_explicit(&of->newest, next, memory_order_release);
}

/* ------------------------------------------------------------- a fault that is not ours */

/* It comes again, and the system does with it what it does by default. */
static void to_default(int number, siginfo_t *info) {
  struct sigaction usual = {.sa_handler = SIG_DFL};
  __sigaction(number, &usual, NULL);
  if (info->si_code > 0) return; /* as the instruction is tried again */
  syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number, info);
}

static void on_fault(int number, siginfo_t *info, void *context) {
  struct kept *of = kept_of(number);
  struct sigaction action = newest(of);
  if (!acre__signal_has_function(&action)) {
    if (action.sa_handler == SIG_DFL || info->si_code > 0) to_default(number, info);
    return;
  }
  if ((action.sa_flags & SA_RESETHAND) != 0) set(of, &(struct sigaction){.sa_handler = SIG_DFL});
  sigset_t mask = action.sa_mask;
  if ((action.sa_flags & SA_NODEFER) == 0) sigaddset(&mask, number);
  pthread_sigmask(SIG_BLOCK, &mask, NULL);
  acre__signal_call(&action, number, info, context);
}

/* ------------------------------------------------------------- what programs call */

ACRE_EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *former) {
  struct kept *of = atomic_load_explicit(&keeps, memory_order_acquire) ? kept_of(number) : NULL;
  if (of == NULL && action != NULL && atomic_load_explicit(&keeps, memory_order_acquire)) {
    struct sigaction open = *action; /* a fault in its handler is a fault, too */
    sigdelset(&open.sa_mask, SIGSEGV);
    sigdelset(&open.sa_mask, SIGBUS);
    return __sigaction(number, &open, former);
  }
  if (of == NULL) return __sigaction(number, action, former);
  acre__lock(&lock);
  struct sigaction before = newest(of);
  if (action != NULL) set(of, action);
  acre__unlock(&lock);
  if (former != NULL) *former = before;
  return 0;
}

ACRE_EXPORT void (*signal(int number, void (*handler)(int)))(int) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, former;
  sigaddset(&action.sa_mask, number);
  return sigaction(number, &action, &former) == 0 ? former.sa_handler : SIG_ERR;
}

/* ------------------------------------------------------------- masks */

/* As the kernel has them: a bit for each signal. The C library's own two, which it needs in every thread, are left out as it does. */
static uint64_t bit(int number) {
  return UINT64_C(1) << (number - 1);
}

int acre__real_sigprocmask(int how, const sigset_t *set, sigset_t *former) {
  if (former != NULL) sigemptyset(former);
  return (int)syscall(SYS_rt_sigprocmask, how, set, former, sizeof(uint64_t));
}

static int set_mask(int how, const sigset_t *set, sigset_t *former) {
  enum { LIBRARYS_FIRST = 32, LIBRARYS_SECOND = 33 };
  sigset_t allowed;
  if (set == NULL) return acre__real_sigprocmask(how, NULL, former);
  uint64_t mask;
  memcpy(&mask, set, sizeof mask);
  mask &= ~(bit(LIBRARYS_FIRST) | bit(LIBRARYS_SECOND));
  if (how != SIG_UNBLOCK && atomic_load_explicit(&keeps, memory_order_acquire)) mask &= ~(bit(SIGSEGV) | bit(SIGBUS));
  sigemptyset(&allowed);
  memcpy(&allowed, &mask, sizeof mask);
  return acre__real_sigprocmask(how, &allowed, former);
}

ACRE_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *former) {
  return set_mask(how, set, former);
}

ACRE_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *former) {
  int error = errno;
  int result = set_mask(how, set, former) == 0 ? 0 : errno;
  errno = error;
  return result;
}

/* ------------------------------------------------------------- beginning */

void acre__signals_keep(void) {
  static const int numbers[SIGNALS] = {SIGSEGV, SIGBUS};
  for (int i = 0; i < SIGNALS; i++) {
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    (void)__sigaction(numbers[i], &ours, &kept[i].versions[0]);
  }
  atomic_store_explicit(&keeps, true, memory_order_release);
}
