/* SPDX-License-Identifier: MIT */
/* touch_check.h - regions that commit on touch, and single accesses. */
#ifndef ACRE_TESTS_VM_TOUCH_CHECK_H
#define ACRE_TESTS_VM_TOUCH_CHECK_H

#include "vm/vm_check.h"

static inline char *touch_region(size_t pages, size_t step_pages) {
  acre_vm_options options = {.touch_step = step_pages * page_bytes()};
  return reserve_with(pages, &options);
}

static volatile char sink;

static inline void read_byte(const char *address) {
  sink = *(const volatile char *)address;
}

static inline void write_byte(char *address, char value) {
  *(volatile char *)address = value;
}

#endif
