/* SPDX-License-Identifier: MIT */
/*
 * written.h - which pages of a region were written since the last reset.
 *
 * Two ways, chosen once for the process:
 *
 *   by the system   it notes writes itself, the kernel's own too, and tells
 *                   ACRE_PAGE_WRITTEN: was reported and reset once since its
 *                   commit, so the system has an entry for it, and may be asked
 *                   in the quick way (acre__os_written_search.all_have_content)
 *
 *   by faults       the table is `shut`: pages are mapped without write access
 *                   until the first write, whose fault is noted here
 *                   ACRE_PAGE_WRITTEN: was written since the last reset, and is
 *                   mapped with its protection
 *
 * Either way a page that becomes reserved loses the mark, and a fresh one has none.
 *
 * The system forgets pages that are mapped anew (decommit) and all of them in a
 * forked child. They are made known again at once; if that fails the region is
 * `untold`, and made known before the next search. Nothing is lost meanwhile: a
 * page that the system does not know counts as written once it has content.
 */
#ifndef ACRE_VM_WRITTEN_H
#define ACRE_VM_WRITTEN_H

#include "vm/region.h"

/* Whether the system notes writes. Asked of it once, and only when tracking is wanted. */
bool acre__written_by_system(void);

/*
 * Gets a range ready that is to become a region with tracking: where the system notes writes, it is told. (Where
 * it does not, the caller has installed the fault handler.) Results of acre__os_track.
 */
acre_result acre__written_begin(void *base, size_t size);

/* Pages of a tracked region whose mapping is fresh: where the system notes writes, it is told. */
void acre__written_tell(struct acre__region *region, size_t start, size_t end);

enum acre__note {
  ACRE_NOTE_OPEN,  /* the page may be written */
  ACRE_NOTE_WAIT,  /* not now: the region has a gate (gate.h), and too much is written */
  ACRE_NOTE_FAILED /* the system does not open it */
};

/* In a shut table: a write of the committed page faulted. Notes it and opens the page. Callable in the fault handler. */
enum acre__note acre__written_note(struct acre__region *region, size_t page);

/* Pages of a shut table that are writable count as written, and are open. Others stay as they are. */
acre_result acre__written_open(struct acre__region *region, size_t start, size_t end);

/* ------------------------------------------------------------- between the two files */

/* Where a report goes: runs, or single pages. */
struct acre__written_report {
  acre_vm_run *runs;
  void **pages;
  size_t room, count; /* of runs, or of pages */
};

/* Adds pages as far as there is room, and returns how many were added. Joins runs that touch. */
size_t acre__written_add(struct acre__written_report *report, char *start, size_t pages);

/*
 * Reports from a shut table; *more: there is not room for all. On failure
 * nothing was reset, and *report is as it was.
 */
acre_result acre__written_report_shut(const struct acre__range *range, bool reset, struct acre__written_report *report,
                                      bool *more);

#endif
