/* SPDX-License-Identifier: MIT */
/*
 * gate.h - a view of which no more than so many pages are changed and not on the disk.
 *
 *   changed    [ ....................|..................... ]
 *              0     flushing        + open              most
 *                    a flush has them  written since       a first write beyond it waits
 *
 * The view's table is `shut` (vm/table.h): the first write of a page is a fault, and is counted
 * in `open` before the page is opened. Whoever flushes the view shuts it again first, so that
 * what is written during the flush is counted anew:
 *
 *   acre__vm_gate_turn   all pages shut; `open` goes to `flushing`
 *   ...the flush
 *   acre__vm_gate_done   `flushing` is 0; the writers that wait try again
 *
 * Without marks of its own it would not know of a page that a system call writes: the call gets EFAULT, as the page is
 * shut. Lock: the region's. A writer waits without it.
 */
#ifndef ACRE_VM_GATE_H
#define ACRE_VM_GATE_H

#include "vm/region.h"

/*
 * Shuts the view with this base: from now on no more than `most` bytes (rounded down to pages, one at least) of it are
 * changed between two flushes. `wanted` is called in a writer's fault handler, with the region's lock, when half of them are, and at
 * every wait. Pages that are changed already do not count. ACRE_E_NO_MEMORY; ACRE_E_MAPPING_LIMIT; those of acre_vm_on_fault:
 * nothing has changed.
 */
acre_result acre__vm_gate_shut(void *base, size_t most, void (*wanted)(void *context), void *context);

/* Opens it again: nobody waits, and `wanted` is not called any more. */
void acre__vm_gate_open(void *base);

/*
 * Before a flush and after it, by one thread, whose own writes never wait from then on. *changed: bytes that the flush is to write, at most.
 * ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT: nothing has changed, and what is flushed goes on being counted.
 */
acre_result acre__vm_gate_turn(void *base, size_t *changed);
void acre__vm_gate_done(void *base);

/* Bytes that are changed and not flushed, at most; and how often a writer has waited. */
struct acre__gate_figures {
  size_t changed;
  uint64_t waits;
};
struct acre__gate_figures acre__vm_gate_figures(void *base);

/* ------------------------------------------------------------- for the fault handler, with the region's lock */

/* Whether so many pages more may be opened: they are counted then, until acre__gate_take_back. */
bool acre__gate_passes(struct acre__region *region, size_t pages);
void acre__gate_take_back(struct acre__region *region, size_t pages);

/* What to wait for, without the lock, when it was said no. It returns now and then, so that signals come through. */
uint32_t acre__gate_turns(void);
void acre__gate_wait(uint32_t turns);

/* In a forked child: there is nobody who flushes, so nobody waits. */
void acre__gate_fork_in_child(struct acre__region *region);

#endif
