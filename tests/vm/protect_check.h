/* SPDX-License-Identifier: MIT */
/* protect_check.h - all protections, and a function to be put in memory and called. */
#ifndef ACRE_TESTS_VM_PROTECT_CHECK_H
#define ACRE_TESTS_VM_PROTECT_CHECK_H

#include "vm/vm_check.h"

/* int function(void) { return 42; } */
#if defined(__x86_64__)
static const unsigned char returns_42[] = {0xb8, 0x2a, 0x00, 0x00, 0x00, 0xc3};
#elif defined(__aarch64__)
static const unsigned char returns_42[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#else
#error "a tiny function is wanted for this processor"
#endif

static const acre_vm_protection all[] = {ACRE_VM_NO_ACCESS, ACRE_VM_READ,         ACRE_VM_READ_WRITE,
                                         ACRE_VM_EXECUTE,   ACRE_VM_EXECUTE_READ, ACRE_VM_EXECUTE_READ_WRITE};
enum { PROTECTIONS = sizeof all / sizeof *all };

static inline int call(const void *code) {
  int (*function)(void);
  memcpy(&function, &code, sizeof function); /* ISO C knows no conversion */
  return function();
}

static inline void put_function(char *code) {
  memcpy(code, returns_42, sizeof returns_42);
  __builtin___clear_cache(code, code + sizeof returns_42);
}

#endif
