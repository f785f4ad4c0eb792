/* SPDX-License-Identifier: MIT */
/*
 * fault.c - the fault handler on Linux: SIGSEGV.
 *
 *   fault --> ours? --yes--> return: the access is tried again
 *               |no
 *               v
 *             who had SIGSEGV before
 *               a function    is called as the kernel would have called it:
 *                             its signal mask, SA_NODEFER and SA_RESETHAND count
 *               SIG_DFL       is put back, and the instruction faults again, so
 *                             that the core dump shows it and not this file
 *               SIG_IGN       for a fault the kernel takes it for SIG_DFL; a
 *                             signal that somebody sent is ignored
 *
 * Signals are held back while the handler works: it has a region's lock, and
 * another handler that touches the same region would wait for it forever.
 *
 * A SIGSEGV that was sent (kill) is never ours. With SIG_DFL it is sent once
 * more and is pending until the handler returns.
 *
 * Limits: where SIG_DFL is put back it is for all threads, and for good. If,
 * between that and the retried access, another thread makes the page
 * accessible, the program goes on without this handler.
 */
#include "linux.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/lock.h"

/* Written by acre__os_fault_install before the handler can run; `spent` by the handler itself. */
static struct {
  struct acre__lock lock;
  atomic_bool installed;
  acre__os_fault_handler handler;
  struct sigaction previous;
  atomic_bool spent; /* previous had SA_RESETHAND and was called */
} state;

/* ------------------------------------------------------------- what the access was */

#if defined(__x86_64__) || defined(__i386__)

static enum acre__os_fault_access access_of(const ucontext_t *context) {
  enum { WRITE = 1 << 1, INSTRUCTION_FETCH = 1 << 4 };
  unsigned long code = (unsigned long)context->uc_mcontext.gregs[REG_ERR];
  if ((code & INSTRUCTION_FETCH) != 0) return ACRE_OS_FAULT_EXECUTE;
  return (code & WRITE) != 0 ? ACRE_OS_FAULT_WRITE : ACRE_OS_FAULT_READ;
}

#elif defined(__aarch64__)

/* The exception's syndrome is one of the records that follow the registers, each with its magic number and size. */
static uint64_t syndrome_of(const ucontext_t *context) {
  const uint32_t esr_magic = 0x45535201;
  const char *records = (const char *)context->uc_mcontext.__reserved;
  for (size_t at = 0; at + 16 <= sizeof context->uc_mcontext.__reserved;) {
    struct {
      uint32_t magic, size;
      uint64_t syndrome;
    } record;
    memcpy(&record, records + at, sizeof record);
    if (record.magic == esr_magic) return record.syndrome;
    if (record.magic == 0 || record.size == 0) break;
    at += record.size;
  }
  return 0;
}

static enum acre__os_fault_access access_of(const ucontext_t *context) {
  enum { INSTRUCTION_ABORT = 0x20, WRITE = 1 << 6, CACHE_MAINTENANCE = 1 << 8 };
  uint64_t syndrome = syndrome_of(context);
  if (syndrome >> 26 == INSTRUCTION_ABORT) return ACRE_OS_FAULT_EXECUTE;
  return (syndrome & (WRITE | CACHE_MAINTENANCE)) == WRITE ? ACRE_OS_FAULT_WRITE : ACRE_OS_FAULT_READ;
}

#else

static enum acre__os_fault_access access_of(const ucontext_t *context) {
  (void)context;
  return ACRE_OS_FAULT_READ;
}

#endif

/* ------------------------------------------------------------- the previous owner */

static void to_default(int number, siginfo_t *info) {
  struct sigaction action = state.previous;
  action.sa_handler = SIG_DFL;
  action.sa_flags = 0;
  sigaction(number, &action, NULL);
  if (info->si_code > 0) return; /* the instruction faults again */
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number, info) != 0)
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}

/* The mask with which the kernel would have called the previous handler. */
static void set_previous_mask(int number, const sigset_t *interrupted) {
  sigset_t mask = state.previous.sa_mask;
  if ((state.previous.sa_flags & SA_NODEFER) == 0) sigaddset(&mask, number);
  for (int other = 1; other < NSIG; other++)
    if (sigismember(interrupted, other) == 1) sigaddset(&mask, other);
  sigprocmask(SIG_SETMASK, &mask, NULL);
}

static void to_function(int number, siginfo_t *info, ucontext_t *context) {
  const struct sigaction *previous = &state.previous;
  set_previous_mask(number, &context->uc_sigmask);
  if ((previous->sa_flags & SA_SIGINFO) != 0)
    previous->sa_sigaction(number, info, context);
  else
    previous->sa_handler(number);
}

static void to_previous(int number, siginfo_t *info, ucontext_t *context) {
  const struct sigaction *previous = &state.previous;
  bool is_function = (previous->sa_flags & SA_SIGINFO) != 0 ||
                     (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN);
  if (is_function && ((previous->sa_flags & SA_RESETHAND) == 0 || !atomic_exchange(&state.spent, true)))
    to_function(number, info, context);
  else if (is_function || previous->sa_handler == SIG_DFL || info->si_code > 0)
    to_default(number, info);
}

/* ------------------------------------------------------------- the handler */

static void on_fault(int number, siginfo_t *info, void *context) {
  int error = errno;
  bool is_access = info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR;
  bool ours = is_access && state.handler((uintptr_t)info->si_addr, access_of(context));
  errno = error;
  if (!ours) to_previous(number, info, context);
}

/* What was there is read before it is replaced: a fault may need it at once. */
static acre_result install(acre__os_fault_handler handler) {
  if (sigaction(SIGSEGV, NULL, &state.previous) != 0) return acre__linux_error(errno);
  state.handler = handler;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | (state.previous.sa_flags & SA_RESTART);
  sigfillset(&action.sa_mask);
  if (sigaction(SIGSEGV, &action, NULL) != 0) return acre__linux_error(errno);
  atomic_store(&state.installed, true);
  return ACRE_OK;
}

acre_result acre__os_fault_install(acre__os_fault_handler handler) {
  if (atomic_load(&state.installed)) return ACRE_OK; /* without the lock: a forked child must not find it taken */
  acre__lock(&state.lock);
  acre_result result = atomic_load(&state.installed) ? ACRE_OK : install(handler);
  acre__unlock(&state.lock);
  return result;
}
