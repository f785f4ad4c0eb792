/* SPDX-License-Identifier: MIT */
/* guard_check.h - a region whose guard pages are counted, and single accesses. */
#ifndef ACRE_TESTS_VM_GUARD_CHECK_H
#define ACRE_TESTS_VM_GUARD_CHECK_H

#include "vm/vm_check.h"

static const acre_vm_protection GUARDED = ACRE_VM_READ_WRITE | ACRE_VM_GUARD;

static volatile char sink;

static inline void read_byte(const char *address) {
  sink = *(const volatile char *)address;
}

static inline void write_byte(char *address, char value) {
  *(volatile char *)address = value;
}

static struct {
  atomic_uint calls, guards;
  acre_vm_fault last;
} told;

static inline acre_vm_fault_answer go_on(const acre_vm_fault *fault, void *context) {
  (void)context;
  atomic_fetch_add(&told.calls, 1);
  if (fault->reason == ACRE_VM_FAULT_GUARD) atomic_fetch_add(&told.guards, 1);
  told.last = *fault;
  return fault->reason == ACRE_VM_FAULT_GUARD ? ACRE_VM_FAULT_HANDLED : ACRE_VM_FAULT_NOT_MINE;
}

static inline char *told_region(size_t pages) {
  char *base = reserve_pages(pages);
  memset(&told, 0, sizeof told);
  REQUIRE_OK(acre_vm_on_fault(base, go_on, NULL));
  return base;
}

#endif
