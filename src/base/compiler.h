/* SPDX-License-Identifier: MIT */
/* What Acre asks of the compiler, in one place. */
#ifndef ACRE_BASE_COMPILER_H
#define ACRE_BASE_COMPILER_H

#include <stdatomic.h>
#include <stddef.h>

#define ACRE_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define ACRE_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* For what is called rarely: kept out of line, away from the hot code. */
#define ACRE_COLD __attribute__((cold, noinline))

/* Whether a sanitizer is compiled in that looks at every access to memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ACRE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ACRE_SANITIZED 1
#endif
#endif
#ifndef ACRE_SANITIZED
#define ACRE_SANITIZED 0
#endif

/* Of a function with a label in assembler: its code is there once, and also where nobody calls it. */
#ifdef __clang__
#define ACRE_ONCE __attribute__((noinline, noduplicate, used))
#else
#define ACRE_ONCE __attribute__((noinline, noclone, used))
#endif

/*
 * The number, which the compiler does not know any more. A memset of so many
 * bytes is libc's, that fits the processor; of a size that is known it may become a string
 * instruction, on which some processors take several times as long.
 */
static inline size_t acre__unknown(size_t number) {
  __asm__("" : "+r"(number));
  return number;
}

/*
 * A thread-local that a signal handler may touch: the initial-exec model never
 * allocates at first use, as the default model of a shared library may. (Other
 * formats of programs than ELF have one model.)
 */
#ifdef __ELF__
#define ACRE_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define ACRE_THREAD_LOCAL _Thread_local
#endif

/* For a loop that waits for another processor. */
static inline void acre__relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/*
 * For a reader without a lock: what is stored before it is seen before what is stored behind it. (ThreadSanitizer
 * knows no fences, and runs where the processor keeps stores in order.)
 */
static inline void acre__stores_in_order(void) {
#ifdef __SANITIZE_THREAD__
  atomic_signal_fence(memory_order_release);
#else
  atomic_thread_fence(memory_order_release);
#endif
}

/* Cheap checks of what must hold, in debug builds (ACRE_DEBUG). */
#ifdef ACRE_DEBUG
#define ACRE_ASSERT(condition) ((condition) ? (void)0 : acre__assert_failed(#condition, __FILE__, __LINE__))
#else
#define ACRE_ASSERT(condition) ((void)0)
#endif

/* Prints the condition and its place to stderr and aborts. Fulfilled by src/os/<system>/process.c. */
_Noreturn void acre__assert_failed(const char *condition, const char *file, int line);

#endif
