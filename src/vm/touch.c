/* SPDX-License-Identifier: MIT */
#include "vm/touch.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/protection.h"
#include "vm/region.h"
#include "vm/root.h"
#include "vm/written.h"

static bool is_allowed(unsigned protection, enum acre__os_fault_access access) {
  switch (access) {
    case ACRE_OS_FAULT_READ: return acre__protection_reads(protection);
    case ACRE_OS_FAULT_WRITE: return acre__protection_writes(protection);
    case ACRE_OS_FAULT_EXECUTE: return acre__protection_executes(protection);
  }
  return false;
}

/*
 * A fault on a page that allows the access is a race with another thread's
 * commit, unless the system refuses what the table allows: so it is asked.
 */
static bool can_try_again(const struct acre__region *region, size_t page, enum acre__os_fault_access access) {
  if (access == ACRE_OS_FAULT_EXECUTE) return true;
  bool writes = access == ACRE_OS_FAULT_WRITE;
  return acre__os_populate(acre__region_address(region, page), acre__root.system.page_size, writes) == ACRE_OK;
}

/* The reserved pages around `page` in its step. */
static void step_around(const struct acre__region *region, size_t page, size_t *start, size_t *end) {
  const struct acre__table *table = &region->table;
  size_t step = acre__region_extra(region)->touch_pages;
  *start = page - page % step;
  *end = acre__min(*start + step, table->pages);
  for (size_t at = *start; at < *end;) {
    struct acre__page_run run = acre__table_run(table, at, *end, ACRE_PAGE_PROTECTION);
    if (run.attributes == 0 && page < run.end) {
      *start = at;
      *end = run.end;
      return;
    }
    at = run.end;
  }
}

/* The first write of a page in a region whose written pages are found by faults. */
static bool is_first_write(const struct acre__region *region, size_t page, enum acre__os_fault_access access) {
  if (!region->table.shut || access != ACRE_OS_FAULT_WRITE) return false;
  return acre__protection_writes(acre__table_run(&region->table, page, page + 1, ACRE_PAGE_PROTECTION).attributes);
}

static bool handle(uintptr_t address, enum acre__os_fault_access access) {
  struct acre__region *region = acre__region_lock_in_handler(address);
  if (region == NULL) return false;
  bool handled = false;
  const struct acre__region_extra *extra = acre__region_extra(region);
  size_t page = (address - acre__region_base(region)) >> acre__root.page_shift;
  if (is_first_write(region, page, access)) {
    bool was_open = acre__table_run(&region->table, page, page + 1, ACRE_PAGE_WRITTEN).attributes != 0;
    handled = acre__written_note(region, page) && (!was_open || can_try_again(region, page, access));
  } else if (extra != NULL && extra->touch_pages != 0) {
    struct acre__page_run run = acre__table_run(&region->table, page, page + 1, ACRE_PAGE_PROTECTION);
    if (run.attributes != 0) {
      handled = is_allowed(run.attributes, access) && can_try_again(region, page, access);
    } else if (is_allowed(region->protection, access)) {
      size_t start, end;
      step_around(region, page, &start, &end);
      acre_vm_protection protection = (acre_vm_protection)region->protection;
      acre_result result = acre__commit_pages(region, start, end, protection);
      /* Where the step does not fit into the commit limit, the page may. */
      if (result == ACRE_E_COMMIT_LIMIT) result = acre__commit_pages(region, page, page + 1, protection);
      handled = result == ACRE_OK;
    }
  }
  acre__unlock(&region->lock);
  return handled;
}

acre_result acre__touch_install(void) {
  return acre__os_fault_install(handle);
}
