/* SPDX-License-Identifier: MIT */
/*
 * Memory for Acre's own tables, apart from everything the program allocates.
 *
 * Blocks of 16 << n bytes up to 4 KiB, cut from one reservation that is committed
 * from its start as it fills and never given back; a freed block waits in its
 * class's list. What was never used was never touched and costs no memory.
 *
 *   range  [block|block|block|......untouched......|......reserved......)
 *                             ^ bump               ^ committed
 *
 * Being in one range, a block can be named by 32 bits in place of a pointer's 64:
 * its handle. Tables that are searched at random are made of handles, as what
 * they cost is the cache that they fill.
 *
 * A fault handler allocates too, and a thread that has its region's lock may be
 * waiting here: so signals are held back as long as the lock is held, and whoever
 * has it always gets on. That costs two system calls a block, of which a page's
 * commit rarely wants one.
 */
#ifndef ACRE_VM_META_H
#define ACRE_VM_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACRE_META_LARGEST = 4096, ACRE_META_UNIT = 16 };

/* A block's place in the range, in ACRE_META_UNITs; 0 is no block. */
typedef uint32_t acre__meta_handle;

extern char *acre__meta_base;

/*
 * `size` zeroed bytes, 16-byte aligned, 1 to ACRE_META_LARGEST; NULL when the
 * system has none. Any thread; also in Acre's fault handler.
 */
void *acre__meta_alloc(size_t size);

static inline acre__meta_handle acre__meta_handle_of(const void *block) {
  return block == NULL ? 0 : (acre__meta_handle)((size_t)((const char *)block - acre__meta_base) / ACRE_META_UNIT);
}

/* NULL for 0. */
static inline void *acre__meta_at(acre__meta_handle handle) {
  return handle == 0 ? NULL : acre__meta_base + (size_t)handle * ACRE_META_UNIT;
}

/* Gives back what acre__meta_alloc(size) returned, the same `size`. NULL: nothing happens. */
void acre__meta_free(void *block, size_t size);

/* Bytes in blocks that are in use, rounding included. */
size_t acre__meta_bytes(void);

/* For tests: while it is set, blocks come from the lists of freed ones alone. */
extern bool acre__meta_is_closed;

/* Around fork: taken last, after every region's lock. With signals held back. */
void acre__meta_fork_before(void);
void acre__meta_fork_in_parent(void);
void acre__meta_fork_in_child(void);

#endif
