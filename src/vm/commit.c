/* SPDX-License-Identifier: MIT */
#include "vm/commit.h"

#include "base/math.h"
#include "vm/chunks.h"
#include "vm/fault.h"
#include "vm/ledger.h"
#include "vm/paging.h"
#include "vm/placement.h"
#include "vm/protection.h"
#include "vm/root.h"

/* ------------------------------------------------------------- committing */

/* What has to be done to a range, found in one pass over it; empty ranges have from == to. */
struct work {
  size_t fresh_pages;              /* reserved until now */
  size_t protect_from, protect_to; /* mapped otherwise than wished */
  size_t reveal_from, reveal_to;   /* hidden */
  bool loose;                      /* some chunk is LOOSE */
};

static void widen(size_t *from, size_t *to, size_t start, size_t end) {
  if (*from == *to) *from = start;
  *to = end;
}

static void survey_chunk(const struct acre__table *table, size_t base, size_t start, size_t end, unsigned protection,
                         struct work *work) {
  acre__chunk word = acre__table_word(table, base / ACRE_CHUNK_PAGES);
  bool loose = acre__chunk_is_loose(word);
  work->loose |= loose;
  for (size_t page = start; page < end;) {
    struct acre__run run = acre__chunk_run(word, (unsigned)(page - base));
    size_t until = acre__min(base + run.end, end);
    unsigned access = acre__page_access(run.attributes);
    unsigned mapped = access != 0 ? acre__table_mapping(table, run.attributes) : acre__chunk_base(word);
    unsigned wished = acre__table_mapping(table, protection | (run.attributes & ACRE_PAGE_WRITTEN));
    if (access == 0) {
      work->fresh_pages += until - page;
      if (acre__chunk_is_open(word)) widen(&work->reveal_from, &work->reveal_to, page, until);
    }
    if (mapped != wished || loose) widen(&work->protect_from, &work->protect_to, page, until);
    page = until;
  }
}

static struct work survey(const struct acre__table *table, size_t start, size_t end, unsigned protection) {
  struct work work = {0};
  for (size_t page = start; page < end;) {
    size_t base = acre__align_down(page, ACRE_CHUNK_PAGES);
    size_t until = acre__min(base + ACRE_CHUNK_PAGES, end);
    survey_chunk(table, base, page, until, protection, &work);
    page = until;
  }
  return work;
}

/* Opens the chunk of a partial piece where a plain mprotect would shred it. */
static acre_result open_if_shredded(struct acre__region *region, size_t start, size_t end, unsigned protection) {
  size_t chunk = start / ACRE_CHUNK_PAGES;
  acre__chunk *word = acre__table_chunk(&region->table, chunk);
  size_t first = chunk * ACRE_CHUNK_PAGES;
  if (acre__chunk_is_open(*word) || acre__chunk_is_loose(*word)) return ACRE_OK;
  if (start == first && end - first == acre__table_chunk_pages(&region->table, chunk)) return ACRE_OK;
  unsigned mapping = acre__table_mapping(&region->table, protection);
  intptr_t more = acre__table_boundaries_gained(&region->table, start, end, mapping);
  if (more <= 0 || (*word == 0 && acre__mappings_are_few(more, start == 0))) return ACRE_OK;
  unsigned base = acre__table_mapping(&region->table, protection & ACRE_PAGE_PROTECTION);
  acre_result result = acre__chunk_make_open(region, chunk, start, end, base);
  return result == ACRE_E_NOT_SUPPORTED ? ACRE_OK : result;
}

/* The pieces of a range in its first and last chunk are the ones that can shred. */
static acre_result open_edges(struct acre__region *region, size_t start, size_t end, unsigned protection) {
  size_t first_end = acre__min(acre__align_down(start, ACRE_CHUNK_PAGES) + ACRE_CHUNK_PAGES, end);
  acre_result result = open_if_shredded(region, start, first_end, protection);
  if (result == ACRE_OK && first_end < end)
    result = open_if_shredded(region, acre__align_down(end - 1, ACRE_CHUNK_PAGES), end, protection);
  return result;
}

/* Reserved pages of LOOSE chunks may hold old bytes, or be hidden: both ends here. */
static acre_result empty_loose(struct acre__region *region, size_t start, size_t end) {
  acre_result result = ACRE_OK;
  for (size_t page = start; page < end && result == ACRE_OK;) {
    struct acre__page_run run = acre__table_run(&region->table, page, end, ACRE_PAGE_PROTECTION);
    size_t until = acre__min(run.end, acre__align_down(page, ACRE_CHUNK_PAGES) + ACRE_CHUNK_PAGES);
    void *address = acre__region_address(region, page);
    size_t size = (until - page) << acre__root.page_shift;
    if (run.attributes == 0 && acre__chunk_is_loose(acre__table_word(&region->table, page / ACRE_CHUNK_PAGES))) {
      if (acre__region_hides(region)) result = acre__os_reveal(address, size);
      if (result == ACRE_OK && !region->paged) result = acre__os_discard(address, size); /* acre__paging_take did */
    }
    page = until;
  }
  return result;
}

ACRE_COLD void acre__commit_undo(struct acre__region *region, size_t start, size_t end, unsigned mapping) {
  for (size_t page = start; page < end;) {
    size_t chunk = page / ACRE_CHUNK_PAGES;
    acre__chunk *word = acre__table_chunk(&region->table, chunk);
    if (word == NULL) { /* decommit comes across such: nothing was ever there */
      page = acre__table_skip(&region->table, chunk) * ACRE_CHUNK_PAGES;
      continue;
    }
    struct acre__run run = acre__chunk_run(*word, (unsigned)(page % ACRE_CHUNK_PAGES));
    size_t until = acre__min(chunk * ACRE_CHUNK_PAGES + run.end, end);
    unsigned mapped = acre__table_mapping(&region->table, run.attributes);
    void *address = acre__region_address(region, page);
    size_t size = (until - page) << acre__root.page_shift;
    acre_result result = ACRE_OK;
    if (mapped != 0) {
      if (mapped != mapping || region->table.shut) result = acre__os_protect(address, size, (acre_vm_protection)mapped);
    } else if (acre__chunk_is_open(*word)) {
      result = acre__os_hide(address, size);
      if (result == ACRE_OK) result = acre__os_protect(address, size, (acre_vm_protection)acre__chunk_base(*word));
    } else {
      result = acre__pages_take_access(region, page, until);
    }
    if (result != ACRE_OK) acre__chunk_set_loose(word, true);
    page = until;
  }
}

static void record_commit(struct acre__region *region, size_t start, size_t end, unsigned protection) {
  acre__table_edit(&region->table, start, end, ACRE_PAGE_LOCKED | ACRE_PAGE_WRITTEN, protection);
  for (size_t page = start; page < end; page = acre__align_down(page, ACRE_CHUNK_PAGES) + ACRE_CHUNK_PAGES)
    acre__chunk_settle(region, page / ACRE_CHUNK_PAGES);
}

/* What one system call can do. ADVANCE: pages join the run before them, and leave some of theirs. */
enum simple { NOT_SIMPLE, SIMPLE_ADVANCE, SIMPLE_REVEAL };

/*
 * Nearly every commit is one of two: a frontier moves on inside a chunk, or
 * pages of an open chunk are revealed. Neither makes a mapping.
 */
static enum simple simple_case(acre__chunk word, struct acre__run run, unsigned start, unsigned end,
                               unsigned protection, unsigned mapping) {
  if (run.attributes != 0 || run.end < end || acre__chunk_is_loose(word)) return NOT_SIMPLE;
  if (acre__chunk_is_open(word)) return acre__chunk_base(word) == mapping ? SIMPLE_REVEAL : NOT_SIMPLE;
  if (run.start != start || start == 0 || end == run.end) return NOT_SIMPLE;
  return acre__chunk_run(word, start - 1).attributes == protection ? SIMPLE_ADVANCE : NOT_SIMPLE;
}

bool acre__commit_only_reveals(const struct acre__region *region, size_t start, size_t end, unsigned protection) {
  const struct acre__table *table = &region->table;
  size_t base = acre__align_down(start, ACRE_CHUNK_PAGES);
  if (end > base + ACRE_CHUNK_PAGES || region->strict || region->paged) return false;
  acre__chunk word = acre__table_word(table, base / ACRE_CHUNK_PAGES);
  unsigned from = (unsigned)(start - base), until = (unsigned)(end - base);
  return acre__chunk_is_open(word) && simple_case(word, acre__chunk_run(word, from), from, until, protection,
                                                  acre__table_mapping(table, protection)) == SIMPLE_REVEAL;
}

static inline acre_result commit_simple(struct acre__region *region, acre__chunk *word, enum simple simple,
                                        struct acre__run run, size_t start, size_t end, unsigned protection,
                                        unsigned mapping) {
  acre_result result = acre__ledger_charge(end - start);
  if (ACRE_UNLIKELY(result != ACRE_OK)) return result;
  if (simple != SIMPLE_ADVANCE && !acre__chunk_prepare(word)) {
    acre__ledger_uncharge(end - start);
    return ACRE_E_NO_MEMORY;
  }
  void *address = acre__region_address(region, start);
  size_t size = (end - start) << acre__root.page_shift;
  result = simple == SIMPLE_REVEAL ? acre__os_reveal(address, size)
                                   : acre__os_commit(address, size, (acre_vm_protection)mapping);
  if (result == ACRE_OK && region->strict) result = acre__os_populate(address, size, true);
  if (ACRE_UNLIKELY(result != ACRE_OK)) {
    acre__commit_undo(region, start, end, mapping);
    acre__ledger_uncharge(end - start);
    return result;
  }
  unsigned from = (unsigned)(start % ACRE_CHUNK_PAGES), until = from + (unsigned)(end - start);
  if (simple == SIMPLE_ADVANCE) {
    acre__chunk_shift(word, from, until);
    return ACRE_OK;
  }
  acre__chunk_edit_in_run(word, run, from, until, protection);
  acre__chunk_settle(region, start / ACRE_CHUNK_PAGES);
  return ACRE_OK;
}

/*
 * Strict: the reserved pages of the range get their memory, as pages that can
 * be written, whatever they may be used for later: a page of zeros that is
 * shared until it is written would be a promise and no memory.
 */
static acre_result populate_fresh(struct acre__region *region, size_t start, size_t end) {
  acre_result result = ACRE_OK;
  for (size_t page = start; page < end && result == ACRE_OK;) {
    struct acre__page_run run = acre__table_run(&region->table, page, end, ACRE_PAGE_PROTECTION);
    void *address = acre__region_address(region, page);
    size_t size = (run.end - page) << acre__root.page_shift;
    if (run.attributes == 0) {
      result = acre__os_commit(address, size, ACRE_VM_READ_WRITE);
      if (result == ACRE_OK) result = acre__os_populate(address, size, true);
    }
    page = run.end;
  }
  return result;
}

/* Maps a range for `protection`: with one call, or, in a shut table, one for each run of written or other pages. */
static acre_result map_for(struct acre__region *region, size_t start, size_t end, unsigned protection) {
  const struct acre__table *table = &region->table;
  acre_result result = ACRE_OK;
  for (size_t page = start; page < end && result == ACRE_OK;) {
    struct acre__page_run run = acre__table_run(table, page, end, table->shut ? ACRE_PAGE_WRITTEN : 0);
    result = acre__os_commit(acre__region_address(region, page), (run.end - page) << acre__root.page_shift,
                             (acre_vm_protection)acre__table_mapping(table, protection | run.attributes));
    page = run.end;
  }
  return result;
}

/* Any commit, with its fresh pages charged. Pages that nobody has written yet are mapped as `mapping`. */
static acre_result commit_charged(struct acre__region *region, size_t start, size_t end, unsigned protection,
                                  unsigned mapping) {
  struct acre__table *table = &region->table;
  if (!acre__table_prepare(table, start, end)) return ACRE_E_NO_MEMORY;
  acre_result result = ACRE_OK;
  if (acre__region_hides(region)) result = open_edges(region, start, end, protection);
  if (result != ACRE_OK) {
    acre__commit_undo(region, start, end, mapping); /* one edge may be open already */
    return result;
  }

  struct work work = survey(table, start, end, protection);
  size_t from = work.protect_from, to = work.protect_to;
  intptr_t more = 0, before = 0;
  if (table->shut) before = (intptr_t)acre__table_boundaries(table, start, end);
  if (from < to) {
    more = acre__table_boundaries_gained(table, from, to, mapping);
    if (!acre__region_hides(region) && more > 0) acre__chunks_coarsen(region, more, &from, &to);
  }

  if (work.loose) result = empty_loose(region, start, end);
  if (result == ACRE_OK && work.reveal_from < work.reveal_to)
    result = acre__os_reveal(acre__region_address(region, work.reveal_from), (work.reveal_to - work.reveal_from)
                                                                                 << acre__root.page_shift);
  if (result == ACRE_OK && region->strict && work.fresh_pages > 0 && region->large != ACRE_VM_LARGE_PAGES_EXPLICIT) {
    result = populate_fresh(region, start, end);
    if (mapping != ACRE_VM_READ_WRITE) {
      from = from < to ? acre__min(from, start) : start;
      to = acre__max(to, end);
    }
  }
  /* Protections last: nothing can fail behind it, so committed pages need not get theirs back. */
  if (result == ACRE_OK && from < to && region->large == ACRE_VM_LARGE_PAGES_EXPLICIT)
    result = acre__placement_commit_large(region, from, to, (acre_vm_protection)mapping);
  else if (result == ACRE_OK)
    result = map_for(region, from, to, protection);
  if (result != ACRE_OK) {
    acre__commit_undo(region, start, end, mapping);
    return result;
  }
  record_commit(region, start, end, protection);
  if (table->shut) more = (intptr_t)acre__table_boundaries(table, start, end) - before;
  if (more != 0) acre__mappings_changed(more);
  return ACRE_OK;
}

/* Either kind of region; of the paging file, all but its blocks. */
static acre_result commit_pages(struct acre__region *region, size_t start, size_t end, acre_vm_protection protection) {
  struct acre__table *table = &region->table;
  unsigned mapping = acre__table_mapping(table, protection);
  size_t base = acre__align_down(start, ACRE_CHUNK_PAGES);
  acre__chunk *word = end <= base + ACRE_CHUNK_PAGES ? acre__table_chunk(table, base / ACRE_CHUNK_PAGES) : NULL;
  bool is_guard = (protection & ACRE_VM_GUARD) != 0;
  if (word != NULL && !is_guard && (!region->strict || acre__protection_writes(mapping))) {
    unsigned from = (unsigned)(start - base), until = (unsigned)(end - base);
    if (acre__chunk_is_frontier(*word, from, protection) && until < ACRE_CHUNK_PAGES)
      return commit_simple(region, word, SIMPLE_ADVANCE, (struct acre__run){0}, start, end, protection, mapping);
    struct acre__run run = acre__chunk_run(*word, from);
    enum simple simple = simple_case(*word, run, from, until, protection, mapping);
    if (simple != NOT_SIMPLE) return commit_simple(region, word, simple, run, start, end, protection, mapping);
  }
  size_t fresh = end - start - acre__table_committed(table, start, end);
  acre_result result = acre__ledger_charge(fresh);
  if (result != ACRE_OK) return result;
  result = commit_charged(region, start, end, protection, mapping);
  if (result != ACRE_OK) acre__ledger_uncharge(fresh);
  return result;
}

/* Blocks first: a full disk is an error here, and never a signal at a touch. */
static ACRE_COLD acre_result commit_paged(struct acre__region *region, size_t start, size_t end,
                                          acre_vm_protection protection) {
  acre_result result = acre__paging_take(region, start, end);
  if (result != ACRE_OK) return result;
  result = commit_pages(region, start, end, protection);
  if (result != ACRE_OK) acre__paging_give_back(region, start, end);
  return result;
}

acre_result acre__commit_pages(struct acre__region *region, size_t start, size_t end, acre_vm_protection protection) {
  acre__region_widen(region, &start, &end); /* steps of touches and stacks are in small pages */
  return ACRE_UNLIKELY(region->paged) ? commit_paged(region, start, end, protection)
                                      : commit_pages(region, start, end, protection);
}

/*
 * Of a view that can have more pages; gives the range back. The protection is
 * looked at first, so that nothing is committed for one that cannot be had.
 */
static ACRE_COLD acre_result commit_view(const struct acre__range *range, acre_vm_protection protection) {
  struct acre__region *region = range->region;
  const struct acre__region_extra *extra = acre__region_extra(region);
  acre__view_commit commit = extra != NULL && region->kind == ACRE_VM_KIND_MAPPED ? extra->commit : NULL;
  void *context = commit != NULL ? extra->commit_context : NULL;
  bool allowed = acre__protection_is_valid_of_page(protection) &&
                 acre__protection_within(protection & ~(unsigned)ACRE_VM_GUARD, region->most);
  void *address = acre__region_address(region, range->start);
  size_t from = range->start << acre__root.page_shift, end = range->end << acre__root.page_shift;
  acre__range_unlock(range);
  if (commit == NULL) return ACRE_E_WRONG_KIND;
  if (!allowed) return ACRE_E_INVALID_PROTECTION;
  acre_result result = commit(context, from, end);
  return result == ACRE_OK ? acre_vm_protect(address, end - from, protection, NULL) : result;
}

acre_result acre_vm_commit(void *address, size_t size, acre_vm_protection protection) {
  if (!acre__protection_is_valid_for_commit(protection)) return ACRE_E_INVALID_PROTECTION;
  struct acre__range range;
  acre_result result = acre__range_lock_to_guard(address, size, protection, &range);
  if (result != ACRE_OK) return result;
  if ((protection & ~ACRE_VM_GUARD) == ACRE_VM_DEFAULT) protection |= range.region->protection;
  if (range.region->kind != ACRE_VM_KIND_PRIVATE) return commit_view(&range, protection);
  if (!acre__protection_is_valid_of_page(protection))
    result = ACRE_E_INVALID_PROTECTION; /* a guard in a region whose pages allow no access */
  else
    result = acre__commit_pages(range.region, range.start, range.end, protection);
  acre__range_unlock(&range);
  return result;
}
