/* SPDX-License-Identifier: MIT */
/*
 * chunks.h - the kernel's side of a chunk: opening it behind guard markers,
 * and coarsening where there are none.
 *
 * Lock: the region's.
 */
#ifndef ACRE_VM_CHUNKS_H
#define ACRE_VM_CHUNKS_H

#include "vm/region.h"

/*
 * Opens a closed chunk: its reserved pages, but for those in [start, end) of
 * the region, are hidden, and all reserved pages get `base`. On failure the
 * chunk is closed as before, and LOOSE if something had been done;
 * ACRE_E_NOT_SUPPORTED: the memory cannot be hidden (it is locked).
 */
acre_result acre__chunk_make_open(struct acre__region *region, size_t chunk, size_t start, size_t end, unsigned base);

/* Closes an open chunk: its reserved pages become PROT_NONE. On failure it is closed and LOOSE. */
acre_result acre__chunk_make_closed(struct acre__region *region, size_t chunk);

/* After a commit: a chunk without reserved pages is neither open nor loose. */
void acre__chunk_settle(struct acre__region *region, size_t chunk);

/*
 * Pages become PROT_NONE. Memory loses its content, locks and charge with that, in
 * one step; of the paging file, what is in it stays (acre__paging_free), and on
 * failure a front part may be done.
 */
acre_result acre__pages_take_access(struct acre__region *region, size_t start, size_t end);

/*
 * Whether `more` mappings still leave so few that thrift does not pay. A region's
 * first pages are worth more than others: a frontier begins there.
 */
bool acre__mappings_are_few(intptr_t more, bool at_region_start);

/* Whether `more` mappings would go over the budget. */
bool acre__mappings_are_over(intptr_t more);

/*
 * If `more` mappings are over the budget, widens [*from, *to) over reserved
 * pages to whole units of the allocation granularity, and marks the chunks
 * that it widens in LOOSE. The range lies in one region and may cross chunks.
 */
void acre__chunks_coarsen(struct acre__region *region, intptr_t more, size_t *from, size_t *to);

/* The unit of coarsening, in pages. */
size_t acre__coarse_pages(void);

/* How far reserved pages reach from `page` down (or up), within its unit. */
size_t acre__coarse_start(const struct acre__region *region, size_t page);
size_t acre__coarse_end(const struct acre__region *region, size_t page);

#endif
