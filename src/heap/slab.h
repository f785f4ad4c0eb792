/* SPDX-License-Identifier: MIT */
/*
 * slab.h - small blocks: bins, slabs of one segment, and homes.
 *
 *   bin    free ──> block ──> block       what frees left here, the last one first
 *          bump ──> |untouched|           the rest of the slab or piece that was begun last
 *   slab   free ──> block ──> block       what frees left when the bin was full
 *          remote ──> block ──> block     what other threads have freed
 *
 * A new slab is given to its class's bin as a whole, untouched; its blocks are
 * never written before the program gets them. So a slab has blocks to give if
 * and only if its `free` is not empty, and then it is in its local's list.
 *
 * A home's first 8 KiB are carved into pieces of 512-byte units, each for one
 * class, in the order in which classes want them, up to 2 KiB for a class. So a
 * heap with little in it stays in its first page. What wants more gets slabs, and
 * from then on everything does; the rest of the home is used where the limit leaves no other.
 *
 * The first block in `remote` puts the segment into its local's `notified`;
 * only who takes it from there takes what is in `remote`.
 */
#ifndef ACRE_HEAP_SLAB_H
#define ACRE_HEAP_SLAB_H

#include "heap/local.h"

/* The next block of the bin, or NULL. */
static inline void *acre__bin_pop(struct acre__bin *bin, size_t size_class) {
  struct acre__block *block = bin->free;
  if (ACRE_LIKELY(block != NULL)) {
    struct acre__block *next = block->next;
    bin->free = next;
    bin->count--;
    __builtin_prefetch(next != NULL ? next : block, 1);
    return block;
  }
  if (bin->left == 0) return NULL;
  char *fresh = bin->bump;
  bin->bump = fresh + acre__small[size_class].size;
  bin->left--;
  __builtin_prefetch(bin->bump, 1); /* nobody else can tell where the class goes on */
  return fresh;
}

/* How many freed blocks of slabs there may be in the bin of a class of that size. */
static inline uint32_t acre__bin_most(size_t size) {
  return (uint32_t)acre__min(acre__max(ACRE_BIN_BYTES / size, ACRE_BIN_LEAST), ACRE_BIN_BLOCKS);
}

/* In an unchecked heap. */
static inline void acre__bin_push(struct acre__bin *bin, struct acre__block *block) {
  block->next = bin->free;
  bin->free = block;
  bin->count++;
}

/*
 * With the heap's lock (or, in a single-thread heap, by its thread): a block of
 * the class from wherever one can be had. NULL: *why says why not.
 */
void *acre__small_alloc(acre_heap *heap, unsigned size_class, acre_result *why);

/*
 * With the right to touch the local: a block of a slab, for which the bin has no
 * room, goes to the slab. True: the slab is empty now and should go
 * (acre__slab_drop).
 */
bool acre__slab_free(struct acre__segment *slab, struct acre__block *block);

/* With the heap's lock: gives the slab back, if it is empty still and not its class's only one with free blocks. */
void acre__slab_drop(acre_heap *heap, struct acre__segment *slab);

/*
 * With the right to touch the local: a block of its home goes to its bin, or, if
 * the local has slabs by now, aside. So what is used again and again is either
 * all in a home or all in slabs, and the processor need not guess where.
 */
void acre__home_put(struct acre__segment *home, struct acre__block *block);

/* The same in an unchecked heap without slabs, of what may be no block. True: done; else nothing has changed. */
static inline bool acre__home_free(struct acre__segment *home, void *address) {
  struct acre__local *local = home->local;
  struct acre__unit unit = acre__home_unit(local, (uintptr_t)address);
  if (ACRE_UNLIKELY(!acre__is_in_piece(unit, (uintptr_t)address)) || local->has_slabs) return false;
  acre__bin_push(&local->bins[(size_t)unit.class_and_1 - 1], address);
  return true;
}

/* Any thread, between acre__enter and acre__leave, or with the heap's lock: a block of somebody else's. */
void acre__remote_free(struct acre__segment *segment, struct acre__block *block);

/* With the heap's lock and the local stopped, or one's own: takes in what other threads have freed. */
void acre__local_collect(struct acre__local *local);

/* With the heap's lock, and its locals stopped: gives back every slab that holds no block in use. */
void acre__local_compact(struct acre__local *local);

#endif
