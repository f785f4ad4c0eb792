/* SPDX-License-Identifier: MIT */
/* Walking a heap, its figures, locking it for everyone, and compacting it. */
#include "heap/look.h"

#include <string.h>

#include "heap/arena.h"
#include "heap/check.h"
#include "heap/heaps.h"
#include "heap/medium.h"
#include "heap/runs.h"

/* ------------------------------------------------------------- locking */

bool acre__heap_stop(acre_heap *heap) {
  bool taken = acre__heap_lock(heap);
  if (taken && !heap->single) acre__threads_stop();
  if (heap->process) acre__medium_empty_each(heap); /* the caller's too, that has locked the heap before */
  return taken;
}

void acre__heap_go(acre_heap *heap, bool taken) {
  if (taken && !heap->single) acre__threads_go();
  acre__heap_unlock(heap, taken);
}

void acre_heap_lock(acre_heap *heap) {
  if (heap == NULL || (heap->flags & ACRE_HEAP_SINGLE_THREAD) != 0) return;
  (void)acre__heap_stop(heap);
  heap->lock_depth++;
}

void acre__heap_unlock_all(acre_heap *heap) {
  if (!acre__lock_is_mine(&heap->lock) || heap->lock_depth == 0) return;
  heap->lock_depth = 0;
  acre__heap_go(heap, true);
}

acre_result acre_heap_unlock(acre_heap *heap) {
  if (heap == NULL) return ACRE_E_INVALID_ARGUMENT;
  if ((heap->flags & ACRE_HEAP_SINGLE_THREAD) != 0) return ACRE_OK;
  if (!acre__lock_is_mine(&heap->lock) || heap->lock_depth == 0) return ACRE_E_INVALID_ARGUMENT;
  if (--heap->lock_depth == 0) acre__heap_go(heap, true);
  return ACRE_OK;
}

/* ------------------------------------------------------------- maps */

/* False: the address is no block's of the segment, or marked already. */
static bool mark(const struct acre__segment *segment, struct acre__map *map, const void *address, unsigned size_class) {
  uintptr_t at = (uintptr_t)address;
  if (at - (uintptr_t)segment->start >= ACRE_SEGMENT || at % ACRE_BLOCK_ALIGNMENT != 0) return false;
  if (acre__kind_of(segment) == ACRE_KIND_SLAB) {
    if (!acre__is_block(segment, at)) return false;
  } else {
    unsigned at_home = acre__home_class(segment, at);
    if (at_home == ACRE_ALL_CLASSES || (size_class != ACRE_ALL_CLASSES && at_home != size_class)) return false;
  }
  size_t bit = (at - (uintptr_t)segment->start) / ACRE_BLOCK_ALIGNMENT;
  if ((map->bits[bit / 64] >> bit % 64 & 1) != 0) return false;
  map->bits[bit / 64] |= UINT64_C(1) << bit % 64;
  return true;
}

static bool mark_list(const struct acre__segment *segment, struct acre__map *map, const struct acre__block *block) {
  for (; block != NULL; block = acre__link_get(segment->heap, block))
    if (!mark(segment, map, block, ACRE_ALL_CLASSES)) return false;
  return true;
}

/* A bin's blocks may be of several segments; the others are passed over. */
static bool mark_bin_list(const struct acre__segment *segment, struct acre__map *map, const struct acre__block *block,
                          unsigned size_class) {
  for (; block != NULL; block = acre__link_get(segment->heap, block)) {
    if ((uintptr_t)block - (uintptr_t)segment->start >= ACRE_SEGMENT) continue;
    if (!mark(segment, map, block, size_class)) return false;
  }
  return true;
}

static bool mark_bin(const struct acre__segment *segment, struct acre__map *map, const struct acre__bin *bin,
                     unsigned size_class) {
  size_t size = acre__class_size(size_class);
  if (!mark_bin_list(segment, map, bin->free, size_class)) return false;
  if (bin->left == 0 || (uintptr_t)bin->bump - (uintptr_t)segment->start >= ACRE_SEGMENT) return true;
  for (uint32_t i = 0; i < bin->left; i++)
    if (!mark(segment, map, bin->bump + i * size, size_class)) return false;
  return true;
}

bool acre__map_fill(const struct acre__segment *segment, struct acre__map *map) {
  memset(map, 0, sizeof *map);
  if (!mark_list(segment, map, atomic_load_explicit(&segment->remote, memory_order_acquire))) return false;
  const struct acre__bin *bins = segment->local->bins;
  if (!mark_list(segment, map, segment->free)) return false;
  if (acre__kind_of(segment) == ACRE_KIND_SLAB)
    return mark_bin(segment, map, &bins[segment->size_class], segment->size_class);
  for (unsigned size_class = 0; size_class < ACRE_SMALL_CLASSES; size_class++)
    if (!mark_bin(segment, map, &bins[size_class], size_class)) return false;
  return true;
}

/* ------------------------------------------------------------- blocks of a run */

typedef bool (*visit_block)(const struct acre__found *found, void *block, bool free, void *context);

static bool visit_home(struct acre__segment *home, const struct acre__map *map, visit_block visit, void *context) {
  const struct acre__unit *units = home->local->units;
  for (unsigned unit = ACRE_FIRST_UNIT; unit < ACRE_UNITS; unit++) {
    size_t end = (unit + 1) * (size_t)ACRE_UNIT;
    if (units[unit].class_and_1 == 0 || units[unit].end != (uint16_t)end) continue; /* no piece's last one */
    struct acre__found found = {.segment = home, .size_class = units[unit].class_and_1 - 1U};
    const struct acre__small *small = &acre__small[found.size_class];
    found.size = small->size;
    for (size_t at = 0; at < small->piece_bytes; at += small->size) {
      char *block = home->start + end - small->piece_bytes + at;
      if (!visit(&found, block, acre__map_has(map, home, block), context)) return false;
    }
  }
  return true;
}

bool acre__blocks_visit(struct acre__segment *run, const struct acre__map *map, visit_block visit, void *context) {
  struct acre__found found = {.segment = run, .size_class = run->size_class};
  switch (acre__kind_of(run)) {
    case ACRE_KIND_HOME: return visit_home(run, map, visit, context);
    case ACRE_KIND_SLAB:
      found.size = acre__class_size(run->size_class);
      for (uint32_t left = run->capacity; left > 0; left--) {
        char *block = run->start + ACRE_SEGMENT - left * found.size;
        if (!visit(&found, block, acre__map_has(map, run, block), context)) return false;
      }
      return true;
    case ACRE_KIND_MEDIUM:
      found.size = acre__class_size(run->size_class);
      for (unsigned i = 0; i < run->capacity; i++)
        if (!visit(&found, acre__medium_block(run, i), (run->empty >> i & 1) != 0, context)) return false;
      return true;
    case ACRE_KIND_LARGE:
      found.size = (size_t)run->count << ACRE_SEGMENT_SHIFT;
      found.size_class = ACRE_ALL_CLASSES;
      return visit(&found, run->start, false, context);
    default: return true;
  }
}

/* ------------------------------------------------------------- walking */

struct walk {
  acre_heap *heap;
  bool (*visit)(const acre_heap_entry *entry, void *context);
  void *context;
};

static bool walk_block(const struct acre__found *found, void *block, bool free, void *context) {
  struct walk *walk = context;
  acre_heap_entry entry = {.kind = free ? ACRE_HEAP_FREE : ACRE_HEAP_BUSY,
                           .address = block,
                           .size = found->size,
                           .large = found->size_class == ACRE_ALL_CLASSES};
  if (walk->heap->checked && !free) {
    if (block == acre__quarantine_get(walk->heap)) return true;
    if (acre__checked_is_held(walk->heap, block))
      entry.kind = ACRE_HEAP_FREE;
    else
      entry.requested = acre__checked_size(walk->heap, found, block);
  }
  return walk->visit(&entry, walk->context);
}

static bool walk_run(struct walk *walk, struct acre__segment *run, struct acre__map *map) {
  acre_heap_entry region = {.kind = ACRE_HEAP_REGION,
                            .address = run->start,
                            .size = (size_t)run->count << ACRE_SEGMENT_SHIFT,
                            .large = acre__kind_of(run) == ACRE_KIND_LARGE};
  if (!walk->visit(&region, walk->context)) return false;
  if (acre__kind_of(run) == ACRE_KIND_SLAB || acre__kind_of(run) == ACRE_KIND_HOME) (void)acre__map_fill(run, map);
  return acre__blocks_visit(run, map, walk_block, walk);
}

acre_result acre_heap_walk(acre_heap *heap, bool (*visit)(const acre_heap_entry *entry, void *context), void *context) {
  if (heap == NULL || visit == NULL) return ACRE_E_INVALID_ARGUMENT;
  struct walk walk = {heap, visit, context};
  struct acre__map map;
  bool taken = acre__heap_stop(heap);
  for (struct acre__segment *run = heap->runs; run != NULL; run = run->next_run)
    if (!walk_run(&walk, run, &map)) break;
  acre__heap_go(heap, taken);
  return ACRE_OK;
}

/* ------------------------------------------------------------- figures */

static bool count_block(const acre_heap_entry *entry, void *context) {
  acre_heap_figures *out = context;
  if (entry->kind != ACRE_HEAP_BUSY) return true;
  out->blocks++;
  out->in_use += entry->size;
  out->requested += entry->requested;
  if (entry->large)
    out->large++;
  else
    out->classes[acre__class_of(entry->size)].blocks++;
  return true;
}

acre_result acre_heap_stats(acre_heap *heap, acre_heap_figures *out) {
  if (heap == NULL || out == NULL) return ACRE_E_INVALID_ARGUMENT;
  memset(out, 0, sizeof *out);
  for (unsigned i = 0; i < ACRE_ALL_CLASSES; i++) out->classes[i].size = acre__class_size(i);
  bool taken = acre__heap_stop(heap);
  memcpy(out->name, heap->name, sizeof out->name);
  out->limit = heap->limit > SIZE_MAX >> (ACRE_SEGMENT_SHIFT + 1) ? SIZE_MAX : heap->limit << ACRE_SEGMENT_SHIFT;
  out->reserved = heap->segments << ACRE_SEGMENT_SHIFT;
  out->set_aside = heap->process ? acre__start_left() : 0;
  out->peak = heap->peak << ACRE_SEGMENT_SHIFT;
  for (const struct acre__local *local = heap->locals; local != NULL; local = local->next) out->locals++;
  struct walk walk = {heap, count_block, out};
  struct acre__map map;
  for (struct acre__segment *run = heap->runs; run != NULL; run = run->next_run) (void)walk_run(&walk, run, &map);
  acre__heap_go(heap, taken);
  return ACRE_OK;
}

/* ------------------------------------------------------------- compacting */

static void drop_spare(acre_heap *heap) {
  while (heap->spare != NULL) {
    struct acre__segment *run = heap->spare;
    heap->spare = run->next;
    acre__heap_give(heap, run);
  }
}

size_t acre_heap_compact(acre_heap *heap) {
  if (heap != NULL) {
    bool taken = acre__heap_stop(heap);
    if (heap->checked) acre__quarantine_empty(heap);
    for (struct acre__local *local = heap->locals; local != NULL; local = local->next) acre__local_compact(local);
    acre__medium_compact(heap);
    drop_spare(heap);
    acre__heap_go(heap, taken);
  }
  acre__lock(&acre__heaps.lock);
  if (heap == NULL) acre__heaps_drop_homes();
  acre__unlock(&acre__heaps.lock);
  return acre__runs_compact(heap == NULL ? NULL : heap->arena);
}
