/* SPDX-License-Identifier: MIT */
/*
 * pass_on.h - a signal that is not for the handler that got it goes on to who had the signal before:
 *
 *   a function    is called as the kernel would have called it: its signal mask, SA_NODEFER and
 *                 SA_RESETHAND count
 *   SIG_DFL       is put back, and the signal sent once more: it comes when the handler has
 *                 returned, so that the core dump shows the instruction and not the handler
 *   SIG_IGN       for a fault the kernel takes it for SIG_DFL; a signal that somebody sent
 *                 is ignored
 *
 * Limit: where SIG_DFL is put back it is for all threads, and for good; the
 * process is about to die.
 *
 * A header of its own, as handlers are in libraries that share no other code: src/os/linux, src/win32, and src/check,
 * whose masks and former handlers are the program's wishes and not the kernel's, so that it uses a part.
 * The file that includes it has asked libc for its extensions.
 */
#ifndef ACRE_POSIX_PASS_ON_H
#define ACRE_POSIX_PASS_ON_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Who had a signal. */
struct acre__signal_owner {
  struct sigaction action;
  atomic_bool spent; /* it had SA_RESETHAND and was called */
};

static inline bool acre__signal_has_function(const struct sigaction *action) {
  return (action->sa_flags & SA_SIGINFO) != 0 || (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

/* The function itself. */
static inline void acre__signal_call(const struct sigaction *action, int number, siginfo_t *info, void *context) {
  if ((action->sa_flags & SA_SIGINFO) != 0)
    action->sa_sigaction(number, info, context);
  else
    action->sa_handler(number);
}

/* The signal comes again, with all that is known of it, when the handler has returned and it is let through. */
static inline void acre__signal_to_default(int number, siginfo_t *info) {
  struct sigaction action;
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  sigprocmask(SIG_BLOCK, &one, NULL);
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  sigaction(number, &action, NULL);
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number, info) == 0) return;
  if (info->si_code <= 0)
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number); /* else the instruction faults again */
}

/* The mask with which the kernel would have called the function. */
static inline void acre__signal_set_mask(const struct sigaction *action, int number, const sigset_t *interrupted) {
  sigset_t mask = action->sa_mask;
  if ((action->sa_flags & SA_NODEFER) == 0) sigaddset(&mask, number);
  for (int other = 1; other < NSIG; other++)
    if (sigismember(interrupted, other) == 1) sigaddset(&mask, other);
  sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* The last that a handler does. The thread's mask is changed: it becomes that of `context` when the handler returns. */
static inline void acre__signal_pass_on(struct acre__signal_owner *owner, int number, siginfo_t *info, void *context) {
  const struct sigaction *action = &owner->action;
  bool has_function = acre__signal_has_function(action);
  if (has_function && ((action->sa_flags & SA_RESETHAND) == 0 || !atomic_exchange(&owner->spent, true))) {
    acre__signal_set_mask(action, number, &((const ucontext_t *)context)->uc_sigmask);
    acre__signal_call(action, number, info, context);
  } else if (has_function || action->sa_handler == SIG_DFL || info->si_code > 0) {
    acre__signal_to_default(number, info);
  }
}

#endif
