/* SPDX-License-Identifier: MIT */
/* acre_vm_reserve and acre_vm_release: what the caller may ask, and how it is rounded. */
#include <acre/vm.h>

#include "base/math.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/ledger.h"
#include "vm/paging.h"
#include "vm/place.h"
#include "vm/placeholder.h"
#include "vm/placement.h"
#include "vm/protection.h"
#include "vm/region.h"
#include "vm/root.h"
#include "vm/touch.h"
#include "vm/written.h"

/* A request after rounding. */
struct request {
  uintptr_t wish; /* 0: anywhere */
  size_t size, alignment;
};

/* `unit`: the page, or the large page. */
static acre_result round_request(size_t size, const acre_vm_options *options, size_t unit, struct request *out) {
  const struct acre__os_system *system = &acre__root.system;
  size_t alignment = options->alignment;
  if (alignment != 0 && !acre__is_power_of_two(alignment)) return ACRE_E_INVALID_ALIGNMENT;
  *out = (struct request){.alignment = acre__max(acre__max(alignment, unit), system->granularity)};
  uintptr_t address = (uintptr_t)options->address, end;
  if (address == 0) {
    if (!acre__checked_align_up(size, unit, &out->size)) return ACRE_E_INVALID_SIZE;
    if (out->size > ACRE_INDEX_HIGHEST) return ACRE_E_NO_ADDRESS_SPACE;
    return ACRE_OK;
  }
  if (!acre__checked_add(address, size, &end) || !acre__checked_align_up(end, unit, &end)) return ACRE_E_INVALID_SIZE;
  out->wish = acre__align_down(address, system->granularity);
  out->size = end - out->wish;
  if (!acre__is_aligned(out->wish, out->alignment)) return ACRE_E_INVALID_ALIGNMENT;
  system = acre__root_system();
  if (out->wish < system->lowest_address || end - 1 > system->highest_address) return ACRE_E_INVALID_ADDRESS;
  return ACRE_OK;
}

static acre_result place(const struct request *request, unsigned flags, uintptr_t *base) {
  if (request->wish != 0) {
    *base = request->wish;
    return acre__place_at(request->wish, request->size);
  }
  if ((flags & ACRE_VM_TOP_DOWN) != 0) return acre__place_top_down(request->size, request->alignment, base);
  return acre__place_anywhere(request->size, request->alignment, base);
}

/* The region is entered first, so that one function commits; nobody else knows of it yet. */
static acre_result fill(uintptr_t base, bool commit) {
  struct acre__region *region = acre__region_lock(base);
  ACRE_ASSERT(region != NULL);
  acre_result result = acre__placement_fill(region, commit);
  acre__region_unlock(region);
  if (result != ACRE_OK) acre__region_forget(base, ACRE_VM_KIND_PRIVATE);
  return result;
}

/* What cannot be asked for, or not together. */
static acre_result check_flags(const acre_vm_options *options) {
  enum {
    KNOWN = ACRE_VM_COMMIT | ACRE_VM_TOP_DOWN | ACRE_VM_STRICT | ACRE_VM_PLACEHOLDER | ACRE_VM_LARGE_PAGES |
            ACRE_VM_TRACK_WRITES | ACRE_VM_REPLACE
  };
  unsigned flags = options->flags;
  if ((flags & ~(unsigned)KNOWN) != 0) return ACRE_E_INVALID_ARGUMENT;
  if ((flags & ACRE_VM_PLACEHOLDER) != 0) { /* it holds nothing, so has no say in what it would hold */
    bool says = options->protection != ACRE_VM_DEFAULT || options->touch_step != 0 || options->node != 0;
    if (says || (flags & ~(unsigned)(ACRE_VM_PLACEHOLDER | ACRE_VM_TOP_DOWN)) != 0) return ACRE_E_INVALID_ARGUMENT;
  }
  if ((flags & ACRE_VM_REPLACE) != 0 && (options->address == NULL || (flags & ACRE_VM_TOP_DOWN) != 0))
    return ACRE_E_INVALID_ARGUMENT;
  if ((flags & ACRE_VM_TRACK_WRITES) != 0 && (flags & ACRE_VM_LARGE_PAGES) != 0) return ACRE_E_INVALID_ARGUMENT;
  if (options->backing == ACRE_VM_BACKING_MEMORY) return ACRE_OK;
  if (options->backing != ACRE_VM_BACKING_PAGING_FILE) return ACRE_E_INVALID_ARGUMENT;
  if ((flags & (unsigned)(ACRE_VM_PLACEHOLDER | ACRE_VM_REPLACE | ACRE_VM_LARGE_PAGES | ACRE_VM_TRACK_WRITES)) != 0)
    return ACRE_E_INVALID_ARGUMENT;
  return ACRE_OK;
}

/* A new region at the plan's base, which is reserved; all of it committed if `commit` says so. */
static acre_result make_region(const struct acre__region_plan *plan, bool commit) {
  acre_result result = ACRE_OK;
  if (plan->paged != NULL) result = acre__paging_map(plan->paged, (void *)plan->base, plan->size);
  if (result == ACRE_OK && plan->track_writes) result = acre__written_begin((void *)plan->base, plan->size);
  if (result == ACRE_OK) result = acre__region_enter(plan);
  if (result != ACRE_OK) {
    (void)acre__os_release((void *)plan->base, plan->size);
    acre__paging_destroy(plan->paged);
    return result;
  }
  bool wishes = plan->large != ACRE_VM_LARGE_PAGES_NONE || plan->node != 0;
  return commit || wishes ? fill(plan->base, commit) : ACRE_OK;
}

/*
 * The usual region that is committed as a whole need not be reserved first. Others have more to say about their pages
 * (make_region), or are so large that they may be refused, which is to be known before the system is asked.
 */
static bool is_plain(const struct acre__region_plan *plan, const acre_vm_options *options) {
  const unsigned plain = ACRE_VM_COMMIT;
  return options->flags == plain && options->backing == ACRE_VM_BACKING_MEMORY && options->address == NULL &&
         plan->node == 0 && !plan->guards && acre__ledger_is_at_hand(plan->size >> acre__root.page_shift);
}

static acre_result make_committed(struct acre__region_plan *plan, size_t alignment) {
  acre_result result = acre__place_committed(plan->size, alignment, plan->protection, &plan->base);
  if (result != ACRE_OK) return result;
  plan->committed = plan->size >> acre__root.page_shift;
  result = acre__region_enter(plan);
  if (result != ACRE_OK) (void)acre__os_release((void *)plan->base, plan->size);
  return result;
}

acre_result acre_vm_reserve(size_t size, const acre_vm_options *options, void **out) {
  static const acre_vm_options defaults = {0};
  if (out != NULL) *out = NULL;
  if (options == NULL) options = &defaults;
  unsigned flags = options->flags;
  acre_vm_protection protection = options->protection == ACRE_VM_DEFAULT ? ACRE_VM_READ_WRITE : options->protection;
  if (!acre__protection_is_valid_of_page(protection)) return ACRE_E_INVALID_PROTECTION;
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  acre_result result = check_flags(options);
  if (result != ACRE_OK) return result;
  if (size == 0) return ACRE_E_INVALID_SIZE;

  const struct acre__root *root = acre__root_get();
  struct request request;
  size_t step, unit = root->system.page_size;
  bool large = (flags & ACRE_VM_LARGE_PAGES) != 0 && acre__root_system()->large_page_size != 0;
  if (large) unit = acre__root_system()->large_page_size;
  if (options->node != 0 && options->node > acre__root_system()->nodes) return ACRE_E_INVALID_ARGUMENT;
  result = round_request(size, options, unit, &request);
  if (result != ACRE_OK) return result;
  if (!acre__checked_align_up(options->touch_step, unit, &step)) return ACRE_E_INVALID_SIZE;
  if (!acre__touch_round(acre__min(step, acre__align_down(UINT32_MAX, unit)), &step)) return ACRE_E_INVALID_SIZE;
  bool track = (flags & ACRE_VM_TRACK_WRITES) != 0;
  if (step != 0 || (track && !acre__written_by_system())) result = acre__faults_install();
  if (result != ACRE_OK) return result;

  bool paged = options->backing == ACRE_VM_BACKING_PAGING_FILE;
  bool guards = (protection & ACRE_VM_GUARD) != 0;
  bool commit = (flags & ACRE_VM_COMMIT) != 0 && !guards, placeholder = (flags & ACRE_VM_PLACEHOLDER) != 0;
  struct acre__region_plan plan = {
      .base = request.wish,
      .size = request.size,
      .kind = placeholder ? ACRE_VM_KIND_PLACEHOLDER : ACRE_VM_KIND_PRIVATE,
      .protection = placeholder ? ACRE_VM_NO_ACCESS : (acre_vm_protection)(protection & ~ACRE_VM_GUARD),
      .guards = (protection & ACRE_VM_GUARD) != 0,
      .most = ACRE_VM_EXECUTE_READ_WRITE,
      .touch_pages = step,
      .track_writes = track,
      .strict = (flags & ACRE_VM_STRICT) != 0,
      .large = large ? acre__placement_choose(request.size) : ACRE_VM_LARGE_PAGES_NONE,
      .node = options->node != 0 && !paged && acre__root_system()->nodes > 1 ? options->node : 0};
  if (is_plain(&plan, options)) {
    result = make_committed(&plan, request.alignment);
  } else if ((flags & ACRE_VM_REPLACE) != 0) {
    if ((uintptr_t)options->address != request.wish) return ACRE_E_NOT_REGION_BASE;
    result = acre__placeholder_replace(&plan, commit);
  } else {
    if (paged) result = acre__paging_create(&plan.paged);
    if (result == ACRE_OK) result = place(&request, flags, &plan.base);
    if (result == ACRE_OK)
      result = make_region(&plan, commit);
    else
      acre__paging_destroy(plan.paged);
  }
  if (result == ACRE_OK && guards && (flags & ACRE_VM_COMMIT) != 0) {
    result = acre_vm_commit((void *)plan.base, plan.size, protection);
    if (result != ACRE_OK) (void)acre_vm_release((void *)plan.base);
  }
  if (result == ACRE_OK) *out = (void *)plan.base;
  return result;
}

acre_result acre_vm_release(void *base) {
  if (base == NULL) return ACRE_E_INVALID_ARGUMENT;
  return acre__region_release((uintptr_t)base, ACRE_VM_KIND_PRIVATE);
}
