/* SPDX-License-Identifier: MIT */
/* acre_vm_protect: one mprotect for the range (more where some pages are shut), and the way back if it fails. */
#include "base/math.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/protection.h"
#include "vm/region.h"
#include "vm/root.h"

/* Every run of [start, end) gets what the table says of it with `protection`, or, for ACRE_VM_DEFAULT, with its own. */
static acre_result map_runs(struct acre__region *region, size_t start, size_t end, unsigned mask, unsigned protection) {
  const struct acre__table *table = &region->table;
  acre_result result = ACRE_OK;
  for (size_t page = start; page < end;) {
    struct acre__page_run run = acre__table_run(table, page, end, mask);
    unsigned mapping = acre__table_mapping(table, run.attributes | protection);
    acre_result mapped = acre__os_protect(acre__region_address(region, page), (run.end - page) << acre__root.page_shift,
                                          (acre_vm_protection)mapping);
    if (result == ACRE_OK) result = mapped;
    page = run.end;
  }
  return result;
}

acre_result acre__protect_pages(struct acre__region *region, size_t start, size_t end, acre_vm_protection protection) {
  acre__region_widen(region, &start, &end); /* a guard page ends where it was met, in a small page */
  struct acre__table *table = &region->table;
  if (!acre__table_prepare(table, start, end)) return ACRE_E_NO_MEMORY;
  intptr_t before = (intptr_t)acre__table_boundaries(table, start, end);
  acre_result result = map_runs(region, start, end, table->shut ? ACRE_PAGE_WRITTEN : 0, protection);
  if (result != ACRE_OK) {
    /* A front part of the range may be done. */
    (void)map_runs(region, start, end, ACRE_PAGE_EFFECT | ACRE_PAGE_WRITTEN, ACRE_VM_DEFAULT);
    return result;
  }
  acre__table_edit(table, start, end, ACRE_PAGE_LOCKED | ACRE_PAGE_WRITTEN, protection);
  acre__mappings_changed((intptr_t)acre__table_boundaries(table, start, end) - before);
  return ACRE_OK;
}

acre_result acre_vm_protect(void *address, size_t size, acre_vm_protection protection, acre_vm_protection *old) {
  if (!acre__protection_is_valid_of_page(protection)) return ACRE_E_INVALID_PROTECTION;
  struct acre__range range;
  acre_result result = acre__range_lock_to_guard(address, size, protection, &range);
  if (result != ACRE_OK) return result;
  struct acre__page_run first = acre__table_run(&range.region->table, range.start, range.end, ACRE_PAGE_EFFECT);
  if (!acre__range_is_committed(&range))
    result = ACRE_E_NOT_COMMITTED;
  else if (!acre__protection_within(protection & ~(unsigned)ACRE_VM_GUARD, range.region->most))
    result = ACRE_E_INVALID_PROTECTION;
  else if (first.attributes != (unsigned)protection || first.end < range.end)
    result = acre__protect_pages(range.region, range.start, range.end, protection);
  if (result == ACRE_OK && old != NULL) *old = (acre_vm_protection)first.attributes;
  acre__range_unlock(&range);
  return result;
}
