/* SPDX-License-Identifier: MIT */
#include "vm/chunks.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/placement.h"
#include "vm/root.h"
#include "vm/written.h"

enum { FEW_MAPPINGS = 256 };

static size_t bytes_of(size_t pages) {
  return pages << acre__root.page_shift;
}

void acre__mappings_changed(intptr_t difference) {
  atomic_fetch_add_explicit(&acre__root.mappings, difference, memory_order_relaxed);
}

static intptr_t mappings(void) {
  return atomic_load_explicit(&acre__root.mappings, memory_order_relaxed);
}

/* Before the budget is known, so few are within it: no system allows less. */
static bool is_within(intptr_t count, size_t parts) {
  if (acre__root.mapping_budget == 0 && count <= FEW_MAPPINGS) return true;
  return count <= (intptr_t)(acre__root_mapping_budget() / parts);
}

bool acre__mappings_are_few(intptr_t more, bool at_region_start) {
  return at_region_start ? is_within(mappings() + more, 4) : mappings() + more <= FEW_MAPPINGS;
}

bool acre__mappings_are_over(intptr_t more) {
  return more > 0 && !is_within(mappings() + more, 1);
}

acre_result acre__pages_take_access(struct acre__region *region, size_t start, size_t end) {
  /* Not a file mapped anew: that would forget, for the moment in which a fork comes, that children do not get it. */
  if (region->paged)
    return acre__os_protect(acre__region_address(region, start), bytes_of(end - start), ACRE_VM_NO_ACCESS);
  acre_result result = acre__os_decommit(acre__region_address(region, start), bytes_of(end - start));
  if (result != ACRE_OK) return result;
  if (region->placed) acre__placement_tell(region, start, end);
  if (region->tracked) acre__written_tell(region, start, end);
  return ACRE_OK;
}

/* ------------------------------------------------------------- open, close */

/* Hides [from, to) without the part of it in [start, end). */
static acre_result hide_around(struct acre__region *region, size_t from, size_t to, size_t start, size_t end) {
  size_t left_end = acre__min(to, start), right_start = acre__max(from, end);
  acre_result result = ACRE_OK;
  if (from < left_end) result = acre__os_hide(acre__region_address(region, from), bytes_of(left_end - from));
  if (result == ACRE_OK && right_start < to)
    result = acre__os_hide(acre__region_address(region, right_start), bytes_of(to - right_start));
  return result;
}

acre_result acre__chunk_make_open(struct acre__region *region, size_t chunk, size_t start, size_t end, unsigned base) {
  size_t first = chunk * ACRE_CHUNK_PAGES, last = first + acre__table_chunk_pages(&region->table, chunk);
  acre__chunk *word = acre__table_chunk(&region->table, chunk);
  intptr_t before = (intptr_t)acre__table_boundaries(&region->table, first, last);

  for (size_t page = first; page < last;) {
    struct acre__page_run run = acre__table_run(&region->table, page, last, ACRE_PAGE_PROTECTION);
    acre_result result = ACRE_OK;
    if (run.attributes == 0) {
      result = hide_around(region, run.start, run.end, start, end);
      if (result == ACRE_OK)
        result = acre__os_commit(acre__region_address(region, run.start), bytes_of(run.end - run.start),
                                 (acre_vm_protection)base);
    }
    if (result != ACRE_OK) {
      acre__chunk_set_loose(word, true);
      return result;
    }
    page = run.end;
  }
  acre__chunk_open(word, base);
  acre__mappings_changed((intptr_t)acre__table_boundaries(&region->table, first, last) - before);
  return ACRE_OK;
}

acre_result acre__chunk_make_closed(struct acre__region *region, size_t chunk) {
  size_t first = chunk * ACRE_CHUNK_PAGES, last = first + acre__table_chunk_pages(&region->table, chunk);
  acre__chunk *word = acre__table_chunk(&region->table, chunk);
  intptr_t before = (intptr_t)acre__table_boundaries(&region->table, first, last);
  acre_result result = ACRE_OK;
  for (size_t page = first; page < last && result == ACRE_OK;) {
    struct acre__page_run run = acre__table_run(&region->table, page, last, ACRE_PAGE_PROTECTION);
    if (run.attributes == 0) {
      result = acre__pages_take_access(region, run.start, run.end);
      if (result == ACRE_OK && region->paged)
        result = acre__os_reveal(acre__region_address(region, run.start), bytes_of(run.end - run.start));
    }
    page = run.end;
  }
  acre__chunk_close(word);
  if (result != ACRE_OK) acre__chunk_set_loose(word, true);
  acre__mappings_changed((intptr_t)acre__table_boundaries(&region->table, first, last) - before);
  return result;
}

void acre__chunk_settle(struct acre__region *region, size_t chunk) {
  acre__chunk *word = acre__table_chunk(&region->table, chunk);
  if ((*word & ACRE_CHUNK_RECORD) != 0 || (*word & ACRE_PAGE_PROTECTION) == 0)
    return; /* many runs, or a reserved first one */
  if (acre__chunk_run(*word, 0).end < acre__table_chunk_pages(&region->table, chunk)) return;
  acre__chunk_close(word);
  acre__chunk_set_loose(word, false);
}

/* -------------------------------------------------------------- coarsening */

size_t acre__coarse_pages(void) {
  return acre__root.system.granularity >> acre__root.page_shift;
}

size_t acre__coarse_start(const struct acre__region *region, size_t page) {
  size_t unit = acre__align_down(page, acre__coarse_pages());
  while (page > unit) {
    size_t base = acre__align_down(page - 1, ACRE_CHUNK_PAGES);
    struct acre__run run = acre__chunk_run(acre__table_word(&region->table, (page - 1) / ACRE_CHUNK_PAGES),
                                           (unsigned)(page - 1 - base));
    if ((run.attributes & ACRE_PAGE_PROTECTION) != 0) break;
    page = acre__max(base + run.start, unit);
  }
  return page;
}

size_t acre__coarse_end(const struct acre__region *region, size_t page) {
  size_t unit = acre__min(acre__align_up(page, acre__coarse_pages()), region->table.pages);
  if (page == unit) return page;
  struct acre__page_run run = acre__table_run(&region->table, page, unit, ACRE_PAGE_PROTECTION);
  return run.attributes == 0 ? run.end : page;
}

void acre__chunks_coarsen(struct acre__region *region, intptr_t more, size_t *from, size_t *to) {
  if (!acre__mappings_are_over(more)) return;
  size_t start = acre__coarse_start(region, *from), end = acre__coarse_end(region, *to);
  if (start < *from) acre__chunk_set_loose(acre__table_chunk(&region->table, start / ACRE_CHUNK_PAGES), true);
  if (end > *to) acre__chunk_set_loose(acre__table_chunk(&region->table, (end - 1) / ACRE_CHUNK_PAGES), true);
  *from = start;
  *to = end;
}
