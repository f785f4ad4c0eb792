/* SPDX-License-Identifier: MIT */
/* acre_vm_protect: one mprotect for the range, and the way back if it fails. */
#include "base/math.h"
#include "vm/commit.h"
#include "vm/protection.h"
#include "vm/region.h"
#include "vm/root.h"

/* mprotect may have done a front part of the range: every run gets back what the table says. */
static ACRE_COLD void undo_protect(const struct acre__range *range) {
  for (size_t page = range->start; page < range->end;) {
    struct acre__page_run run = acre__table_run(&range->region->table, page, range->end, ACRE_PAGE_PROTECTION);
    (void)acre__os_protect(acre__region_address(range->region, page), (run.end - page) << acre__root.page_shift,
                           (acre_vm_protection)run.attributes);
    page = run.end;
  }
}

static acre_result protect_pages(const struct acre__range *range, acre_vm_protection protection) {
  struct acre__table *table = &range->region->table;
  if (!acre__table_prepare(table, range->start, range->end)) return ACRE_E_NO_MEMORY;
  intptr_t before = (intptr_t)acre__table_boundaries(table, range->start, range->end);
  acre_result result = acre__os_protect(acre__region_address(range->region, range->start),
                                        (range->end - range->start) << acre__root.page_shift, protection);
  if (result != ACRE_OK) {
    undo_protect(range);
    return result;
  }
  acre__table_edit(table, range->start, range->end, ACRE_PAGE_LOCKED, protection);
  acre__mappings_changed((intptr_t)acre__table_boundaries(table, range->start, range->end) - before);
  return ACRE_OK;
}

acre_result acre_vm_protect(void *address, size_t size, acre_vm_protection protection, acre_vm_protection *old) {
  if (!acre__protection_is_valid(protection)) return ACRE_E_INVALID_PROTECTION;
  struct acre__range range;
  acre_result result = acre__range_lock(address, size, &range);
  if (result != ACRE_OK) return result;
  struct acre__page_run first = acre__table_run(&range.region->table, range.start, range.end, ACRE_PAGE_PROTECTION);
  if (!acre__range_is_committed(&range))
    result = ACRE_E_NOT_COMMITTED;
  else if (!acre__protection_within(protection, range.region->most))
    result = ACRE_E_INVALID_PROTECTION;
  else if (first.attributes != (unsigned)protection || first.end < range.end)
    result = protect_pages(&range, protection);
  if (result == ACRE_OK && old != NULL) *old = (acre_vm_protection)first.attributes;
  acre__range_unlock(&range);
  return result;
}
