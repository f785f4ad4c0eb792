/* SPDX-License-Identifier: MIT */
/*
 * written_fault.c - written pages where the system does not note them: a page
 * is mapped without write access until its first write, whose fault is noted.
 *
 *   table    [ .  .  w  w  .  w  .  . ]    w: ACRE_PAGE_WRITTEN
 *   mapped   [ r  r  rw rw r  rw r  r ]
 *
 * Every lone written page costs two mappings, of which the kernel allows some
 * 65,000. Near that limit a first write opens more than its page: its unit of
 * 64 KiB, its chunk, at last the whole run of pages that are not written. They
 * count as written with it.
 *
 * A reset takes the write access away before it clears the marks, with the
 * region locked: a write before that is in what was reported, one behind it
 * faults, waits for the lock, and is noted anew.
 *
 * What this way cannot do: a system call that writes into a page without write
 * access gets EFAULT, and nobody is asked. Hence acre_vm_written_prepare.
 */
#include "base/math.h"
#include "vm/chunks.h"
#include "vm/commit.h"
#include "vm/gate.h"
#include "vm/protection.h"
#include "vm/root.h"
#include "vm/written.h"

static size_t bytes_of(size_t pages) {
  return pages << acre__root.page_shift;
}

/* ------------------------------------------------------------- the first write */

/* The pages around `page` with attributes like its own, cut to its unit of `unit` pages. */
static void pages_alike(const struct acre__table *table, size_t page, size_t unit, size_t *start, size_t *end) {
  const unsigned mask = ACRE_PAGE_EFFECT | ACRE_PAGE_WRITTEN;
  *start = page - page % unit;
  *end = acre__min(table->pages - *start, unit) + *start;
  for (size_t at = *start; at < *end;) {
    struct acre__page_run run = acre__table_run(table, at, *end, mask);
    if (page < run.end) {
      *start = at;
      *end = run.end;
      return;
    }
    at = run.end;
  }
}

/* Opens pages of one protection. */
static acre_result open_pages(struct acre__region *region, size_t start, size_t end, unsigned protection) {
  struct acre__table *table = &region->table;
  if (!acre__table_prepare(table, start, end)) return ACRE_E_NO_MEMORY;
  intptr_t before = (intptr_t)acre__table_boundaries(table, start, end);
  acre_result result = acre__os_protect(acre__region_address(region, start), bytes_of(end - start),
                                        (acre_vm_protection)protection);
  if (result != ACRE_OK) {
    /* A front part may be open, and must not be: a write there would go unnoticed. */
    for (size_t page = start; page < end;) {
      struct acre__page_run run = acre__table_run(table, page, end, ACRE_PAGE_WRITTEN);
      (void)acre__os_protect(acre__region_address(region, page), bytes_of(run.end - page),
                             (acre_vm_protection)acre__table_mapping(table, protection | run.attributes));
      page = run.end;
    }
    return result;
  }
  acre__table_edit(table, start, end, ACRE_PAGE_BITS, ACRE_PAGE_WRITTEN);
  acre__mappings_changed((intptr_t)acre__table_boundaries(table, start, end) - before);
  return ACRE_OK;
}

/* Where a gate counts, a writer that goes on from page to page is given a unit of them at once. */
static bool goes_on(const struct acre__region *region, size_t page) {
  const struct acre__region_extra *extra = acre__region_extra(region);
  return extra != NULL && extra->gate.most != 0 && page > 0 &&
         acre__table_run(&region->table, page - 1, page, ACRE_PAGE_WRITTEN).attributes != 0;
}

enum acre__note acre__written_note(struct acre__region *region, size_t page) {
  const struct acre__table *table = &region->table;
  const size_t units[] = {1, acre__coarse_pages(), ACRE_CHUNK_PAGES, table->pages};
  unsigned attributes = acre__table_run(table, page, page + 1, ACRE_PAGE_PROTECTION | ACRE_PAGE_WRITTEN).attributes;
  unsigned protection = attributes & ACRE_PAGE_PROTECTION;
  bool counts = (attributes & ACRE_PAGE_WRITTEN) == 0; /* else it was counted, and for some reason is not open */
  intptr_t more = acre__table_boundaries_gained(table, page, page + 1, protection);
  for (unsigned i = acre__mappings_are_over(more) || goes_on(region, page) ? 1 : 0; i < sizeof units / sizeof *units;
       i++) {
    size_t start, end;
    pages_alike(table, page, units[i], &start, &end);
    if (counts && !acre__gate_passes(region, end - start)) return ACRE_NOTE_WAIT;
    acre_result result = open_pages(region, start, end, protection);
    if (result == ACRE_OK) return ACRE_NOTE_OPEN;
    if (counts) acre__gate_take_back(region, end - start);
    if (result != ACRE_E_MAPPING_LIMIT) return ACRE_NOTE_FAILED;
  }
  return ACRE_NOTE_FAILED;
}

acre_result acre__written_open(struct acre__region *region, size_t start, size_t end) {
  const struct acre__table *table = &region->table;
  if (!table->shut) return ACRE_OK;
  for (size_t page = start; page < end;) {
    struct acre__page_run run = acre__table_run(table, page, end, ACRE_PAGE_EFFECT);
    acre_result result = ACRE_OK;
    if (acre__protection_writes(acre__page_access(run.attributes)))
      result = open_pages(region, page, run.end, run.attributes);
    if (result != ACRE_OK) return result;
    page = run.end;
  }
  return ACRE_OK;
}

/* ------------------------------------------------------------- reset */

/* Maps written pages of [start, end) as they are when not written (`shut`), or as the table says. */
static acre_result map_written(struct acre__region *region, size_t start, size_t end, bool shut) {
  const struct acre__table *table = &region->table;
  for (size_t page = start; page < end;) {
    struct acre__page_run run = acre__table_run(table, page, end, ACRE_PAGE_EFFECT | ACRE_PAGE_WRITTEN);
    unsigned protection = acre__page_access(run.attributes);
    unsigned mapping = acre__table_mapping(table, shut ? protection : run.attributes);
    if ((run.attributes & ACRE_PAGE_WRITTEN) != 0 && acre__protection_writes(protection)) {
      /* Over what is shut already, up to the last written page of this protection: one call for them all. */
      struct acre__page_run alike = acre__table_run(table, page, end, ACRE_PAGE_EFFECT);
      acre_result result = acre__os_protect(acre__region_address(region, page),
                                            bytes_of((shut ? alike.end : run.end) - page), (acre_vm_protection)mapping);
      if (result != ACRE_OK) return result;
      if (shut) run.end = alike.end;
    }
    page = run.end;
  }
  return ACRE_OK;
}

/* What has no node was not written: no nodes are made. Only the chunks at the ends are cut. */
static bool prepare_chunk(const struct acre__table *table, size_t chunk) {
  acre__chunk *word = acre__table_chunk(table, chunk);
  return word == NULL || acre__chunk_prepare(word);
}

static void clear_marks(struct acre__table *table, size_t start, size_t end) {
  size_t last = (end - 1) / ACRE_CHUNK_PAGES;
  for (size_t chunk = acre__table_skip(table, start / ACRE_CHUNK_PAGES); chunk <= last;
       chunk = acre__table_skip(table, chunk + 1)) {
    size_t base = chunk * ACRE_CHUNK_PAGES;
    acre__table_edit(table, acre__max(base, start), acre__min(base + ACRE_CHUNK_PAGES, end),
                     ACRE_PAGE_BITS & ~ACRE_PAGE_WRITTEN, 0);
  }
}

static acre_result reset(struct acre__region *region, size_t start, size_t end) {
  struct acre__table *table = &region->table;
  if (!prepare_chunk(table, start / ACRE_CHUNK_PAGES) || !prepare_chunk(table, (end - 1) / ACRE_CHUNK_PAGES))
    return ACRE_E_NO_MEMORY;
  intptr_t before = (intptr_t)acre__table_boundaries(table, start, end);
  acre_result result = map_written(region, start, end, true);
  if (result != ACRE_OK) {
    /* What stays shut is opened by its next write. */
    (void)map_written(region, start, end, false);
    return result;
  }
  clear_marks(table, start, end);
  acre__mappings_changed((intptr_t)acre__table_boundaries(table, start, end) - before);
  return ACRE_OK;
}

/* ------------------------------------------------------------- the report */

acre_result acre__written_report_shut(const struct acre__range *range, bool resets, struct acre__written_report *report,
                                      bool *more) {
  struct acre__region *region = range->region;
  size_t done = range->start; /* the page behind the last one that is reported */
  *more = false;
  for (size_t page = range->start; page < range->end && !*more;) {
    struct acre__page_run run = acre__table_run(&region->table, page, range->end, ACRE_PAGE_WRITTEN);
    if (run.attributes != 0) {
      size_t pages = run.end - page;
      size_t added = report == NULL ? pages : acre__written_add(report, acre__region_address(region, page), pages);
      if (added > 0) done = page + added;
      *more = added < pages;
    }
    page = run.end;
  }
  return resets && done > range->start ? reset(region, range->start, done) : ACRE_OK;
}
