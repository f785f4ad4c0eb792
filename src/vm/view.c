/* SPDX-License-Identifier: MIT */
#include "vm/view.h"

#include "base/compiler.h"
#include "base/math.h"
#include "vm/commit.h"
#include "vm/ledger.h"
#include "vm/place.h"
#include "vm/placeholder.h"
#include "vm/root.h"

static struct acre__region_plan plan_for(const struct acre__view_plan *view, uintptr_t base) {
  return (struct acre__region_plan){.base = base,
                                    .size = view->size,
                                    .kind = ACRE_VM_KIND_MAPPED,
                                    .protection = view->protection,
                                    .most = view->most,
                                    .committed = view->committed >> acre__root.page_shift,
                                    .copy_on_write = view->copy_on_write,
                                    .commit = view->commit,
                                    .commit_context = view->context,
                                    .lost = view->lost,
                                    .lost_context = view->context};
}

/* What is placed at `base` becomes a region, or is given back. */
static acre_result enter(const struct acre__view_plan *view, uintptr_t base, void **out) {
  struct acre__region_plan plan = plan_for(view, base);
  acre_result result = acre__region_enter(&plan);
  if (result == ACRE_OK)
    *out = (void *)base;
  else
    (void)acre__os_release((void *)base, view->size);
  return result;
}

acre_result acre__vm_view_reserve(const struct acre__view_plan *view, void **out) {
  struct acre__root *root = acre__root_get();
  const struct acre__os_system *system = view->wish == NULL ? &root->system : acre__root_system();
  uintptr_t base = acre__align_down((uintptr_t)view->wish, system->granularity);
  size_t end;
  acre_result result;
  *out = NULL;
  if (view->wish == NULL) {
    result = acre__place_anywhere(view->size, system->granularity, &base);
  } else if (base < system->lowest_address || !acre__checked_add(base, view->size, &end) ||
             end - 1 > system->highest_address) {
    return ACRE_E_INVALID_ADDRESS;
  } else {
    result = acre__place_at(base, view->size);
  }
  return result == ACRE_OK ? enter(view, base, out) : result;
}

static struct acre__os_part part_of(const struct acre__view_plan *view, struct acre__os_file file, uint64_t offset) {
  return (struct acre__os_part){.file = file,
                                .offset = offset,
                                .protection = view->protection,
                                .copy_on_write = view->copy_on_write,
                                .most = view->most};
}

acre_result acre__vm_view_map(const struct acre__view_plan *view, struct acre__os_file file, uint64_t offset,
                              void **out) {
  struct acre__os_part part = part_of(view, file, offset);
  uintptr_t base;
  *out = NULL;
  acre_result result = acre__place_file(view->size, acre__root_get()->system.granularity, &part, &base);
  return result == ACRE_OK ? enter(view, base, out) : result;
}

acre_result acre__vm_view_fill(const struct acre__view_plan *view, void *base, struct acre__os_file file,
                               uint64_t offset) {
  struct acre__os_part part = part_of(view, file, offset);
  return acre__os_map_file(base, view->committed, &part);
}

acre_result acre__vm_view_release(void *base) {
  return acre__region_release((uintptr_t)base, ACRE_VM_KIND_MAPPED);
}

acre_result acre__vm_view_replace(const struct acre__view_plan *view) {
  struct acre__region_plan plan = plan_for(view, (uintptr_t)view->wish);
  return acre__placeholder_replace(&plan, false);
}

void acre__vm_view_put_back(void *base) {
  acre__placeholder_restore_unmapped((uintptr_t)base);
}

acre_result acre__vm_view_release_to_placeholder(void *base) {
  return acre__placeholder_restore((uintptr_t)base, ACRE_VM_KIND_MAPPED);
}

/* ------------------------------------------------------------- more pages */

/* The runs of reserved pages in [page, end), one by one: false when there is none left. */
static bool next_reserved(const struct acre__region *region, size_t page, size_t end, struct acre__page_run *out) {
  while (page < end) {
    *out = acre__table_run(&region->table, page, end, ACRE_PAGE_PROTECTION);
    if (out->attributes == 0) {
      out->start = page;
      return true;
    }
    page = out->end;
  }
  return false;
}

static size_t bytes(size_t pages) {
  return pages << acre__root.page_shift;
}

static void mark(struct acre__region *region, struct acre__page_run run) {
  acre__table_edit(&region->table, run.start, run.end, 0, region->protection);
}

/* Takes back what was mapped of [start, end), whose pages the table calls reserved. Returns how many had to stay. */
static ACRE_COLD size_t unmap_again(struct acre__region *region, size_t start, size_t end) {
  struct acre__page_run run;
  size_t stay = 0;
  for (size_t page = start; next_reserved(region, page, end, &run); page = run.end) {
    if (acre__os_decommit(acre__region_address(region, run.start), bytes(run.end - run.start)) == ACRE_OK) continue;
    mark(region, run);
    stay += run.end - run.start;
  }
  return stay;
}

/* With the pages in the ledger, and room in the table. Tells how many stay in the ledger if it fails. */
static acre_result commit_prepared(struct acre__region *region, size_t start, size_t end, struct acre__os_file file,
                                   uint64_t offset, size_t *stay) {
  struct acre__page_run run;
  for (size_t page = start; next_reserved(region, page, end, &run); page = run.end) {
    acre_vm_protection mapping = (acre_vm_protection)acre__table_mapping(&region->table, region->protection);
    struct acre__os_part part = {.file = file,
                                 .offset = offset + bytes(run.start - start),
                                 .protection = mapping,
                                 .copy_on_write = region->charged /* as only what is copied on write is */,
                                 .most = (acre_vm_protection)region->most};
    acre_result result = acre__os_map_file(acre__region_address(region, run.start), bytes(run.end - run.start), &part);
    if (result == ACRE_OK) continue;
    *stay = unmap_again(region, start, run.start);
    return result;
  }
  for (size_t page = start; next_reserved(region, page, end, &run); page = run.end) mark(region, run);
  return ACRE_OK;
}

static acre_result commit_locked(struct acre__region *region, size_t start, size_t end, struct acre__os_file file,
                                 uint64_t offset) {
  struct acre__table *table = &region->table;
  size_t fresh = end - start - acre__table_committed(table, start, end), stay = 0;
  if (fresh == 0) return ACRE_OK;
  acre_result result = region->charged ? acre__ledger_charge(fresh) : ACRE_OK;
  if (result != ACRE_OK) return result;
  intptr_t before = (intptr_t)acre__table_boundaries(table, start, end);
  result = acre__table_prepare(table, start, end) ? commit_prepared(region, start, end, file, offset, &stay)
                                                  : ACRE_E_NO_MEMORY;
  if (result != ACRE_OK && region->charged) acre__ledger_uncharge(fresh - stay);
  acre__mappings_changed((intptr_t)acre__table_boundaries(table, start, end) - before);
  return result;
}

acre_result acre__vm_view_commit(void *base, size_t from, size_t end, struct acre__os_file file, uint64_t offset) {
  struct acre__range range;
  acre_result result = acre__range_lock((char *)base + from, end - from, &range);
  if (result != ACRE_OK) return result;
  result = range.region->kind == ACRE_VM_KIND_MAPPED ? commit_locked(range.region, range.start, range.end, file, offset)
                                                     : ACRE_E_WRONG_KIND;
  acre__range_unlock(&range);
  return result;
}
