/* SPDX-License-Identifier: MIT */
/*
 * commit.h - how pages become committed and reserved again.
 *
 * Three ways, chosen chunk by chunk, so that the process's mappings (of which
 * the kernel allows some 65,000) stay few:
 *
 *   frontier   the range joins what is mapped beside it: one mprotect, no new
 *              mapping. Arrays and everything else that grows at one end.
 *
 *       [ RW | RW | RW |-> none ............................... ]
 *
 *   guard      scattered pages: the chunk is opened, that is, mapped for
 *              access as a whole, with its reserved pages hidden by guard
 *              markers. From then on commit and decommit are one marker
 *              removed or installed, and never a mapping.
 *
 *       [ RW: h h c h c c h h c h h h h c h h ] h hidden, c committed
 *
 *   mprotect   without guard markers: one mapping a run. Near the kernel's
 *              limit the mapped runs are coarsened to the allocation
 *              granularity (the chunk is LOOSE then): reserved pages between
 *              committed ones may be accessible, and are emptied when they are
 *              committed.
 *
 * A single first island in an empty chunk also goes by mprotect while Acre has
 * caused few mappings (at a region's start: not too many): opening a chunk costs
 * some ten times as much.
 */
#ifndef ACRE_VM_COMMIT_H
#define ACRE_VM_COMMIT_H

#include "vm/region.h"

/*
 * Commits pages [start, end) of the locked region: new ones read zero, and all
 * get `protection`, which may have ACRE_VM_GUARD. On failure nothing has changed.
 */
acre_result acre__commit_pages(struct acre__region *region, size_t start, size_t end, acre_vm_protection protection);

/*
 * Decommits them. On failure a part of the range may be decommitted already;
 * the table says which.
 */
acre_result acre__decommit_pages(struct acre__region *region, size_t start, size_t end);

/*
 * Brings the system's side of pages back to what the table says, of which all that are committed and not
 * mapped as `mapping` says may differ; what cannot be is marked LOOSE.
 */
void acre__commit_undo(struct acre__region *region, size_t start, size_t end, unsigned mapping);

/*
 * For batch.c: whether to commit pages of the locked region is to reveal them in an
 * open chunk, and to decommit them is to hide them there; both lie in one chunk.
 */
bool acre__commit_only_reveals(const struct acre__region *region, size_t start, size_t end, unsigned protection);
bool acre__decommit_only_hides(const struct acre__region *region, size_t start, size_t end);

/* For batch.c, after pages were hidden: a chunk without committed ones becomes a plain reservation, if that works. */
void acre__decommit_settle(struct acre__region *region, size_t chunk);

/* Changes the protection of committed pages, as acre__commit_pages takes it. On failure nothing has changed. */
acre_result acre__protect_pages(struct acre__region *region, size_t start, size_t end, acre_vm_protection protection);

/* Counts mappings that came (or went: negative) by Acre's doing. */
void acre__mappings_changed(intptr_t difference);

#endif
