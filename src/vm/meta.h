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
 * A fault handler allocates too, and a thread that has its region's lock may be
 * waiting here: so signals are held back as long as the lock is held, and whoever
 * has it always gets on. That costs two system calls a block, of which a page's
 * commit rarely wants one.
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

/* Bytes in blocks that are in use, rounding included. */
size_t acre__meta_bytes(void);

/* Around fork: taken last, after every region's lock. With signals held back. */
void acre__meta_fork_before(void);
void acre__meta_fork_in_parent(void);
void acre__meta_fork_in_child(void);

#endif
