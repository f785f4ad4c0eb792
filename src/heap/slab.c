/* SPDX-License-Identifier: MIT */
#include "heap/slab.h"

#include <string.h>

#include "heap/arena.h"
#include "heap/runs.h"

enum {
  EARLY_UNITS = 16, /* of a home are used before there are slabs; the others where no segment can be had */
  CARVED_MOST = 4,  /* of them for one class */
  TICK_EVERY = 32   /* refills */
};

/* ------------------------------------------------------------- lists of slabs */

static struct acre__segment **list_of(struct acre__segment *slab) {
  return &slab->local->slabs[slab->size_class];
}

static void push_slab(struct acre__segment *slab) {
  struct acre__segment **list = list_of(slab);
  slab->previous = NULL;
  slab->next = *list;
  if (*list != NULL) (*list)->previous = slab;
  *list = slab;
}

static void unlink_slab(struct acre__segment *slab) {
  if (slab->previous != NULL)
    slab->previous->next = slab->next;
  else
    *list_of(slab) = slab->next;
  if (slab->next != NULL) slab->next->previous = slab->previous;
}

static bool is_alone(const struct acre__segment *slab) {
  return slab->next == NULL && slab->previous == NULL;
}

/* ------------------------------------------------------------- slabs */

static acre_result new_slab(acre_heap *heap, struct acre__local *local, unsigned size_class) {
  struct acre__segment *slab;
  acre_result result = acre__heap_take(heap, ACRE_ZONE_RUNS, 1, ACRE_SEGMENT, &slab);
  if (result != ACRE_OK) return result;
  uint32_t size = (uint32_t)acre__class_size(size_class), capacity = ACRE_SEGMENT / size;
  struct acre__bin *bin = &local->bins[size_class];
  if (heap->checked && !slab->fresh) memset(slab->start, 0, ACRE_SEGMENT); /* no tail of a former block is left */
  acre__kind_set(slab, ACRE_KIND_SLAB);
  slab->size_class = (uint8_t)size_class;
  slab->capacity = (uint16_t)capacity;
  slab->magic = acre__small_magic[size_class + 1];
  slab->live = capacity;
  slab->local = local;
  slab->bin = bin;
  local->has_slabs = true;
  slab->free = NULL;
  slab->fresh = false;
  atomic_store_explicit(&slab->remote, NULL, memory_order_relaxed);
  atomic_store_explicit(&slab->owner, local->number, memory_order_relaxed);
  bin->bump = slab->start + (ACRE_SEGMENT - capacity * size);
  bin->left = capacity;
  bin->most = acre__bin_most(size);
  return ACRE_OK;
}

bool acre__slab_free(struct acre__segment *slab, struct acre__block *block) {
  struct acre__block *first = slab->free;
  acre__link_set(slab->heap, block, first);
  slab->free = block;
  slab->live--;
  if (ACRE_UNLIKELY(first == NULL)) push_slab(slab);
  return ACRE_UNLIKELY(slab->live == 0) && !is_alone(slab);
}

void acre__slab_drop(acre_heap *heap, struct acre__segment *slab) {
  if (acre__kind_of(slab) != ACRE_KIND_SLAB || slab->live != 0 || is_alone(slab)) return;
  unlink_slab(slab);
  acre__heap_give(heap, slab);
}

/* All free blocks of a slab go to the bin, which has none. */
static void empty_slab(struct acre__segment *slab) {
  struct acre__bin *bin = slab->bin;
  bin->free = slab->free;
  bin->count = slab->capacity - slab->live;
  slab->live = slab->capacity;
  slab->free = NULL;
  unlink_slab(slab);
}

/* ------------------------------------------------------------- homes */

/* False: there are not enough units left below `most`, or the home is not where the heap's blocks should be. */
static bool carve(struct acre__local *local, unsigned size_class, unsigned most) {
  if (local->heap->paged) return false;
  const struct acre__small *small = &acre__small[size_class];
  size_t alignment = acre__max(acre__class_alignment(size_class), ACRE_UNIT);
  unsigned units = small->piece_units;
  unsigned end = (unsigned)(acre__align_up((local->unit + units) * (size_t)ACRE_UNIT, alignment) / ACRE_UNIT);
  if (end > most) return false;
  struct acre__unit piece = {(uint16_t)(size_class + 1), (uint16_t)(end * ACRE_UNIT)};
  for (unsigned unit = end - units; unit < end; unit++) local->units[unit] = piece;
  local->unit = (uint16_t)end;
  local->carved[size_class] = (uint8_t)(local->carved[size_class] + units);
  struct acre__bin *bin = &local->bins[size_class];
  bin->bump = local->home->start + end * (size_t)ACRE_UNIT - small->piece_bytes;
  bin->left = small->piece_bytes / small->size;
  return true;
}

/* What was set aside of the class, as there were slabs; now none can be had. */
static bool take_aside(acre_heap *heap, struct acre__local *local, unsigned size_class) {
  struct acre__segment *home = local->home;
  struct acre__bin *bin = &local->bins[size_class];
  struct acre__block *kept = NULL, *next;
  for (struct acre__block *block = home->free; block != NULL; block = next) {
    next = acre__link_get(heap, block);
    bool wanted = acre__home_class(home, (uintptr_t)block) == size_class;
    struct acre__block **list = wanted ? &bin->free : &kept;
    bin->count += wanted;
    acre__link_set(heap, block, *list);
    *list = block;
  }
  home->free = kept;
  return bin->free != NULL;
}

/* ------------------------------------------------------------- other threads' frees */

void acre__remote_free(struct acre__segment *segment, struct acre__block *block) {
  const acre_heap *heap = segment->heap;
  struct acre__block *first = atomic_load_explicit(&segment->remote, memory_order_relaxed);
  do acre__link_set(heap, block, first);
  while (!atomic_compare_exchange_weak_explicit(&segment->remote, &first, block, memory_order_acq_rel,
                                                memory_order_relaxed));
  if (first != NULL) return; /* else whoever took them has read `notified`: that is what is acquired */
  struct acre__local *local = segment->local;
  struct acre__segment *notified = atomic_load_explicit(&local->notified, memory_order_relaxed);
  do segment->notified = notified;
  while (!atomic_compare_exchange_weak_explicit(&local->notified, &notified, segment, memory_order_release,
                                                memory_order_relaxed));
}

void acre__home_put(struct acre__segment *home, struct acre__block *block) {
  struct acre__local *local = home->local;
  struct acre__bin *bin = &local->bins[acre__home_class(home, (uintptr_t)block)];
  struct acre__block **list = local->has_slabs ? &home->free : &bin->free;
  acre__link_set(home->heap, block, *list);
  *list = block;
  bin->count += !local->has_slabs;
}

static void collect_home(struct acre__segment *home, struct acre__block *block) {
  while (block != NULL) {
    struct acre__block *next = acre__link_get(home->heap, block);
    acre__home_put(home, block);
    block = next;
  }
}

static void collect_slab(struct acre__segment *slab, struct acre__block *blocks) {
  const acre_heap *heap = slab->heap;
  struct acre__block *last = blocks, *next;
  uint32_t count = 1;
  for (; (next = acre__link_get(heap, last)) != NULL; last = next) count++;
  bool listed = slab->free != NULL;
  acre__link_set(heap, last, slab->free);
  slab->free = blocks;
  slab->live -= count;
  if (!listed) push_slab(slab);
  acre__slab_drop(slab->heap, slab);
}

void acre__local_collect(struct acre__local *local) {
  if (atomic_load_explicit(&local->notified, memory_order_relaxed) == NULL) return;
  struct acre__segment *segment = atomic_exchange_explicit(&local->notified, NULL, memory_order_acquire);
  while (segment != NULL) {
    struct acre__segment *next = segment->notified; /* before it can be notified of again */
    struct acre__block *blocks = atomic_exchange_explicit(&segment->remote, NULL, memory_order_acq_rel);
    if (acre__kind_of(segment) == ACRE_KIND_HOME)
      collect_home(segment, blocks);
    else
      collect_slab(segment, blocks);
    segment = next;
  }
}

/* ------------------------------------------------------------- allocating */

static acre_result refill(acre_heap *heap, struct acre__local *local, unsigned size_class) {
  struct acre__bin *bin = &local->bins[size_class];
  if (++local->refills % TICK_EVERY == 0)
    acre__runs_tick(); /* a program that takes no segments has the old ones go, too */
  acre__local_collect(local);
  if (bin->free != NULL) return ACRE_OK;
  if (local->slabs[size_class] != NULL) {
    empty_slab(local->slabs[size_class]);
    return ACRE_OK;
  }
  if (!local->has_slabs && local->carved[size_class] < CARVED_MOST && carve(local, size_class, EARLY_UNITS))
    return ACRE_OK;
  acre_result result = new_slab(heap, local, size_class);
  if (result == ACRE_OK || carve(local, size_class, ACRE_UNITS) || take_aside(heap, local, size_class)) return ACRE_OK;
  return result;
}

/* In a checked heap the links are hidden. */
static void *pop_linked(const acre_heap *heap, struct acre__bin *bin, unsigned size_class) {
  struct acre__block *block = bin->free;
  if (block == NULL) return acre__bin_pop(bin, size_class);
  bin->free = acre__link_get(heap, block);
  bin->count--;
  return block;
}

void *acre__small_alloc(acre_heap *heap, unsigned size_class, acre_result *why) {
  struct acre__local *local;
  acre_result result = acre__local_claim(heap, &local);
  if (result == ACRE_OK) {
    struct acre__bin *bin = &local->bins[size_class];
    if (bin->free == NULL && bin->left == 0) result = refill(heap, local, size_class);
    if (result == ACRE_OK) return heap->checked ? pop_linked(heap, bin, size_class) : acre__bin_pop(bin, size_class);
  }
  *why = result;
  return NULL;
}

/* ------------------------------------------------------------- giving back */

/* Free blocks of a list go to the slabs that they come from; those of a home stay. */
static void flush_list(acre_heap *heap, struct acre__block *block) {
  while (block != NULL) {
    struct acre__block *next = acre__link_get(heap, block);
    struct acre__segment *segment = acre__segment_known(block);
    if (acre__kind_of(segment) == ACRE_KIND_SLAB)
      (void)acre__slab_free(segment, block);
    else
      acre__home_put(segment, block);
    block = next;
  }
}

static void flush_bin(acre_heap *heap, struct acre__local *local, unsigned size_class) {
  struct acre__bin *bin = &local->bins[size_class];
  struct acre__block *free = bin->free;
  bin->free = NULL;
  bin->count = 0;
  flush_list(heap, free);
}

/* A slab that was begun and has nothing but free blocks besides its untouched ones. */
static void drop_untouched(acre_heap *heap, struct acre__local *local, unsigned size_class) {
  struct acre__bin *bin = &local->bins[size_class];
  if (bin->left == 0) return;
  struct acre__segment *slab = acre__segment_known(bin->bump);
  if (acre__kind_of(slab) != ACRE_KIND_SLAB || slab->live != bin->left) return;
  if (slab->free != NULL) unlink_slab(slab);
  bin->bump = NULL;
  bin->left = 0;
  acre__heap_give(heap, slab);
}

void acre__local_compact(struct acre__local *local) {
  acre_heap *heap = local->heap;
  acre__local_collect(local);
  for (unsigned size_class = 0; size_class < ACRE_SMALL_CLASSES; size_class++) {
    flush_bin(heap, local, size_class);
    drop_untouched(heap, local, size_class);
    struct acre__segment *next;
    for (struct acre__segment *slab = local->slabs[size_class]; slab != NULL; slab = next) {
      next = slab->next;
      if (slab->live != 0) continue;
      unlink_slab(slab);
      acre__heap_give(heap, slab);
    }
  }
}
