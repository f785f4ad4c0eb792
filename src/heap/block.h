/* SPDX-License-Identifier: MIT */
/*
 * block.h - a block of any size, with the heap's lock: what the fast paths in
 * alloc.c leave over, and what the rest of the heap builds on.
 */
#ifndef ACRE_HEAP_BLOCK_H
#define ACRE_HEAP_BLOCK_H

#include "heap/slab.h"

/* What is known of an address that may start a block. */
struct acre__found {
  struct acre__segment *segment; /* its run's first one; NULL: no block starts there */
  size_t size;                   /* usable bytes */
  unsigned size_class;           /* ACRE_ALL_CLASSES: a large block */
};

/* Any thread, no lock wanted if the block is in use. Whether it is, is not looked at. */
struct acre__found acre__block_find(const void *address);

/*
 * The block, in use or free, that the address lies in, and where it starts. Any
 * thread, as above; of a large block it takes as long as the block has segments before the address.
 */
struct acre__found acre__block_around(const void *address, char **start);

/* With the lock: a block. NULL: *why says why not. `fresh`, if not NULL, tells that it reads zero. */
void *acre__block_alloc(acre_heap *heap, size_t size, size_t alignment, bool *fresh, acre_result *why);

/* With the lock: frees it, wherever it is. ACRE_E_NOT_A_BLOCK: a medium block that is free already. */
acre_result acre__block_free(acre_heap *heap, const struct acre__found *found, void *block);

/* With the lock: the same class, or a large block that grew or shrank. ACRE_E_NO_SPACE: not here. */
acre_result acre__block_resize(acre_heap *heap, const struct acre__found *found, size_t size);

/* With the lock: gives back every medium slab that holds no block in use. */
void acre__medium_compact(acre_heap *heap);

/* Block number `index` of a medium slab. */
static inline char *acre__medium_block(const struct acre__segment *slab, unsigned index) {
  return slab->start + index * acre__class_size(slab->size_class);
}

#endif
