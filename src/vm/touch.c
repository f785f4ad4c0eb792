/* SPDX-License-Identifier: MIT */
#include "vm/touch.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/root.h"

bool acre__touch_round(size_t bytes, size_t *pages) {
  size_t page_size = acre__root.system.page_size;
  if (!acre__checked_align_up(bytes, page_size, &bytes)) return false;
  bytes = acre__min(bytes, acre__align_down(UINT32_MAX, page_size)); /* 4 GiB a touch is more than enough */
  *pages = bytes >> acre__root.page_shift;
  return true;
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

acre_result acre__touch_page(struct acre__region *region, size_t page) {
  size_t start, end;
  acre_vm_protection protection = (acre_vm_protection)region->protection;
  step_around(region, page, &start, &end);
  acre_result result = acre__commit_pages(region, start, end, protection);
  /* Where the step does not fit into the commit limit, the page may. */
  if (result == ACRE_E_COMMIT_LIMIT) result = acre__commit_pages(region, page, page + 1, protection);
  return result;
}

acre_result acre_vm_set_touch_step(void *region_base, size_t step) {
  size_t pages;
  (void)acre__root_get();
  if (region_base == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (!acre__touch_round(step, &pages)) return ACRE_E_INVALID_SIZE;
  struct acre__region *region;
  acre_result result = acre__region_lock_to_watch(region_base, pages != 0, &region);
  if (result != ACRE_OK) return result;
  struct acre__region_extra *extra = acre__region_extra(region);
  if (region->kind != ACRE_VM_KIND_PRIVATE || (extra != NULL && extra->stack_step != 0)) {
    result = ACRE_E_WRONG_KIND;
  } else {
    if (pages != 0) extra = acre__region_need_extra(region);
    if (extra != NULL)
      extra->touch_pages = (uint32_t)pages;
    else if (pages != 0)
      result = ACRE_E_NO_MEMORY;
  }
  acre__region_unlock(region);
  return result;
}
