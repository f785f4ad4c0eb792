/* SPDX-License-Identifier: MIT */
#include "vm/placement.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/root.h"

static size_t bytes_of(size_t pages) {
  return pages << acre__root.page_shift;
}

static acre_vm_large_pages transparent_or_none(void) {
  return acre__root_system()->transparent_large_pages ? ACRE_VM_LARGE_PAGES_TRANSPARENT : ACRE_VM_LARGE_PAGES_NONE;
}

acre_vm_large_pages acre__placement_choose(size_t size) {
  const struct acre__root *root = &acre__root;
  size_t large = acre__root_system()->large_page_size;
  if (large == 0) return ACRE_VM_LARGE_PAGES_NONE;
  bool whole_chunks = acre__is_aligned(large, bytes_of(ACRE_CHUNK_PAGES)) && acre__is_aligned(size, large);
  if (!root->options.large_by_advice && whole_chunks && acre__os_large_pages_free() >= size / large)
    return ACRE_VM_LARGE_PAGES_EXPLICIT;
  return transparent_or_none();
}

/* Tells the system about pages whose mapping is fresh. */
static acre_result advise(struct acre__region *region, size_t start, size_t end) {
  if (region->large != ACRE_VM_LARGE_PAGES_TRANSPARENT) return ACRE_OK;
  return acre__os_advise_large(acre__region_address(region, start), bytes_of(end - start));
}

static acre_result prefer_node(struct acre__region *region, size_t start, size_t end) {
  const struct acre__region_extra *extra = acre__region_extra(region);
  if (extra == NULL || extra->node == 0) return ACRE_OK;
  return acre__os_prefer_node(acre__region_address(region, start), bytes_of(end - start), extra->node - 1);
}

static void tell_all(struct acre__region *region) {
  size_t pages = region->table.pages;
  if (advise(region, 0, pages) != ACRE_OK) region->large = ACRE_VM_LARGE_PAGES_NONE;
  if (prefer_node(region, 0, pages) != ACRE_OK) acre__region_extra(region)->node = 0;
}

acre_result acre__placement_fill(struct acre__region *region, bool commit) {
  size_t pages = region->table.pages;
  acre_vm_protection protection = (acre_vm_protection)region->protection;
  tell_all(region);
  if (!commit) return ACRE_OK;
  acre_result result = acre__commit_pages(region, 0, pages, protection);
  if (result == ACRE_OK || region->large != ACRE_VM_LARGE_PAGES_EXPLICIT) return result;
  region->large = (unsigned)transparent_or_none() & 3;
  tell_all(region);
  return acre__commit_pages(region, 0, pages, protection);
}

/* Reserved pages of the region. Strict ones get their memory, for writing, whatever they may be used for later. */
static acre_result commit_fresh(struct acre__region *region, size_t start, size_t end, acre_vm_protection protection) {
  void *address = acre__region_address(region, start);
  size_t size = bytes_of(end - start);
  acre_vm_protection first = region->strict ? ACRE_VM_READ_WRITE : protection;
  acre_result result = acre__os_commit_large(address, size, first);
  if (result == ACRE_OK) (void)prefer_node(region, start, end); /* a wish, granted or not for each commit */
  if (result == ACRE_OK && region->strict) result = acre__os_populate(address, size, true);
  if (result == ACRE_OK && first != protection) result = acre__os_protect(address, size, protection);
  return result;
}

acre_result acre__placement_commit_large(struct acre__region *region, size_t start, size_t end,
                                         acre_vm_protection protection) {
  acre_result result = ACRE_OK;
  for (size_t page = start; page < end && result == ACRE_OK;) {
    struct acre__page_run run = acre__table_run(&region->table, page, end, ACRE_PAGE_BITS);
    if ((run.attributes & ACRE_PAGE_PROTECTION) == 0)
      result = commit_fresh(region, page, run.end, protection);
    else if (acre__page_access(run.attributes) != (unsigned)protection)
      result = acre__os_protect(acre__region_address(region, page), bytes_of(run.end - page), protection);
    page = run.end;
  }
  return result;
}

void acre__placement_tell(struct acre__region *region, size_t start, size_t end) {
  /* What cannot be told any more costs speed, and nothing else. */
  (void)advise(region, start, end);
  (void)prefer_node(region, start, end);
}
