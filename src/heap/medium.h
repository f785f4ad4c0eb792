/* SPDX-License-Identifier: MIT */
/*
 * medium.h - medium blocks of the process heap that a thread has at hand.
 *
 *   thread ──> stacks, one for each medium class:   block block block ....
 *                 ^ free, alloc                      up to 16, all together up to 8 MiB, of many threads fewer
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

#include "heap/arena.h"
#include "heap/block.h"
#include "heap/runs.h"

enum { ACRE_MEDIUM_STACK = 16, ACRE_MEDIUM_TICK = 256, ACRE_MEDIUM_UNIT_SHIFT = 9 };

/*
 * A block of the first arena, which has a terabyte at most: where it is there, in
 * units of 512 bytes, of which the sizes of all medium classes are multiples, and one more. 0: none. Half as long
 * as an address, a stack of them is a cache line, and is searched in a few instructions.
 */
typedef uint32_t acre__medium_place;

struct acre__medium {
  const acre_heap *heap; /* the process heap */
  size_t bytes, most;    /* in all stacks; that there may be */
  uint32_t pops;
  uint8_t counts[ACRE_MEDIUM_CLASSES];
  acre__medium_place stacks[ACRE_MEDIUM_CLASSES][ACRE_MEDIUM_STACK]; /* 0 where there is none */
};

/*
 * By medium class: ceil(2^64 / size). Below 2^32, the high half of a number's product
 * with it is the number divided by the size, and its low half is below it if nothing is left over.
 */
extern const uint64_t acre__medium_magic[ACRE_MEDIUM_CLASSES];

/* Whether the heap's medium blocks go by these. */
static inline bool acre__medium_is_kept(const acre_heap *heap, unsigned size_class) {
  return heap->process && !heap->checked && size_class >= ACRE_SMALL_CLASSES && size_class < ACRE_ALL_CLASSES;
}

/* ------------------------------------------------------------- the ways taken nearly always, inline as in fast.h */

static inline unsigned acre__medium_stack(unsigned size_class) {
  unsigned stack = size_class - ACRE_SMALL_CLASSES;
  if (stack >= ACRE_MEDIUM_CLASSES) __builtin_unreachable();
  return stack;
}

static inline acre__medium_place acre__medium_place_of(const void *block) {
  uintptr_t base = atomic_load_explicit(&acre__arena.base, memory_order_relaxed);
  return (acre__medium_place)(((uintptr_t)block - base) >> ACRE_MEDIUM_UNIT_SHIFT) + 1;
}

static inline void *acre__medium_block_at(acre__medium_place place) {
  uintptr_t base = atomic_load_explicit(&acre__arena.base, memory_order_relaxed);
  return (void *)(base + ((uintptr_t)(place - 1) << ACRE_MEDIUM_UNIT_SHIFT));
}

/* A block of the class, or NULL: the thread has none at hand. */
static inline void *acre__medium_pop(unsigned size_class) {
  struct acre__thread *thread = &acre__this_thread;
  unsigned i = acre__medium_stack(size_class);
  void *block = NULL;
  bool tick = false;
  if (ACRE_LIKELY(acre__enter(thread)) && ACRE_LIKELY(thread->medium != NULL)) {
    struct acre__medium *medium = thread->medium;
    unsigned count = medium->counts[i];
    if (ACRE_LIKELY(count > 0)) {
      block = acre__medium_block_at(medium->stacks[i][count - 1]);
      medium->stacks[i][count - 1] = 0;
      medium->counts[i] = (uint8_t)(count - 1);
      medium->bytes -= acre__class_size(size_class);
      tick = ++medium->pops % ACRE_MEDIUM_TICK == 0;
    }
  }
  acre__leave(thread);
  if (ACRE_UNLIKELY(tick)) acre__runs_tick(); /* a program that takes no segments has the old ones go, too */
  return block;
}

/* All of the stack is looked at, empty or not: how many there are is nothing that a processor could foresee. */
static inline bool acre__medium_has(const struct acre__medium *medium, unsigned size_class, acre__medium_place place) {
  const acre__medium_place *stack = medium->stacks[acre__medium_stack(size_class)];
  uint32_t found = 0;
  for (unsigned n = 0; n < ACRE_MEDIUM_STACK; n++) found |= -(uint32_t)(stack[n] == place);
  return found != 0;
}

/* The thread may touch its own. False: there is no room. */
static inline bool acre__medium_put(struct acre__medium *medium, unsigned size_class, acre__medium_place place) {
  unsigned i = acre__medium_stack(size_class), count = medium->counts[i];
  size_t bytes = medium->bytes + acre__class_size(size_class);
  if (count == ACRE_MEDIUM_STACK || bytes > medium->most) return false;
  medium->stacks[i][count] = place;
  medium->counts[i] = (uint8_t)(count + 1);
  medium->bytes = bytes;
  return true;
}

/* Frees the block if it is one of these and there is room. False: nothing has changed. */
static inline bool acre__medium_free(void *block) {
  struct acre__thread *thread = &acre__this_thread;
  struct acre__segment *segment = acre__segment_fast((uintptr_t)block);
  if (segment == NULL || thread->medium == NULL) return false;
  segment -= segment->count &
             -(uint32_t)(acre__kind_of(segment) == ACRE_KIND_INSIDE); /* a branch would be missed often */
  if (acre__kind_of(segment) != ACRE_KIND_MEDIUM || segment->heap != thread->medium->heap) return false;
  unsigned size_class = segment->size_class;
  uint64_t magic = acre__medium_magic[acre__medium_stack(size_class)];
  unsigned __int128 product = (unsigned __int128)(uint32_t)((char *)block - segment->start) * magic;
  if ((uint64_t)product >= magic || (uint64_t)(product >> 64) >= segment->capacity) return false;
  acre__medium_place place = acre__medium_place_of(block);
  bool done = ACRE_LIKELY(acre__enter(thread)) && !acre__medium_has(thread->medium, size_class, place) &&
              acre__medium_put(thread->medium, size_class, place);
  acre__leave(thread);
  return done;
}

/* ------------------------------------------------------------- the others */

/* Keeps the block. False: it cannot, and the caller frees it under the heap's lock. Ends the program for one it has. */
bool acre__medium_push(acre_heap *heap, unsigned size_class, void *block);

/* With the heap's lock, after an allocation: a few more that the class's slabs have anyway. */
void acre__medium_fill(acre_heap *heap, unsigned size_class);

/* With the heap's lock, after a free that found no room: makes some for the next ones. */
void acre__medium_trim(acre_heap *heap, unsigned size_class);

/* With the process heap's lock and the thread stopped, or one's own: gives all back. `end`: for good. */
void acre__medium_empty(acre_heap *heap, struct acre__thread *thread, bool end);

/* The same of every thread, with all others stopped. */
void acre__medium_empty_each(acre_heap *heap);

#endif
