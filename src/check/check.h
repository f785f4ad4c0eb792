/* SPDX-License-Identifier: MIT */
/*
 * check.h - malloc that finds misuse: the malloc library (src/override) compiled
 * once more, with some or all of its blocks handed over to what is here.
 *
 *   malloc ──> wanted? ──no──> the process heap, as without it
 *                 │yes
 *                 ├── page heap   guarded.c   pages of their own, with pages behind that nobody may touch
 *                 └── canaries    canary.c    blocks of the process heap with known bytes around them
 *
 *   stacks.c   who called: stack traces, each stored once
 *   story.c    tells what was found: a line to stderr, and a story for `acre run`
 *   signals.c  handlers of the program's for faults
 *   leaks.c    what nobody can reach any more at the end
 *   pool.c     memory for records, which is no heap's
 *   begin.c    which of it the process wants (ACRE_OPTIONS), and its end
 *
 * It is a library of its own, libacre-check.so, so that programs that are not
 * checked pay nothing for it. A process has either the page heap or canaries.
 *
 * What cannot be checked (no addresses, no mappings, no memory for a record) is a
 * plain block of the process heap, and counted: a check must not end a program that is right.
 */
#ifndef ACRE_CHECK_CHECK_H
#define ACRE_CHECK_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum acre__check_mode { ACRE_CHECK_NOTHING, ACRE_CHECK_PAGES, ACRE_CHECK_CANARIES };

/* What malloc looks at. Zero, until the first call has found out what the process wants. */
struct acre__check {
  _Atomic uintptr_t base; /* checked blocks lie in [base, base + size) */
  _Atomic size_t size;
  enum acre__check_mode mode;
  _Atomic size_t blocks, blocks_peak; /* that are in use and checked */
  _Atomic size_t plain;               /* allocations that should have been checked and could not be */
};

extern struct acre__check acre__check;

/* Allocations of this thread until the next one that may be wanted. */
extern ACRE_THREAD_LOCAL uint32_t acre__check_left;

bool acre__check_draw(size_t size);

/* Whether the allocation is to be a checked block. */
static inline bool acre__check_wants(size_t size) {
  if (ACRE_LIKELY(acre__check_left > 1)) {
    acre__check_left--;
    return false;
  }
  return acre__check_draw(size);
}

/* Whether the pointer is for the functions below. */
static inline bool acre__check_owns(const void *block) {
  return ACRE_UNLIKELY((uintptr_t)block - atomic_load_explicit(&acre__check.base, memory_order_relaxed) <
                       atomic_load_explicit(&acre__check.size, memory_order_relaxed));
}

/*
 * As malloc's functions, but for errno: a failure is NULL. `alignment` 1: malloc's. They
 * tell of misuse in the name of `function`, and do not return then.
 */
void *acre__check_alloc(size_t size, size_t alignment, bool zero);
void acre__check_free(void *block, const char *function);
void *acre__check_realloc(void *block, size_t size);
size_t acre__check_usable(const void *block);

/* Where the program has called: the innermost place that is not this library's. NULL: not known. */
const void *acre__check_caller(void);

/* What the program has asked for, where the heap is asked for `size` bytes. */
size_t acre__check_asked(size_t size);

/* A pointer that is no block of anybody's was given to `function`. */
_Noreturn void acre__check_stray(const void *pointer, const char *function);

#endif
