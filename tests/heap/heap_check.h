/* SPDX-License-Identifier: MIT */
/* What the tests of src/heap share: heaps that must be in order, patterns in blocks, arenas that must be in order. */
#ifndef ACRE_TESTS_HEAP_CHECK_H
#define ACRE_TESTS_HEAP_CHECK_H

#include <acre/heap.h>
#include <string.h>

#include "base/compiler.h"
#include "harness.h"
#include "heap/runs.h"

enum { SANITIZED = ACRE_SANITIZED };

#define CHECK_VALID(heap) CHECK_OK(acre_heap_validate((heap), NULL))

static inline acre_heap *make_heap(const acre_heap_options *options) {
  acre_heap *heap = NULL;
  REQUIRE_OK(acre_heap_create(options, &heap));
  REQUIRE(heap != NULL);
  return heap;
}

/* Ends the heap, and looks whether the arenas have got everything back in order. */
static inline void end_heap(acre_heap *heap) {
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_destroy(heap));
  CHECK(acre__runs_are_valid());
}

static inline acre_heap_figures figures_of(acre_heap *heap) {
  acre_heap_figures figures;
  memset(&figures, 0, sizeof figures);
  CHECK_OK(acre_heap_stats(heap, &figures));
  return figures;
}

/* A pattern that depends on the block and on every byte's place. */
static inline unsigned char pattern_at(uint64_t mark, size_t i) {
  return (unsigned char)(mark * 31 + i * 7 + (i >> 8));
}

/* Of long blocks the first and the last bytes. */
enum { PATTERN_ENDS = 512 };

static inline void fill_block(void *block, size_t size, uint64_t mark) {
  unsigned char *bytes = block;
  for (size_t i = 0; i < size; i++) {
    if (i == PATTERN_ENDS && size > 2 * PATTERN_ENDS) i = size - PATTERN_ENDS;
    bytes[i] = pattern_at(mark, i);
  }
}

static inline bool block_is_filled(const void *block, size_t size, size_t of, uint64_t mark) {
  const unsigned char *bytes = block;
  for (size_t i = 0; i < size; i++) {
    if (i == PATTERN_ENDS && of > 2 * PATTERN_ENDS) i = of - PATTERN_ENDS;
    if (i >= size) break;
    if (bytes[i] != pattern_at(mark, i)) return false;
  }
  return true;
}

#endif
