/* SPDX-License-Identifier: MIT */
/*
 * exceptions.c - where exceptions begin (a fault, a signal of the processor's,
 * RaiseException) and what is asked before and after the frames: vectored
 * handlers, and the filter for what nobody handles.
 *
 *   fault, signal ---+--> vectored handlers --> frames (frames.c) --> top filter --> as if Acre were not there
 *   RaiseException --+
 *
 * Vectored handlers run in the signal handler, filters do not (seh.h). A fault
 * that nobody wants is made once more and then passed on, so that whoever had
 * the signal before gets it, and a core dump shows the instruction.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#include "posix/pass_on.h"
#include "win32/locks.h"
#include "win32/seh.h"

static const DWORD device_failed = 0xc0000185; /* STATUS_IO_DEVICE_ERROR, which ntstatus.h has */

/* ------------------------------------------------------------- vectored handlers, and the filter for the rest */

/* A list is never changed: a new one takes its place, and the old one stays, as a thread may be reading it. */
struct vectored {
  const struct vectored *former;
  size_t count;
  struct {
    PVECTORED_EXCEPTION_HANDLER handler;
    void *id;
  } entries[];
};

static _Atomic(struct vectored *) vectored;
static _Atomic(LPTOP_LEVEL_EXCEPTION_FILTER) top_filter;

static struct vectored *new_list(size_t count) {
  struct vectored *list = malloc(sizeof *list + count * sizeof list->entries[0]);
  if (list == NULL) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  list->former = atomic_load(&vectored);
  list->count = count;
  return list;
}

PVOID AddVectoredExceptionHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler) {
  acre__seh_install();
  void *id = malloc(1); /* an address that is no other handler's */
  acre__take(ACRE_LOCK_VECTORED);
  const struct vectored *list = atomic_load(&vectored);
  size_t count = list != NULL ? list->count : 0, at = first != 0 ? 0 : count;
  struct vectored *copy = id != NULL ? new_list(count + 1) : NULL;
  if (copy != NULL) {
    for (size_t i = 0; i < count; i++) copy->entries[i + (at == 0)] = list->entries[i];
    copy->entries[at].handler = handler;
    copy->entries[at].id = id;
    atomic_store(&vectored, copy);
  }
  acre__give(ACRE_LOCK_VECTORED);
  if (copy != NULL) return id;
  free(id);
  return NULL;
}

ULONG RemoveVectoredExceptionHandler(PVOID id) {
  acre__take(ACRE_LOCK_VECTORED);
  const struct vectored *list = atomic_load(&vectored);
  size_t count = list != NULL ? list->count : 0, at = 0;
  while (at < count && list->entries[at].id != id) at++;
  struct vectored *copy = at < count ? new_list(count - 1) : NULL;
  if (copy != NULL) {
    for (size_t i = 0; i < count; i++)
      if (i != at) copy->entries[i - (i > at)] = list->entries[i];
    atomic_store(&vectored, copy);
  }
  acre__give(ACRE_LOCK_VECTORED);
  if (copy == NULL) return at < count ? 0 : (ULONG)acre__fail(ERROR_INVALID_PARAMETER);
  free(id);
  return 1;
}

LPTOP_LEVEL_EXCEPTION_FILTER SetUnhandledExceptionFilter(LPTOP_LEVEL_EXCEPTION_FILTER filter) {
  acre__seh_install();
  return atomic_exchange(&top_filter, filter);
}

LONG UnhandledExceptionFilter(struct _EXCEPTION_POINTERS *exception) {
  LPTOP_LEVEL_EXCEPTION_FILTER filter = atomic_load(&top_filter);
  return filter != NULL ? filter(exception) : EXCEPTION_CONTINUE_SEARCH;
}

/* True: one of them says that it goes on. */
static bool ask_vectored(struct acre__dispatch *dispatch) {
  const struct vectored *list = atomic_load(&vectored);
  for (size_t i = 0; list != NULL && i < list->count; i++)
    if (list->entries[i].handler(&dispatch->pointers) == EXCEPTION_CONTINUE_EXECUTION) return true;
  return false;
}

/* ------------------------------------------------------------- nobody wants it */

static _Noreturn void die_of(DWORD code) {
  char text[64];
  int length = snprintf(text, sizeof text, "acre: unhandled exception 0x%08x\n", code);
  (void)!write(STDERR_FILENO, text, (size_t)length);
  abort();
}

static _Noreturn void die_by_signal(int number) {
  sigset_t one;
  signal(number, SIG_DFL);
  sigemptyset(&one);
  sigaddset(&one, number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  raise(number);
  abort();
}

void acre__dispatch_unhandled(struct acre__dispatch *dispatch) {
  struct acre__seh *thread = acre__seh_thread();
  DWORD code = dispatch->record.ExceptionCode;
  LONG answer = UnhandledExceptionFilter(&dispatch->pointers);
  if (answer == EXCEPTION_EXECUTE_HANDLER) TerminateProcess(GetCurrentProcess(), code);
  if (dispatch->origin != ACRE_SEH_FAULT)
    acre__jump_to(&dispatch->resume, answer < 0 ? ACRE_SEH_CONTINUED : ACRE_SEH_UNHANDLED);
  if (answer == EXCEPTION_CONTINUE_SEARCH) {
    if (code == STATUS_GUARD_PAGE_VIOLATION) die_by_signal(SIGSEGV); /* a second access would find it allowed */
    thread->unwanted = acre__state_place(dispatch->state);
  }
  acre__state_from_context(dispatch->state, &dispatch->context);
  acre__dispatch_end(thread, dispatch); /* it becomes the spare one, which is read once more */
  acre__state_resume(dispatch->state);
}

/* ------------------------------------------------------------- faults and signals */

static bool somebody_may_want(const struct acre__seh *thread) {
  return (thread != NULL && thread->active != NULL) || atomic_load(&vectored) != NULL ||
         atomic_load(&top_filter) != NULL;
}

/* In a signal handler. False: nobody wants it. */
static bool dispatch_fault(const EXCEPTION_RECORD *record, void *context) {
  struct acre__seh *thread = acre__seh_thread_if_any();
  void *here = acre__state_in_place(context);
  uintptr_t place = acre__state_place(here);
  if (thread != NULL && thread->unwanted == place) {
    thread->unwanted = 0;
    return false;
  }
  if (!somebody_may_want(thread)) return false;
  if (thread == NULL) thread = acre__seh_thread();
  struct acre__dispatch *dispatch = thread != NULL
                                        ? acre__dispatch_begin(thread, ACRE_SEH_FAULT, acre__state_size(context))
                                        : NULL;
  if (dispatch == NULL) return false;
  dispatch->record = *record;
  dispatch->record.ExceptionAddress = (PVOID)place;
  acre__state_to_context(here, &dispatch->context);
  if (ask_vectored(dispatch)) {
    acre__state_from_context(here, &dispatch->context);
    acre__dispatch_end(thread, dispatch);
    return true;
  }
  acre__state_save(dispatch->state, context);
  dispatch->at_first = (char *)acre__state_stack(dispatch->state);
  dispatch->low = (char *)(((uintptr_t)dispatch->at_first - ACRE_RED_ZONE) & ~(uintptr_t)15);
  acre__state_set_mask(dispatch->state);
  acre__dispatch_search(thread, dispatch);
}

static acre_vm_fault_answer on_fault(const acre_vm_fault *fault, void *context) {
  static const ULONG_PTR kinds[] = {
      [ACRE_VM_ACCESS_READ] = 0, [ACRE_VM_ACCESS_WRITE] = 1, [ACRE_VM_ACCESS_EXECUTE] = 8};
  (void)context;
  EXCEPTION_RECORD record = {.ExceptionCode = STATUS_ACCESS_VIOLATION, .NumberParameters = 2};
  record.ExceptionInformation[0] = kinds[fault->access];
  record.ExceptionInformation[1] = (ULONG_PTR)fault->address;
  switch (fault->reason) {
    case ACRE_VM_FAULT_GUARD: record.ExceptionCode = STATUS_GUARD_PAGE_VIOLATION; break;
    case ACRE_VM_FAULT_STACK_OVERFLOW: record.ExceptionCode = STATUS_STACK_OVERFLOW; break;
    case ACRE_VM_FAULT_NO_BACKING:
      record.ExceptionCode = STATUS_IN_PAGE_ERROR;
      record.NumberParameters = 3;
      record.ExceptionInformation[2] = device_failed;
      break;
    default: break;
  }
  return dispatch_fault(&record, fault->registers) ? ACRE_VM_FAULT_HANDLED : ACRE_VM_FAULT_NOT_MINE;
}

enum { SIGNALS = 3 };
static const int numbers[SIGNALS] = {SIGFPE, SIGILL, SIGTRAP};
static struct acre__signal_owner before[SIGNALS];

static DWORD code_of(int number, int code) {
  if (number == SIGILL)
    return code == ILL_PRVOPC || code == ILL_PRVREG ? STATUS_PRIVILEGED_INSTRUCTION : STATUS_ILLEGAL_INSTRUCTION;
  if (number == SIGTRAP) return code == TRAP_TRACE ? STATUS_SINGLE_STEP : STATUS_BREAKPOINT;
  switch (code) {
    case FPE_INTDIV: return STATUS_INTEGER_DIVIDE_BY_ZERO;
    case FPE_INTOVF: return STATUS_INTEGER_OVERFLOW;
    case FPE_FLTDIV: return STATUS_FLOAT_DIVIDE_BY_ZERO;
    case FPE_FLTOVF: return STATUS_FLOAT_OVERFLOW;
    case FPE_FLTUND: return STATUS_FLOAT_UNDERFLOW;
    case FPE_FLTRES: return STATUS_FLOAT_INEXACT_RESULT;
    default: return STATUS_FLOAT_INVALID_OPERATION;
  }
}

/* What the processor raises itself has a code above 0. All else, and what nobody wants, is for who was there before. */
static void on_signal(int number, siginfo_t *info, void *context) {
  EXCEPTION_RECORD record = {.ExceptionCode = code_of(number, info->si_code)};
#if defined(__x86_64__)
  /* Windows tells the breakpoint itself, and not what follows it. */
  ucontext_t *registers = context;
  bool breakpoint = number == SIGTRAP && record.ExceptionCode == STATUS_BREAKPOINT && info->si_code > 0;
  if (breakpoint) registers->uc_mcontext.gregs[REG_RIP]--;
#endif
  if (info->si_code > 0 && dispatch_fault(&record, context)) return;
#if defined(__x86_64__)
  if (breakpoint) registers->uc_mcontext.gregs[REG_RIP]++;
#endif
  for (int i = 0; i < SIGNALS; i++)
    if (numbers[i] == number) acre__signal_pass_on(&before[i], number, info, context);
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < SIGNALS; i++) sigaction(numbers[i], &action, &before[i].action);
  acre_vm_on_any_fault(on_fault, NULL);
}

void acre__seh_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
}

/* ------------------------------------------------------------- raised by the program */

void RaiseException(DWORD code, DWORD flags, DWORD count, const ULONG_PTR *arguments) {
  const DWORD reserved = 0x10000000; /* Windows clears this bit */
  acre__seh_install();
  struct acre__seh *thread = acre__seh_thread();
  struct acre__dispatch *dispatch = thread != NULL ? acre__dispatch_begin(thread, ACRE_SEH_RAISED, 0) : NULL;
  if (dispatch == NULL) die_of(STATUS_NO_MEMORY);
  dispatch->record = (EXCEPTION_RECORD){.ExceptionCode = code & ~reserved,
                                        .ExceptionFlags = flags & EXCEPTION_NONCONTINUABLE,
                                        .ExceptionAddress = (PVOID)(uintptr_t)RaiseException};
  if (arguments != NULL) {
    dispatch->record.NumberParameters = count < EXCEPTION_MAXIMUM_PARAMETERS ? count : EXCEPTION_MAXIMUM_PARAMETERS;
    memcpy(dispatch->record.ExceptionInformation, arguments, dispatch->record.NumberParameters * sizeof *arguments);
  }
  int result = acre__jump_mark(&dispatch->resume);
  if (result == 0) {
    acre__jump_to_context(&dispatch->resume, &dispatch->context);
    if (!ask_vectored(dispatch)) {
      dispatch->at_first = dispatch->low = acre__jump_stack(&dispatch->resume);
      acre__dispatch_search(thread, dispatch);
    }
    result = ACRE_SEH_CONTINUED;
  }
  thread = acre__seh_thread();
  dispatch = thread->dispatch;
  code = dispatch->record.ExceptionCode;
  bool may_go_on = (dispatch->record.ExceptionFlags & EXCEPTION_NONCONTINUABLE) == 0;
  acre__dispatch_end(thread, dispatch);
  if (result == ACRE_SEH_UNHANDLED) die_of(code);
  if (!may_go_on) RaiseException(STATUS_NONCONTINUABLE_EXCEPTION, EXCEPTION_NONCONTINUABLE, 0, NULL);
}
