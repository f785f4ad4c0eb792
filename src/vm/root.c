/* SPDX-License-Identifier: MIT */
/* Making the root, and what fork must find in order. */
#include "vm/root.h"

#include <string.h>

#include "base/math.h"
#include "vm/gate.h"
#include "vm/ledger.h"
#include "vm/meta.h"
#include "vm/region.h"

struct acre__root acre__root;

static uint64_t signals_before_fork; /* lock: the index's */

/*
 * Every lock is taken before a fork, in the usual order, so that the child's
 * tables are whole; both sides give them back. 100,000 regions take some two
 * milliseconds, a small part of what the fork itself takes for them.
 */
static void fork_before(void) {
  uint64_t signals = acre__signals_block(); /* a handler that touches a region must find its lock free */
  acre__lock(&acre__root.making);
  acre__regions_lock();
  acre__lock(&acre__root.paging_lock);
  acre__meta_fork_before();
  acre__ledger_fork_before();
  signals_before_fork = signals;
}

static void fork_in_parent(void) {
  uint64_t signals = signals_before_fork;
  acre__ledger_fork_in_parent();
  acre__meta_fork_in_parent();
  acre__unlock(&acre__root.paging_lock);
  acre__regions_unlock();
  acre__unlock(&acre__root.making);
  acre__signals_restore(signals);
}

/* mlock's locks are not inherited, so the child's tables must not claim them. */
static void forget_locked_pages(struct acre__region *region) {
  struct acre__table *table = &region->table;
  for (size_t page = 0; region->any_locked && page < table->pages;) {
    struct acre__page_run run = acre__table_run(table, page, table->pages, ACRE_PAGE_BITS);
    if ((run.attributes & ACRE_PAGE_LOCKED) != 0)
      acre__table_edit(table, run.start, run.end, ACRE_PAGE_BITS & ~ACRE_PAGE_LOCKED, 0);
    page = run.end;
  }
  region->any_locked = 0;
}

/* Those who waited for a lock, or had that of a spare record, are not in the child. */
static void fork_in_child(void) {
  struct acre__index *index = &acre__root.index;
  uint64_t signals = signals_before_fork;
  acre__ledger_fork_in_child();
  acre__meta_fork_in_child();
  acre__os_track_in_child();
  for (struct acre__region *region = acre__index_next(index, 0); region != NULL;
       region = acre__index_next(index, acre__region_base(region))) {
    forget_locked_pages(region);
    region->untold = region->tracked && !region->table.shut;
    acre__gate_fork_in_child(region);
    acre__lock_reset(&region->lock);
  }
  for (struct acre__region *region = acre__root.spare_regions; region != NULL; region = acre__meta_at(region->extra))
    acre__lock_reset(&region->lock);
  acre__lock_reset(&acre__root.paging_lock);
  acre__lock_reset(&acre__root.finding);
  acre__regions_fork_in_child();
  acre__lock_reset(&acre__root.making);
  acre__signals_restore(signals);
}

static void complain(const char *piece) {
  char text[160] = "acre: ACRE_OPTIONS: passed over '";
  strcat(text, piece);
  strcat(text, "'; see docs/options.md for the keys\n");
  acre__os_say(text);
}

ACRE_COLD void acre__root_make(void) {
  struct acre__root *root = &acre__root;
  /* First, so that a fork of another thread waits for the rest. It fails only without any memory. */
  (void)acre__os_at_fork(fork_before, fork_in_parent, fork_in_child);
  acre__lock(&root->making);
  if (!atomic_load_explicit(&root->ready, memory_order_acquire)) {
    char text[512];
    if (acre__os_environment("ACRE_OPTIONS", text, sizeof text) > 0)
      acre__options_parse(text, &root->options, complain);
    acre__os_force(root->options.query_by_proc, root->options.populate_by_touch);
    acre__os_force_plain_files(root->options.plain_files);
    acre__os_force_single_calls(root->options.single_calls);
    acre__os_force_dirty_by_mapping(root->options.dirty_by_mapping);
    acre__os_force_copy_by_memcpy(root->options.copy_by_memcpy);
    acre__os_force_plain_reservations(root->options.plain_reservations);
    acre__os_probe_first(&root->system);
    atomic_store_explicit(&root->mapping_budget, root->options.map_budget, memory_order_relaxed);
    while (((size_t)1 << root->page_shift) < root->system.page_size) root->page_shift++;
    acre__ledger_bound_by_user(root->options.commit_limit);
    /* With strict overcommit the kernel charges every page of an open chunk, holes too: there no chunk is opened. */
    root->hide = root->system.can_hide && !root->options.commit_by_mprotect && root->system.overcommit_mode != 2;
    atomic_store_explicit(&root->ready, true, memory_order_release);
  }
  acre__unlock(&root->making);
}

ACRE_COLD void acre__root_find_all(void) {
  struct acre__root *root = &acre__root;
  uint64_t signals = acre__signals_block(); /* a handler that wants them would wait for the code it interrupted */
  acre__lock(&root->finding);
  if (!atomic_load_explicit(&root->all_known, memory_order_acquire)) {
    struct acre__os_system found;
    acre__os_probe(&found);
    found.highest_address = acre__min(found.highest_address, ACRE_INDEX_HIGHEST);
    size_t none = 0, budget = acre__root_budget_of(found.mapping_limit),
           first = offsetof(struct acre__os_system, lowest_address);
    memcpy((char *)&root->system + first, (char *)&found + first,
           sizeof found - first); /* others read the first ones */
    atomic_compare_exchange_strong_explicit(&root->mapping_budget, &none, budget, memory_order_relaxed,
                                            memory_order_relaxed);
    atomic_store_explicit(&root->all_known, true, memory_order_release);
  }
  acre__unlock(&root->finding);
  acre__signals_restore(signals);
}
