/* SPDX-License-Identifier: MIT */
/*
 * How things end on Windows (see system.h): by events of the console, which come
 * in a thread of their own, and by exceptions.
 *
 * What touches memory is a thread that is made for it. Its exception is seen by a
 * handler that has it go on at the thread's end.
 */
#include "win.h"

#include "message.h"

/* ------------------------------------------------------------- asked to end */

enum { ASKED_BY = 1 }; /* and which event, as none of them is 0 */

static volatile sig_atomic_t *noted;

/* When the console is closed the program has as long as this does not return, and not longer than some seconds. */
static BOOL WINAPI note_event(DWORD event) {
  *noted = (sig_atomic_t)(event + ASKED_BY);
  if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) Sleep(INFINITE);
  return TRUE;
}

void system_catch_end(volatile sig_atomic_t *asked) {
  noted = asked;
  SetConsoleCtrlHandler(note_event, TRUE);
}

/* With the status that the system's own handler gives. */
void system_end_as_asked(int asked) {
  (void)asked;
  fflush(NULL);
  ExitProcess((UINT)STATUS_CONTROL_C_EXIT);
}

/* ------------------------------------------------------------- touching */

static struct {
  DWORD thread;
  volatile char *address;
  struct system_end *end;
} touching;

static _Noreturn void end_thread(void) {
  ExitThread(1);
}

static bool go_on_at_end(CONTEXT *context) {
#if defined(__x86_64__)
  enum { HOME = 32 };
  context->Rsp = ((context->Rsp - HOME) & ~(DWORD64)15) - sizeof(void *);
  context->Rip = (DWORD64)(uintptr_t)end_thread;
  return true;
#elif defined(__aarch64__)
  context->Pc = (DWORD64)(uintptr_t)end_thread;
  return true;
#else
  (void)context;
  return false;
#endif
}

static LONG CALLBACK note_exception(EXCEPTION_POINTERS *exception) {
  const EXCEPTION_RECORD *record = exception->ExceptionRecord;
  if (GetCurrentThreadId() != touching.thread || record->NumberParameters < 2) return EXCEPTION_CONTINUE_SEARCH;
  bool is_violation = record->ExceptionCode == (DWORD)EXCEPTION_ACCESS_VIOLATION;
  *touching.end = (struct system_end){.is_fault = is_violation,
                                      .number = (int)record->ExceptionCode,
                                      .name = is_violation ? N_("access violation") : N_("in-page error"),
                                      .address = record->ExceptionInformation[1]};
  return go_on_at_end(exception->ContextRecord) ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

static DWORD WINAPI touch(void *context) {
  (void)context;
  *touching.address = 'x';
  return 0;
}

/* The handler is the last one: those that repair a fault come first. */
bool system_touch(char *address, struct system_end *out) {
  *out = (struct system_end){.name = ""};
  HANDLE thread = CreateThread(NULL, 0, touch, NULL, CREATE_SUSPENDED, &touching.thread);
  if (thread == NULL) return win_fail();
  touching.address = address;
  touching.end = out;
  void *handler = AddVectoredExceptionHandler(0, note_exception);
  bool ended = handler != NULL && ResumeThread(thread) != (DWORD)-1 &&
               WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0;
  if (!ended) TerminateThread(thread, 1);
  if (handler != NULL) RemoveVectoredExceptionHandler(handler);
  CloseHandle(thread);
  return ended || win_fail();
}
