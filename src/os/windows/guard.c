/* SPDX-License-Identifier: MIT */
/*
 * guard.c - guarded code on Windows: an access that nothing stands behind ends it, and not the process.
 *
 *   the thread's stack                           the fault handler
 *     guarded call   [record: where to go on]
 *       code
 *         access  ------- exception --->         changes the interrupted registers
 *         go_on() <---- return of the handler    to a call of go_on
 *     goes on
 *
 * The jump is the compiler's own: longjmp would unwind the frames in between,
 * which ends at go_on, whose caller never called it. Records are a list, the
 * innermost first; an exception that passes takes its own out.
 */
#include "win.h"

#include <stdatomic.h>
#include <string.h>

#include "base/compiler.h"

struct guard {
  struct guard *outer;
  uintptr_t address; /* of the access that has ended it */
  void *place[5];
};

static ACRE_THREAD_LOCAL struct guard *innermost;

static void enter(struct guard *guard) {
  guard->outer = innermost;
  innermost = guard;
  atomic_signal_fence(memory_order_seq_cst); /* before the first access */
}

static void leave(struct guard *guard) {
  atomic_signal_fence(memory_order_seq_cst);
  innermost = guard->outer;
}

ACRE_COLD bool acre__os_guarded_call(void (*call)(void *context), void *context, uintptr_t *address) {
  __attribute__((cleanup(leave))) struct guard guard;
  enter(&guard);
  if (__builtin_setjmp(guard.place) == 0) {
    call(context);
    return true;
  }
  *address = guard.address;
  return false;
}

acre_result acre__os_guarded_copy(void *to, const void *from, size_t size) {
  struct guard guard;
  enter(&guard);
  if (__builtin_setjmp(guard.place) == 0) {
    memcpy(to, from, size);
    leave(&guard);
    return ACRE_OK;
  }
  leave(&guard);
  return ACRE_E_IO;
}

void acre__os_force_copy_by_memcpy(bool by_memcpy) {
  (void)by_memcpy; /* there is no other way */
}

/* ------------------------------------------------------------- in the fault handler */

static _Noreturn void go_on(void) {
  __builtin_longjmp(innermost->place, 1);
}

/* The interrupted code goes on as if it had called go_on, which has its four words of home space above its return. */
#if defined(__x86_64__)
#define CAN_REDIRECT true
static void redirect(CONTEXT *context) {
  enum { HOME = 32, DIRECTION = 1 << 10 };
  context->Rsp = ((context->Rsp - HOME) & ~(DWORD64)15) - sizeof(void *);
  context->EFlags &= ~(DWORD)DIRECTION;
  context->Rip = (DWORD64)(uintptr_t)go_on;
}
#else
#define CAN_REDIRECT false
static void redirect(CONTEXT *context) {
  (void)context;
  (void)go_on;
}
#endif

bool acre__os_can_guard(void) {
  return CAN_REDIRECT;
}

bool acre__os_is_guarded(const struct acre__os_fault *fault) {
  (void)fault; /* whatever is guarded has a record */
  return innermost != NULL;
}

bool acre__os_guard_leave(const struct acre__os_fault *fault) {
  if (innermost == NULL || !CAN_REDIRECT) return false;
  innermost->address = fault->address;
  redirect(fault->registers);
  return true;
}
