/* SPDX-License-Identifier: MIT */
/*
 * What a program may say about committed memory: populate, prefetch, lock,
 * reset. Each checks the whole range against the table before it asks the
 * system for anything.
 */
#include "base/math.h"
#include "vm/large.h"
#include "vm/protection.h"
#include "vm/region.h"
#include "vm/root.h"
#include "vm/written.h"

static size_t bytes_of(size_t pages) {
  return pages << acre__root.page_shift;
}

static bool is_readable(const struct acre__range *range) {
  for (size_t page = range->start; page < range->end;) {
    struct acre__page_run run = acre__table_run(&range->region->table, page, range->end, ACRE_PAGE_EFFECT);
    if (!acre__protection_reads(acre__page_access(run.attributes))) return false;
    page = run.end;
  }
  return true;
}

/* Locks the range's region if all of the range is committed, and readable too if that is asked. */
static acre_result lock_committed(void *address, size_t size, bool readable, struct acre__range *out) {
  acre_result result = acre__range_lock(address, size, out);
  if (result != ACRE_OK) return result;
  if (!acre__range_is_committed(out))
    result = ACRE_E_NOT_COMMITTED;
  else if (readable && !is_readable(out))
    result = ACRE_E_ACCESS_DENIED;
  if (result != ACRE_OK) acre__range_unlock(out);
  return result;
}

/*
 * Populating a gigabyte takes a while, and touch faults of the same region must
 * not wait for it: the lock is held to read the table, run by run, and not
 * while the system works. Except where first writes are found by faults: there a
 * reset would take the access away that populating needs.
 */
acre_result acre_vm_populate(void *address, size_t size) {
  struct acre__range range;
  acre_result result = lock_committed(address, size, true, &range);
  if (result != ACRE_OK) return result;
  char *base = acre__region_address(range.region, 0);
  size_t page = range.start;
  for (;;) {
    struct acre__page_run run = acre__table_run(&range.region->table, page, range.end, ACRE_PAGE_PROTECTION);
    const struct acre__region_extra *extra = acre__region_extra(range.region);
    bool gated = extra != NULL && extra->gate.most != 0; /* not one page is opened that is not written */
    bool shut = range.region->table.shut && !gated;
    if (shut)
      result = acre__written_open(range.region, page, run.end);
    else
      acre__range_unlock(&range);
    if (result == ACRE_OK)
      result = acre__os_populate(base + bytes_of(page), bytes_of(run.end - page),
                                 acre__protection_writes(run.attributes) && !gated);
    if (shut) acre__range_unlock(&range);
    page = run.end;
    if (result != ACRE_OK || page == range.end) return result;
    result = lock_committed(base + bytes_of(page), bytes_of(range.end - page), true, &range);
    if (result != ACRE_OK) return result;
    page = range.start;
  }
}

acre_result acre_vm_prefetch(void *address, size_t size) {
  struct acre__range range;
  acre_result result = lock_committed(address, size, false, &range);
  if (result != ACRE_OK) return result;
  acre__os_prefetch(acre__region_address(range.region, range.start), bytes_of(range.end - range.start));
  acre__range_unlock(&range);
  return ACRE_OK;
}

/* ------------------------------------------------------------ lock, unlock */

/* Locks the pages of the range that are not locked yet; on failure none of these is. */
static acre_result lock_the_rest(const struct acre__range *range) {
  struct acre__table *table = &range->region->table;
  for (size_t page = range->start; page < range->end;) {
    struct acre__page_run run = acre__table_run(table, page, range->end, ACRE_PAGE_LOCKED);
    acre_result result = ACRE_OK;
    if (run.attributes == 0)
      result = acre__os_lock(acre__region_address(range->region, page), bytes_of(run.end - page));
    if (result != ACRE_OK) {
      for (size_t done = range->start; done < page;) {
        run = acre__table_run(table, done, page, ACRE_PAGE_LOCKED);
        if (run.attributes == 0)
          (void)acre__os_unlock(acre__region_address(range->region, done), bytes_of(run.end - done));
        done = run.end;
      }
      return result;
    }
    page = run.end;
  }
  return ACRE_OK;
}

acre_result acre_vm_lock(void *address, size_t size) {
  struct acre__range range;
  acre_result result = lock_committed(address, size, true, &range);
  if (result != ACRE_OK) return result;
  struct acre__table *table = &range.region->table;
  result = acre__written_open(range.region, range.start, range.end);
  if (result == ACRE_OK && !acre__table_prepare(table, range.start, range.end)) result = ACRE_E_NO_MEMORY;
  if (result == ACRE_OK) result = lock_the_rest(&range);
  if (result == ACRE_OK) {
    acre__table_edit(table, range.start, range.end, ACRE_PAGE_BITS, ACRE_PAGE_LOCKED);
    range.region->any_locked = true;
  }
  acre__range_unlock(&range);
  return result;
}

static bool all_locked(const struct acre__range *range, bool locked) {
  struct acre__page_run run = acre__table_run(&range->region->table, range->start, range->end, ACRE_PAGE_LOCKED);
  return run.end == range->end && (run.attributes != 0) == locked;
}

acre_result acre_vm_unlock(void *address, size_t size) {
  struct acre__range range;
  acre_result result = acre__range_lock(address, size, &range);
  if (result != ACRE_OK) return result;
  struct acre__table *table = &range.region->table;
  if (!all_locked(&range, true))
    result = ACRE_E_NOT_LOCKED;
  else if (!acre__table_prepare(table, range.start, range.end))
    result = ACRE_E_NO_MEMORY;
  else
    result = acre__os_unlock(acre__region_address(range.region, range.start), bytes_of(range.end - range.start));
  if (result == ACRE_OK) acre__table_edit(table, range.start, range.end, ACRE_PAGE_BITS & ~ACRE_PAGE_LOCKED, 0);
  acre__range_unlock(&range);
  return result;
}

/* ---------------------------------------------- reset, undo_reset, discard */

static bool all_writable(const struct acre__range *range) {
  for (size_t page = range->start; page < range->end;) {
    struct acre__page_run run = acre__table_run(&range->region->table, page, range->end, ACRE_PAGE_EFFECT);
    if (!acre__protection_writes(acre__page_access(run.attributes))) return false;
    page = run.end;
  }
  return true;
}

/* The pages that lie wholly inside the bytes; start == end when there is none. */
static struct acre__range inner_pages(const struct acre__range *range, const void *address, size_t size) {
  uintptr_t page_size = acre__root.system.page_size;
  struct acre__range inner = *range;
  if (!acre__is_aligned((uintptr_t)address, page_size)) inner.start++;
  if (!acre__is_aligned((uintptr_t)address + size, page_size)) inner.end--;
  if (inner.end < inner.start) inner.end = inner.start;
  return inner;
}

/* Whether the system may take the pages' memory: neither locked pages nor those of its pool of large pages. */
static bool can_go(const struct acre__range *range) {
  return all_locked(range, false) && range->region->large != ACRE_VM_LARGE_PAGES_EXPLICIT;
}

static acre_result reset_range(void *address, size_t size, acre_result (*apply)(void *, size_t)) {
  struct acre__range range;
  acre_result result = lock_committed(address, size, false, &range);
  if (result != ACRE_OK) return result;
  struct acre__range inner = inner_pages(&range, address, size);
  bool keeps = range.region->paged && apply == acre__os_discard; /* the file would keep what its pages hold */
  if (range.region->kind != ACRE_VM_KIND_PRIVATE || !can_go(&range) || keeps)
    result = ACRE_E_WRONG_KIND;
  else if (!all_writable(&range))
    result = ACRE_E_ACCESS_DENIED;
  else if (inner.start < inner.end && apply == acre__os_undo_reset)
    result = acre__written_open(range.region, inner.start, inner.end);
  if (result == ACRE_OK && inner.start < inner.end && !range.region->paged) /* what is on the disk is not in the way */
    result = apply(acre__region_address(range.region, inner.start), bytes_of(inner.end - inner.start));
  acre__range_unlock(&range);
  return result;
}

acre_result acre_vm_reset(void *address, size_t size) {
  return reset_range(address, size, acre__os_reset);
}

acre_result acre_vm_undo_reset(void *address, size_t size) {
  return reset_range(address, size, acre__os_undo_reset);
}

acre_result acre_vm_offer(void *address, size_t size) {
  return acre_vm_reset(address, size);
}

acre_result acre_vm_reclaim(void *address, size_t size) {
  return acre_vm_undo_reset(address, size);
}

acre_result acre_vm_discard(void *address, size_t size) {
  return reset_range(address, size, acre__os_discard);
}

/* ----------------------------------------------------------- cool, page_out */

static acre_result cool_range(void *address, size_t size, acre_result (*apply)(void *, size_t)) {
  struct acre__range range;
  acre_result result = lock_committed(address, size, false, &range);
  if (result != ACRE_OK) return result;
  if (can_go(&range))
    result = apply(acre__region_address(range.region, range.start), bytes_of(range.end - range.start));
  else
    result = ACRE_E_WRONG_KIND;
  acre__range_unlock(&range);
  return result;
}

acre_result acre_vm_cool(void *address, size_t size) {
  return cool_range(address, size, acre__os_cool);
}

acre_result acre_vm_page_out(void *address, size_t size) {
  return cool_range(address, size, acre__os_page_out);
}

/* ------------------------------------------------------------ large pages */

void acre__vm_advise_large(void *address, size_t size) {
  (void)acre__os_advise_large(address, size);
}

/* One large page at a time, with the region locked: a touch fault of the same region waits for no more than that. */
static acre_result collapse_one(void *address, size_t size) {
  struct acre__range range;
  acre_result result = lock_committed(address, size, false, &range);
  if (result != ACRE_OK) return result;
  if (range.region->large != ACRE_VM_LARGE_PAGES_EXPLICIT) result = acre__os_collapse(address, size);
  acre__range_unlock(&range);
  return result;
}

acre_result acre_vm_collapse(void *address, size_t size) {
  struct acre__range range;
  acre_result result = lock_committed(address, size, false, &range);
  if (result != ACRE_OK) return result;
  bool tracked = range.region->tracked; /* a large page would count as written for all of its pages */
  acre__range_unlock(&range);
  if (tracked) return ACRE_E_WRONG_KIND;
  const struct acre__root *root = &acre__root;
  size_t large = acre__root_system()->large_page_size;
  if (!acre__root_system()->can_collapse || root->options.no_collapse || large == 0) return ACRE_E_NOT_SUPPORTED;
  uintptr_t first, end = acre__align_down((uintptr_t)address + size, large);
  if (!acre__checked_align_up((uintptr_t)address, large, &first) || first >= end) return ACRE_E_INVALID_SIZE;
  for (uintptr_t at = first; at < end && result == ACRE_OK; at += large) result = collapse_one((void *)at, large);
  return result;
}

void acre__vm_advise_small(void *address, size_t size) {
  acre__os_advise_small(address, size);
}
