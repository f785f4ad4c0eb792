/* SPDX-License-Identifier: MIT */
/* acre_vm_reserve and acre_vm_release: what the caller may ask, and how it is rounded. */
#include <acre/vm.h>

#include "base/math.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/paging.h"
#include "vm/place.h"
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

static acre_result round_request(size_t size, const acre_vm_options *options, struct request *out) {
  const struct acre__os_system *system = &acre__root.system;
  size_t alignment = options->alignment;
  if (alignment != 0 && !acre__is_power_of_two(alignment)) return ACRE_E_INVALID_ALIGNMENT;
  *out = (struct request){.alignment = acre__max(alignment, system->granularity)};
  uintptr_t address = (uintptr_t)options->address, end;
  if (address == 0) {
    if (!acre__checked_align_up(size, system->page_size, &out->size)) return ACRE_E_INVALID_SIZE;
    if (out->size > system->highest_address) return ACRE_E_NO_ADDRESS_SPACE;
    return ACRE_OK;
  }
  if (!acre__checked_add(address, size, &end) || !acre__checked_align_up(end, system->page_size, &end))
    return ACRE_E_INVALID_SIZE;
  out->wish = acre__align_down(address, system->granularity);
  out->size = end - out->wish;
  if (!acre__is_aligned(out->wish, out->alignment)) return ACRE_E_INVALID_ALIGNMENT;
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
static acre_result commit_all(uintptr_t base, acre_vm_protection protection) {
  struct acre__region *region = acre__region_lock(base);
  ACRE_ASSERT(region != NULL);
  acre_result result = acre__commit_pages(region, 0, region->table.pages, protection);
  acre__region_unlock(region);
  if (result != ACRE_OK) acre__region_forget(base, ACRE_VM_KIND_PRIVATE);
  return result;
}

acre_result acre_vm_reserve(size_t size, const acre_vm_options *options, void **out) {
  static const acre_vm_options defaults = {0};
  if (out != NULL) *out = NULL;
  if (options == NULL) options = &defaults;
  acre_vm_protection protection = options->protection == ACRE_VM_DEFAULT ? ACRE_VM_READ_WRITE : options->protection;
  if (!acre__protection_is_valid(protection)) return ACRE_E_INVALID_PROTECTION;
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  const unsigned known = ACRE_VM_COMMIT | ACRE_VM_TOP_DOWN | ACRE_VM_STRICT | ACRE_VM_TRACK_WRITES;
  if ((options->flags & ~known) != 0) return ACRE_E_INVALID_ARGUMENT;
  if (options->backing != ACRE_VM_BACKING_MEMORY && options->backing != ACRE_VM_BACKING_PAGING_FILE)
    return ACRE_E_INVALID_ARGUMENT;
  if (options->backing != ACRE_VM_BACKING_MEMORY && (options->flags & ACRE_VM_TRACK_WRITES) != 0)
    return ACRE_E_NOT_SUPPORTED;
  if (size == 0) return ACRE_E_INVALID_SIZE;

  (void)acre__root_get();
  struct request request;
  size_t step;
  acre_result result = round_request(size, options, &request);
  if (result != ACRE_OK) return result;
  if (!acre__touch_round(options->touch_step, &step)) return ACRE_E_INVALID_SIZE;
  if (step != 0) result = acre__faults_install();
  if (result != ACRE_OK) return result;

  struct acre__paged *paged = NULL;
  if (options->backing == ACRE_VM_BACKING_PAGING_FILE) result = acre__paging_create(&paged);
  if (result != ACRE_OK) return result;
  uintptr_t base;
  result = place(&request, options->flags, &base);
  if (result != ACRE_OK) {
    acre__paging_destroy(paged);
    return result;
  }
  if (paged != NULL) result = acre__paging_map(paged, (void *)base, request.size);
  struct acre__region_plan plan = {.base = base,
                                   .size = request.size,
                                   .kind = ACRE_VM_KIND_PRIVATE,
                                   .protection = protection,
                                   .most = ACRE_VM_EXECUTE_READ_WRITE,
                                   .touch_pages = step,
                                   .track_writes = (options->flags & ACRE_VM_TRACK_WRITES) != 0,
                                   .strict = (options->flags & ACRE_VM_STRICT) != 0,
                                   .paged = paged};
  if (plan.track_writes) result = acre__written_begin((void *)base, request.size);
  if (result == ACRE_OK) result = acre__region_enter(&plan);
  if (result != ACRE_OK) {
    (void)acre__os_release((void *)base, request.size);
    acre__paging_destroy(paged);
    return result;
  }
  if ((options->flags & ACRE_VM_COMMIT) != 0) result = commit_all(base, protection);
  if (result != ACRE_OK) return result;
  *out = (void *)base;
  return ACRE_OK;
}

acre_result acre_vm_release(void *base) {
  if (base == NULL) return ACRE_E_INVALID_ARGUMENT;
  return acre__region_release((uintptr_t)base, ACRE_VM_KIND_PRIVATE);
}
