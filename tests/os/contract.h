/* SPDX-License-Identifier: MIT */
/* What the contract tests of os.h share: pages and patterns. */
#ifndef ACRE_TESTS_OS_CONTRACT_H
#define ACRE_TESTS_OS_CONTRACT_H

#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "os/os.h"

/* Sanitizers take much address space themselves. */
#define UNDER_SANITIZER ACRE_SANITIZED

static inline size_t page_size(void) {
  return test_page_size();
}

/* Reservations begin at multiples of it, if somebody says where. */
static inline size_t place_step(void) {
  struct acre__os_system system;
  acre__os_probe_first(&system);
  return system.granularity;
}

static inline char *reserve(size_t pages) {
  void *base = NULL;
  REQUIRE_OK(acre__os_reserve(NULL, pages * page_size(), ACRE_OS_ANYWHERE, &base));
  REQUIRE(base != NULL);
  REQUIRE_EQ((uintptr_t)base % page_size(), 0);
  return base;
}

static inline char *reserve_committed(size_t pages) {
  char *base = reserve(pages);
  REQUIRE_OK(acre__os_commit(base, pages * page_size(), ACRE_VM_READ_WRITE));
  return base;
}

/* What is to be mapped. */
#define PART(file_, offset_, protection_, copies)                                        \
  &(struct acre__os_part) {                                                              \
    .file = file_, .offset = offset_, .protection = protection_, .copy_on_write = copies \
  }

static inline void release(char *base, size_t pages) {
  CHECK_OK(acre__os_release(base, pages * page_size()));
}

static inline bool all_bytes_are(const char *bytes, size_t size, int value) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != (char)value) return false;
  return true;
}

/* Whether something is mapped at the page. */
static inline bool is_taken(const void *page) {
  struct acre__os_maps maps;
  struct acre__os_mapping mapping;
  REQUIRE_OK(acre__os_maps_open(&maps));
  acre_result result = acre__os_maps_at(&maps, (uintptr_t)page, &mapping);
  acre__os_maps_close(&maps);
  return result == ACRE_OK && mapping.start <= (uintptr_t)page;
}

#define CHECK_IN_CHILD(fn, context) CHECK_EQ(test_in_child(fn, context), 0)

#endif
