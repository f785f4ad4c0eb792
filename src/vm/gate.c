/* SPDX-License-Identifier: MIT */
#include "vm/gate.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/protection.h"
#include "vm/root.h"
#include "vm/written.h"

enum { PATIENCE_MS = 100 };

/* One for all gates, so that it outlives each of them: goes up whenever writers should try again. */
static _Atomic uint32_t turns;

/* With the lock of the region, so that who sees a page opened behind it sees the new number as well. */
static void begin_turn(void) {
  atomic_fetch_add_explicit(&turns, 1, memory_order_acq_rel);
}

/* NULL: the region has none. */
static struct acre__gate *gate_of(struct acre__region *region) {
  struct acre__region_extra *extra = acre__region_extra(region);
  return extra == NULL || extra->gate.most == 0 ? NULL : &extra->gate;
}

/* ------------------------------------------------------------- shut and open */

/* Maps all pages of the region as its table says. */
static acre_result map_all(struct acre__region *region) {
  const struct acre__table *table = &region->table;
  for (size_t page = 0; page < table->pages;) {
    struct acre__page_run run = acre__table_run(table, page, table->pages, ACRE_PAGE_EFFECT | ACRE_PAGE_WRITTEN);
    if (acre__protection_writes(acre__page_access(run.attributes))) {
      acre_result result = acre__os_protect(acre__region_address(region, page),
                                            (run.end - page) << acre__root.page_shift,
                                            (acre_vm_protection)acre__table_mapping(table, run.attributes));
      if (result != ACRE_OK) return result;
    }
    page = run.end;
  }
  return ACRE_OK;
}

/* `shut` shares a word with the region's size, which others read with either lock: so the caller has both. */
static acre_result set_shut(struct acre__region *region, bool shut) {
  struct acre__table *table = &region->table;
  intptr_t before = (intptr_t)acre__table_boundaries(table, 0, table->pages);
  table->shut = shut;
  acre_result result = map_all(region);
  if (result != ACRE_OK) {
    table->shut = !shut;
    (void)map_all(region); /* of a shut table, what is shut already is opened by its next write */
  }
  acre__mappings_changed((intptr_t)acre__table_boundaries(table, 0, table->pages) - before);
  return result;
}

/* A table that could not be opened when its last gate went is shut still: its pages are shut anew. */
static acre_result shut(struct acre__region *region) {
  struct acre__range all = {region, 0, region->table.pages};
  bool more;
  return region->table.shut ? acre__written_report_shut(&all, true, NULL, &more) : set_shut(region, true);
}

static void open(struct acre__region *region) {
  struct acre__table *table = &region->table;
  if (!acre__table_prepare(table, 0, table->pages) || set_shut(region, false) != ACRE_OK) return;
  for (size_t page = 0; page < table->pages;) {
    struct acre__page_run run = acre__table_run(table, page, table->pages, ACRE_PAGE_WRITTEN);
    if (run.attributes != 0) acre__table_edit(table, page, run.end, ACRE_PAGE_BITS & ~ACRE_PAGE_WRITTEN, 0);
    page = run.end;
  }
}

acre_result acre__vm_gate_shut(void *base, size_t most, void (*wanted)(void *context), void *context) {
  struct acre__region *region;
  acre_result result = acre__region_lock_to_watch(base, true, &region); /* from now on it is watched */
  if (result != ACRE_OK) return result;
  acre__region_unlock(region);
  acre__lock(&acre__root.index.lock);
  region = acre__region_lock((uintptr_t)base);
  struct acre__region_extra *extra = acre__region_need_extra(region);
  result = extra == NULL ? ACRE_E_NO_MEMORY : shut(region);
  if (result == ACRE_OK)
    extra->gate = (struct acre__gate){
        .most = acre__max(most >> acre__root.page_shift, (size_t)1), .wanted = wanted, .context = context};
  acre__region_unlock(region);
  acre__unlock(&acre__root.index.lock);
  return result;
}

void acre__vm_gate_open(void *base) {
  acre__lock(&acre__root.index.lock);
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  acre__region_extra(region)->gate = (struct acre__gate){0};
  open(region);
  begin_turn();
  acre__region_unlock(region);
  acre__unlock(&acre__root.index.lock);
  acre__unpark_all(&turns);
}

/* ------------------------------------------------------------- a flush */

acre_result acre__vm_gate_turn(void *base, size_t *changed) {
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  struct acre__gate *gate = gate_of(region);
  struct acre__range all = {region, 0, region->table.pages};
  bool more;
  acre_result result = acre__written_report_shut(&all, true, NULL, &more);
  gate->flusher = acre__thread_self();
  if (result == ACRE_OK) {
    gate->flushing += gate->open;
    gate->open = 0;
  }
  *changed = (gate->flushing + gate->open) << acre__root.page_shift;
  acre__region_unlock(region);
  return result;
}

void acre__vm_gate_done(void *base) {
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  gate_of(region)->flushing = 0;
  begin_turn();
  acre__region_unlock(region);
  acre__unpark_all(&turns);
}

struct acre__gate_figures acre__vm_gate_figures(void *base) {
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  const struct acre__gate *gate = gate_of(region);
  struct acre__gate_figures figures = {(gate->flushing + gate->open) << acre__root.page_shift, gate->waits};
  acre__region_unlock(region);
  return figures;
}

/* ------------------------------------------------------------- a first write */

bool acre__gate_passes(struct acre__region *region, size_t pages) {
  struct acre__gate *gate = gate_of(region);
  if (gate == NULL) return true;
  size_t changed = gate->open + gate->flushing;
  bool fits = changed == 0 || pages <= gate->most - acre__min(changed, gate->most);
  bool passes = fits || gate->flusher == acre__thread_self();
  if (passes) gate->open += pages;
  if (!passes) gate->waits++;
  if (!passes || (gate->open >= gate->most / 2 && gate->open - pages < gate->most / 2)) gate->wanted(gate->context);
  return passes;
}

void acre__gate_take_back(struct acre__region *region, size_t pages) {
  struct acre__gate *gate = gate_of(region);
  if (gate != NULL) gate->open -= pages;
}

uint32_t acre__gate_turns(void) {
  return atomic_load_explicit(&turns, memory_order_acquire);
}

void acre__gate_wait(uint32_t seen) {
  acre__park_for(&turns, seen, PATIENCE_MS);
}

void acre__gate_fork_in_child(struct acre__region *region) {
  struct acre__gate *gate = gate_of(region);
  if (gate != NULL) gate->most = SIZE_MAX;
}
