/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what structured exceptions need of the processor.
 *
 *   a jump    where a function goes on: its own registers, stack and place.
 *             acre__jump_to(jump, value): there, acre_seh_mark returns once more, with that value
 *   a state   all registers of code that a fault has interrupted, vector registers included, as the
 *             kernel wrote them for the signal handler. acre__state_resume: it goes on, as if it had not failed
 *
 * The kernel itself puts a state back (rt_sigreturn), from wherever the copy of
 * its record lies: that needs no signal of the program's, and no alternate stack.
 */
#ifndef ACRE_WIN32_MACHINE_H
#define ACRE_WIN32_MACHINE_H

#include "win32/win32.h"

#if defined(__x86_64__)
enum { ACRE_JUMP_WORDS = 9, ACRE_JUMP_STACK = 6, ACRE_JUMP_PLACE = 7, ACRE_RED_ZONE = 128 };
#else
enum { ACRE_JUMP_WORDS = 22, ACRE_JUMP_STACK = 12, ACRE_JUMP_PLACE = 11, ACRE_RED_ZONE = 0 };
#endif

struct acre__jump {
  uintptr_t words[ACRE_JUMP_WORDS];
};

static inline char *acre__jump_stack(const struct acre__jump *jump) {
  return (char *)jump->words[ACRE_JUMP_STACK];
}

/* Returns 0; and later what acre__jump_to says. The calling function must not have returned by then. */
int acre__jump_mark(struct acre__jump *jump) __attribute__((returns_twice));
_Noreturn void acre__jump_to(const struct acre__jump *jump, int value);

/* Calls function(argument), which does not return, on another stack that ends at `top`. */
_Noreturn void acre__run_on(void *top, void (*function)(void *), void *argument);

/* Bytes that a copy of the signal handler's context takes (a ucontext_t). */
size_t acre__state_size(const void *context);
void acre__state_save(void *state, const void *context);
_Noreturn void acre__state_resume(void *state);

/* The record that a signal handler was given, as a state to read and write in place. */
void *acre__state_in_place(void *context);

/* The signal mask of the interrupted code becomes the thread's. */
void acre__state_set_mask(const void *state);

uintptr_t acre__state_stack(const void *state);
uintptr_t acre__state_place(const void *state);

/* Registers as Windows's structure has them, and back: what a filter has changed. */
void acre__state_to_context(const void *state, CONTEXT *out);
void acre__state_from_context(void *state, const CONTEXT *context);
void acre__jump_to_context(const struct acre__jump *jump, CONTEXT *out);

#endif
