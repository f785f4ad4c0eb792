/* SPDX-License-Identifier: MIT */
/*
 * written.c - acre_vm_written and its kin; the search where the system notes
 * writes. (By faults: written_fault.c.)
 *
 * A range is searched in stretches, each by one system call:
 *
 *   pages   [ww|ww|ww|ww][w.|..|.w][..reserved..][ww|ww]     w: ACRE_PAGE_WRITTEN
 *   search  [  quick    ][ thorough              ][quick]
 *
 * The quick search takes pages without an entry for written ones, so it is for
 * chunks whose pages in the range have all been seen with one. The thorough one
 * goes over anything, reserved pages included, unless they may have content of
 * which the table knows nothing (LOOSE), or are hidden and the system cannot
 * tell that from written: there each run of committed pages is searched alone.
 */
#include "vm/written.h"

#include "base/compiler.h"
#include "base/math.h"
#include "vm/commit.h"
#include "vm/protection.h"
#include "vm/root.h"

enum {
  KNOWN = 1, /* bits of acre__root.tracking */
  BY_SYSTEM = 2,
  PASSES_HIDDEN = 4,
  ROOM = 256 /* runs a system call */
};

static size_t bytes_of(size_t pages) {
  return pages << acre__root.page_shift;
}

static unsigned tracking(void) {
  unsigned known = atomic_load_explicit(&acre__root.tracking, memory_order_relaxed);
  if (ACRE_LIKELY(known != 0)) return known;
  known = KNOWN;
  if (!acre__root_get()->options.written_by_fault) {
    struct acre__os_tracking tracking;
    acre__os_probe_tracking(&tracking);
    if (tracking.works) known |= BY_SYSTEM;
    if (tracking.passes_hidden) known |= PASSES_HIDDEN;
  }
  /* The first answer stands: another thread may have acted on it. */
  unsigned first = 0;
  return atomic_compare_exchange_strong(&acre__root.tracking, &first, known) ? known : first;
}

bool acre__written_by_system(void) {
  return (tracking() & BY_SYSTEM) != 0;
}

acre_result acre__written_begin(void *base, size_t size) {
  return acre__written_by_system() ? acre__os_track(base, size) : ACRE_OK;
}

void acre__written_tell(struct acre__region *region, size_t start, size_t end) {
  if (acre__written_begin(acre__region_address(region, start), bytes_of(end - start)) != ACRE_OK) region->untold = 1;
}

/* ------------------------------------------------------------- the report */

static size_t add_run(struct acre__written_report *report, void *start, size_t pages) {
  acre_vm_run *last = report->count == 0 ? NULL : &report->runs[report->count - 1];
  if (last != NULL && (char *)last->address + last->size == (char *)start) {
    last->size += bytes_of(pages);
    return pages;
  }
  if (report->count == report->room || report->runs == NULL) return 0; /* who has room has runs */
  report->runs[report->count++] = (acre_vm_run){start, bytes_of(pages)};
  return pages;
}

size_t acre__written_add(struct acre__written_report *report, char *start, size_t pages) {
  if (report->pages == NULL) return add_run(report, start, pages);
  size_t added = acre__min(pages, report->room - report->count);
  for (size_t i = 0; i < added; i++) report->pages[report->count++] = start + bytes_of(i);
  return added;
}

/* ------------------------------------------------------------- stretches */

enum stretch_kind { NOTHING, UNKNOWN, QUICK, THOROUGH, PIECES };

/* A part of the range that one system call may search. */
struct stretch {
  size_t start, end;
  enum stretch_kind kind;
};

/* How pages [from, to) of one chunk may be searched. */
static enum stretch_kind kind_of(acre__chunk word, unsigned from, unsigned to) {
  bool all_seen = true, any_reserved = false, any_committed = false;
  for (unsigned page = from; page < to;) {
    struct acre__run run = acre__chunk_run(word, page);
    if (run.attributes == 0)
      any_reserved = true;
    else
      any_committed = true;
    if ((run.attributes & ACRE_PAGE_WRITTEN) == 0) all_seen = false;
    page = run.end;
  }
  bool knows_reserved = !acre__chunk_is_loose(word) &&
                        (!acre__chunk_is_open(word) || (tracking() & PASSES_HIDDEN) != 0);
  if (!any_committed) return knows_reserved ? NOTHING : UNKNOWN;
  if (all_seen) return QUICK;
  return any_reserved && !knows_reserved ? PIECES : THOROUGH;
}

/* The next stretch at or after `page`, which is below `end`; an empty one when there is none before `end`. */
static struct stretch next_stretch(const struct acre__table *table, size_t page, size_t end) {
  struct acre__page_run run = acre__table_run(table, page, end, ACRE_PAGE_PROTECTION);
  struct stretch out = {.start = run.attributes == 0 ? run.end : page, .kind = NOTHING};
  out.end = out.start;
  for (page = out.start; page < end;) {
    size_t chunk = page / ACRE_CHUNK_PAGES, base = chunk * ACRE_CHUNK_PAGES;
    size_t skipped = acre__table_skip(table, chunk);
    if (skipped > chunk) {
      page = skipped * ACRE_CHUNK_PAGES;
      continue;
    }
    size_t until = acre__min(base + ACRE_CHUNK_PAGES, end);
    enum stretch_kind kind = kind_of(acre__table_word(table, chunk), (unsigned)(page - base), (unsigned)(until - base));
    if (kind == UNKNOWN) break;
    if (kind == PIECES && out.kind == NOTHING) {
      run = acre__table_run(table, page, until, ACRE_PAGE_PROTECTION);
      return (struct stretch){.start = page, .end = run.end, .kind = PIECES};
    }
    /* Reserved chunks between two of a kind are searched along, but not by the quick search. */
    if (kind != NOTHING) {
      if (out.kind != NOTHING && (kind != out.kind || (kind == QUICK && page != out.end))) break;
      out.kind = kind;
      out.end = until;
    }
    page = until;
  }
  return out;
}

/* ------------------------------------------------------------- the search */

struct search {
  struct acre__region *region;
  bool reset;
  struct acre__written_report *report; /* NULL: nothing is reported */
  bool more;
};

/* Pages that were reported and reset have an entry from now on. Without memory they are not known to, which is slower. */
static void mark_seen(struct acre__region *region, size_t start, size_t end) {
  if (acre__table_prepare(&region->table, start, end))
    acre__table_edit(&region->table, start, end, ACRE_PAGE_BITS, ACRE_PAGE_WRITTEN);
}

static void take(struct search *search, const struct acre__os_written_run *run, enum stretch_kind kind) {
  struct acre__region *region = search->region;
  size_t start = (size_t)(run->start - acre__region_base(region)) >> acre__root.page_shift;
  size_t end = (size_t)(run->end - acre__region_base(region)) >> acre__root.page_shift;
  if (search->report != NULL) acre__written_add(search->report, acre__region_address(region, start), end - start);
  if (search->reset && kind != QUICK) mark_seen(region, start, end);
}

/* How many runs may come from the next system call; 0: the report is full. */
static size_t room_left(const struct acre__written_report *report) {
  return report == NULL ? ROOM : acre__min(report->room - report->count, (size_t)ROOM);
}

/* Whether any page from `at` on was written: there is no room for it. */
static acre_result look_for_more(struct search *search, uintptr_t at, uintptr_t end, enum stretch_kind kind) {
  struct acre__os_written_run run;
  struct acre__os_written_search ask = {
      .start = at, .end = end, .all_have_content = kind == QUICK, .most_pages = 1, .runs = &run, .room = 1};
  acre_result result = acre__os_written(&ask);
  if (result == ACRE_OK && ask.count > 0) search->more = true;
  return result;
}

static acre_result search_stretch(struct search *search, const struct stretch *stretch) {
  struct acre__os_written_run runs[ROOM];
  uintptr_t at = (uintptr_t)acre__region_address(search->region, stretch->start);
  uintptr_t end = (uintptr_t)acre__region_address(search->region, stretch->end);
  while (at < end && !search->more) {
    size_t room = room_left(search->report);
    if (room == 0) return look_for_more(search, at, end, stretch->kind);
    struct acre__os_written_search ask = {.start = at,
                                          .end = end,
                                          .reset = search->reset,
                                          .all_have_content = stretch->kind == QUICK,
                                          .runs = runs,
                                          .room = room};
    if (search->report != NULL && search->report->pages != NULL)
      ask.most_pages = search->report->room - search->report->count;
    acre_result result = acre__os_written(&ask);
    if (result != ACRE_OK) return result;
    for (size_t i = 0; i < ask.count; i++) take(search, &runs[i], stretch->kind);
    at = ask.start;
  }
  return ACRE_OK;
}

static acre_result search_range(struct search *search, size_t start, size_t end) {
  acre_result result = ACRE_OK;
  while (result == ACRE_OK && !search->more && start < end) {
    struct stretch stretch = next_stretch(&search->region->table, start, end);
    if (stretch.start == stretch.end) break;
    result = search_stretch(search, &stretch);
    start = stretch.end;
  }
  return result;
}

/* Makes the region known to the system again. */
static acre_result tell_again(struct acre__region *region) {
  acre_result result = acre__os_track(acre__region_address(region, 0), acre__region_size(region));
  if (result == ACRE_OK) region->untold = 0;
  return result;
}

/*
 * A search that fails may have reset what it did not report: then the whole
 * region is made known again, by which every page with content counts as
 * written. What was reported and reset before the failure stands, if there is any.
 */
static acre_result search_system(const struct acre__range *range, bool reset, struct acre__written_report *report,
                                 bool *more) {
  struct search search = {.region = range->region, .reset = reset, .report = report};
  acre_result result = ACRE_OK;
  for (int attempts = 2; attempts > 0; attempts--) {
    if (range->region->untold) result = tell_again(range->region);
    if (result == ACRE_OK) result = search_range(&search, range->start, range->end);
    *more = search.more;
    if (result == ACRE_OK) return ACRE_OK;
    if (reset || result == ACRE_E_NOT_SUPPORTED) range->region->untold = 1;
    if (reset && report != NULL && report->count > 0) {
      *more = true;
      return ACRE_OK;
    }
    if (report != NULL) report->count = 0;
    if (result != ACRE_E_NOT_SUPPORTED) return result;
    result = ACRE_OK;
  }
  return ACRE_E_NOT_SUPPORTED;
}

/* ------------------------------------------------------------- the interface */

static acre_result lock_tracked(const void *address, size_t size, struct acre__range *out) {
  acre_result result = acre__range_lock(address, size, out);
  if (result != ACRE_OK || out->region->tracked) return result;
  acre__range_unlock(out);
  return ACRE_E_WRONG_KIND;
}

static acre_result report_range(const struct acre__range *range, bool reset, struct acre__written_report *report,
                                bool *more) {
  return range->region->table.shut ? acre__written_report_shut(range, reset, report, more)
                                   : search_system(range, reset, report, more);
}

static acre_result written(const void *address, size_t size, unsigned flags, struct acre__written_report *report,
                           size_t *count) {
  if (count == NULL || (*count != 0 && report->runs == NULL && report->pages == NULL)) return ACRE_E_INVALID_ARGUMENT;
  if ((flags & ~(unsigned)ACRE_VM_WRITTEN_RESET) != 0) return ACRE_E_INVALID_ARGUMENT;
  report->room = *count;
  *count = 0;
  struct acre__range range;
  acre_result result = lock_tracked(address, size, &range);
  if (result != ACRE_OK) return result;
  bool more = false;
  result = report_range(&range, (flags & ACRE_VM_WRITTEN_RESET) != 0, report, &more);
  acre__range_unlock(&range);
  if (result != ACRE_OK) return result;
  *count = report->count;
  return more ? ACRE_E_MORE : ACRE_OK;
}

acre_result acre_vm_written(const void *address, size_t size, unsigned flags, acre_vm_run *out, size_t *count) {
  struct acre__written_report report = {.runs = out};
  return written(address, size, flags, &report, count);
}

acre_result acre_vm_written_pages(const void *address, size_t size, unsigned flags, void **out, size_t *count) {
  struct acre__written_report report = {.pages = out};
  return written(address, size, flags, &report, count);
}

acre_result acre_vm_reset_written(void *address, size_t size) {
  struct acre__range range;
  bool more;
  acre_result result = lock_tracked(address, size, &range);
  if (result != ACRE_OK) return result;
  result = report_range(&range, true, NULL, &more);
  acre__range_unlock(&range);
  return result;
}

acre_result acre_vm_written_prepare(void *address, size_t size) {
  struct acre__range range;
  acre_result result = lock_tracked(address, size, &range);
  if (result != ACRE_OK) return result;
  if (!acre__range_is_committed(&range))
    result = ACRE_E_NOT_COMMITTED;
  else
    result = acre__written_open(range.region, range.start, range.end);
  acre__range_unlock(&range);
  return result;
}
