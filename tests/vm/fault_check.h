/* SPDX-License-Identifier: MIT */
/* fault_check.h - a handler that notes what it is told, and single accesses. */
#ifndef ACRE_TESTS_VM_FAULT_CHECK_H
#define ACRE_TESTS_VM_FAULT_CHECK_H

#include "vm/vm_check.h"

static volatile char sink;

static inline void read_byte(const char *address) {
  sink = *(const volatile char *)address;
}

static inline void write_byte(char *address, char value) {
  *(volatile char *)address = value;
}

static struct notes {
  atomic_uint calls;
  acre_vm_fault fault; /* the last */
  acre_vm_fault_answer answer;
  acre_result (*act)(const acre_vm_fault *fault);
} notes;

static inline acre_vm_fault_answer note(const acre_vm_fault *fault, void *context) {
  struct notes *into = context;
  atomic_fetch_add(&into->calls, 1);
  into->fault = *fault;
  if (into->act != NULL && into->act(fault) != ACRE_OK) return ACRE_VM_FAULT_FAIL;
  return into->answer;
}

static inline acre_result commit_page(const acre_vm_fault *fault) {
  return acre_vm_commit(fault->address, 1, ACRE_VM_DEFAULT);
}

static inline acre_result make_writable(const acre_vm_fault *fault) {
  acre_vm_protection old;
  acre_result result = acre_vm_protect(fault->address, 1, ACRE_VM_READ_WRITE, &old);
  return result == ACRE_OK && old == fault->protection ? ACRE_OK : ACRE_E_UNEXPECTED;
}

static inline char *noted_region(size_t pages, const acre_vm_options *options) {
  char *base = reserve_with(pages, options);
  memset(&notes, 0, sizeof notes);
  REQUIRE_OK(acre_vm_on_fault(base, note, &notes));
  return base;
}

#endif
