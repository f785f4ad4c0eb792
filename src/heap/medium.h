/* SPDX-License-Identifier: MIT */
/*
 * medium.h - medium blocks of the process heap that a thread has at hand.
 *
 *   thread ──> stacks, one for each medium class:   block block block ....
 *                 ^ free, alloc                      up to 8, all together up to 4 MiB
 *
 * Medium slabs are the whole heap's and have its lock, which is right for heaps of
 * one's own and wrong for one that every thread of a program uses for its buffers.
 * So a thread keeps some that it has freed, whoever's they were; the slab counts
 * them as in use. Who wants to see the heap as it is (walking, figures, fork,
 * compacting) stops the threads and has them given back first.
 *
 * A thread touches its own between acre__enter and acre__leave; others touch them
 * when it is stopped, with the heap's lock. Blocks themselves are not written.
 */
#ifndef ACRE_HEAP_MEDIUM_H
#define ACRE_HEAP_MEDIUM_H

#include "heap/block.h"

/* Whether the heap's medium blocks go by these. */
static inline bool acre__medium_is_kept(const acre_heap *heap, unsigned size_class) {
  return heap->process && !heap->checked && size_class >= ACRE_SMALL_CLASSES && size_class < ACRE_ALL_CLASSES;
}

/* A block of the class, or NULL: the thread has none at hand. */
void *acre__medium_pop(unsigned size_class);

/* Frees the block if it is one of these and there is room. False: nothing has changed. */
bool acre__medium_free(void *block);

/* Keeps the block. False: it cannot, and the caller frees it under the heap's lock. Ends the program for one it has. */
bool acre__medium_push(acre_heap *heap, unsigned size_class, void *block);

/* With the heap's lock, after an allocation: a few more that the class's slabs have anyway. */
void acre__medium_fill(acre_heap *heap, unsigned size_class);

/* With the heap's lock, after a free that found no room: makes some for the next ones. */
void acre__medium_trim(acre_heap *heap, unsigned size_class);

/* With the process heap's lock and the thread stopped, or one's own: gives all back. `end`: for good. */
void acre__medium_empty(acre_heap *heap, struct acre__thread *thread, bool end);

#endif
