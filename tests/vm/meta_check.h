/* SPDX-License-Identifier: MIT */
/* meta_check.h - blocks of metadata that are marked, and looked at when they are given back. */
#ifndef ACRE_TESTS_VM_META_CHECK_H
#define ACRE_TESTS_VM_META_CHECK_H

#include <string.h>

#include "harness.h"
#include "vm/meta.h"

struct block {
  unsigned char *bytes;
  size_t size;
  unsigned char mark;
};

static inline bool all_are(const unsigned char *bytes, size_t size, unsigned char value) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != value) return false;
  return true;
}

static inline size_t rounded(size_t size) {
  size_t bytes = 16;
  while (bytes < size) bytes *= 2;
  return bytes;
}

static inline bool take(struct block *block, uint64_t *state) {
  size_t largest = (size_t)1 << (4 + test_random_next(state) % 9);
  block->size = 1 + (size_t)(test_random_next(state) % largest);
  block->mark = (unsigned char)(1 + test_random_next(state) % 255);
  block->bytes = acre__meta_alloc(block->size);
  if (block->bytes == NULL || (uintptr_t)block->bytes % 16 != 0) return false;
  if (!all_are(block->bytes, rounded(block->size), 0)) return false;
  memset(block->bytes, block->mark, block->size);
  return true;
}

static inline bool give_back(struct block *block) {
  bool whole = all_are(block->bytes, block->size, block->mark);
  acre__meta_free(block->bytes, block->size);
  block->bytes = NULL;
  return whole;
}

/* Takes and gives back at random; false as soon as something is wrong. */
static inline bool churn(struct block *blocks, size_t count, unsigned steps, uint64_t *state) {
  for (unsigned step = 0; step < steps; step++) {
    struct block *block = &blocks[test_random_next(state) % count];
    if (block->bytes == NULL ? !take(block, state) : !give_back(block)) return false;
  }
  for (size_t i = 0; i < count; i++)
    if (blocks[i].bytes != NULL && !give_back(&blocks[i])) return false;
  return true;
}

#endif
