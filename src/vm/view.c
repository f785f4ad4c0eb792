/* SPDX-License-Identifier: MIT */
#include "vm/view.h"

#include "base/math.h"
#include "vm/place.h"
#include "vm/placeholder.h"
#include "vm/region.h"
#include "vm/root.h"

static struct acre__region_plan plan_for(uintptr_t base, size_t size, acre_vm_protection protection,
                                         acre_vm_protection most, bool copy_on_write) {
  return (struct acre__region_plan){.base = base,
                                    .size = size,
                                    .kind = ACRE_VM_KIND_MAPPED,
                                    .protection = protection,
                                    .most = most,
                                    .all_committed = true,
                                    .copy_on_write = copy_on_write};
}

acre_result acre__vm_view_reserve(void *wish, size_t size, acre_vm_protection protection, acre_vm_protection most,
                                  bool copy_on_write, void **out) {
  struct acre__root *root = acre__root_get();
  const struct acre__os_system *system = &root->system;
  uintptr_t base = acre__align_down((uintptr_t)wish, system->granularity);
  size_t end;
  acre_result result;
  *out = NULL;
  if (wish == NULL) {
    result = acre__place_anywhere(size, system->granularity, &base);
  } else if (base < system->lowest_address || !acre__checked_add(base, size, &end) ||
             end - 1 > system->highest_address) {
    return ACRE_E_INVALID_ADDRESS;
  } else {
    result = acre__place_at(base, size);
  }
  if (result != ACRE_OK) return result;
  struct acre__region_plan plan = plan_for(base, size, protection, most, copy_on_write);
  result = acre__region_enter(&plan);
  if (result != ACRE_OK) {
    (void)acre__os_release((void *)base, size);
    return result;
  }
  *out = (void *)base;
  return ACRE_OK;
}

acre_result acre__vm_view_release(void *base) {
  return acre__region_release((uintptr_t)base, ACRE_VM_KIND_MAPPED);
}

acre_result acre__vm_view_replace(void *base, size_t size, acre_vm_protection protection, acre_vm_protection most,
                                  bool copy_on_write) {
  struct acre__region_plan plan = plan_for((uintptr_t)base, size, protection, most, copy_on_write);
  return acre__placeholder_replace(&plan, false);
}

void acre__vm_view_put_back(void *base) {
  acre__placeholder_restore_unmapped((uintptr_t)base);
}

acre_result acre__vm_view_release_to_placeholder(void *base) {
  return acre__placeholder_restore((uintptr_t)base, ACRE_VM_KIND_MAPPED);
}
