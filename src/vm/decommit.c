/* SPDX-License-Identifier: MIT */
/*
 * Decommit: the way back from commit.h.
 *
 * A chunk that loses its last committed page becomes one plain reservation
 * again, whatever it was; runs of such chunks go in one system call. Only the
 * chunks at the ends of the range can keep pages, and each of these has its
 * own way: guard markers in an open chunk, PROT_NONE at a frontier, and
 * emptied but accessible pages where the mappings are used up.
 */
#include "base/compiler.h"
#include "base/math.h"
#include "vm/chunks.h"
#include "vm/commit.h"
#include "vm/ledger.h"
#include "vm/paging.h"
#include "vm/root.h"

static size_t bytes_of(size_t pages) {
  return pages << acre__root.page_shift;
}

static acre_result decommit_range(struct acre__region *region, size_t start, size_t end) {
  acre_result result = acre__pages_take_access(region, start, end);
  if (result != ACRE_OK && region->paged) acre__commit_undo(region, start, end, ACRE_VM_DEFAULT);
  return result;
}

/* The table's part, after the system's. */
static void record(struct acre__region *region, size_t start, size_t end) {
  acre__ledger_uncharge(acre__table_committed(&region->table, start, end));
  acre__table_edit(&region->table, start, end, 0, 0);
}

/* The same where it changes what is mapped how. */
static void record_mapped(struct acre__region *region, size_t start, size_t end) {
  intptr_t before = (intptr_t)acre__table_boundaries(&region->table, start, end);
  record(region, start, end);
  acre__mappings_changed((intptr_t)acre__table_boundaries(&region->table, start, end) - before);
}

/* Whether the chunk has no committed page outside [start, end) of it. */
static bool leaves_nothing(acre__chunk word, size_t start, size_t end) {
  if (start > 0) {
    struct acre__run run = acre__chunk_run(word, 0);
    if (run.attributes != 0 || run.end < start) return false;
  }
  if (end < ACRE_CHUNK_PAGES) {
    struct acre__run run = acre__chunk_run(word, (unsigned)end);
    if (run.attributes != 0 || run.end < ACRE_CHUNK_PAGES) return false;
  }
  return true;
}

/* Whole chunks [first, last) become plain reservations. */
static acre_result empty_chunks(struct acre__region *region, size_t first, size_t last) {
  struct acre__table *table = &region->table;
  size_t start = first * ACRE_CHUNK_PAGES, end = acre__min(last * ACRE_CHUNK_PAGES, table->pages);
  intptr_t before = (intptr_t)acre__table_boundaries(table, start, end);
  acre_result result = decommit_range(region, start, end);
  if (result != ACRE_OK) return result;
  acre__ledger_uncharge(acre__table_committed(table, start, end));
  for (size_t chunk = acre__table_skip(table, first); chunk < last; chunk = acre__table_skip(table, chunk + 1))
    acre__chunk_clear(acre__table_chunk(table, chunk));
  acre__mappings_changed((intptr_t)acre__table_boundaries(table, start, end) - before);
  return ACRE_OK;
}

/* Pages become PROT_NONE, whatever that does to the mappings. */
static acre_result cut_out(struct acre__region *region, size_t start, size_t end) {
  acre_result result = decommit_range(region, start, end);
  if (result == ACRE_OK) record_mapped(region, start, end);
  return result;
}

/* Content goes, access stays: all that can be done without a mapping. */
static acre_result empty_in_place(struct acre__region *region, size_t start, size_t end) {
  acre_result result = ACRE_OK;
  if (!region->paged) result = acre__os_discard(acre__region_address(region, start), bytes_of(end - start));
  if (result != ACRE_OK) return result;
  acre__chunk_set_loose(acre__table_chunk(&region->table, start / ACRE_CHUNK_PAGES), true);
  record_mapped(region, start, end);
  return ACRE_OK;
}

/*
 * A front part may have been hidden: it has lost its content, but is committed. If that cannot be revealed
 * the pages are reserved, as a decommit that fails may leave them, and nobody knows what is mapped there.
 */
static ACRE_COLD void undo_hide(struct acre__region *region, size_t start, size_t end) {
  acre_result result = ACRE_OK;
  for (size_t page = start; page < end && result == ACRE_OK;) {
    struct acre__page_run run = acre__table_run(&region->table, page, end, ACRE_PAGE_PROTECTION);
    if (run.attributes != 0) result = acre__os_reveal(acre__region_address(region, page), bytes_of(run.end - page));
    page = run.end;
  }
  if (result == ACRE_OK) return;
  acre__chunk_set_loose(acre__table_chunk(&region->table, start / ACRE_CHUNK_PAGES), true);
  record_mapped(region, start, end);
}

/* Whether every page is committed and mapped as `mapping`. */
static bool all_committed_as(const struct acre__table *table, size_t start, size_t end, unsigned mapping) {
  for (size_t page = start; page < end;) {
    struct acre__page_run run = acre__table_run(table, page, end, ACRE_PAGE_EFFECT | ACRE_PAGE_WRITTEN);
    if (acre__table_mapping(table, run.attributes) != mapping) return false;
    page = run.end;
  }
  return true;
}

static acre_result hide_in_open_chunk(struct acre__region *region, size_t start, size_t end) {
  size_t chunk = start / ACRE_CHUNK_PAGES;
  unsigned base = acre__chunk_base(acre__table_word(&region->table, chunk));
  void *address = acre__region_address(region, start);
  acre_result result = acre__os_hide(address, bytes_of(end - start));
  if (result == ACRE_E_NOT_SUPPORTED) {
    /* The program locks all its memory (mlockall), and locked pages can't be hidden: a closed chunk needs none of it. */
    result = acre__chunk_make_closed(region, chunk);
    if (result == ACRE_OK) result = cut_out(region, start, end);
    if (result == ACRE_OK) return ACRE_OK;
  }
  if (result != ACRE_OK) {
    undo_hide(region, start, end);
    return result;
  }
  if (!all_committed_as(&region->table, start, end, base)) {
    acre_result protected = acre__os_protect(address, bytes_of(end - start), (acre_vm_protection)base);
    /* Hidden all the same; what the mapping is like below is found out by the next commit. */
    if (protected != ACRE_OK) acre__chunk_set_loose(acre__table_chunk(&region->table, chunk), true);
    record_mapped(region, start, end);
    return ACRE_OK;
  }
  record(region, start, end);
  return ACRE_OK;
}

/* In a LOOSE chunk a unit that has no committed page left is closed; a part of one is only emptied. */
static acre_result loosen(struct acre__region *region, size_t start, size_t end) {
  size_t unit = acre__coarse_pages();
  size_t from = acre__coarse_start(region, start), to = acre__coarse_end(region, end);
  bool whole = acre__is_aligned(from, unit) && (acre__is_aligned(to, unit) || to == region->table.pages);
  if (!whole) return empty_in_place(region, start, end);
  acre_result result = decommit_range(region, from, to);
  if (result == ACRE_E_MAPPING_LIMIT) return empty_in_place(region, start, end);
  if (result == ACRE_OK) record_mapped(region, start, end);
  return result;
}

/* A piece of one chunk that keeps other committed pages. */
static acre_result decommit_piece(struct acre__region *region, size_t start, size_t end) {
  struct acre__table *table = &region->table;
  size_t chunk = start / ACRE_CHUNK_PAGES;
  acre__chunk word = acre__table_word(table, chunk);
  if (acre__chunk_is_loose(word)) return loosen(region, start, end);
  if (acre__chunk_is_open(word)) return hide_in_open_chunk(region, start, end);

  unsigned left = start == 0 ? 0 : acre__table_mapped_as(table, start - 1);
  unsigned right = end == table->pages ? 0 : acre__table_mapped_as(table, end);
  intptr_t more = (left != 0) + (right != 0) - (intptr_t)acre__table_boundaries(table, start, end);
  if (more <= 0) return cut_out(region, start, end);
  if (acre__region_hides(region)) {
    struct acre__page_run run = acre__table_run(table, start, end, ACRE_PAGE_PROTECTION);
    unsigned base = run.attributes != 0 ? acre__table_mapping(table, run.attributes) : left;
    acre_result result = base != 0 ? acre__chunk_make_open(region, chunk, 0, 0, base) : ACRE_E_NOT_SUPPORTED;
    if (result == ACRE_OK) return hide_in_open_chunk(region, start, end);
    return result == ACRE_E_NOT_SUPPORTED ? cut_out(region, start, end) : result;
  }
  if (acre__mappings_are_over(more)) return empty_in_place(region, start, end);
  acre_result result = cut_out(region, start, end);
  return result == ACRE_E_MAPPING_LIMIT ? empty_in_place(region, start, end) : result;
}

/* Locked pages cannot be hidden, and a decommitted page is not locked. */
static acre_result unlock_pages(struct acre__region *region, size_t start, size_t end) {
  for (size_t page = start; page < end;) {
    struct acre__page_run run = acre__table_run(&region->table, page, end, ACRE_PAGE_LOCKED);
    if (run.attributes != 0) {
      acre_result result = acre__os_unlock(acre__region_address(region, page), bytes_of(run.end - page));
      if (result != ACRE_OK) return result;
    }
    page = run.end;
  }
  acre__table_edit(&region->table, start, end, ACRE_PAGE_BITS & ~ACRE_PAGE_LOCKED, 0);
  return ACRE_OK;
}

/* Only the chunks at the ends are cut, and what has no node has nothing to lose: a decommit makes no nodes. */
static bool prepare_chunk(const struct acre__table *table, size_t chunk) {
  acre__chunk *word = acre__table_chunk(table, chunk);
  return word == NULL || acre__chunk_prepare(word);
}

/* A piece of one chunk whose pages are decommitted by being hidden. */
struct hidable {
  acre__chunk *word;
  struct acre__run run; /* that holds them all */
  unsigned from, until; /* pages of the chunk */
};

/* False: the range is no such piece. */
static bool find_hidable(const struct acre__region *region, size_t start, size_t end, struct hidable *out) {
  size_t base = acre__align_down(start, ACRE_CHUNK_PAGES);
  acre__chunk *word = acre__table_chunk(&region->table, base / ACRE_CHUNK_PAGES);
  if (word == NULL || end > base + ACRE_CHUNK_PAGES) return false;
  if (!acre__chunk_is_open(*word) || acre__chunk_is_loose(*word)) return false;
  *out = (struct hidable){.word = word, .from = (unsigned)(start - base), .until = (unsigned)(end - base)};
  out->run = acre__chunk_run(*word, out->from);
  return out->run.attributes != 0 && (out->run.attributes & ACRE_PAGE_LOCKED) == 0 && out->run.end >= out->until &&
         acre__table_mapping(&region->table, out->run.attributes) == acre__chunk_base(*word);
}

/* The usual case: pages of one run in an open chunk that keeps others. False: not that, or the system would not. */
static bool decommit_simple(struct acre__region *region, size_t start, size_t end) {
  struct hidable piece;
  if (!find_hidable(region, start, end, &piece) || leaves_nothing(*piece.word, piece.from, piece.until)) return false;
  if (!acre__chunk_prepare(piece.word)) return false;
  if (acre__os_hide(acre__region_address(region, start), bytes_of(end - start)) != ACRE_OK) return false;
  acre__ledger_uncharge(end - start);
  acre__chunk_edit_in_run(piece.word, piece.run, piece.from, piece.until, 0);
  return true;
}

bool acre__decommit_only_hides(const struct acre__region *region, size_t start, size_t end) {
  struct hidable piece;
  return !region->paged && find_hidable(region, start, end, &piece);
}

void acre__decommit_settle(struct acre__region *region, size_t chunk) {
  if (leaves_nothing(acre__table_word(&region->table, chunk), 0, 0)) (void)empty_chunks(region, chunk, chunk + 1);
}

/* Either kind of region; of the paging file, all but its blocks. */
static acre_result decommit_pages(struct acre__region *region, size_t start, size_t end) {
  struct acre__table *table = &region->table;
  if (decommit_simple(region, start, end)) return ACRE_OK;
  struct acre__page_run run = acre__table_run(table, start, end, ACRE_PAGE_PROTECTION);
  if (run.attributes == 0 && run.end == end) return ACRE_OK;
  size_t first = start / ACRE_CHUNK_PAGES, last = (end - 1) / ACRE_CHUNK_PAGES;
  if (!prepare_chunk(table, first) || !prepare_chunk(table, last)) return ACRE_E_NO_MEMORY;
  if (region->any_locked) {
    acre_result unlocked = unlock_pages(region, start, end);
    if (unlocked != ACRE_OK) return unlocked;
    if (!prepare_chunk(table, first) || !prepare_chunk(table, last)) return ACRE_E_NO_MEMORY;
  }

  acre_result result = ACRE_OK;
  size_t first_end = acre__min((first + 1) * ACRE_CHUNK_PAGES, end);
  size_t last_start = acre__max(last * ACRE_CHUNK_PAGES, start);
  size_t whole_first = first, whole_last = last + 1;
  if (!leaves_nothing(acre__table_word(table, first), start % ACRE_CHUNK_PAGES, first_end - first * ACRE_CHUNK_PAGES)) {
    result = decommit_piece(region, start, first_end);
    whole_first++;
  }
  if (result == ACRE_OK && last > first &&
      !leaves_nothing(acre__table_word(table, last), 0, end - last * ACRE_CHUNK_PAGES)) {
    result = decommit_piece(region, last_start, end);
    whole_last--;
  }
  if (result == ACRE_OK && whole_first < whole_last) result = empty_chunks(region, whole_first, whole_last);
  return result;
}

static ACRE_COLD acre_result decommit_paged(struct acre__region *region, size_t start, size_t end) {
  size_t before = acre__table_committed(&region->table, start, end);
  acre_result result = decommit_pages(region, start, end);
  size_t after = acre__table_committed(&region->table, start, end);
  if (before == after) return result;
  acre_result freed = acre__paging_free(region, start, end);
  acre__paging_uncount(acre__paging_of(region), before - after);
  return result == ACRE_OK ? freed : result;
}

acre_result acre__decommit_pages(struct acre__region *region, size_t start, size_t end) {
  return ACRE_UNLIKELY(region->paged) ? decommit_paged(region, start, end) : decommit_pages(region, start, end);
}

acre_result acre_vm_decommit(void *address, size_t size) {
  struct acre__range range;
  acre_result result = acre__range_lock(address, size, &range);
  if (result != ACRE_OK) return result;
  if (range.region->kind == ACRE_VM_KIND_PRIVATE)
    result = acre__decommit_pages(range.region, range.start, range.end);
  else
    result = ACRE_E_WRONG_KIND;
  acre__range_unlock(&range);
  return result;
}
