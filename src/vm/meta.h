/* SPDX-License-Identifier: MIT */
/*
 * Memory for Acre's own tables, apart from everything the program allocates.
 *
 * Blocks of 16 << n bytes up to 4 KiB, cut from slabs of 1 MiB and more that come from
 * the system and are never given back; a freed block waits in its class's list.
 * What was never used of a slab was never touched and costs no memory.
 *
 *   slab  [block|block|block|......untouched......)
 *                            ^ bump
 *
 * A fault handler may interrupt a thread that is inside this allocator. It then
 * takes from a small emergency pool, which is filled in quieter times, and
 * leaves what it frees on a list for later.
 */
#ifndef ACRE_VM_META_H
#define ACRE_VM_META_H

#include <stddef.h>

enum { ACRE_META_LARGEST = 4096 };

/*
 * `size` zeroed bytes, 16-byte aligned, 1 to ACRE_META_LARGEST; NULL when the
 * system has none. Any thread; also in Acre's fault handler.
 */
void *acre__meta_alloc(size_t size);

/* Gives back what acre__meta_alloc(size) returned, the same `size`. NULL: nothing happens. */
void acre__meta_free(void *block, size_t size);

/* Tells that a fault handler may need memory from now on: the emergency pool is kept filled. */
void acre__meta_expect_faults(void);

/* Bytes in blocks that are in use, rounding included. */
size_t acre__meta_bytes(void);

/* Around fork: taken last, after every region's lock. */
void acre__meta_fork_before(void);
void acre__meta_fork_after(void);

#endif
