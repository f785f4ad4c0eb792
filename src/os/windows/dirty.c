/* SPDX-License-Identifier: MIT */
/* dirty.c - how much of a file is not on the disk yet: Windows does not tell. */
#include "win.h"

acre_result acre__os_file_dirty(struct acre__os_file file, uint64_t offset, uint64_t size, const void *mapping,
                                uint64_t *out) {
  (void)file, (void)offset, (void)size, (void)mapping, (void)out;
  return ACRE_E_NOT_SUPPORTED;
}

void acre__os_force_dirty_by_mapping(bool by_mapping) {
  (void)by_mapping;
}
