/* SPDX-License-Identifier: MIT */
#include "vm/stack.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/root.h"

enum {
  DEFAULT_COMMIT = 128 << 10,
  DEFAULT_STEP = 64 << 10,
  END_ZONE = 1 << 20, /* no frame reaches over it without touching it, or it is a very large one */
  RED_ZONE = 128      /* below the stack pointer, and yet in use */
};

static size_t pages_of(size_t bytes) {
  return bytes >> acre__root.page_shift;
}

/* ------------------------------------------------------------- growing */

static size_t frontier_of(const struct acre__region *region) {
  size_t end = acre__region_extra(region)->stack_end;
  struct acre__page_run run = acre__table_run(&region->table, end, region->table.pages, ACRE_PAGE_PROTECTION);
  return run.attributes == 0 ? run.end : end;
}

static bool is_guard(const struct acre__region *region, size_t page) {
  return page < region->table.pages && acre__table_run(&region->table, page, page + 1, ACRE_PAGE_GUARD).attributes != 0;
}

bool acre__stack_wants(const struct acre__region *region, size_t page, uintptr_t stack_pointer) {
  size_t end = acre__region_extra(region)->stack_end, frontier = frontier_of(region);
  if (page < end || page > frontier) return false;
  if (page + 1 >= frontier) return true;
  uintptr_t lowest = acre__region_base(region) + (end << acre__root.page_shift);
  if (stack_pointer - lowest >= acre__region_size(region) - (end << acre__root.page_shift)) return false;
  return page >= pages_of(stack_pointer - RED_ZONE - acre__region_base(region));
}

bool acre__stack_is_over(const struct acre__region *region, size_t page) {
  size_t end = acre__region_extra(region)->stack_end;
  return page < end && page >= end - pages_of(END_ZONE);
}

acre_result acre__stack_grow(struct acre__region *region, size_t page) {
  const struct acre__region_extra *extra = acre__region_extra(region);
  acre_vm_protection protection = (acre_vm_protection)region->protection;
  size_t end = extra->stack_end, step = extra->stack_step, top = frontier_of(region);
  if (is_guard(region, top)) top++;
  size_t low = page - end >= step ? page + 1 - step : end;
  acre_result result = acre__commit_pages(region, low, top, protection);
  if (result != ACRE_OK && low < page) {
    low = page;
    result = acre__commit_pages(region, low, top, protection);
  }
  if (result == ACRE_OK && low > end)
    (void)acre__commit_pages(region, low - 1, low, (acre_vm_protection)(protection | ACRE_VM_GUARD));
  return result;
}

/* ------------------------------------------------------------- making one */

/* Sizes in bytes, whole pages. */
struct plan {
  size_t size, commit, step, gap, alternate;
};

static bool round_plan(size_t size, const acre_vm_stack_options *options, struct plan *out) {
  const struct acre__os_system *system = &acre__root.system;
  size_t page = system->page_size;
  size_t commit = options->commit != 0 ? options->commit : DEFAULT_COMMIT;
  size_t step = options->step != 0 ? options->step : DEFAULT_STEP;
  if (size == 0 || !acre__checked_align_up(size, page, &out->size)) return false;
  out->commit = commit < out->size ? acre__align_up(commit, page) : out->size;
  out->step = step < out->size ? acre__align_up(step, page) : out->size;
  out->step = acre__min(out->step, acre__align_down(UINT32_MAX, page));
  out->gap = system->granularity;
  out->alternate = acre__align_up(acre__os_signal_stack_size(), page);
  return out->size <= ACRE_INDEX_HIGHEST;
}

/* The region is new, and nobody else knows it. */
static acre_result make_stack(void *base, const struct plan *plan) {
  struct acre__region *region;
  acre_result result = acre__region_lock_to_watch(base, true, &region);
  if (result != ACRE_OK) return result;
  struct acre__region_extra *extra = acre__region_need_extra(region);
  size_t gap = pages_of(plan->gap), pages = region->table.pages;
  if (extra == NULL) {
    result = ACRE_E_NO_MEMORY;
  } else {
    extra->stack_step = (uint32_t)pages_of(plan->step);
    extra->stack_end = pages - pages_of(plan->size);
    result = acre__commit_pages(region, gap, gap + pages_of(plan->alternate), ACRE_VM_READ_WRITE);
  }
  size_t frontier = pages - pages_of(plan->commit);
  if (result == ACRE_OK) result = acre__commit_pages(region, frontier, pages, ACRE_VM_READ_WRITE);
  if (result == ACRE_OK && frontier > extra->stack_end)
    result = acre__commit_pages(region, frontier - 1, frontier,
                                (acre_vm_protection)(ACRE_VM_READ_WRITE | ACRE_VM_GUARD));
  acre__region_unlock(region);
  return result;
}

acre_result acre_vm_stack_reserve(size_t size, const acre_vm_stack_options *options, acre_vm_stack *out) {
  static const acre_vm_stack_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = (acre_vm_stack){0};
  (void)acre__root_get();
  struct plan plan;
  size_t below;
  if (!round_plan(size, options != NULL ? options : &defaults, &plan)) return ACRE_E_INVALID_SIZE;
  below = plan.gap + plan.alternate + END_ZONE;
  void *base;
  acre_result result = acre_vm_reserve(below + plan.size, NULL, &base);
  if (result != ACRE_OK) return result;
  result = make_stack(base, &plan);
  if (result != ACRE_OK) {
    (void)acre_vm_release(base);
    return result;
  }
  *out = (acre_vm_stack){.region_base = base, .low = (char *)base + below, .size = plan.size};
  return ACRE_OK;
}

/* ------------------------------------------------------------- the alternate stack */

/* Where it is, if the region is a stack's. */
static acre_result find_alternate(void *base, char **stack, size_t *size) {
  if (base == NULL) return ACRE_E_INVALID_ARGUMENT;
  struct acre__region *region;
  acre_result result = acre__region_lock_to_watch(base, false, &region);
  if (result != ACRE_OK) return result;
  const struct acre__region_extra *extra = acre__region_extra(region);
  if (extra != NULL && extra->stack_step != 0) {
    size_t gap = acre__root.system.granularity;
    *stack = (char *)base + gap;
    *size = (extra->stack_end << acre__root.page_shift) - END_ZONE - gap;
  } else {
    result = ACRE_E_WRONG_KIND;
  }
  acre__region_unlock(region);
  return result;
}

acre_result acre_vm_stack_enter(void *region_base) {
  char *stack;
  size_t size;
  acre_result result = find_alternate(region_base, &stack, &size);
  return result == ACRE_OK ? acre__os_signal_stack_set(stack, size) : result;
}

acre_result acre_vm_stack_leave(void *region_base) {
  char *stack;
  size_t size;
  acre_result result = find_alternate(region_base, &stack, &size);
  return result == ACRE_OK ? acre__os_signal_stack_unset(stack) : result;
}
