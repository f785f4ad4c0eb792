/* SPDX-License-Identifier: MIT */
/*
 * guard.c - guarded code: an access that nothing stands behind ends it, and not
 * the process.
 *
 *   the thread's stack                           the fault handler
 *     guarded call   [record: where to go on]
 *       code
 *         access  ------- fault ------->         changes the interrupted registers
 *         go_on() <---- return of the handler    to a call of go_on
 *     goes on
 *
 * The handler does not jump itself: its return gives the thread its signal mask
 * and its alternate stack back, so that a guard need not note them, which would
 * be a system call. What is noted is what a jump needs, and for a copy as little
 * as the compiler can do with: setjmp is 5 % of copying a page.
 *
 * A copy notes nothing at all where the processor has an instruction for it
 * that is as fast as memcpy. An access that fails can then be nowhere but in that instruction,
 * which is passed over, and has left in a register how much was still to do.
 * What a record costs is its stores: a copy has one for each cycle already.
 *
 * Records are a list, the innermost first. An exception, or the end of the
 * thread (pthread_exit), takes its records out as it passes; this file is
 * compiled so that they can. A longjmp does not.
 */
#include "linux.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "base/compiler.h"

/* The compiler's own jump: clang has it on x86 alone, and ThreadSanitizer does not know it. */
#if defined(__x86_64__) && !ACRE_SANITIZED
#define HAS_SHORT_JUMP 1
#else
#define HAS_SHORT_JUMP 0
#endif

/*
 * A library that comes into every process must not bring the unwinder, which takes
 * longer to load than all of the library. There it is used if the program has it
 * (all that C++ programs do); where not, nothing is thrown, and a thread that
 * leaves a guarded call by pthread_exit leaves its record behind.
 */
#ifdef ACRE_WEAK_UNWINDER
__asm__(".weak _Unwind_Resume\n.weak __gcc_personality_v0");
#endif

struct guard {
  struct guard *outer;
  uintptr_t address; /* of the access that has ended it */
  bool is_copy;
  union {
    jmp_buf call;
    void *copy[5];
  } place;
};

#if HAS_SHORT_JUMP
#define MARK_COPY(guard) __builtin_setjmp((guard)->place.copy)
#else
#define MARK_COPY(guard) setjmp((guard)->place.call)
#endif

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

bool acre__os_guarded_call(void (*call)(void *context), void *context, uintptr_t *address) {
  __attribute__((cleanup(leave))) struct guard guard;
  guard.is_copy = false;
  enter(&guard);
  if (setjmp(guard.place.call) == 0) {
    call(context);
    return true;
  }
  *address = guard.address;
  return false;
}

static acre_result copy_with_record(void *to, const void *from, size_t size) {
  struct guard guard;
  guard.is_copy = true;
  enter(&guard);
  if (MARK_COPY(&guard) == 0) {
    memcpy(to, from, size);
    leave(&guard);
    return ACRE_OK;
  }
  leave(&guard);
  return ACRE_E_IO;
}

/* ------------------------------------------------------------- a copy by one instruction */

/* Sanitizers look at what memcpy is given, but not into an assembler's instruction. */
#if defined(__x86_64__) && !ACRE_SANITIZED
enum {
  COPY_LENGTH = 2,       /* bytes of the instruction */
  LONGEST_COPY = 1 << 20 /* beyond it memcpy is faster, as it passes the caches by */
};

extern const char acre__guarded_copy_instruction[] __attribute__((visibility("hidden")));

static ACRE_ONCE acre_result copy_by_instruction(void *to, const void *from, size_t size) {
  __asm__ volatile(".globl acre__guarded_copy_instruction\n"
                   ".hidden acre__guarded_copy_instruction\n"
                   "acre__guarded_copy_instruction: rep movsb"
                   : "+D"(to), "+S"(from), "+c"(size)
                   :
                   : "memory");
  return size == 0 ? ACRE_OK : ACRE_E_IO;
}

/*
 * "Fast short rep mov". AMD's processors that say so are several times slower than
 * memcpy where the two addresses are alike in their last twelve bits.
 */
static bool has_fast_instruction(void) {
  enum { FEATURES = 7, FAST_SHORT = 1 << 4 };
  static const char intel[] = "GenuineIntel";
  unsigned a, name[3], b, c, d; /* of twelve letters: the first four, the last, the middle */
  return __get_cpuid(0, &a, &name[0], &name[2], &name[1]) && memcmp(name, intel, sizeof name) == 0 &&
         __get_cpuid_count(FEATURES, 0, &a, &b, &c, &d) && (d & FAST_SHORT) != 0;
}

/* Asked once, as a virtual machine's host answers in its stead, which takes some ten microseconds. */
static bool copies_by_instruction(void) {
  enum { UNKNOWN, NO, YES };
  static atomic_uchar known;
  unsigned char answer = atomic_load_explicit(&known, memory_order_relaxed);
  if (ACRE_UNLIKELY(answer == UNKNOWN)) {
    answer = has_fast_instruction() ? YES : NO;
    atomic_store_explicit(&known, answer, memory_order_relaxed);
  }
  return answer == YES && !acre__linux_switches.copy_by_memcpy;
}

acre_result acre__os_guarded_copy(void *to, const void *from, size_t size) {
  bool short_enough = size <= LONGEST_COPY;
  return short_enough && copies_by_instruction() ? copy_by_instruction(to, from, size)
                                                 : copy_with_record(to, from, size);
}

static bool is_in_copy(const struct acre__os_fault *fault) {
  const ucontext_t *context = fault->registers;
  return (uintptr_t)context->uc_mcontext.gregs[REG_RIP] == (uintptr_t)acre__guarded_copy_instruction;
}

static void pass_over_copy(ucontext_t *context) {
  context->uc_mcontext.gregs[REG_RIP] += COPY_LENGTH;
}
#else
acre_result acre__os_guarded_copy(void *to, const void *from, size_t size) {
  return copy_with_record(to, from, size);
}

static bool is_in_copy(const struct acre__os_fault *fault) {
  (void)fault;
  return false;
}

static void pass_over_copy(ucontext_t *context) {
  (void)context;
}
#endif

void acre__os_force_copy_by_memcpy(bool by_memcpy) {
  acre__linux_switches.copy_by_memcpy = by_memcpy;
}

/* ------------------------------------------------------------- in the fault handler */

static _Noreturn void go_on(void) {
  struct guard *guard = innermost;
#if HAS_SHORT_JUMP
  if (guard->is_copy) __builtin_longjmp(guard->place.copy, 1);
#endif
  longjmp(guard->place.call, 1);
}

/* The interrupted code goes on as if it had called go_on, on its own stack. */
#if defined(__x86_64__)
#define CAN_REDIRECT true
static void redirect(ucontext_t *context) {
  enum { RED_ZONE = 128, DIRECTION = 1 << 10 };
  greg_t *registers = context->uc_mcontext.gregs;
  registers[REG_RSP] = ((registers[REG_RSP] - RED_ZONE) & ~(greg_t)15) - (greg_t)sizeof(void *);
  registers[REG_EFL] &= ~(greg_t)DIRECTION;
  registers[REG_RIP] = (greg_t)(uintptr_t)go_on;
}
#elif defined(__aarch64__)
#define CAN_REDIRECT true
static void redirect(ucontext_t *context) {
  enum { BRANCH_TYPE = 3 << 10 };
  context->uc_mcontext.sp &= ~UINT64_C(15);
  context->uc_mcontext.pstate &= ~(uint64_t)BRANCH_TYPE;
  context->uc_mcontext.pc = (uintptr_t)go_on;
}
#else
#define CAN_REDIRECT false
static void redirect(ucontext_t *context) {
  (void)context;
  (void)go_on;
}
#endif

bool acre__os_can_guard(void) {
  return CAN_REDIRECT;
}

bool acre__os_is_guarded(const struct acre__os_fault *fault) {
  return innermost != NULL || (fault != NULL && is_in_copy(fault));
}

bool acre__os_guard_leave(const struct acre__os_fault *fault) {
  if (is_in_copy(fault)) {
    pass_over_copy(fault->registers);
    return true;
  }
  if (innermost == NULL || !CAN_REDIRECT) return false;
  innermost->address = fault->address;
  redirect(fault->registers);
  return true;
}
