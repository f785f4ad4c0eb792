/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says about this process: the tour shows and checks these
 * figures, and none of Acre's own books. Read from /proc/self without
 * allocating memory, so that looking changes nothing in what is looked at.
 *
 *   maps      is a page mapped, and may it be accessed?
 *   pagemap   is there memory behind it, and is it a guard marker?
 *
 *   no mapping                                FREE
 *   mapping without access, or guard marker   RESERVE
 *   accessible, no memory yet                 COMMIT
 *   accessible, memory (RAM or swap)          COMMIT and touched
 */
#ifndef ACRE_TOOL_KERNEL_H
#define ACRE_TOOL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum page_state { PAGE_FREE, PAGE_RESERVED, PAGE_COMMITTED, PAGE_TOUCHED };

/* All functions return false when the kernel does not tell; errno says why. */

struct kernel_process {
  uint64_t rss;    /* bytes of RAM that the process uses */
  size_t mappings; /* lines of /proc/self/maps */
};
bool kernel_process(struct kernel_process *out);

/* Bytes of a range by state. `committed` holds `touched`; the three others add up to the range. */
struct kernel_range {
  uint64_t free;
  uint64_t reserved;
  uint64_t committed;
  uint64_t touched;
};

/* Called with runs of pages of one state, in ascending order; runs next to each other may be alike. */
typedef void (*kernel_visitor)(uintptr_t start, uintptr_t end, enum page_state state, void *context);

/* Describes the pages of [base, base + size), both multiples of the page; `visitor` may be NULL. */
bool kernel_range(const void *base, size_t size, struct kernel_range *out, kernel_visitor visitor, void *context);

/* Bytes of the mapping that begins at `base` that are changed and not on the disk yet. */
bool kernel_dirty(const void *base, uint64_t *out);

/* Bytes of it that are the process's own memory, and no file's: only swap could take their place. */
bool kernel_anonymous(const void *base, uint64_t *out);

/* Bytes that the process has moved by read and write calls so far. */
bool kernel_transferred(uint64_t *out);

/* Bytes of memory that the process may still take: what the system has, within the limits of its cgroups. */
uint64_t kernel_headroom(uint64_t available);

/* One number from a file such as /proc/sys/vm/max_map_count. */
bool kernel_number(const char *path, uint64_t *out);

#endif
