/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - the commit charge: how many bytes are committed, all together, and
 * how many may be.
 *
 * Whoever commits pages charges them before it asks the system, and gives the
 * charge back when that fails or when the pages are reserved again. It is done
 * with the region's lock held (or the index's, by which a region comes and
 * goes), so that a fork finds charge and tables in step.
 *
 * What is charged: the committed pages of private regions and those of views
 * that are copied on write, as every page of these can become memory of the
 * program's own. Pages of shared views are the file's.
 */
#ifndef ACRE_VM_LEDGER_H
#define ACRE_VM_LEDGER_H

#include <acre/base.h>

/*
 * Charges `pages` pages that become committed. ACRE_E_COMMIT_LIMIT: nothing is
 * charged. Any thread; also in Acre's fault handler.
 */
acre_result acre__ledger_charge(size_t pages);

/*
 * Whether the thread has so much credit that a charge will be granted, unless another thread that shares it comes first.
 */
bool acre__ledger_is_at_hand(size_t pages);

/* Gives back what was charged. */
void acre__ledger_uncharge(size_t pages);

struct acre__ledger_figures {
  uint64_t charged, peak; /* bytes */
  uint64_t limit;         /* bytes; UINT64_MAX: there is none */
  acre_commit_bound bound;
};

/* The figures now; the limit is read anew. */
void acre__ledger_read(struct acre__ledger_figures *out);

/* Bytes that are charged now. */
uint64_t acre__ledger_charged(void);

/* The user's bound, in bytes; 0: none. With root.page_shift set; the root need not be ready. */
void acre__ledger_bound_by_user(uint64_t bytes);

/* Room on a disk that takes pages (negative: no more of it): it widens what RAM, swap and the cgroup allow. */
void acre__ledger_add_room(int64_t bytes);

/* Around fork: taken last, after the metadata's lock. With signals held back. */
void acre__ledger_fork_before(void);
void acre__ledger_fork_in_parent(void);
void acre__ledger_fork_in_child(void);

#endif
