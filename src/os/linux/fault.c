/* SPDX-License-Identifier: MIT */
/*
 * fault.c - the fault handler on Linux: SIGSEGV and SIGBUS.
 *
 *   fault --> ours? --yes--> return: the access is tried again
 *               |no
 *               v
 *             who had the signal before (posix/pass_on.h)
 *
 * Whoever comes after us takes the signal and either passes on to us or does
 * not. When a feature is asked for again, we go to the top again, and that must
 * not make a circle with one who passes on. So each time is a level with an
 * entry of its own, and an entry knows who was there before it:
 *
 *   kernel -> entry 1 -> the newcomer -> entry 0 -> who was there at first
 *
 * Asynchronous signals are held back while the handler works: it has a region's
 * lock, and another handler that touches the same region would wait for it
 * forever. Faults are not: what the program's own fault handler touches is
 * repaired like everything else. The kernel sees to that when it calls us; one
 * who passes on to us has a mask of his own, so it is set at every call.
 *
 * A signal that was sent (kill) is never ours.
 */
#include "linux.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/math.h"
#include "posix/pass_on.h"

enum { LEVELS = 8, SIGNALS = 2 };

static const int numbers[SIGNALS] = {SIGSEGV, SIGBUS};

/* What instructions raise themselves: never held back, as the kernel kills whoever faults with the signal blocked. */
static const int synchronous[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};

/* Levels are written before their entries can run, and never again. */
static struct {
  _Atomic(acre__os_fault_handler) handler;
  unsigned levels[SIGNALS];                          /* how many are used; changed by acre__os_fault_install alone */
  struct acre__signal_owner before[SIGNALS][LEVELS]; /* who had a signal before us */
} state;

static struct acre__signal_owner *owner_before(int number, unsigned level) {
  return &state.before[number == SIGBUS][level];
}

/* ------------------------------------------------------------- what the access was */

#if defined(__x86_64__) || defined(__i386__)

static enum acre__os_fault_access access_of(const ucontext_t *context) {
  enum { WRITE = 1 << 1, INSTRUCTION_FETCH = 1 << 4 };
  unsigned long code = (unsigned long)context->uc_mcontext.gregs[REG_ERR];
  if ((code & INSTRUCTION_FETCH) != 0) return ACRE_OS_FAULT_EXECUTE;
  return (code & WRITE) != 0 ? ACRE_OS_FAULT_WRITE : ACRE_OS_FAULT_READ;
}

static uintptr_t stack_pointer_of(const ucontext_t *context) {
#if defined(__x86_64__)
  return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#else
  return (uintptr_t)context->uc_mcontext.gregs[REG_ESP];
#endif
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

static uintptr_t stack_pointer_of(const ucontext_t *context) {
  return (uintptr_t)context->uc_mcontext.sp;
}

#else

static enum acre__os_fault_access access_of(const ucontext_t *context) {
  (void)context;
  return ACRE_OS_FAULT_READ;
}

static uintptr_t stack_pointer_of(const ucontext_t *context) {
  (void)context;
  return 0;
}

#endif

/* ------------------------------------------------------------- the handler */

/* Whether it is an access that failed for a reason which the handler may know about. */
static bool is_access(int number, const siginfo_t *info) {
  if (number == SIGSEGV)
    return info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR || info->si_code == SI_KERNEL;
  return info->si_code == BUS_ADRERR || info->si_code == BUS_OBJERR || info->si_code == BUS_MCEERR_AR;
}

/* All but what instructions raise; of that, what the interrupted code held back, but for our own two. */
static void set_own_mask(const sigset_t *interrupted) {
  sigset_t mask;
  sigfillset(&mask);
  for (size_t i = 0; i < sizeof synchronous / sizeof *synchronous; i++) {
    int number = synchronous[i];
    if (number == SIGSEGV || number == SIGBUS || sigismember(interrupted, number) == 0) sigdelset(&mask, number);
  }
  sigprocmask(SIG_SETMASK, &mask, NULL);
}

static enum acre__os_fault_answer ask(int number, const siginfo_t *info, ucontext_t *context) {
  if (!is_access(number, info)) return ACRE_OS_FAULT_PASS_ON;
  /* SI_KERNEL: an address that cannot be one (x86-64: not canonical), which the processor keeps to itself. */
  bool known = info->si_code != SI_KERNEL;
  struct acre__os_fault fault = {.address = known ? (uintptr_t)info->si_addr : UINTPTR_MAX,
                                 .access = access_of(context),
                                 .no_backing = number == SIGBUS,
                                 .stack_pointer = stack_pointer_of(context),
                                 .registers = context};
  int error = errno;
  enum acre__os_fault_answer answer = atomic_load_explicit(&state.handler, memory_order_acquire)(&fault);
  errno = error;
  return answer;
}

static void on_fault(unsigned level, int number, siginfo_t *info, void *context) {
  const ucontext_t *interrupted = context;
  set_own_mask(&interrupted->uc_sigmask);
  switch (ask(number, info, context)) {
    case ACRE_OS_FAULT_REPAIRED: break;
    case ACRE_OS_FAULT_PASS_ON: acre__signal_pass_on(owner_before(number, level), number, info, context); break;
    case ACRE_OS_FAULT_DIE: acre__signal_to_default(number, info); break;
  }
}

static void entry_0(int number, siginfo_t *info, void *context) {
  on_fault(0, number, info, context);
}
static void entry_1(int number, siginfo_t *info, void *context) {
  on_fault(1, number, info, context);
}
static void entry_2(int number, siginfo_t *info, void *context) {
  on_fault(2, number, info, context);
}
static void entry_3(int number, siginfo_t *info, void *context) {
  on_fault(3, number, info, context);
}
static void entry_4(int number, siginfo_t *info, void *context) {
  on_fault(4, number, info, context);
}
static void entry_5(int number, siginfo_t *info, void *context) {
  on_fault(5, number, info, context);
}
static void entry_6(int number, siginfo_t *info, void *context) {
  on_fault(6, number, info, context);
}
static void entry_7(int number, siginfo_t *info, void *context) {
  on_fault(7, number, info, context);
}

static void (*const entries[LEVELS])(int, siginfo_t *, void *) = {entry_0, entry_1, entry_2, entry_3,
                                                                  entry_4, entry_5, entry_6, entry_7};

/* ------------------------------------------------------------- installing */

static bool is_ours(const struct sigaction *action) {
  if ((action->sa_flags & SA_SIGINFO) == 0) return false;
  for (unsigned level = 0; level < LEVELS; level++)
    if (action->sa_sigaction == entries[level]) return true;
  return false;
}

/* What was there is read before it is replaced: a fault may need it at once. */
static acre_result install(unsigned which) {
  int number = numbers[which];
  struct sigaction action;
  if (sigaction(number, NULL, &action) != 0) return acre__linux_error(errno);
  if (is_ours(&action)) return ACRE_OK;
  unsigned level = state.levels[which];
  if (level == LEVELS) return ACRE_E_BUSY;
  state.before[which][level].action = action;
  int restart = action.sa_flags & SA_RESTART;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = entries[level];
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | restart;
  sigfillset(&action.sa_mask);
  for (size_t i = 0; i < sizeof synchronous / sizeof *synchronous; i++) sigdelset(&action.sa_mask, synchronous[i]);
  state.levels[which]++;
  return sigaction(number, &action, NULL) == 0 ? ACRE_OK : acre__linux_error(errno);
}

acre_result acre__os_fault_install(acre__os_fault_handler handler) {
  atomic_store_explicit(&state.handler, handler, memory_order_release);
  acre_result result = install(0);
  return result == ACRE_OK ? install(1) : result;
}

/* ------------------------------------------------------------- alternate stacks */

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

size_t acre__os_signal_stack_size(void) {
  enum { HANDLERS = 56 << 10, OF_OLD = 8 << 10 };
  size_t record = (size_t)getauxval(AT_MINSIGSTKSZ); /* 0 before Linux 5.14, or where no register set is that large */
  return HANDLERS + acre__max(record, OF_OLD);
}

acre_result acre__os_signal_stack_set(void *stack, size_t size) {
  stack_t now;
  if (sigaltstack(NULL, &now) != 0) return acre__linux_error(errno);
  if ((now.ss_flags & SS_DISABLE) == 0) return ACRE_OK;
  stack_t wanted = {.ss_sp = stack, .ss_size = size};
  return sigaltstack(&wanted, NULL) == 0 ? ACRE_OK : acre__linux_error(errno);
}

acre_result acre__os_signal_stack_unset(void *stack) {
  stack_t now;
  if (sigaltstack(NULL, &now) != 0) return acre__linux_error(errno);
  if ((now.ss_flags & SS_DISABLE) != 0 || now.ss_sp != stack) return ACRE_OK;
  if ((now.ss_flags & SS_ONSTACK) != 0) return ACRE_E_BUSY;
  stack_t none = {.ss_flags = SS_DISABLE};
  return sigaltstack(&none, NULL) == 0 ? ACRE_OK : acre__linux_error(errno);
}
