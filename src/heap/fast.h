/* SPDX-License-Identifier: MIT */
/*
 * fast.h - the ways that allocating and freeing take nearly always: no lock, no
 * atomic operation, no call. They are inline for alloc.c, where the calls for
 * any heap are, and for malloc and free of the process heap (src/override).
 *
 *   alloc   class of the size -> the thread's local -> its bin -> a block
 *   free    segment of the address -> mine? -> a block of it? -> its bin, or the slab
 *
 * What a fast way cannot do has changed nothing, and goes the slow way (alloc.c).
 * The limit, the list of segments, statistics, checking and other threads are not
 * looked at here: a bin is empty, or a segment not the caller's, where they matter.
 */
#ifndef ACRE_HEAP_FAST_H
#define ACRE_HEAP_FAST_H

#include "heap/arena.h"
#include "heap/slab.h"

/* The slow ways, for everything; they set why an allocation failed. `size` of a free: what the caller says, or SIZE_MAX. */
void *acre__alloc_slow(acre_heap *heap, size_t size, size_t alignment, bool zero);
acre_result acre__free_slow(acre_heap *heap, void *block, size_t size);

/* ------------------------------------------------------------- allocating */

/* A block of a small class, or NULL if the slow way must be gone. */
static inline void *acre__alloc_fast(acre_heap *heap, size_t size_class) {
  if (heap->single) return acre__bin_pop(&acre__first_local(heap)->bins[size_class], size_class);
  struct acre__thread *thread = &acre__this_thread;
  const struct acre__cache_entry *entry = acre__cache_entry_of(thread, heap);
  void *block = NULL;
  if (ACRE_LIKELY(acre__enter(thread)) && ACRE_LIKELY(entry->id == heap->id))
    block = acre__bin_pop(&entry->local->bins[size_class], size_class);
  acre__leave(thread);
  return block;
}

/* The same of the process heap, whose local the thread has at hand. NULL also before the heap is made. */
static inline void *acre__process_alloc_fast(size_t size_class) {
  struct acre__thread *thread = &acre__this_thread;
  void *block = NULL;
  if (ACRE_LIKELY(acre__enter(thread))) block = acre__bin_pop(&thread->process_bins[size_class], size_class);
  acre__leave(thread);
  return block;
}

/* ------------------------------------------------------------- freeing */

/* True: the block is in the bin, or in the slab without that anything follows from it. */
static inline bool acre__free_to(struct acre__segment *slab, void *freed) {
  struct acre__block *block = freed;
  struct acre__bin *bin = slab->bin;
  if (ACRE_LIKELY(bin->count < bin->most)) {
    acre__bin_push(bin, block);
    return true;
  }
  if (slab->free == NULL || slab->live == 1) return false;
  block->next = slab->free;
  slab->free = block;
  slab->live--;
  return true;
}

/* The caller may touch the segment's local. True: done; else nothing has changed. */
static inline bool acre__free_own(struct acre__segment *segment, void *block) {
  if (ACRE_LIKELY(acre__is_block(segment, (uintptr_t)block))) return acre__free_to(segment, block);
  if (segment->magic != 0) return false;
  return acre__home_free(segment, block); /* what else has no magic has no such owner */
}

/* A block of a slab of another thread's, in an unchecked heap. True: done; else nothing has changed. */
static inline bool acre__free_others(struct acre__thread *thread, struct acre__segment *segment, void *block) {
  if (thread->number == ACRE_OWNER_NONE || segment->magic == 0 || !acre__is_block(segment, (uintptr_t)block))
    return false;
  bool open = ACRE_LIKELY(acre__enter(thread));
  if (open) acre__remote_free(segment, block);
  acre__leave(thread);
  return open;
}

/* Frees a block of the heap that is the calling thread's own. False: nothing has changed. */
static inline bool acre__free_mine(const acre_heap *heap, void *block) {
  size_t offset = (uintptr_t)block - atomic_load_explicit(&acre__arena.base, memory_order_relaxed);
  if (ACRE_UNLIKELY(offset >= atomic_load_explicit(&acre__arena.used, memory_order_relaxed))) return false;
  struct acre__segment *segment = &acre__arena.table[offset >> ACRE_SEGMENT_SHIFT];
  struct acre__thread *thread = &acre__this_thread;
  uint32_t owner = atomic_load_explicit(&segment->owner, memory_order_relaxed);
  if (ACRE_UNLIKELY(segment->heap != heap)) return false;
  if (owner == ACRE_OWNER_ANYBODY) return acre__free_own(segment, block);
  if (ACRE_UNLIKELY(owner != thread->number)) return false;
  bool done = ACRE_LIKELY(acre__enter(thread)) && acre__free_own(segment, block);
  acre__leave(thread);
  return done;
}

/* Frees the block where it can be done at once. False: nothing has changed. `heap` matters if `of` says so. */
static inline bool acre__free_fast(acre_heap *heap, bool of, void *block) {
  size_t offset = (uintptr_t)block - atomic_load_explicit(&acre__arena.base, memory_order_relaxed);
  if (ACRE_UNLIKELY(offset >= atomic_load_explicit(&acre__arena.used, memory_order_relaxed))) return false;
  struct acre__segment *segment = &acre__arena.table[offset >> ACRE_SEGMENT_SHIFT];
  struct acre__thread *thread = &acre__this_thread;
  uint32_t owner = atomic_load_explicit(&segment->owner, memory_order_relaxed);
  if (of && ACRE_UNLIKELY(segment->heap != heap)) return false;
  if (of && owner == ACRE_OWNER_ANYBODY) return acre__free_own(segment, block);
  if (ACRE_LIKELY(owner == thread->number)) {
    bool done = ACRE_LIKELY(acre__enter(thread)) && acre__free_own(segment, block);
    acre__leave(thread);
    return done;
  }
  if (!of && owner == ACRE_OWNER_ANYBODY) return acre__free_own(segment, block);
  return owner != ACRE_OWNER_NOBODY && acre__free_others(thread, segment, block);
}

#endif
