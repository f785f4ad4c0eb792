/* SPDX-License-Identifier: MIT */
/*
 * canary.h - checked blocks of the process heap, without pages of their own.
 *
 *   heap's block   [ head | canary |  block  | canary ]
 *                  ^ base           ^ what the program has
 *
 * The bytes on both sides are looked at when the block is freed or resized, and at
 * the end of the process; so an overflow that writes is found, late, and one
 * that reads is not. A freed block is filled, and waits among the last
 * QUARANTINE bytes of such ones before it is the heap's again: what was written to it meanwhile is found then.
 *
 * A head tells by its magic number that it is one, and in which state its block
 * is; it lies where no list of the heap's writes, so that it stays until the
 * memory is used anew. A pointer that is no block's is found out by the heap,
 * which knows where its blocks are.
 */
#ifndef ACRE_CHECK_CANARY_H
#define ACRE_CHECK_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void acre__canary_make(void);

/* As in check.h. NULL: there is no memory, or a limit. */
void *acre__canary_alloc(size_t size, size_t alignment, bool zero);
void acre__canary_free(void *block, const char *function);
size_t acre__canary_size(const void *block);

/* Tells, if it is no block in use, or if bytes beside it were written. Returns its size. */
size_t acre__canary_live(const void *block, const char *function);

/* Looks at all of them, in use and freed. */
void acre__canary_look(void);

/* Around a fork. */
void acre__canary_lock(void);
void acre__canary_unlock(void);
void acre__canary_reset(void);

/* As of the page heap (guarded.h). */
void acre__canary_each(void (*visit)(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context),
                       void *context);
void *acre__canary_find(uintptr_t address, size_t *size, uint32_t **mark);

#endif
