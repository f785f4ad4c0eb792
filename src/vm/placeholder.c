/* SPDX-License-Identifier: MIT */
#include "vm/placeholder.h"

#include "base/compiler.h"
#include "base/math.h"
#include "vm/commit.h"
#include "vm/paging.h"
#include "vm/placement.h"
#include "vm/root.h"
#include "vm/written.h"

static struct acre__region_plan plan_for(uintptr_t base, size_t size) {
  return (struct acre__region_plan){.base = base,
                                    .size = size,
                                    .kind = ACRE_VM_KIND_PLACEHOLDER,
                                    .protection = ACRE_VM_NO_ACCESS,
                                    .most = ACRE_VM_NO_ACCESS};
}

/* The record becomes a placeholder's. A plan without features needs no memory. */
static void describe_placeholder(struct acre__region *region) {
  struct acre__region_plan plan = plan_for(acre__region_base(region), acre__region_size(region));
  bool described = acre__region_describe(region, &plan);
  ACRE_ASSERT(described);
  (void)described;
}

static acre_result check_base(const struct acre__region *region, uintptr_t base, acre_vm_kind kind) {
  if (acre__region_base(region) != base) return ACRE_E_NOT_REGION_BASE;
  return region->kind == kind ? ACRE_OK : ACRE_E_WRONG_KIND;
}

/* Locks the region of this kind with this base. */
static acre_result lock_as(uintptr_t base, acre_vm_kind kind, struct acre__region **out) {
  struct acre__region *region = acre__region_lock(base);
  if (region == NULL) return ACRE_E_NOT_A_REGION;
  acre_result result = check_base(region, base, kind);
  if (result != ACRE_OK) {
    acre__region_unlock(region);
    return result;
  }
  *out = region;
  return ACRE_OK;
}

/* Ends what a failed commit may have left: afterwards the table is empty, and the system has a plain reservation. */
static acre_result tidy(struct acre__region *region) {
  if (region->table.top.word == 0) return ACRE_OK;
  acre_result result = acre__os_decommit(acre__region_address(region, 0), acre__region_size(region));
  if (result == ACRE_OK) acre__region_empty(region);
  return result;
}

/* ------------------------------------------------------------ split, join */

static void resize(struct acre__region *region, size_t size) {
  acre__table_init(&region->table, size >> acre__root.page_shift);
}

/* With the index locked. */
static acre_result split(uintptr_t base, size_t offset) {
  struct acre__index *index = &acre__root.index;
  struct acre__region *region;
  acre_result result = lock_as(base, ACRE_VM_KIND_PLACEHOLDER, &region);
  if (result != ACRE_OK) return result;
  size_t size = acre__region_size(region);
  if (offset >= size) result = ACRE_E_INVALID_SIZE;
  if (result == ACRE_OK) result = tidy(region);
  acre__region_unlock(region);
  if (result != ACRE_OK) return result;

  struct acre__region_plan plan = plan_for(base + offset, size - offset);
  struct acre__region *upper;
  result = acre__index_prepare(index) ? acre__region_new(&plan, &upper) : ACRE_E_NO_MEMORY;
  if (result != ACRE_OK) return result;
  /* Whoever looks for an address of the upper part finds the lower one until the insert, and waits for its lock. */
  acre__lock(&region->lock);
  acre__os_part_at((void *)base, size, (void *)plan.base);
  acre__index_insert(index, plan.base, upper);
  acre__index_announce(index);
  resize(region, offset);
  acre__unlock(&region->lock);
  return ACRE_OK;
}

acre_result acre_vm_split(void *placeholder, size_t offset) {
  if (placeholder == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (offset == 0) return ACRE_E_INVALID_SIZE;
  const struct acre__root *root = acre__root_get();
  if (!acre__is_aligned(offset, root->system.granularity)) return ACRE_E_INVALID_ALIGNMENT;
  acre__lock(&acre__root.index.lock);
  acre_result result = split((uintptr_t)placeholder, offset);
  acre__unlock(&acre__root.index.lock);
  return result;
}

/* With the index locked: whether placeholders fill [base, end), and are tidy. */
static acre_result check_parts(uintptr_t base, uintptr_t end) {
  for (uintptr_t at = base; at < end;) {
    struct acre__region *region;
    acre_result result = lock_as(at, ACRE_VM_KIND_PLACEHOLDER, &region);
    if (result != ACRE_OK) return result;
    size_t size = acre__region_size(region);
    if (size > end - at) result = ACRE_E_INVALID_SIZE;
    if (result == ACRE_OK) result = tidy(region);
    acre__region_unlock(region);
    if (result != ACRE_OK) return result;
    at += size;
  }
  return ACRE_OK;
}

/*
 * With the index locked, after acre__index_prepare: the first of them takes its
 * neighbour in. A thread that has found the neighbour already finds it as it
 * was, or not live, and looks again.
 */
static void take_in(struct acre__region *first, struct acre__region *next) {
  uintptr_t base = acre__region_base(next);
  acre__lock(&first->lock);
  acre__index_remove(&acre__root.index, base);
  acre__index_announce(&acre__root.index);
  resize(first, acre__region_size(first) + acre__region_size(next));
  acre__unlock(&first->lock);
  acre__lock(&next->lock);
  acre__region_spare(next);
  acre__unlock(&next->lock);
}

static acre_result join(uintptr_t base, uintptr_t end) {
  struct acre__index *index = &acre__root.index;
  acre_result result = check_parts(base, end);
  if (result != ACRE_OK) return result;
  struct acre__region *first = acre__index_find(index, base);
  while (acre__region_size(first) < end - base) {
    /* If memory is short, it is so the first time, when nothing has been done. */
    if (!acre__index_prepare(index)) return ACRE_E_NO_MEMORY;
    take_in(first, acre__index_find(index, base + acre__region_size(first)));
  }
  return ACRE_OK;
}

acre_result acre_vm_join(void *base, size_t size) {
  uintptr_t end;
  if (base == NULL) return ACRE_E_INVALID_ARGUMENT;
  size_t page = acre__root_get()->system.page_size;
  if (size == 0 || !acre__checked_align_up(size, page, &size) || !acre__checked_add((uintptr_t)base, size, &end))
    return ACRE_E_INVALID_SIZE;
  acre__lock(&acre__root.index.lock);
  acre_result result = join((uintptr_t)base, end);
  acre__unlock(&acre__root.index.lock);
  return result;
}

/* --------------------------------------------------- replace, and the way back */

/* With the index locked as well: lock_as, of a region that is about to become another one. */
static acre_result lock_to_change(uintptr_t base, acre_vm_kind kind, struct acre__region **out) {
  acre_result result = lock_as(base, kind, out);
  if (result == ACRE_OK) acre__index_announce(&acre__root.index);
  return result;
}

/*
 * Takes back what a failed commit left, and with it wishes that stay with a
 * mapping. If the system refuses, the LOOSE chunks stay on record, and nothing else.
 */
static ACRE_COLD void undo_fill(struct acre__region *region) {
  acre__chunk top = region->table.top.word;
  bool kept = acre__os_decommit(acre__region_address(region, 0), acre__region_size(region)) != ACRE_OK;
  if (kept) region->table.top.word = 0;
  acre__region_empty(region);
  if (kept) region->table.top.word = top;
}

/* With the placeholder locked. */
static acre_result become(struct acre__region *region, const struct acre__region_plan *plan, bool commit) {
  if (acre__region_size(region) != plan->size) return ACRE_E_INVALID_SIZE;
  acre_result result = tidy(region);
  if (result != ACRE_OK) return result;
  struct acre__region_extra *former = acre__region_extra(region); /* somebody may have set a fault handler */
  if (!acre__region_describe(region, plan)) return ACRE_E_NO_MEMORY;
  acre__meta_free(former, sizeof *former);
  if (plan->kind == ACRE_VM_KIND_MAPPED) {
    result = acre__region_mark_committed(region, plan->committed);
    if (result == ACRE_OK) return ACRE_OK;
    acre__region_empty(region);
  } else {
    if (plan->track_writes) result = acre__written_begin(acre__region_address(region, 0), plan->size);
    if (result == ACRE_OK) result = acre__placement_fill(region, commit);
    if (result == ACRE_OK) return ACRE_OK;
    undo_fill(region);
  }
  describe_placeholder(region);
  return result;
}

acre_result acre__placeholder_replace(const struct acre__region_plan *plan, bool commit) {
  struct acre__region *region;
  acre__lock(&acre__root.index.lock);
  acre_result result = lock_to_change(plan->base, ACRE_VM_KIND_PLACEHOLDER, &region);
  bool keep = result == ACRE_OK && plan->track_writes; /* acre__region_describe says why */
  if (!keep) acre__unlock(&acre__root.index.lock);
  if (result != ACRE_OK) return result;
  result = become(region, plan, commit);
  if (keep) acre__unlock(&acre__root.index.lock);
  acre__region_unlock(region);
  return result;
}

/* The record's part, after the system's. Tells what the caller has to destroy, if it has no lock any more. */
static struct acre__paged *restore(struct acre__region *region) {
  struct acre__paged *paged = region->paged ? acre__paging_of(region) : NULL;
  size_t committed = paged == NULL ? 0 : acre__table_committed(&region->table, 0, region->table.pages);
  acre__mappings_changed(-(intptr_t)acre__table_boundaries(&region->table, 0, region->table.pages));
  acre__region_empty(region);
  describe_placeholder(region);
  if (paged != NULL) acre__paging_uncount(paged, committed);
  return paged;
}

acre_result acre__placeholder_restore(uintptr_t base, acre_vm_kind kind) {
  struct acre__region *region;
  struct acre__paged *paged = NULL;
  acre__lock(&acre__root.index.lock);
  acre_result result = lock_to_change(base, kind, &region);
  bool keep = result == ACRE_OK && (region->tracked || region->table.shut);
  if (!keep) acre__unlock(&acre__root.index.lock);
  if (result != ACRE_OK) return result;
  result = acre__os_decommit(acre__region_address(region, 0), acre__region_size(region));
  if (result == ACRE_OK) paged = restore(region);
  if (keep) acre__unlock(&acre__root.index.lock);
  acre__region_unlock(region);
  acre__paging_destroy(paged);
  return result;
}

void acre__placeholder_restore_unmapped(uintptr_t base) {
  struct acre__region *region;
  acre__lock(&acre__root.index.lock);
  acre_result result = lock_to_change(base, ACRE_VM_KIND_MAPPED, &region);
  acre__unlock(&acre__root.index.lock);
  if (result != ACRE_OK) return;
  (void)restore(region); /* a view */
  acre__region_unlock(region);
}

acre_result acre_vm_release_to_placeholder(void *base) {
  if (base == NULL) return ACRE_E_INVALID_ARGUMENT;
  return acre__placeholder_restore((uintptr_t)base, ACRE_VM_KIND_PRIVATE);
}
