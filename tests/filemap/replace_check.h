/* SPDX-License-Identifier: MIT */
/* What the tests of placeholders and views share. */
#ifndef ACRE_TESTS_FILEMAP_REPLACE_CHECK_H
#define ACRE_TESTS_FILEMAP_REPLACE_CHECK_H

#include <acre/vm.h>

#include "scratch.h"

static inline acre_system figures(void) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  return system;
}

static inline acre_vm_info query(const void *address) {
  acre_vm_info info = {0};
  CHECK_OK(acre_vm_query(address, &info));
  return info;
}

static inline acre_section *memory(uint64_t size) {
  acre_section *section = NULL;
  REQUIRE_OK(acre_section_create_memory(size, NULL, &section));
  return section;
}

static inline char *placeholder(size_t size) {
  acre_vm_options options = {.flags = ACRE_VM_PLACEHOLDER};
  void *base = NULL;
  REQUIRE_OK(acre_vm_reserve(size, &options, &base));
  return base;
}

static inline acre_result map_at(acre_section *section, uint64_t offset, size_t size, void *address, acre_view **out) {
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .address = address, .replace = true};
  return acre_view_map(section, offset, size, &options, out);
}

#endif
