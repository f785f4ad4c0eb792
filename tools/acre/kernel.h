/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says about this process: the tour shows and checks these
 * figures, and none of Acre's own books. Asked without allocating memory, so that
 * looking changes nothing in what is looked at.
 *
 *                                             Linux: /proc/self           Windows
 *   nothing there                   FREE      no line in maps             MEM_FREE (VirtualQuery)
 *   addresses that are held         RESERVE   no access, guard marker     MEM_RESERVE, PAGE_NOACCESS
 *   accessible, no memory yet       COMMIT    not in pagemap              not in the working set (QueryWorkingSetEx)
 *   accessible, with memory         touched   in pagemap, RAM or swap     in the working set
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
  size_t mappings; /* lines of /proc/self/maps; on Windows, allocations */
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

size_t kernel_page_size(void);

/* How many mappings it allows a process, where that is bounded. */
bool kernel_mapping_limit(uint64_t *out);

/* Bytes of addresses that one step should reserve at most, where the process has a bound, or they cost RAM; else UINT64_MAX. */
uint64_t kernel_space_limit(void);

/* RAM of this process that the system itself takes to reserve so much: 0 where nothing grows with it. */
uint64_t kernel_reservation_cost(uint64_t size);

/* Asks for a page, wishing for `wish`, by the system's own call. Whether what is held at [base, base + size) stays untouched. */
bool kernel_keeps_out(void *wish, const void *base, size_t size);

/* How often of so many times it gives out `size` bytes of accessible memory, all at the same time; they are given back. */
unsigned kernel_promises(size_t size, unsigned times);

/* Whether it is one that promises no more than there is; `overcommit`: acre_system's. */
bool kernel_is_careful(int overcommit);

/* Drops what it can write to a file and read again, of [base, base + size). */
void kernel_drop(void *base, size_t size);

#endif
