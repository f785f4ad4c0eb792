/* SPDX-License-Identifier: MIT */
/*
 * look.h - looking at a heap that stands still.
 *
 * A segment of small blocks has a map with a bit for each 16 bytes of it, in
 * which the start of each free block is marked: those in the slab's list, in what
 * other threads have freed, in the bins, and the untouched ones.
 */
#ifndef ACRE_HEAP_LOOK_H
#define ACRE_HEAP_LOOK_H

#include "heap/block.h"

struct acre__map {
  uint64_t bits[ACRE_SEGMENT / ACRE_BLOCK_ALIGNMENT / 64];
};

/*
 * Marks the free blocks of a slab or home. False: some list leads out of the
 * segment, or to where no block of its class starts, or twice to the same block.
 */
bool acre__map_fill(const struct acre__segment *segment, struct acre__map *map);

static inline bool acre__map_has(const struct acre__map *map, const struct acre__segment *segment,
                                 const void *address) {
  size_t bit = (size_t)((const char *)address - segment->start) / ACRE_BLOCK_ALIGNMENT;
  return (map->bits[bit / 64] >> bit % 64 & 1) != 0;
}

/*
 * Calls `visit` for each block of a slab, medium slab, home or large run, in
 * ascending order, until it returns false; which it returns then.
 */
bool acre__blocks_visit(struct acre__segment *run, const struct acre__map *map,
                        bool (*visit)(const struct acre__found *found, void *block, bool free, void *context),
                        void *context);

/* The heap's lock, and all other threads stopped. Returns what acre__heap_go wants. */
bool acre__heap_stop(acre_heap *heap);
void acre__heap_go(acre_heap *heap, bool taken);

/* Undoes every acre_heap_lock of the caller. */
void acre__heap_unlock_all(acre_heap *heap);

/* With the heap stopped: whether everything that it knows agrees. */
bool acre__heap_is_valid(acre_heap *heap);

#endif
