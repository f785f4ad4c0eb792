/* SPDX-License-Identifier: MIT */
#include "vm/region.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/meta.h"
#include "vm/place.h"
#include "vm/root.h"

/* More committed memory than this is given back before the index is locked, so that others do not wait for it. */
enum { MUCH_COMMITTED = 16 << 20 };

/* Handlers that wait for a region. */
static _Atomic unsigned handlers_waiting;

/* False: the interrupted code has it. */
static bool lock_in_handler(struct acre__region *region) {
  if (acre__lock_is_mine(&region->lock)) return false;
  if (acre__try_lock(&region->lock)) return true;
  atomic_fetch_add_explicit(&handlers_waiting, 1, memory_order_seq_cst);
  acre__lock(&region->lock);
  atomic_fetch_sub_explicit(&handlers_waiting, 1, memory_order_seq_cst);
  return true;
}

static struct acre__region *lock_region(uintptr_t address, bool in_handler) {
  for (;;) {
    struct acre__region *region = acre__index_find(&acre__root.index, address);
    if (region == NULL) return NULL;
    if (!in_handler)
      acre__lock(&region->lock);
    else if (!lock_in_handler(region))
      return NULL;
    if (acre__region_holds(region, address)) return region;
    /* Either nothing is there, or it went and something else came between the look-up and the lock. */
    acre__unlock(&region->lock);
    if (acre__index_find(&acre__root.index, address) == region) return NULL;
  }
}

struct acre__region *acre__region_lock(uintptr_t address) {
  return lock_region(address, false);
}

struct acre__region *acre__region_lock_in_handler(uintptr_t address) {
  return lock_region(address, true);
}

/* --------------------------------------------------------------- all of them */

static struct acre__region *next_region(const struct acre__region *region) {
  return acre__index_next(&acre__root.index, region == NULL ? 0 : region->base);
}

static void unlock_before(const struct acre__region *end) {
  for (struct acre__region *region = next_region(NULL); region != end; region = next_region(region))
    acre__unlock(&region->lock);
}

static bool a_handler_waits(void) {
  return atomic_load_explicit(&handlers_waiting, memory_order_seq_cst) > 0;
}

/* Lets others run: nobody is parked on a value that the word never has. */
static void yield(struct acre__lock *lock) {
  acre__park(&lock->word, ACRE_LOCK_HANDOFF);
}

/* False: a handler waits, maybe for one of those that are locked already. */
static bool lock_patiently(struct acre__region *region) {
  while (!acre__try_lock(&region->lock)) {
    if (a_handler_waits()) return false;
    yield(&region->lock);
  }
  return true;
}

void acre__regions_lock(void) {
  acre__lock(&acre__root.index.lock);
  struct acre__region *region = next_region(NULL);
  while (region != NULL) {
    if (lock_patiently(region)) {
      region = next_region(region);
      continue;
    }
    unlock_before(region);
    while (a_handler_waits()) yield(&acre__root.index.lock);
    region = next_region(NULL);
  }
}

void acre__regions_unlock(void) {
  unlock_before(NULL);
  acre__unlock(&acre__root.index.lock);
}

void acre__regions_fork_in_child(void) {
  atomic_store_explicit(&handlers_waiting, 0, memory_order_relaxed);
  acre__lock_reset(&acre__root.index.lock);
}

acre_result acre__range_lock(const void *address, size_t size, struct acre__range *out) {
  uintptr_t first = (uintptr_t)address;
  size_t end;
  if (address == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (size == 0 || !acre__checked_add(first, size, &end)) return ACRE_E_INVALID_SIZE;
  struct acre__region *region = acre__region_lock(first);
  if (region == NULL) return ACRE_E_NOT_A_REGION;
  if (end - region->base > region->size) {
    acre__unlock(&region->lock);
    return ACRE_E_SPANS_REGIONS;
  }
  unsigned shift = acre__root.page_shift;
  *out = (struct acre__range){
      .region = region, .start = (first - region->base) >> shift, .end = ((end - 1 - region->base) >> shift) + 1};
  return ACRE_OK;
}

bool acre__range_is_committed(const struct acre__range *range) {
  for (size_t page = range->start; page < range->end;) {
    struct acre__page_run run = acre__table_run(&range->region->table, page, range->end, ACRE_PAGE_PROTECTION);
    if (run.attributes == 0) return false;
    page = run.end;
  }
  return true;
}

void *acre__region_address(const struct acre__region *region, size_t page) {
  return (void *)(region->base + (page << acre__root.page_shift));
}

/* With the index locked. */
static struct acre__region *new_record(void) {
  struct acre__region *region = acre__root.spare_regions;
  if (region == NULL) return acre__meta_alloc(sizeof *region);
  acre__root.spare_regions = region->next_spare;
  return region;
}

/* With the index locked. */
static void spare_record(struct acre__region *region) {
  region->next_spare = acre__root.spare_regions;
  acre__root.spare_regions = region;
}

static void fill_record(struct acre__region *region, const struct acre__region_plan *plan) {
  acre__lock(&region->lock); /* somebody may hold a pointer from the record's former life */
  region->kind = (uint8_t)plan->kind;
  region->protection = (uint8_t)plan->protection;
  region->most = (uint8_t)plan->most;
  region->base = plan->base;
  region->size = plan->size;
  region->touch_pages = (uint32_t)plan->touch_pages;
  region->committed_pages = 0;
  region->any_locked = false;
  acre__table_init(&region->table, plan->size >> acre__root.page_shift);
  region->live = true;
  acre__unlock(&region->lock);
}

/* Before anyone else can know the region. */
static bool mark_all_committed(struct acre__region *region, acre_vm_protection protection) {
  size_t pages = region->table.pages;
  bool marked;
  acre__lock(&region->lock);
  marked = acre__table_prepare(&region->table, 0, pages);
  if (marked) {
    acre__table_edit(&region->table, 0, pages, 0, protection);
    region->committed_pages = pages;
    acre__mappings_changed((intptr_t)acre__table_boundaries(&region->table, 0, pages));
  }
  acre__unlock(&region->lock);
  return marked;
}

acre_result acre__region_enter(const struct acre__region_plan *plan) {
  struct acre__index *index = &acre__root.index;
  acre_result result = ACRE_E_NO_MEMORY;
  acre__lock(&index->lock);
  struct acre__region *region = new_record();
  if (region != NULL) {
    fill_record(region, plan);
    if (acre__index_prepare(index) && (!plan->all_committed || mark_all_committed(region, plan->protection))) {
      acre__index_insert(index, plan->base, region);
      result = ACRE_OK;
    } else {
      acre__lock(&region->lock);
      region->live = false;
      acre__table_clear(&region->table);
      acre__unlock(&region->lock);
      spare_record(region);
    }
  }
  acre__unlock(&index->lock);
  return result;
}

/* With both locks held: why this base cannot be released as that kind. */
static acre_result check_release(const struct acre__region *region, uintptr_t base, acre_vm_kind kind) {
  if (!acre__region_holds(region, base)) return ACRE_E_NOT_A_REGION;
  if (region->base != base) return ACRE_E_NOT_REGION_BASE;
  return region->kind == kind ? ACRE_OK : ACRE_E_WRONG_KIND;
}

acre_result acre__region_release(uintptr_t base, acre_vm_kind kind) {
  struct acre__index *index = &acre__root.index;
  for (;;) {
    acre__lock(&index->lock);
    struct acre__region *region = acre__index_find(index, base);
    if (region == NULL) {
      acre__unlock(&index->lock);
      return ACRE_E_NOT_A_REGION;
    }
    acre__lock(&region->lock);
    acre_result result = check_release(region, base, kind);
    if (result == ACRE_OK && region->kind == ACRE_VM_KIND_PRIVATE &&
        region->committed_pages << acre__root.page_shift > MUCH_COMMITTED) {
      acre__unlock(&index->lock);
      result = acre__decommit_pages(region, 0, region->table.pages);
      acre__unlock(&region->lock);
      if (result != ACRE_OK) return result;
      continue;
    }
    if (result == ACRE_OK && !acre__index_prepare(index)) result = ACRE_E_NO_MEMORY;
    size_t size = region->size;
    if (result == ACRE_OK) result = acre__os_release((void *)base, size);
    if (result == ACRE_OK) {
      acre__index_remove(index, base);
      acre__mappings_changed(-(intptr_t)acre__table_boundaries(&region->table, 0, region->table.pages));
      region->live = false;
      acre__table_clear(&region->table);
      spare_record(region);
    }
    acre__unlock(&region->lock);
    acre__unlock(&index->lock);
    if (result == ACRE_OK) acre__place_freed(base, size);
    return result;
  }
}
