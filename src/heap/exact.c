/* SPDX-License-Identifier: MIT */
/*
 * exact.c - blocks that know their size.
 *
 *   up to 64 KiB   [ what was asked for | ... | size ]     the last 2 bytes
 *   above          [ what was asked for | ... | size ]     the last 8 bytes
 *
 * Where a block ends is known by its address, so the size is found from there. Whether a block
 * has one is not: the caller knows it, and nothing else of the heap need. Bins,
 * slabs and frees are the same for all blocks, and others pay nothing.
 *
 * A checked heap keeps the size of each block anyway (check.c).
 */
#include <string.h>

#include "heap/block.h"
#include "heap/check.h"
#include "heap/fast.h"

enum { SHORT = sizeof(uint16_t), LONG = sizeof(uint64_t) };

static const size_t SHORT_MOST = ACRE_MEDIUM_MOST - SHORT; /* fits in 16 bits, and its block is of a class */

/* With its size at its end. SIZE_MAX: there is no such number. */
static inline size_t with_size(size_t size) {
  if (size <= SHORT_MOST) return size + SHORT;
  return size <= SIZE_MAX - LONG ? size + LONG : SIZE_MAX;
}

static void set_short(void *block, size_t usable, size_t size) {
  uint16_t kept = (uint16_t)size;
  memcpy((char *)block + usable - SHORT, &kept, SHORT);
}

/* Of an unchecked heap's block, which has room for both. */
static void set_size(void *block, size_t size) {
  size_t usable = acre__block_find(block).size;
  uint64_t kept = size;
  if (usable <= ACRE_MEDIUM_MOST)
    set_short(block, usable, size);
  else
    memcpy((char *)block + usable - LONG, &kept, LONG);
}

/* ------------------------------------------------------------- allocating */

static __attribute__((noinline)) void *alloc_slow(acre_heap *heap, size_t size, bool zero) {
  void *block = acre__alloc_slow(heap, heap->checked ? size : with_size(size), 1, zero);
  if (block == NULL || heap->checked) return block;
  if (size <= SHORT_MOST)
    set_short(block, acre__class_size(acre__class_of(size + SHORT)), size);
  else
    set_size(block, size);
  return block;
}

/* The arguments of acre_heap_alloc_exact_or, in their places. */
static __attribute__((noinline)) void *alloc_slow_or(acre_heap *heap, unsigned flags, size_t size,
                                                     void *(*otherwise)(acre_heap *heap, unsigned flags, size_t size)) {
  void *block = flags == 0 && size <= SHORT_MOST ? alloc_slow(heap, size, false) : NULL;
  return block != NULL ? block : otherwise(heap, flags, size);
}

/* A block of a small class with its size, or NULL if the slow way must be gone. */
static inline void *alloc_fast(acre_heap *heap, size_t size) {
  size_t size_class = acre__small_class[(size + SHORT + 15) / 16];
  void *block = acre__alloc_fast(heap, size_class);
  if (ACRE_LIKELY(block != NULL)) set_short(block, acre__small[size_class].size, size);
  return block;
}

void *acre_heap_alloc_exact(acre_heap *heap, size_t size) {
  if (ACRE_LIKELY(size <= ACRE_SMALL_MOST - SHORT)) {
    void *block = alloc_fast(heap, size);
    if (ACRE_LIKELY(block != NULL)) return block;
  }
  return alloc_slow(heap, size, false);
}

void *acre_heap_alloc_exact_or(acre_heap *heap, unsigned flags, size_t size,
                               void *(*otherwise)(acre_heap *heap, unsigned flags, size_t size)) {
  if (ACRE_UNLIKELY(flags != 0 || size > ACRE_SMALL_MOST - SHORT)) return alloc_slow_or(heap, flags, size, otherwise);
  void *block = alloc_fast(heap, size);
  return ACRE_LIKELY(block != NULL) ? block : alloc_slow_or(heap, 0, size, otherwise);
}

void *acre_heap_zalloc_exact(acre_heap *heap, size_t size) {
  if (ACRE_LIKELY(size <= ACRE_SMALL_MOST - SHORT)) {
    void *block = alloc_fast(heap, size);
    if (ACRE_LIKELY(block != NULL)) return memset(block, 0, size);
  }
  return alloc_slow(heap, size, true);
}

/* ------------------------------------------------------------- resizing */

void *acre_heap_realloc_exact(acre_heap *heap, void *block, size_t size) {
  if (block == NULL) return acre_heap_alloc_exact(heap, size);
  void *moved = acre_heap_realloc(heap, block, heap->checked ? size : with_size(size));
  if (moved != NULL && !heap->checked) set_size(moved, size);
  return moved;
}

acre_result acre_heap_resize_exact(acre_heap *heap, void *block, size_t size) {
  if (heap == NULL) return ACRE_E_NOT_A_BLOCK;
  acre_result result = acre_heap_resize_in_place(heap, block, heap->checked ? size : with_size(size));
  if (result == ACRE_OK && !heap->checked) set_size(block, size);
  return result;
}

/* ------------------------------------------------------------- asking */

/* What an unchecked heap's block says; more than there is room for is not true. */
static size_t size_in(const void *block, size_t usable) {
  const char *end = (const char *)block + usable;
  uint16_t kept_short;
  uint64_t kept;
  if (usable <= ACRE_MEDIUM_MOST) {
    memcpy(&kept_short, end - SHORT, SHORT);
    return kept_short <= usable - SHORT ? kept_short : usable;
  }
  memcpy(&kept, end - LONG, LONG);
  return kept <= usable - LONG ? (size_t)kept : usable;
}

size_t acre_heap_size_exact(const void *block) {
  struct acre__found found = acre__block_find(block);
  const acre_heap *heap = found.segment == NULL ? NULL : found.segment->heap;
  if (heap == NULL) return 0;
  return heap->checked ? acre__checked_size(heap, &found, block) : size_in(block, found.size);
}
