/* SPDX-License-Identifier: MIT */
/*
 * guarded.h - the page heap: blocks that end where nobody may go on.
 *
 *   slot    [ page | page ............ block][ guard ]      the pages of a block in use are open,
 *           [ x x x x x x x x x x x x x x x ][ x x x ]      those of a freed one are closed, as guards are
 *
 *   chunk   [ slot | slot | slot | ... | rest ]             2 MiB of slots of one length, or several chunks
 *                                                           for one slot
 *   range   [ chunk | chunk | ............... ]             a terabyte of addresses, reserved once (vm/bare.h)
 *
 * What is closed is a marker in the page table and no mapping of its own: a
 * million blocks in use are a handful of mappings. On kernels without markers
 * each block splits the mapping; then there are as many as half of what
 * the system allows, and further ones are plain.
 *
 * A freed slot waits until QUARANTINE bytes of slots of its length were freed
 * after it: it has no memory meanwhile, only addresses. Which is why a use after
 * free stays a fault for so long.
 *
 * What a block leaves of its first and its last page is filled with known bytes,
 * which are looked at when it is freed: most blocks do not begin where a page
 * does, and end, for alignment's sake, up to 15 bytes before a page's end.
 */
#ifndef ACRE_CHECK_GUARDED_H
#define ACRE_CHECK_GUARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block in use, for leaks.c. */
struct acre__guarded;

/* Reserves the range and has its faults told of. false: it cannot be had. */
bool acre__guarded_make(bool under, bool tight, size_t limit);

/* As in check.h. NULL: it must be a plain block; with *refused, there is a limit and it is met. */
void *acre__guarded_alloc(size_t size, size_t alignment, bool *refused);
void acre__guarded_free(void *block, const char *function);
size_t acre__guarded_size(const void *block);

/* Tells of a block that is free, or never was one, and is given to realloc. Returns its size. */
size_t acre__guarded_live(const void *block, const char *function);

/* Around a fork. */
void acre__guarded_lock(void);
void acre__guarded_unlock(void);
void acre__guarded_reset(void);

/* ------------------------------------------------------------- for leaks.c, in a process that does not go on */

/* Calls `visit` for each block in use. */
void acre__guarded_each(void (*visit)(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context),
                        void *context);

/* The block in use that the address lies in, or NULL; its size, and its mark. */
void *acre__guarded_find(uintptr_t address, size_t *size, uint32_t **mark);

/* Whether the address is the page heap's, or its records'. */
bool acre__guarded_has(const void *address);

#endif
