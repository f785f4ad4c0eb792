/* SPDX-License-Identifier: MIT */
/*
 * The calls for blocks of any heap: the fast ways of fast.h, and what is asked
 * when they are not open.
 */
#include <string.h>

#include "heap/block.h"
#include "heap/check.h"
#include "heap/fast.h"
#include "heap/medium.h"

/* ------------------------------------------------------------- allocating */

static ACRE_COLD void *fail(acre_result why) {
  acre__this_thread.why = why;
  return NULL;
}

__attribute__((noinline)) void *acre__alloc_slow(acre_heap *heap, size_t size, size_t alignment, bool zero) {
  acre_result why = ACRE_OK;
  bool fresh = false;
  unsigned size_class = heap->process ? acre__class_aligned(size, alignment) : ACRE_ALL_CLASSES;
  bool kept = acre__medium_is_kept(heap, size_class);
  void *block = kept ? acre__medium_pop(size_class) : NULL;
  if (block == NULL) {
    bool taken = acre__heap_lock(heap);
    block = heap->checked ? acre__checked_alloc(heap, size, alignment, zero, &why)
                          : acre__block_alloc(heap, size, alignment, &fresh, &why);
    if (kept && block != NULL) acre__medium_fill(heap, size_class);
    acre__heap_unlock(heap, taken);
  }
  if (ACRE_UNLIKELY(block == NULL)) return fail(why);
  if (zero && !fresh && !heap->checked) memset(block, 0, size);
  return block;
}

void *acre_heap_alloc(acre_heap *heap, size_t size) {
  if (ACRE_LIKELY(size <= ACRE_SMALL_MOST)) {
    void *block = acre__alloc_fast(heap, acre__small_class[(size + 15) / 16]);
    if (ACRE_LIKELY(block != NULL)) return block;
  }
  return acre__alloc_slow(heap, size, 1, false);
}

void *acre_heap_zalloc(acre_heap *heap, size_t size) {
  if (ACRE_LIKELY(size <= ACRE_SMALL_MOST)) {
    void *block = acre__alloc_fast(heap, acre__small_class[(size + 15) / 16]);
    if (ACRE_LIKELY(block != NULL)) return memset(block, 0, size);
  }
  return acre__alloc_slow(heap, size, 1, true);
}

void *acre_heap_alloc_array(acre_heap *heap, size_t count, size_t size) {
  size_t bytes;
  if (!acre__checked_multiply(count, size, &bytes)) return fail(ACRE_E_INVALID_SIZE);
  return acre_heap_zalloc(heap, bytes);
}

void *acre_heap_alloc_aligned(acre_heap *heap, size_t size, size_t alignment) {
  if (!acre__is_power_of_two(alignment) || alignment > ACRE_HEAP_ALIGNMENT_MOST) return fail(ACRE_E_INVALID_ALIGNMENT);
  if (alignment <= ACRE_BLOCK_ALIGNMENT) return acre_heap_alloc(heap, size);
  unsigned size_class = acre__class_aligned(size, alignment);
  if (size_class < ACRE_SMALL_CLASSES) {
    void *block = acre__alloc_fast(heap, size_class);
    if (ACRE_LIKELY(block != NULL)) return block;
  }
  return acre__alloc_slow(heap, size, alignment, false);
}

acre_result acre_heap_why(const acre_heap *heap) {
  (void)heap;
  return acre__this_thread.why;
}

void *acre_heap_memdup(acre_heap *heap, const void *bytes, size_t size) {
  void *copy = acre_heap_alloc(heap, size);
  if (copy != NULL && size != 0) memcpy(copy, bytes, size);
  return copy;
}

char *acre_heap_strdup(acre_heap *heap, const char *text) {
  return acre_heap_memdup(heap, text, strlen(text) + 1);
}

char *acre_heap_strndup(acre_heap *heap, const char *text, size_t most) {
  const char *end = memchr(text, '\0', most);
  size_t length = end != NULL ? (size_t)(end - text) : most;
  char *copy = length < SIZE_MAX ? acre_heap_alloc(heap, length + 1) : fail(ACRE_E_INVALID_SIZE);
  if (copy == NULL) return NULL;
  memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

/* ------------------------------------------------------------- freeing */

/* A checked heap tells of it; another one leaves it to the result. `owner`: whose block it is, or NULL. */
static ACRE_COLD acre_result not_a_block(acre_heap *heap, const void *block, const acre_heap *owner) {
  char *start;
  if (heap == NULL && owner == NULL) { /* acre_free: the heap whose block it lies in, if it does */
    struct acre__found around = acre__block_around(block, &start);
    heap = around.segment == NULL ? NULL : around.segment->heap;
    if (heap == NULL || !heap->checked) return ACRE_E_NOT_A_BLOCK;
  }
  if (heap != NULL && heap->lost) return ACRE_E_CONTENT_LOST;
  if (heap != NULL && heap->checked) acre__checked_not_a_block(heap, block, owner);
  return ACRE_E_NOT_A_BLOCK;
}

/* With the heap's lock for all that needs it. `size`: what the caller says, or SIZE_MAX. */
static acre_result free_locked(acre_heap *heap, const struct acre__found *found, void *block, size_t size) {
  bool taken = acre__heap_lock(heap);
  acre_result result = heap->checked ? acre__checked_free(heap, found, block, size)
                                     : acre__block_free(heap, found, block);
  if (acre__medium_is_kept(heap, found->size_class)) acre__medium_trim(heap, found->size_class);
  acre__heap_unlock(heap, taken);
  return result;
}

/* heap NULL: whichever. */
__attribute__((noinline)) acre_result acre__free_slow(acre_heap *heap, void *block, size_t size) {
  if (block == NULL) return ACRE_OK;
  struct acre__found found = acre__block_find(block);
  if (found.segment == NULL) return not_a_block(heap, block, NULL);
  acre_heap *owner = found.segment->heap;
  if (owner == NULL || (heap != NULL && owner != heap)) return not_a_block(heap, block, owner);
  if (acre__medium_is_kept(owner, found.size_class) && acre__medium_push(owner, found.size_class, block))
    return ACRE_OK;
  bool small = acre__kind_of(found.segment) == ACRE_KIND_SLAB || acre__kind_of(found.segment) == ACRE_KIND_HOME;
  if (!small || owner->checked || owner->single) return free_locked(owner, &found, block, size);

  struct acre__thread *thread = &acre__this_thread;
  acre__thread_join(thread);
  if (thread->number == ACRE_OWNER_NONE) return free_locked(owner, &found, block, size);
  bool open = acre__enter(thread), drop = false;
  if (open) {
    if (atomic_load_explicit(&found.segment->owner, memory_order_relaxed) != thread->number)
      acre__remote_free(found.segment, block);
    else if (acre__kind_of(found.segment) == ACRE_KIND_HOME)
      acre__home_put(found.segment, block);
    else if (!acre__free_to(found.segment, block))
      drop = acre__slab_free(found.segment, block);
  }
  acre__leave(thread);
  if (!open) return free_locked(owner, &found, block, size);
  if (drop) {
    /* Without the lock a compaction may have given it back: then it is nobody's, or another's by now. */
    bool taken = acre__heap_lock(owner);
    if (atomic_load_explicit(&found.segment->owner, memory_order_relaxed) == thread->number)
      acre__slab_drop(owner, found.segment);
    acre__heap_unlock(owner, taken);
  }
  return ACRE_OK;
}

/* What the fast way leaves over of a heap's blocks. No heap: acre__free_slow would take that for any. */
static __attribute__((noinline)) acre_result free_rest(acre_heap *heap, void *block, size_t size) {
  if (ACRE_UNLIKELY(heap == NULL)) return block == NULL ? ACRE_OK : ACRE_E_NOT_A_BLOCK;
  return acre__free_slow(heap, block, heap->checked ? size : SIZE_MAX);
}

acre_result acre_heap_free(acre_heap *heap, void *block) {
  if (ACRE_LIKELY(acre__free_fast(heap, true, block))) return ACRE_OK;
  return free_rest(heap, block, SIZE_MAX);
}

static __attribute__((noinline)) int free_rest_or(acre_heap *heap, void *block, int (*otherwise)(acre_result why)) {
  acre_result result = acre_heap_free(heap, block);
  return ACRE_LIKELY(result == ACRE_OK) ? 1 : otherwise(result);
}

int acre_heap_free_or(acre_heap *heap, void *block, int (*otherwise)(acre_result why)) {
  if (ACRE_LIKELY(acre__free_mine(heap, block))) return 1;
  return free_rest_or(heap, block, otherwise);
}

acre_result acre_heap_free_sized(acre_heap *heap, void *block, size_t size) {
  if (ACRE_LIKELY(acre__free_fast(heap, true, block))) return ACRE_OK; /* no block of a checked heap is freed there */
  return free_rest(heap, block, size);
}

acre_result acre_free(void *block) {
  if (ACRE_LIKELY(acre__free_fast(NULL, false, block))) return ACRE_OK;
  return acre__free_slow(NULL, block, SIZE_MAX);
}

/* ------------------------------------------------------------- resizing */

acre_result acre_heap_resize_in_place(acre_heap *heap, void *block, size_t size) {
  struct acre__found found = acre__block_find(block);
  if (found.segment == NULL) return not_a_block(heap, block, NULL);
  if (found.segment->heap != heap) return not_a_block(heap, block, found.segment->heap);
  bool taken = acre__heap_lock(heap);
  acre_result result = heap->checked ? acre__checked_resize(heap, &found, block, size)
                                     : acre__block_resize(heap, &found, size);
  acre__heap_unlock(heap, taken);
  return result;
}

/* Whether a block of that size would rather move: it would use less than half of where it is. */
static bool is_wasteful(const struct acre__found *found, size_t size) {
  return size < found->size / 2 && found->size > 128;
}

void *acre_heap_realloc(acre_heap *heap, void *block, size_t size) {
  if (block == NULL) return acre_heap_alloc(heap, size);
  struct acre__found found = acre__block_find(block);
  if (found.segment == NULL || found.segment->heap != heap) {
    return fail(not_a_block(heap, block, found.segment == NULL ? NULL : found.segment->heap));
  }
  if (heap->checked || found.size_class == ACRE_ALL_CLASSES) {
    bool shrinks_much = found.size_class == ACRE_ALL_CLASSES && size <= ACRE_MEDIUM_MOST / 2;
    acre_result result = shrinks_much ? ACRE_E_NO_SPACE : acre_heap_resize_in_place(heap, block, size);
    if (result == ACRE_OK) return block;
    if (result == ACRE_E_NOT_A_BLOCK) return fail(result);
  } else if (size <= found.size && !is_wasteful(&found, size)) {
    return block;
  }
  void *moved = acre_heap_alloc(heap, size);
  if (moved == NULL) return NULL;
  memcpy(moved, block, acre__min(acre_heap_requested(block), size));
  (void)acre_heap_free(heap, block);
  return moved;
}

/* ------------------------------------------------------------- asking */

acre_heap *acre_heap_of(const void *block) {
  struct acre__found found = acre__block_find(block);
  return found.segment == NULL ? NULL : found.segment->heap;
}

size_t acre_heap_size(const void *block) {
  struct acre__found found = acre__block_find(block);
  const acre_heap *heap = found.segment == NULL ? NULL : found.segment->heap;
  if (heap == NULL) return 0; /* also while the segment is on its way back */
  return heap->checked ? acre__checked_size(heap, &found, block) : found.size;
}

size_t acre_heap_requested(const void *block) {
  return acre_heap_size(block);
}
