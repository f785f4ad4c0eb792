/* SPDX-License-Identifier: MIT */
/*
 * What stands at an address: Acre's regions from the table, everything else
 * from the system.
 *
 * The kernel merges mappings that look alike, so a foreign one may reach over
 * regions of ours beside it; it is cut where the index says that ours begin.
 */
#include <string.h>

#include "base/math.h"
#include "vm/protection.h"
#include "vm/region.h"
#include "vm/root.h"

/* Of a region that is locked, or a copy of one. */
static void describe(const struct acre__region *region, uintptr_t address, acre_vm_info *out) {
  unsigned shift = acre__root.page_shift;
  size_t page = (address - acre__region_base(region)) >> shift;
  struct acre__page_run run = acre__table_run(&region->table, page, region->table.pages, ACRE_PAGE_EFFECT);
  bool committed = run.attributes != 0;
  *out = (acre_vm_info){
      .base = acre__region_address(region, page),
      .size = (run.end - page) << shift,
      .state = committed ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED,
      .protection = committed ? (acre_vm_protection)run.attributes : ACRE_VM_NO_ACCESS,
      .kind = (acre_vm_kind)region->kind,
      .region_base = (void *)acre__region_base(region),
      .region_size = acre__region_size(region),
      .region_protection = (acre_vm_protection)(region->protection | (region->guards ? ACRE_VM_GUARD : 0)),
      .large_pages = (acre_vm_large_pages)region->large};
}

/* Mostly without the lock: where many regions are asked about, what it costs to write to each is more than the rest. */
static bool describe_own(uintptr_t address, acre_vm_info *out) {
  struct acre__region copy, *region;
  if (ACRE_LIKELY(acre__region_look(address, &copy) && copy.extra == 0)) {
    describe(&copy, address, out);
    return true;
  }
  region = acre__region_lock(address);
  if (region == NULL) return false;
  describe(region, address, out);
  const struct acre__region_extra *extra = acre__region_extra(region);
  if (extra != NULL) out->node = extra->node;
  acre__region_unlock(region);
  return true;
}

/* Between which of our regions a foreign address lies: [*low, *high). */
static void find_room(uintptr_t address, uintptr_t *low, uintptr_t *high) {
  struct acre__index *index = &acre__root.index;
  *low = 0;
  *high = acre__root_system()->highest_address + 1;
  acre__lock(&index->lock);
  struct acre__region *left = acre__index_find(index, address);
  struct acre__region *right = acre__index_next(index, address);
  if (left != NULL) *low = acre__min(acre__region_base(left) + acre__region_size(left), address);
  if (right != NULL) *high = acre__region_base(right);
  acre__unlock(&index->lock);
}

static acre_result describe_foreign(struct acre__os_maps *maps, uintptr_t address, acre_vm_info *out) {
  uintptr_t page = acre__align_down(address, acre__root.system.page_size), low, high;
  struct acre__os_mapping mapping;
  acre_result result = acre__os_maps_at(maps, address, &mapping);
  if (result != ACRE_OK && result != ACRE_E_NOT_FOUND) return result;
  find_room(address, &low, &high);
  if (result == ACRE_E_NOT_FOUND || mapping.start > address) {
    uintptr_t end = result == ACRE_OK ? acre__min(mapping.start, high) : high;
    *out = (acre_vm_info){.base = (void *)page,
                          .size = end - page,
                          .state = ACRE_VM_FREE,
                          .protection = ACRE_VM_NO_ACCESS,
                          .kind = ACRE_VM_KIND_NONE};
    return ACRE_OK;
  }
  uintptr_t start = acre__max(mapping.start, low), end = acre__min(mapping.end, high);
  *out = (acre_vm_info){.base = (void *)page,
                        .size = end - page,
                        .state = mapping.protection == ACRE_VM_NO_ACCESS ? ACRE_VM_RESERVED : ACRE_VM_COMMITTED,
                        .protection = mapping.protection,
                        .kind = mapping.kind,
                        .region_base = (void *)start,
                        .region_size = end - start,
                        .region_protection = mapping.protection};
  return ACRE_OK;
}

acre_result acre_vm_query(const void *address, acre_vm_info *out) {
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  if ((uintptr_t)address > acre__root_system()->highest_address) return ACRE_E_INVALID_ADDRESS;
  if (describe_own((uintptr_t)address, out)) return ACRE_OK;

  struct acre__os_maps maps;
  acre_result result = acre__os_maps_open(&maps);
  if (result != ACRE_OK) return result;
  result = describe_foreign(&maps, (uintptr_t)address, out);
  acre__os_maps_close(&maps);
  return result;
}

/* Copies as much of the name as fits, and a NUL. Returns its whole length. */
static size_t copy_name(const struct acre__os_mapping *mapping, char *out, size_t size) {
  static const char line_end[] = "\\012";
  const char *end = mapping->name + mapping->name_length;
  size_t length = 0;
  for (const char *at = mapping->name; at < end; length++) {
    bool is_escaped = mapping->name_is_escaped && end - at >= 4 && memcmp(at, line_end, 4) == 0;
    if (length + 1 < size) out[length] = is_escaped ? '\n' : *at;
    at += is_escaped ? 4 : 1;
  }
  if (size > 0) out[acre__min(length, size - 1)] = '\0';
  return length;
}

acre_result acre_vm_query_file(const void *address, uint64_t *offset, char *path, size_t size, size_t *length) {
  if (path == NULL && size > 0) return ACRE_E_INVALID_ARGUMENT;
  uintptr_t at = (uintptr_t)address;
  if (at > acre__root_system()->highest_address) return ACRE_E_INVALID_ADDRESS;
  struct acre__os_maps maps;
  struct acre__os_mapping mapping;
  acre_result result = acre__os_maps_open(&maps);
  if (result != ACRE_OK) return result;
  result = acre__os_maps_at(&maps, at, &mapping);
  if (result == ACRE_E_NOT_FOUND || (result == ACRE_OK && (mapping.start > at || !mapping.has_file)))
    result = ACRE_E_WRONG_KIND;
  if (result == ACRE_OK) {
    size_t whole = copy_name(&mapping, path, size);
    if (length != NULL) *length = whole;
    bool is_told = mapping.offset != UINT64_MAX;
    if (offset != NULL) *offset = is_told ? mapping.offset + (at - mapping.start) : UINT64_MAX;
  }
  acre__os_maps_close(&maps);
  return result;
}

acre_result acre_vm_walk(acre_vm_visitor visitor, void *context) {
  if (visitor == NULL) return ACRE_E_INVALID_ARGUMENT;
  uintptr_t highest = acre__root_system()->highest_address;
  struct acre__os_maps maps;
  acre_result result = acre__os_maps_open(&maps);
  if (result != ACRE_OK) return result;
  for (uintptr_t address = 0; address <= highest;) {
    acre_vm_info info;
    if (!describe_own(address, &info)) result = describe_foreign(&maps, address, &info);
    if (result != ACRE_OK || !visitor(&info, context)) break;
    address = (uintptr_t)info.base + info.size;
  }
  acre__os_maps_close(&maps);
  return result;
}
