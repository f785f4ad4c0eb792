/* SPDX-License-Identifier: MIT */
/*
 * fault.c - the fault handler on Windows: a vectored exception handler, the first one.
 *
 *   fault --> ours? --yes--> the access is tried again, with the registers as the handler left them
 *               |no
 *               v
 *             whoever else is asked: vectored handlers, the thread's own (__try),
 *             the top filter, the debugger
 *
 * Who comes before us takes the exception or passes it on; there is nothing to
 * call and no circle to make, so it is installed once.
 *
 * The system calls it on the interrupted thread's own stack, which must have
 * room for that: a stack in memory that a handler commits can't be had here.
 */
#include "win.h"

#include <stdatomic.h>

#include "base/compiler.h"

static _Atomic(acre__os_fault_handler) handler;

static bool is_access(const EXCEPTION_RECORD *record) {
  return (record->ExceptionCode == (DWORD)EXCEPTION_ACCESS_VIOLATION ||
          record->ExceptionCode == (DWORD)EXCEPTION_IN_PAGE_ERROR) &&
         record->NumberParameters >= 2;
}

/* As the system tells it: 0, 1, and 8 for code that must not be executed. */
static enum acre__os_fault_access access_of(const EXCEPTION_RECORD *record) {
  switch (record->ExceptionInformation[0]) {
    case 0: return ACRE_OS_FAULT_READ;
    case 1: return ACRE_OS_FAULT_WRITE;
    default: return ACRE_OS_FAULT_EXECUTE;
  }
}

static uintptr_t stack_pointer_of(const CONTEXT *context) {
#if defined(__x86_64__)
  return (uintptr_t)context->Rsp;
#elif defined(__aarch64__)
  return (uintptr_t)context->Sp;
#else
  (void)context;
  return 0;
#endif
}

static _Noreturn void die(EXCEPTION_POINTERS *exception) {
  RaiseFailFastException(exception->ExceptionRecord, exception->ContextRecord, 0);
  for (;;) (void)TerminateProcess(GetCurrentProcess(), exception->ExceptionRecord->ExceptionCode);
}

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *exception) {
  const EXCEPTION_RECORD *record = exception->ExceptionRecord;
  if (!is_access(record)) return EXCEPTION_CONTINUE_SEARCH;
  struct acre__os_fault fault = {
      .address = record->ExceptionInformation[1], /* the highest one for an address that no memory can have */
      .access = access_of(record),
      .no_backing = record->ExceptionCode == (DWORD)EXCEPTION_IN_PAGE_ERROR,
      .stack_pointer = stack_pointer_of(exception->ContextRecord),
      .registers = exception->ContextRecord};
  DWORD error = GetLastError();
  enum acre__os_fault_answer answer = atomic_load_explicit(&handler, memory_order_acquire)(&fault);
  SetLastError(error);
  if (answer == ACRE_OS_FAULT_DIE) die(exception);
  return answer == ACRE_OS_FAULT_REPAIRED ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

acre_result acre__os_fault_install(acre__os_fault_handler called) {
  static bool installed;
  atomic_store_explicit(&handler, called, memory_order_release);
  if (!installed) installed = AddVectoredExceptionHandler(1, on_exception) != NULL;
  return installed ? ACRE_OK : ACRE_E_NO_MEMORY;
}

/* ------------------------------------------------------------- alternate stacks */

size_t acre__os_signal_stack_size(void) {
  return 0;
}

acre_result acre__os_signal_stack_set(void *stack, size_t size) {
  (void)stack, (void)size;
  return ACRE_E_NOT_SUPPORTED;
}

acre_result acre__os_signal_stack_unset(void *stack) {
  (void)stack;
  return ACRE_OK;
}
