/* SPDX-License-Identifier: MIT */
#include "vm/region.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/ledger.h"
#include "vm/meta.h"
#include "vm/paging.h"
#include "vm/place.h"
#include "vm/root.h"
#include "vm/written.h"

/* More committed memory than this is given back before the index is locked, so that others do not wait for it. */
enum { MUCH_COMMITTED = 16 << 20 };

enum { SPARES_KEPT = 32 };

/* Handlers that wait for a region. */
static _Atomic unsigned handlers_waiting;

/* The thread's signals, held back while it has the lock of a watched region; and whether it is in a handler of the program's. */
static ACRE_THREAD_LOCAL uint64_t signals_before;
static ACRE_THREAD_LOCAL bool signals_held, in_handler;

static void lock_as_handler(struct acre__region *region) {
  atomic_fetch_add_explicit(&handlers_waiting, 1, memory_order_seq_cst);
  acre__lock(&region->lock);
  atomic_fetch_sub_explicit(&handlers_waiting, 1, memory_order_seq_cst);
}

/* False: the interrupted code has it. */
static bool lock_in_handler(struct acre__region *region) {
  if (acre__lock_is_mine(&region->lock)) return false;
  if (!acre__try_lock(&region->lock)) lock_as_handler(region);
  return true;
}

bool acre__region_enter_handler(void) {
  bool before = in_handler;
  in_handler = true;
  return before;
}

void acre__region_leave_handler(bool before) {
  in_handler = before;
}

static bool holds(const struct acre__region *region, uintptr_t address) {
  return region->live && address - acre__region_base(region) < acre__region_size(region);
}

/*
 * Where the thread's last look-up led. Calls on one region mostly follow one
 * another, and then the index need not be asked. It may be out of date: the
 * record itself, looked at under its lock, has the last word.
 */
static ACRE_THREAD_LOCAL struct {
  uintptr_t base;
  size_t size; /* 0: there was none */
  struct acre__region *region;
} last;

static struct acre__region *remember(struct acre__region *region) {
  last.region = region;
  last.base = acre__region_base(region);
  last.size = acre__region_size(region);
  return region;
}

/* lock_if_it_holds, if it is as usual: nobody has the lock, and nobody watches. NULL: it is not, or not held. */
static inline struct acre__region *lock_at_once(struct acre__region *region, uintptr_t address) {
  if (acre__region_is_watched(region) || !acre__try_lock(&region->lock)) return NULL;
  if (ACRE_LIKELY(holds(region, address) && !acre__region_is_watched(region))) return region;
  acre__unlock(&region->lock);
  return NULL;
}

/* Locks it if it holds the address, with signals held back if it is watched; else NULL. */
static struct acre__region *lock_if_it_holds(struct acre__region *region, uintptr_t address) {
  for (;;) {
    bool hold = acre__region_is_watched(region);
    uint64_t before = hold ? acre__signals_block() : 0;
    if (!acre__try_lock(&region->lock)) {
      if (in_handler)
        lock_as_handler(region);
      else
        acre__lock(&region->lock);
    }
    bool found = holds(region, address);
    if (ACRE_LIKELY(found && hold == acre__region_is_watched(region))) {
      if (hold) {
        signals_before = before;
        signals_held = true;
      }
      return region;
    }
    acre__unlock(&region->lock);
    if (hold) acre__signals_restore(before);
    if (!found) return NULL;
  }
}

/*
 * The end of every look-up that found no region at the address. If the index
 * has not changed since its version was read, nothing is there; else a region
 * may have come after the look-up, and it begins anew.
 */
static bool is_foreign(uint64_t version) {
  return acre__index_version(&acre__root.index) == version;
}

struct acre__region *acre__region_lock(uintptr_t address) {
  if (address - last.base < last.size) {
    struct acre__region *region = lock_at_once(last.region, address);
    if (ACRE_UNLIKELY(region == NULL)) region = lock_if_it_holds(last.region, address);
    if (ACRE_LIKELY(region != NULL)) return region;
    last.size = 0;
  }
  for (;;) {
    uint64_t version = acre__index_version(&acre__root.index);
    struct acre__region *region = acre__index_find(&acre__root.index, address);
    if (region == NULL) return NULL;
    region = lock_if_it_holds(region, address);
    if (region != NULL) return remember(region);
    if (is_foreign(version)) return NULL;
  }
}

/* As words, the lock first, whatever others do to them meanwhile: what was read is looked at afterwards. */
typedef uint64_t __attribute__((may_alias)) record_word;

__attribute__((no_sanitize("thread"))) static void copy_record(const struct acre__region *region,
                                                               struct acre__region *copy) {
  const record_word *from = (const record_word *)(const void *)region;
  record_word *to = (record_word *)(void *)copy;
  for (size_t i = 0; i < sizeof *region / sizeof *from; i++) to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

/*
 * The lock was free when the copy began, and whoever has made another region of it since has changed the version
 * before that. Its pages' states are one word: whichever store it is from, it was true.
 */
bool acre__region_look(uintptr_t address, struct acre__region *copy) {
  if (sizeof(void *) < sizeof(record_word)) return false; /* a word may be two loads */
  uint64_t version = acre__index_version(&acre__root.index);
  const struct acre__region *region = acre__index_find(&acre__root.index, address);
  if (region == NULL) return false;
  copy_record(region, copy);
  bool is_free = atomic_load_explicit(&copy->lock.word, memory_order_relaxed) == 0;
  return is_free && copy->table.height == 0 && !acre__chunk_has_record(copy->table.top.word) && holds(copy, address) &&
         acre__index_version(&acre__root.index) == version;
}

void acre__region_let_signals_come(void) {
  if (!signals_held) return; /* it is watched since a moment ago, or this is a fault handler */
  signals_held = false;
  acre__signals_restore(signals_before);
}

struct acre__region *acre__region_lock_in_handler(uintptr_t address) {
  for (;;) {
    uint64_t version = acre__index_version(&acre__root.index);
    struct acre__region *region = acre__index_find(&acre__root.index, address);
    if (region == NULL || !lock_in_handler(region)) return NULL;
    if (holds(region, address)) return region;
    acre__unlock(&region->lock);
    if (is_foreign(version)) return NULL;
  }
}

/* --------------------------------------------------------------- all of them */

static struct acre__region *next_region(const struct acre__region *region) {
  return acre__index_next(&acre__root.index, region == NULL ? 0 : acre__region_base(region));
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

acre_result acre__range_lock(const void *address, size_t size, struct acre__range *out) {
  uintptr_t first = (uintptr_t)address;
  size_t end;
  if (address == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (size == 0 || !acre__checked_add(first, size, &end)) return ACRE_E_INVALID_SIZE;
  struct acre__region *region = acre__region_lock(first);
  if (region == NULL) return ACRE_E_NOT_A_REGION;
  uintptr_t base = acre__region_base(region);
  if (end - base > acre__region_size(region)) {
    acre__region_unlock(region);
    return ACRE_E_SPANS_REGIONS;
  }
  unsigned shift = acre__root.page_shift;
  *out = (struct acre__range){
      .region = region, .start = (first - base) >> shift, .end = ((end - 1 - base) >> shift) + 1};
  acre__region_widen(region, &out->start, &out->end);
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

static void queue_spare(struct acre__region *region) {
  struct acre__root *root = &acre__root;
  region->extra = 0;
  if (root->spares++ == 0)
    root->spare_regions = region;
  else
    root->last_spare->extra = acre__meta_handle_of(region);
  root->last_spare = region;
}

static struct acre__region *take_spare(void) {
  struct acre__root *root = &acre__root;
  if (root->spares == 0) return NULL;
  struct acre__region *region = root->spare_regions;
  root->spare_regions = acre__meta_at(region->extra);
  root->spares--;
  return region;
}

/*
 * With the index locked. Two records share a cache line, and regions that are made one after the other are
 * often those of two threads, which would wait for each other's line. So records come in pairs, of which the second
 * one goes to the end of the queue of spare ones; and that is used from its front, when it is long.
 */
static struct acre__region *new_record(void) {
  struct acre__region *pair = acre__root.spares >= SPARES_KEPT ? NULL : acre__meta_alloc(2 * sizeof *pair);
  if (pair == NULL) return take_spare();
  queue_spare(&pair[1]);
  return pair;
}

void acre__region_empty(struct acre__region *region) {
  if (region->charged) acre__ledger_uncharge(acre__table_committed(&region->table, 0, region->table.pages));
  acre__table_empty(&region->table);
  struct acre__region_extra *extra = acre__region_extra(region);
  if (extra != NULL) acre__mappings_changed(-(intptr_t)extra->mappings);
  acre__meta_free(extra, sizeof *extra);
  region->extra = 0;
  region->any_locked = 0;
}

void acre__region_spare(struct acre__region *region) {
  region->live = 0;
  acre__region_empty(region);
  atomic_store_explicit(&region->watched, 0, memory_order_relaxed);
  queue_spare(region);
}

static bool make_extra(const struct acre__region_plan *plan, struct acre__region_extra **out) {
  *out = NULL;
  bool is_view_with_more = plan->commit != NULL || plan->lost != NULL;
  if (plan->touch_pages == 0 && plan->paged == NULL && plan->node == 0 && !is_view_with_more) return true;
  struct acre__region_extra *extra = acre__meta_alloc(sizeof *extra);
  if (extra == NULL) return false;
  extra->touch_pages = (uint32_t)plan->touch_pages;
  extra->paged = acre__meta_handle_of(plan->paged);
  extra->node = plan->node;
  extra->commit = plan->commit;
  extra->commit_context = plan->commit_context;
  extra->lost = plan->lost;
  extra->lost_context = plan->lost_context;
  *out = extra;
  return true;
}

struct acre__region_extra *acre__region_need_extra(struct acre__region *region) {
  if (region->extra == 0) region->extra = acre__meta_handle_of(acre__meta_alloc(sizeof(struct acre__region_extra)));
  return acre__region_extra(region);
}

bool acre__region_describe(struct acre__region *region, const struct acre__region_plan *plan) {
  struct acre__region_extra *extra;
  if (!make_extra(plan, &extra)) return false;
  region->extra = acre__meta_handle_of(extra);
  region->kind = (unsigned)plan->kind & 7;
  region->protection = (unsigned)plan->protection & 7;
  region->guards = plan->guards;
  region->most = (unsigned)plan->most & 7;
  region->charged = plan->kind == ACRE_VM_KIND_PRIVATE || plan->copy_on_write;
  region->strict = plan->strict;
  region->paged = plan->paged != NULL;
  region->large = (unsigned)plan->large & 3;
  region->placed = plan->large != ACRE_VM_LARGE_PAGES_NONE || plan->node != 0;
  region->tracked = plan->track_writes;
  region->untold = 0;
  bool shut = plan->track_writes && !acre__written_by_system();
  if (region->table.shut != shut) region->table.shut = shut; /* it shares a word with the size, which others may read */
  if (plan->touch_pages != 0 || plan->lost != NULL || region->table.shut) acre__region_watch(region);
  return true;
}

acre_result acre__region_mark_committed(struct acre__region *region, size_t pages) {
  if (pages == 0) return ACRE_OK;
  acre_result result = region->charged ? acre__ledger_charge(pages) : ACRE_OK;
  if (result != ACRE_OK) return result;
  if (!acre__table_prepare(&region->table, 0, pages)) {
    if (region->charged) acre__ledger_uncharge(pages);
    return ACRE_E_NO_MEMORY;
  }
  acre__table_edit(&region->table, 0, pages, 0, region->protection);
  acre__mappings_changed((intptr_t)acre__table_boundaries(&region->table, 0, pages));
  return ACRE_OK;
}

acre_result acre__region_new(const struct acre__region_plan *plan, struct acre__region **out) {
  struct acre__region *region = new_record();
  if (region == NULL) return ACRE_E_NO_MEMORY;
  acre__lock(&region->lock); /* somebody may hold a pointer from the record's former life */
  region->unit = (uint32_t)(plan->base / ACRE_INDEX_UNIT);
  region->extra = 0;
  region->any_locked = 0;
  acre__table_init(&region->table, plan->size >> acre__root.page_shift);
  acre_result result = acre__region_describe(region, plan) ? ACRE_OK : ACRE_E_NO_MEMORY;
  if (result == ACRE_OK) result = acre__region_mark_committed(region, plan->committed);
  region->live = result == ACRE_OK;
  if (result != ACRE_OK) acre__region_spare(region);
  acre__unlock(&region->lock);
  *out = region;
  return result;
}

acre_result acre__region_enter(const struct acre__region_plan *plan) {
  struct acre__index *index = &acre__root.index;
  acre__lock(&index->lock);
  struct acre__region *region;
  acre_result result = acre__index_prepare(index) ? acre__region_new(plan, &region) : ACRE_E_NO_MEMORY;
  if (result == ACRE_OK) acre__index_insert(index, plan->base, region);
  acre__unlock(&index->lock);
  return result;
}

/* The same, and tells what the caller has to destroy, if it has no lock any more. */
static struct acre__paged *spare_record_but_file(struct acre__region *region) {
  struct acre__paged *paged = region->paged ? acre__paging_of(region) : NULL;
  size_t committed = paged == NULL ? 0 : acre__table_committed(&region->table, 0, region->table.pages);
  acre__region_spare(region);
  if (paged != NULL) acre__paging_uncount(paged, committed);
  return paged;
}

/* With both locks held: why this base cannot be released as that kind. */
static acre_result check_release(const struct acre__region *region, uintptr_t base, acre_vm_kind kind) {
  if (!holds(region, base)) return ACRE_E_NOT_A_REGION;
  if (acre__region_base(region) != base) return ACRE_E_NOT_REGION_BASE;
  bool placeholder = region->kind == ACRE_VM_KIND_PLACEHOLDER && kind == ACRE_VM_KIND_PRIVATE;
  return region->kind == kind || placeholder ? ACRE_OK : ACRE_E_WRONG_KIND;
}

static bool has_much_committed(const struct acre__region *region) {
  const struct acre__table *table = &region->table;
  size_t much = (size_t)MUCH_COMMITTED >> acre__root.page_shift;
  return table->pages > much && acre__table_committed(table, 0, table->pages) > much;
}

/*
 * `regardless`: it leaves the index even if the system does not take the range back. `held`: the thread's signals are
 * held back. *watched: as everywhere, they must be while it has the lock of a watched region; nothing is done.
 */
static acre_result release_region(uintptr_t base, acre_vm_kind kind, bool regardless, bool held, bool *watched) {
  struct acre__index *index = &acre__root.index;
  for (bool emptied = false;;) {
    acre__lock(&index->lock);
    struct acre__region *region = acre__index_find(index, base);
    *watched = region != NULL && !held && acre__region_is_watched(region);
    if (region == NULL || *watched) {
      acre__unlock(&index->lock);
      return ACRE_E_NOT_A_REGION;
    }
    acre__lock(&region->lock);
    acre_result result = check_release(region, base, kind);
    if (result == ACRE_OK && region->kind == ACRE_VM_KIND_PRIVATE && !emptied && has_much_committed(region)) {
      acre__unlock(&index->lock);
      result = acre__decommit_pages(region, 0, region->table.pages);
      bool may_fail = region->paged; /* what a disk refuses goes with the file */
      acre__unlock(&region->lock);
      if (result != ACRE_OK && !may_fail) return result;
      emptied = true;
      continue;
    }
    if (result == ACRE_OK && !acre__index_prepare(index)) result = ACRE_E_NO_MEMORY;
    size_t size = acre__region_size(region);
    bool goes = result == ACRE_OK;
    struct acre__paged *paged = NULL;
    if (goes) {
      result = acre__os_release((void *)base, size);
      goes = result == ACRE_OK || regardless;
    }
    if (goes) {
      acre__index_remove(index, base);
      acre__mappings_changed(-(intptr_t)acre__table_boundaries(&region->table, 0, region->table.pages));
      paged = spare_record_but_file(region);
    }
    acre__unlock(&region->lock);
    acre__unlock(&index->lock);
    acre__paging_destroy(paged); /* the disk may take a while to free its blocks */
    if (result == ACRE_OK) acre__place_freed(base, size);
    return result;
  }
}

static acre_result release_in_peace(uintptr_t base, acre_vm_kind kind, bool regardless) {
  bool watched;
  acre_result result = release_region(base, kind, regardless, false, &watched);
  if (!watched) return result;
  uint64_t before = acre__signals_block();
  result = release_region(base, kind, regardless, true, &watched);
  acre__signals_restore(before);
  return result;
}

acre_result acre__region_release(uintptr_t base, acre_vm_kind kind) {
  return release_in_peace(base, kind, false);
}

void acre__region_forget(uintptr_t base, acre_vm_kind kind) {
  (void)release_in_peace(base, kind, true);
}

/* ------------------------------------------------------------- in a child of fork */

/*
 * What stands on the paging file is the parent's. The child has the region,
 * empty: its addresses are reserved anew, as the kernel has left them free.
 */
static void empty_paged(struct acre__region *region) {
  struct acre__index *index = &acre__root.index;
  struct acre__table *table = &region->table;
  if (!acre__paging_of(region)->is_open) return; /* empty in the parent, too, which is a child that never used it */
  size_t pages = table->pages, committed = acre__table_committed(table, 0, pages);
  uintptr_t base = acre__region_base(region);
  acre__mappings_changed(-(intptr_t)acre__table_boundaries(table, 0, pages));
  acre__ledger_uncharge(committed);
  acre__table_clear(table);
  acre__table_init(table, pages);
  acre__paging_leave(acre__paging_of(region), committed);
  void *same;
  if (acre__os_reserve((void *)base, acre__region_size(region), ACRE_OS_EXACTLY, &same) == ACRE_OK) return;
  /* Not even that can be had: then there is no such region, or at least nobody finds it. */
  region->live = 0;
  if (!acre__index_prepare(index)) return;
  acre__index_remove(index, base);
  acre__paging_destroy(spare_record_but_file(region));
}

void acre__regions_fork_in_child(void) {
  struct acre__index *index = &acre__root.index;
  atomic_store_explicit(&handlers_waiting, 0, memory_order_relaxed);
  acre__lock_reset(&index->lock);
  for (struct acre__region *region = next_region(NULL); region != NULL;) {
    uintptr_t base = acre__region_base(region);
    if (region->live && region->paged) empty_paged(region);
    region = acre__index_next(index, base);
  }
}
