/* SPDX-License-Identifier: MIT */
/* What the contract tests of queries share: a question, a walk, and both ways to ask. */
#ifndef ACRE_TESTS_OS_CONTRACT_QUERY_H
#define ACRE_TESTS_OS_CONTRACT_QUERY_H

#include "contract.h"

/* Each test runs with the system's direct question, if it has one, and by parsing. */
static inline void each_way(void (*test)(void)) {
  test();
  acre__os_force(true, false);
  test();
  acre__os_force(false, false);
}

static inline struct acre__os_mapping mapping_at(const void *address) {
  struct acre__os_maps maps;
  struct acre__os_mapping mapping = {0};
  REQUIRE_OK(acre__os_maps_open(&maps));
  CHECK_OK(acre__os_maps_at(&maps, (uintptr_t)address, &mapping));
  acre__os_maps_close(&maps);
  return mapping;
}

enum { MANY = 4096 };

static struct acre__os_mapping seen[MANY];

/* Walks all mappings with one reader; returns how many. */
static inline size_t walk(void) {
  struct acre__os_maps maps;
  size_t count = 0;
  REQUIRE_OK(acre__os_maps_open(&maps));
  for (uintptr_t at = 0; count < MANY; at = seen[count++].end) {
    acre_result result = acre__os_maps_at(&maps, at, &seen[count]);
    if (result == ACRE_E_NOT_FOUND) break;
    REQUIRE_OK(result);
    CHECK(seen[count].start < seen[count].end && at <= seen[count].start);
  }
  acre__os_maps_close(&maps);
  return count;
}

#endif
