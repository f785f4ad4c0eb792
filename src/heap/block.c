/* SPDX-License-Identifier: MIT */
/*
 * Medium slabs, large blocks, and finding any block by its address.
 *
 *   MEDIUM   [ block | block | block | ... |rest]    empty: a bit for each free block
 *            first segment   INSIDE   INSIDE
 *   LARGE    [ block ..............................]
 *
 * All of it has the heap's lock. Medium blocks are never written by the heap.
 */
#include "heap/block.h"

#include <string.h>

#include "heap/arena.h"
#include "heap/runs.h"

/* ------------------------------------------------------------- medium slabs */

static struct acre__segment **list_of(acre_heap *heap, const struct acre__segment *slab) {
  return &heap->medium[slab->size_class - ACRE_SMALL_CLASSES];
}

static void push_slab(acre_heap *heap, struct acre__segment *slab) {
  struct acre__segment **list = list_of(heap, slab);
  slab->previous = NULL;
  slab->next = *list;
  if (*list != NULL) (*list)->previous = slab;
  *list = slab;
}

static void unlink_slab(acre_heap *heap, struct acre__segment *slab) {
  if (slab->previous != NULL)
    slab->previous->next = slab->next;
  else
    *list_of(heap, slab) = slab->next;
  if (slab->next != NULL) slab->next->previous = slab->previous;
}

static acre_result new_medium(acre_heap *heap, unsigned size_class) {
  struct acre__segment *slab;
  size_t segments = acre__medium_segments(size_class);
  acre_result result = acre__heap_take(heap, ACRE_ZONE_RUNS, segments, ACRE_SEGMENT, &slab);
  if (result != ACRE_OK && segments > 1) {
    segments = 1; /* a worse fit is better than none */
    result = acre__heap_take(heap, ACRE_ZONE_RUNS, segments, ACRE_SEGMENT, &slab);
  }
  if (result != ACRE_OK) return result;
  /* No tail of a former block is left. */
  if (heap->checked && !slab->fresh) memset(slab->start, 0, segments << ACRE_SEGMENT_SHIFT);
  acre__kind_set(slab, ACRE_KIND_MEDIUM);
  slab->size_class = (uint8_t)size_class;
  slab->capacity = (uint16_t)((segments << ACRE_SEGMENT_SHIFT) / acre__class_size(size_class));
  slab->live = 0;
  slab->empty = (UINT64_C(1) << slab->capacity) - 1;
  slab->fresh = false;
  for (uint32_t i = 1; i < segments; i++) {
    acre__kind_set(&slab[i], ACRE_KIND_INSIDE);
    slab[i].count = i;
    slab[i].heap = heap;
  }
  push_slab(heap, slab);
  return ACRE_OK;
}

static void *medium_alloc(acre_heap *heap, unsigned size_class, acre_result *why) {
  struct acre__segment **list = &heap->medium[size_class - ACRE_SMALL_CLASSES];
  if (*list == NULL) {
    *why = new_medium(heap, size_class);
    if (*why != ACRE_OK) return NULL;
  }
  struct acre__segment *slab = *list;
  unsigned index = (unsigned)__builtin_ctzll(slab->empty);
  slab->empty &= slab->empty - 1;
  slab->live++;
  if (slab->empty == 0) unlink_slab(heap, slab);
  return acre__medium_block(slab, index);
}

static void drop_medium(acre_heap *heap, struct acre__segment *slab) {
  unlink_slab(heap, slab);
  for (uint32_t i = 1; i < slab->count; i++) {
    acre__kind_set(&slab[i], ACRE_KIND_NOTHING);
    slab[i].heap = NULL;
  }
  acre__heap_give(heap, slab);
}

static acre_result medium_free(acre_heap *heap, struct acre__segment *slab, const void *block) {
  size_t index = (size_t)((const char *)block - slab->start) / acre__class_size(slab->size_class);
  uint64_t bit = UINT64_C(1) << index;
  if ((slab->empty & bit) != 0) return ACRE_E_NOT_A_BLOCK;
  if (slab->empty == 0) push_slab(heap, slab);
  slab->empty |= bit;
  slab->live--;
  bool others = slab->next != NULL || slab->previous != NULL;
  if (slab->live == 0 && others) drop_medium(heap, slab);
  return ACRE_OK;
}

void acre__medium_compact(acre_heap *heap) {
  for (unsigned i = 0; i < ACRE_MEDIUM_CLASSES; i++) {
    struct acre__segment *next;
    for (struct acre__segment *slab = heap->medium[i]; slab != NULL; slab = next) {
      next = slab->next;
      if (slab->live == 0) drop_medium(heap, slab);
    }
  }
}

/* ------------------------------------------------------------- large blocks */

static size_t segments_of(size_t size) {
  return (size >> ACRE_SEGMENT_SHIFT) + ((size & (ACRE_SEGMENT - 1)) != 0);
}

static void *large_alloc(acre_heap *heap, size_t size, size_t alignment, bool *fresh, acre_result *why) {
  struct acre__segment *run;
  size_t segments = acre__max(segments_of(size), 1);
  if (size > PTRDIFF_MAX) {
    *why = ACRE_E_INVALID_SIZE;
    return NULL;
  }
  *why = acre__heap_take(heap, ACRE_ZONE_RUNS, segments, acre__max(alignment, ACRE_SEGMENT), &run);
  if (*why != ACRE_OK) return NULL;
  acre__kind_set(run, ACRE_KIND_LARGE);
  if (fresh != NULL) *fresh = run->fresh;
  run->fresh = false;
  return run->start;
}

static acre_result large_resize(acre_heap *heap, struct acre__segment *run, size_t size) {
  size_t segments = acre__max(segments_of(size), 1), now = run->count;
  if (size > PTRDIFF_MAX) return ACRE_E_NO_SPACE;
  if (segments < now) {
    acre__run_shrink(run, segments);
    heap->segments -= now - segments;
  } else if (segments > now) {
    if (segments - now > heap->limit - heap->segments) return ACRE_E_HEAP_LIMIT;
    acre_result result = acre__run_grow(run, segments);
    if (result != ACRE_OK) return result;
    heap->segments += segments - now;
    heap->peak = acre__max(heap->peak, heap->segments);
  }
  return ACRE_OK;
}

/* ------------------------------------------------------------- any block */

struct acre__found acre__block_find(const void *address) {
  struct acre__found nothing = {NULL, 0, ACRE_ALL_CLASSES}, found = nothing;
  uintptr_t at = (uintptr_t)address;
  struct acre__segment *segment = acre__segment_of(at);
  if (segment == NULL || at % ACRE_BLOCK_ALIGNMENT != 0) return nothing;
  switch (acre__kind_of(segment)) {
    case ACRE_KIND_SLAB:
      if (!acre__is_block(segment, at)) return nothing;
      found.size_class = segment->size_class;
      break;
    case ACRE_KIND_HOME:
      found.size_class = acre__home_class(segment, at);
      if (found.size_class == ACRE_ALL_CLASSES) return nothing;
      break;
    case ACRE_KIND_INSIDE:
    case ACRE_KIND_MEDIUM: {
      if (acre__kind_of(segment) == ACRE_KIND_INSIDE) segment -= segment->count;
      size_t offset = at - (uintptr_t)segment->start, size = acre__class_size(segment->size_class);
      if (offset % size != 0 || offset / size >= segment->capacity) return nothing;
      found.size_class = segment->size_class;
      break;
    }
    case ACRE_KIND_LARGE:
      if (at != (uintptr_t)segment->start) return nothing;
      found.size = (size_t)segment->count << ACRE_SEGMENT_SHIFT;
      break;
    case ACRE_KIND_NOTHING:
    case ACRE_KIND_SPARE:
    case ACRE_KIND_WARM:
    case ACRE_KIND_COLD:
    case ACRE_KIND_GIVEN:
    case ACRE_KIND_LAST: return nothing;
  }
  found.segment = segment;
  if (found.size_class != ACRE_ALL_CLASSES) found.size = acre__class_size(found.size_class);
  return found;
}

/* Of a home: the start of the piece that the address lies in; NULL: in none. */
static char *piece_around(const struct acre__segment *home, uintptr_t at, size_t *size) {
  const struct acre__unit *unit = &home->local->units[(at - (uintptr_t)home->start) / ACRE_UNIT];
  if (unit->class_and_1 == 0) return NULL;
  const struct acre__small *small = &acre__small[unit->class_and_1 - 1];
  size_t end = unit->end == 0 ? ACRE_SEGMENT : unit->end;
  *size = small->size;
  return home->start + end - small->piece_bytes;
}

/* The first segment of the large block that the address lies in; NULL: in none. */
static struct acre__segment *large_around(uintptr_t at) {
  struct acre__segment *run = acre__segment_of(at);
  for (uintptr_t back = at; run != NULL && acre__kind_of(run) == ACRE_KIND_NOTHING; run = acre__segment_of(back))
    back -= ACRE_SEGMENT;
  if (run == NULL || acre__kind_of(run) != ACRE_KIND_LARGE) return NULL;
  return at - (uintptr_t)run->start < (size_t)run->count << ACRE_SEGMENT_SHIFT ? run : NULL;
}

struct acre__found acre__block_around(const void *address, char **start) {
  struct acre__found nothing = {NULL, 0, ACRE_ALL_CLASSES};
  uintptr_t at = (uintptr_t)address;
  struct acre__segment *segment = acre__segment_of(at);
  char *first = NULL; /* block of those of that size that lie there in a row */
  size_t size = 0;
  if (segment == NULL) return nothing;
  switch (acre__kind_of(segment)) {
    case ACRE_KIND_SLAB:
      size = acre__class_size(segment->size_class);
      first = segment->start + (ACRE_SEGMENT - segment->capacity * size);
      break;
    case ACRE_KIND_HOME: first = piece_around(segment, at, &size); break;
    case ACRE_KIND_INSIDE:
    case ACRE_KIND_MEDIUM:
      if (acre__kind_of(segment) == ACRE_KIND_INSIDE) segment -= segment->count;
      size = acre__class_size(segment->size_class);
      first = segment->start;
      break;
    default:
      segment = large_around(at);
      if (segment == NULL) return nothing;
      size = (size_t)segment->count << ACRE_SEGMENT_SHIFT;
      first = segment->start;
  }
  if (first == NULL || at < (uintptr_t)first) return nothing;
  *start = first + (at - (uintptr_t)first) / size * size;
  return acre__block_find(*start);
}

void *acre__block_alloc(acre_heap *heap, size_t size, size_t alignment, bool *fresh, acre_result *why) {
  unsigned size_class = acre__class_aligned(size, alignment);
  if (fresh != NULL) *fresh = false;
  if (size_class < ACRE_SMALL_CLASSES) return acre__small_alloc(heap, size_class, why);
  if (size_class < ACRE_ALL_CLASSES) return medium_alloc(heap, size_class, why);
  return large_alloc(heap, size, alignment, fresh, why);
}

/* With the lock, the caller's own local may be touched, and nobody's; another thread's may not. */
static bool may_touch(const acre_heap *heap, const struct acre__local *local) {
  if (heap->single || heap->checked) return true;
  struct acre__thread *owner = atomic_load_explicit(&local->thread, memory_order_relaxed);
  return owner == &acre__this_thread || owner == NULL;
}

static void small_free(acre_heap *heap, struct acre__segment *slab, struct acre__block *block) {
  struct acre__bin *bin = slab->bin;
  if (bin->count < bin->most) {
    acre__link_set(heap, block, bin->free);
    bin->free = block;
    bin->count++;
  } else if (acre__slab_free(slab, block)) {
    acre__slab_drop(heap, slab);
  }
}

acre_result acre__block_free(acre_heap *heap, const struct acre__found *found, void *block) {
  struct acre__segment *segment = found->segment;
  switch (acre__kind_of(segment)) {
    case ACRE_KIND_MEDIUM: return medium_free(heap, segment, block);
    case ACRE_KIND_LARGE: acre__heap_give(heap, segment); return ACRE_OK;
    default: break;
  }
  if (!may_touch(heap, segment->local))
    acre__remote_free(segment, block);
  else if (acre__kind_of(segment) == ACRE_KIND_HOME)
    acre__home_put(segment, block);
  else
    small_free(heap, segment, block);
  return ACRE_OK;
}

acre_result acre__block_resize(acre_heap *heap, const struct acre__found *found, size_t size) {
  if (found->size_class == ACRE_ALL_CLASSES) return large_resize(heap, found->segment, size);
  return size <= found->size ? ACRE_OK : ACRE_E_NO_SPACE;
}
