/* SPDX-License-Identifier: MIT */
/*
 * stacks.h - who called: stack traces, and a store that has each of them once.
 *
 *   table   [ head | head | ... ]         by hash
 *              └─> stack ─> stack         in a pool; a stack's number is its place there
 *
 * Frames are found by libunwind, or where that is not installed by the compiler's
 * own unwinder; both are loaded when the process begins, so that nothing has to be
 * beside the library. A frame is the address of the call: what
 * the unwinder gives is where it returns to, less one.
 *
 * Stacks are put in without a lock, and never taken out.
 */
#ifndef ACRE_CHECK_STACKS_H
#define ACRE_CHECK_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACRE_STACK_STORED = 24, ACRE_STACK_MOST = 64 };

struct acre__stack {
  uint32_t next; /* of the same head; 0: none */
  uint32_t count;
  uint64_t hash;
  uintptr_t frames[]; /* the innermost first */
};

/* Once, when libraries can be loaded. */
void acre__stacks_begin(void);

/* Before and after a fork. */
void acre__stacks_lock(void);
void acre__stacks_unlock(void);
void acre__stacks_reset(void);

/*
 * The frames of the calling thread outside of this library; with `registers`, those
 * of the code that a fault has interrupted. Returns how many are stored. Callable in the fault handler.
 */
size_t acre__stack_now(uintptr_t frames[ACRE_STACK_MOST], const void *registers);

/* Stores where the thread is. Returns the stack's number; 0: not known. */
uint32_t acre__stack_store(void);

/* The stack of that number; NULL: none. */
const struct acre__stack *acre__stack_of(uint32_t number);

/* The number by which the system knows the thread. */
uint32_t acre__stack_thread(void);

/* Whether the address is the pool's, where blocks are named and not used. */
bool acre__stacks_have(const void *address);

#endif
