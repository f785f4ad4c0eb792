/* SPDX-License-Identifier: MIT */
/*
 * Whether a heap is in order: every list is followed, every count is counted
 * anew, and everything that is known twice is compared. Only what has gone wrong by
 * stray writes, double frees or an error of Acre's can differ.
 */
#include "heap/arena.h"
#include "heap/check.h"
#include "heap/look.h"

static uint32_t length_of(const acre_heap *heap, const struct acre__block *block, uint32_t most) {
  uint32_t length = 0;
  for (; block != NULL && length <= most; block = acre__link_get(heap, block)) length++;
  return length;
}

static bool is_in_list(const struct acre__segment *list, const struct acre__segment *slab) {
  while (list != NULL && list != slab) list = list->next;
  return list != NULL;
}

static bool small_slab_is_valid(const acre_heap *heap, const struct acre__segment *slab) {
  const struct acre__local *local = slab->local;
  if (slab->size_class >= ACRE_SMALL_CLASSES || local->heap != heap) return false;
  uint32_t size = (uint32_t)acre__class_size(slab->size_class);
  if (slab->capacity != ACRE_SEGMENT / size || slab->live > slab->capacity || slab->count != 1) return false;
  if (slab->bin != &local->bins[slab->size_class] || slab->magic != UINT32_MAX / size + 1) return false;
  if (slab->bin->most != acre__bin_most(size)) return false;
  if (atomic_load_explicit(&slab->owner, memory_order_relaxed) != local->number &&
      atomic_load_explicit(&local->thread, memory_order_relaxed) != NULL)
    return false;
  if (length_of(heap, slab->free, slab->capacity) != (uint32_t)(slab->capacity - slab->live)) return false;
  return is_in_list(local->slabs[slab->size_class], slab) == (slab->free != NULL);
}

static bool medium_slab_is_valid(const acre_heap *heap, const struct acre__segment *slab) {
  if (slab->size_class < ACRE_SMALL_CLASSES || slab->size_class >= ACRE_ALL_CLASSES) return false;
  size_t size = acre__class_size(slab->size_class);
  if (slab->capacity != ((size_t)slab->count << ACRE_SEGMENT_SHIFT) / size) return false;
  if (slab->empty >> slab->capacity != 0) return false;
  if (slab->live + (uint32_t)__builtin_popcountll(slab->empty) != slab->capacity) return false;
  for (uint32_t i = 1; i < slab->count; i++)
    if (acre__kind_of(&slab[i]) != ACRE_KIND_INSIDE || slab[i].count != i) return false;
  return is_in_list(heap->medium[slab->size_class - ACRE_SMALL_CLASSES], slab) == (slab->empty != 0);
}

/* How long a bin's list is; -1: some block is none of the class in a segment of the local, or it does not end. */
static int64_t bin_length(const struct acre__local *local, const struct acre__block *block, unsigned size_class) {
  int64_t length = 0, most = (int64_t)(local->heap->segments << (ACRE_SEGMENT_SHIFT - 4));
  for (; block != NULL; block = acre__link_get(local->heap, block)) {
    struct acre__found found = acre__block_find(block);
    if (found.segment == NULL || found.segment->local != local || found.size_class != size_class) return -1;
    if (++length > most) return -1;
  }
  return length;
}

static bool bin_is_valid(const struct acre__local *local, unsigned size_class) {
  const struct acre__bin *bin = &local->bins[size_class];
  if (bin_length(local, bin->free, size_class) != bin->count) return false;
  if (bin->left == 0) return true;
  struct acre__found found = acre__block_find(bin->bump);
  return found.segment != NULL && found.segment->local == local && found.size_class == size_class;
}

static bool local_is_valid(const acre_heap *heap, const struct acre__local *local) {
  if (local->heap != heap || local->home->heap != heap || local->home->local != local) return false;
  if ((const char *)local - local->home->start != offsetof(struct acre__home, local)) return false;
  for (unsigned size_class = 0; size_class < ACRE_SMALL_CLASSES; size_class++)
    if (!bin_is_valid(local, size_class)) return false;
  return true;
}

static bool check_block(const struct acre__found *found, void *block, bool free, void *context) {
  (void)context;
  acre_heap *heap = found->segment->heap;
  if (free && found->size_class >= ACRE_SMALL_CLASSES) return true;
  if (free) return acre__checked_free_is_valid(heap, found, block);
  return acre__checked_is_valid(heap, found, block);
}

static bool run_is_valid(acre_heap *heap, struct acre__segment *run) {
  struct acre__map map;
  if (run->heap != heap || run->count == 0 || acre__segment_of((uintptr_t)run->start) != run) return false;
  switch (acre__kind_of(run)) {
    case ACRE_KIND_SPARE: return is_in_list(heap->spare, run);
    case ACRE_KIND_LARGE: break;
    case ACRE_KIND_MEDIUM:
      if (!medium_slab_is_valid(heap, run)) return false;
      break;
    case ACRE_KIND_SLAB:
      if (!small_slab_is_valid(heap, run) || !acre__map_fill(run, &map)) return false;
      break;
    case ACRE_KIND_HOME:
      if (atomic_load_explicit(&run->home_of, memory_order_relaxed) != heap->id || !acre__map_fill(run, &map))
        return false;
      break;
    default: return false;
  }
  return !heap->checked || acre__blocks_visit(run, &map, check_block, NULL);
}

bool acre__heap_is_valid(acre_heap *heap) {
  size_t segments = 0;
  const struct acre__segment *previous = NULL;
  for (const struct acre__local *local = heap->locals; local != NULL; local = local->next)
    if (!local_is_valid(heap, local)) return false;
  for (struct acre__segment *run = heap->runs; run != NULL; run = run->next_run) {
    if (run->previous_run != previous || !run_is_valid(heap, run)) return false;
    segments += run->count;
    if (segments > heap->segments) return false;
    previous = run;
  }
  return segments == heap->segments && heap->segments <= heap->limit && heap->peak >= heap->segments;
}

/* Whether a block with that address is in use. */
static acre_result validate_block(acre_heap *heap, const void *block) {
  struct acre__map map;
  struct acre__found found = acre__block_find(block);
  if (found.segment == NULL || found.segment->heap != heap) return ACRE_E_NOT_A_BLOCK;
  struct acre__segment *run = found.segment;
  if (acre__kind_of(run) == ACRE_KIND_SLAB || acre__kind_of(run) == ACRE_KIND_HOME) {
    if (!acre__map_fill(run, &map)) return ACRE_E_HEAP_CORRUPT;
    if (acre__map_has(&map, run, block)) return ACRE_E_NOT_A_BLOCK;
  } else if (acre__kind_of(run) == ACRE_KIND_MEDIUM) {
    size_t index = (size_t)((const char *)block - run->start) / found.size;
    if ((run->empty >> index & 1) != 0) return ACRE_E_NOT_A_BLOCK;
  }
  if (!heap->checked) return ACRE_OK;
  if (acre__checked_is_held(heap, block)) return ACRE_E_NOT_A_BLOCK;
  return acre__checked_is_valid(heap, &found, block) ? ACRE_OK : ACRE_E_HEAP_CORRUPT;
}

acre_result acre_heap_validate(acre_heap *heap, const void *block) {
  if (heap == NULL) return ACRE_E_INVALID_ARGUMENT;
  acre_result result = ACRE_OK;
  bool taken = acre__heap_stop(heap);
  if (block != NULL)
    result = validate_block(heap, block);
  else if (!acre__heap_is_valid(heap))
    result = ACRE_E_HEAP_CORRUPT;
  acre__heap_go(heap, taken);
  return result;
}
