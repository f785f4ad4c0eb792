/* SPDX-License-Identifier: MIT */
/*
 * override.h - what the parts of the malloc library share.
 *
 *   malloc.c   malloc and its family, as glibc and musl have it
 *   new.c      C++'s operators new and delete
 *   figures.c  mallinfo2, malloc_stats and their like
 *   preload.c  of the shared library alone: who may not be served, and programs that end early
 *   report.c   what `acre run` is told (board.h is where), and what else there is to do at the beginning and the end
 *   hooks.h    where the library that checks (src/check) takes calls away from these
 *
 * All of it is the process heap by other names: a block of malloc's is a block of
 * acre_process_heap(), and acre_free and acre_heap_size know it. Nothing here calls
 * what might itself allocate, but for malloc_info, which writes to the caller's stream.
 *
 * The rules of the family that the heap's own functions have not are kept here: a
 * failure sets errno to ENOMEM, what succeeds leaves errno as it was (free always
 * does), and a pointer that is no block ends the program, as it does in the C libraries.
 */
#ifndef ACRE_OVERRIDE_H
#define ACRE_OVERRIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* What is exported: the library is compiled with all else hidden. */
#define ACRE_EXPORT __attribute__((visibility("default")))

/* The slow ways. They keep errno but for ENOMEM of a failure. */
void *acre__override_alloc(size_t size, size_t alignment, bool zero);
void acre__override_free(void *block);

/* malloc and free, as without any checks. */
void *acre__override_plain(size_t size);
void acre__override_plain_free(void *block);

/* Says so, and ends the program: the pointer is no block, and `function` was called with it. */
_Noreturn void acre__override_not_a_block(const char *function, const void *pointer);

/* Of the library that checks alone: fills in what it knows. */
struct acre__board_entry;
void acre__override_note_checks(struct acre__board_entry *entry) __attribute__((weak));

/*
 * The function of that name in a C++ library that the process has loaded, for
 * whomever; NULL: there is none. Of the shared library alone (preload.c): in a
 * static program the loader is not there, and to refer to it would be warned of.
 */
typedef void (*acre__function)(void);
acre__function acre__override_find(const char *name) __attribute__((weak));

#endif
