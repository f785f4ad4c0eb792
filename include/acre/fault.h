/* SPDX-License-Identifier: MIT */
/*
 * acre/fault.h - faults as a feature: what an access that fails may do instead
 * of killing the program. acre/vm.h includes it.
 *
 *   access fails --> Acre's own means        commit on touch, a stack's growth; a race with another thread
 *                      |not enough
 *                      v
 *                    the thread's guard      acre_guarded_call: for what nothing stands behind
 *                      |none
 *                      v
 *                    the region's handler    acre_vm_on_fault
 *                      |none, or "not mine"
 *                      v
 *                    the process's handler   acre_vm_on_any_fault
 *                      |none, or "not mine"
 *                      v
 *                    whoever had the signal before: the program's own handler, a
 *                    runtime's, or the system's default, as if Acre were not there
 *
 * Caveats first
 *   System calls do not fault: one that is given an address which would fault
 *   fails with EFAULT, repairs nothing and asks nobody.
 *   Acre takes SIGSEGV and SIGBUS when the first of these features is asked for,
 *   and passes on what is not its own. Who takes the signals later and does not
 *   pass on ends that; the next call of acre_vm_reserve with `touch_step`,
 *   acre_vm_on_fault, acre_vm_on_any_fault, acre_vm_set_touch_step, acre_vm_stack_reserve, or of any
 *   function with ACRE_VM_GUARD puts Acre first again. After eight such changes it
 *   says ACRE_E_BUSY.
 *   A thread that has blocked SIGSEGV or SIGBUS is killed by its own faults, by
 *   the kernel's rule.
 *   Acre's handler needs some 3 KiB of stack, and what the kernel puts there (up to
 *   11 KiB). It runs on the thread's alternate stack, where the thread has one.
 */
#ifndef ACRE_FAULT_H
#define ACRE_FAULT_H

#include <acre/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum acre_vm_access {
  ACRE_VM_ACCESS_READ = 0,
  ACRE_VM_ACCESS_WRITE = 1,
  ACRE_VM_ACCESS_EXECUTE = 2
} acre_vm_access;

/* Why the access failed. */
typedef enum acre_vm_fault_reason {
  ACRE_VM_FAULT_RESERVED = 0,      /* the page is only reserved */
  ACRE_VM_FAULT_PROTECTED = 1,     /* its protection forbids this access */
  ACRE_VM_FAULT_GUARD = 2,         /* it was a guard page (ACRE_VM_GUARD), and is none from now on */
  ACRE_VM_FAULT_NO_BACKING = 3,    /* it is allowed, but nothing can be had to stand behind it: the view's file
                                      has become shorter, the disk is full, the device or the memory is broken */
  ACRE_VM_FAULT_STACK_OVERFLOW = 4 /* it lies right below a stack that has its full size */
} acre_vm_fault_reason;

/* What is told of a fault. State and protection are those of a moment ago: other threads go on. */
typedef struct acre_vm_fault {
  void *address; /* the byte, as the processor tells it */
  acre_vm_access access;
  acre_vm_fault_reason reason;
  acre_vm_state state;
  acre_vm_protection
      protection; /* of the page, and of a guard page without ACRE_VM_GUARD; ACRE_VM_NO_ACCESS if reserved */
  acre_vm_kind kind;
  acre_result result; /* why Acre could not repair it: for instance ACRE_E_COMMIT_LIMIT; ACRE_OK: it was not its task */
  void *region_base;
  size_t region_size;
  void *registers; /* the system's record of the interrupted code: on Linux a ucontext_t, which may be changed */
} acre_vm_fault;

typedef enum acre_vm_fault_answer {
  ACRE_VM_FAULT_HANDLED = 0,  /* repaired: the access is tried again (and faults again, if it is not) */
  ACRE_VM_FAULT_NOT_MINE = 1, /* it goes to whoever had the signal before. Win32: EXCEPTION_CONTINUE_SEARCH */
  ACRE_VM_FAULT_FAIL = 2      /* beyond repair: the system's default action at the instruction that failed (the
                                 program dies with a core dump), whoever else has a handler */
} acre_vm_fault_answer;

/*
 * Answers a fault. Called in the thread that made it, in Acre's signal handler:
 * asynchronous signals are held back, faults are not, and none of Acre's locks is
 * held. It may call what a signal handler may call; any function of acre/vm.h on
 * its own region (commit, decommit, protect, query, ...); and these on other
 * regions too, unless the fault was made by a signal handler that may have
 * interrupted one of Acre's functions. It may touch memory that faults are
 * repaired for. It may leave by siglongjmp, but not out of acre_guarded_copy or acre_guarded_call.
 */
typedef acre_vm_fault_answer (*acre_vm_fault_handler)(const acre_vm_fault *fault, void *context);

/*
 * Has `handler` asked about faults in the region (also a view's: acre_vm_query
 * tells its region_base) that Acre does not repair by itself. One handler a region: a new one replaces the old one; NULL
 * removes it.
 * Result: ACRE_E_INVALID_ARGUMENT, region_base is NULL; ACRE_E_NOT_A_REGION;
 *   ACRE_E_NOT_REGION_BASE; ACRE_E_NO_MEMORY; ACRE_E_BUSY, see above.
 * Lifetime: until it is replaced or the region released. A call that another
 * thread has begun before goes on after acre_vm_on_fault, acre_vm_release or
 * acre_view_unmap has returned: what `context` points to must live longer than the
 * accesses that may fault. `handler` and `context` always belong together.
 * Threads: handlers run in several threads at once, if these fault at once.
 * Fork: the child has the same handler.
 * Win32 counterpart: AddVectoredExceptionHandler; here for one region.
 */
ACRE_API acre_result acre_vm_on_fault(void *region_base, acre_vm_fault_handler handler, void *context);

/*
 * Has `handler` asked about every fault that is left: in regions, after their own
 * handler; and at all other addresses of the process. NULL removes it.
 * Of memory that is no region of Acre's, or one with none of these features, `kind` is ACRE_VM_KIND_FOREIGN, the
 * reason ACRE_VM_FAULT_PROTECTED or ACRE_VM_FAULT_NO_BACKING, and what else is told of
 * its state is 0: acre_vm_query knows. An address that no memory can have is UINTPTR_MAX, as the processor does not tell it.
 * Result: ACRE_E_NO_MEMORY; ACRE_E_BUSY, see above.
 * Lifetime: until it is replaced. A call that another thread has begun goes on.
 * Threads, fork: as acre_vm_on_fault. One handler in the process.
 * Win32 counterpart: AddVectoredExceptionHandler, SetUnhandledExceptionFilter.
 */
ACRE_API acre_result acre_vm_on_any_fault(acre_vm_fault_handler handler, void *context);

/*
 * Commit on touch for a region that exists: from now on a touch of a reserved
 * page commits it and its reserved neighbours, `step` bytes at a time (rounded up
 * to pages, at most 4 GiB), aligned in the region. 0: a touch faults again.
 * What the region was reserved with (acre_vm_options.touch_step) is replaced.
 * If the commit fails, the region's handler is asked, with the reason in `result`.
 * Result: as acre_vm_on_fault; ACRE_E_INVALID_SIZE; ACRE_E_WRONG_KIND, the region
 *   is a view or a stack.
 */
ACRE_API acre_result acre_vm_set_touch_step(void *region_base, size_t step);

/*
 * Guard pages
 *
 *   acre_vm_commit(page, size, ACRE_VM_READ_WRITE | ACRE_VM_GUARD)
 *   acre_vm_protect(page, size, ACRE_VM_READ | ACRE_VM_GUARD, &old)
 *
 * Each page of the range allows no access until the first one. That clears the
 * page's guard (and no other page's), and is a fault with the reason
 * ACRE_VM_FAULT_GUARD: the region's handler is asked; where it says HANDLED the
 * access is made, under the page's protection. Content stays. A page that allows
 * no access cannot be a guard page: ACRE_E_INVALID_PROTECTION.
 * acre_vm_query shows the modifier, acre_vm_protect returns it in *old, and any
 * commit or protect without it takes it away. Guard pages cannot be populated,
 * locked or reset: ACRE_E_ACCESS_DENIED.
 * Without a handler (or NOT_MINE) the fault goes on as every other, and who
 * returns from its signal handler will find the access allowed.
 * Win32 counterpart: PAGE_GUARD and STATUS_GUARD_PAGE_VIOLATION.
 */

/* ------------------------------------------------------------- guarded access */

/*
 * Nothing may stand behind a page of a mapped file: another process has made
 * the file shorter, the disk is full and the page was a hole, the device has
 * failed or is gone, the memory is broken. A touch of such a page is SIGBUS, and
 * kills. In guarded code it is a result.
 *
 * Any memory counts, not only Acre's views. A bad pointer does not: SIGSEGV is as
 * ever. System calls fail with EFAULT there, as everywhere.
 */

/*
 * Copies `size` bytes as memcpy does (no overlap), from or to memory that nothing may stand behind.
 * Result: ACRE_E_INVALID_ARGUMENT, a pointer is NULL and size is not 0; ACRE_E_IO: part of the bytes was not to be had;
 *   what `to` holds then is undefined (a part may be copied). At the first call also as acre_vm_on_fault, and
 *   ACRE_E_NOT_SUPPORTED on processors other than x86-64 and aarch64.
 * Cost: memcpy, and some nanoseconds.
 * Threads: any. Fork: as in the parent. Signal handlers: may call it once the program has called it.
 * Win32 counterpart: memcpy in __try, with EXCEPTION_IN_PAGE_ERROR.
 */
ACRE_API acre_result acre_guarded_copy(void *to, const void *from, size_t size);

/*
 * Calls call(context), and returns when it does; or as soon as it, or whatever it calls, touches memory that nothing
 * stands behind. Then it is left where it is, as by longjmp: locks that it holds stay locked, memory that it has
 * allocated stays so, destructors of C++ do not run. So it should read and write, and not much else.
 * *address (unless `address` is NULL): the byte that failed; NULL if none did.
 * Guarded calls and copies may be nested: the innermost one ends. C++ exceptions and pthread_exit pass through
 * (exceptions not where Acre was built without an unwinder, as by musl's wrapper of gcc); a longjmp out of the call
 * must not. A signal handler that interrupts it and touches such memory counts as part of it,
 * and is left with its signal blocked: it should have a guard of its own.
 * Result: ACRE_E_INVALID_ARGUMENT, call is NULL; ACRE_E_IO, it was left; and as acre_guarded_copy.
 * Threads, fork: as acre_guarded_copy.
 * Win32 counterpart: __try, __except (GetExceptionCode() == EXCEPTION_IN_PAGE_ERROR).
 */
ACRE_API acre_result acre_guarded_call(void (*call)(void *context), void *context, void **address);

/* ------------------------------------------------------------- stacks */

/* How a stack is made. Zero in every field is the default. */
typedef struct acre_vm_stack_options {
  size_t commit; /* bytes committed at once, from the top; 0: 128 KiB. A thread's own data (TLS) must fit in */
  size_t step;   /* bytes by which it grows; 0: 64 KiB */
} acre_vm_stack_options;

/*
 * A stack that grows down by itself:
 *
 *   region_base                                  low                            low + size
 *   [ reserved | alternate stack | never used    | reserved | guard | committed ]
 *                                                           <------- grows
 */
typedef struct acre_vm_stack {
  void *region_base; /* for acre_vm_release, acre_vm_on_fault, acre_vm_stack_enter */
  void *low;         /* the lowest byte that it may have: for pthread_attr_setstack */
  size_t size;       /* its full size */
} acre_vm_stack;

/*
 * Reserves a region for a stack of `size` bytes at most, and commits the top of
 * it. Below what is committed lies a guard page. When it is touched, by whomever,
 * the stack grows by a step. A function whose frame reaches below the guard page
 * makes it grow too, as long as the address is not below the thread's stack
 * pointer; any other access below the guard is a fault with the reason
 * ACRE_VM_FAULT_RESERVED. An access to the megabyte below the full stack is one
 * with ACRE_VM_FAULT_STACK_OVERFLOW. Both ask the region's handler, and then whoever
 * had the signal before. If a step cannot be committed, it is a fault with `result` set.
 * Units: size and the options are rounded up to pages.
 * Result: ACRE_E_INVALID_ARGUMENT, out is NULL; ACRE_E_INVALID_SIZE; and as
 *   acre_vm_reserve, acre_vm_commit and acre_vm_on_fault.
 * A thread that runs on it must have an alternate stack for signal handlers, as
 * the stack that has no room cannot take the signal that says so:
 * acre_vm_stack_enter. A system call that is given memory which the stack has not grown to fails
 * with EFAULT; a function's own variables are never below what its calls have touched.
 * Lifetime: until acre_vm_release(region_base), after the thread has ended.
 * Win32 counterpart: the stacks of threads; STATUS_STACK_OVERFLOW.
 */
ACRE_API acre_result acre_vm_stack_reserve(size_t size, const acre_vm_stack_options *options, acre_vm_stack *out);

/*
 * Gives the calling thread the alternate stack that belongs to the stack's
 * region, for as long as it lives or until acre_vm_stack_leave. The first thing
 * that a thread on such a stack does. One thread at a time can use it; a thread
 * that has an alternate stack keeps that.
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_NOT_A_REGION; ACRE_E_NOT_REGION_BASE;
 *   ACRE_E_WRONG_KIND, it is no stack's; ACRE_E_NOT_SUPPORTED, as on Windows, whose handlers have no stack of their own.
 */
ACRE_API acre_result acre_vm_stack_enter(void *region_base);

/*
 * Takes it away again, if the thread has it: before the region is released by a
 * thread that goes on. (One that ends need not.)
 * Result: as acre_vm_stack_enter; ACRE_E_BUSY, called by a handler that runs on it.
 */
ACRE_API acre_result acre_vm_stack_leave(void *region_base);

#ifdef __cplusplus
}

/* A protection with its modifier. */
constexpr acre_vm_protection operator|(acre_vm_protection a, acre_vm_protection b) noexcept {
  return static_cast<acre_vm_protection>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
#endif

#endif
