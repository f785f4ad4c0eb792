/* SPDX-License-Identifier: MIT */
#include "heap/slab.h"

#include <string.h>

#include "heap/arena.h"

enum { CARVED_MOST = 4096 / ACRE_UNIT /* units of a home for one class, before it gets a slab */, FURTHER = 128 };

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
  slab->kind = ACRE_KIND_SLAB;
  slab->size_class = (uint8_t)size_class;
  slab->capacity = (uint16_t)capacity;
  slab->magic = UINT32_MAX / size + 1;
  slab->live = capacity;
  slab->local = local;
  slab->bin = bin;
  slab->free = NULL;
  slab->fresh = false;
  atomic_store_explicit(&slab->remote, NULL, memory_order_relaxed);
  atomic_store_explicit(&slab->owner, local->number, memory_order_relaxed);
  bin->bump = slab->start + (ACRE_SEGMENT - capacity * size);
  bin->left = capacity;
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
  if (slab->kind != ACRE_KIND_SLAB || slab->live != 0 || is_alone(slab)) return;
  unlink_slab(slab);
  acre__heap_give(heap, slab);
}

/* All free blocks of a slab go to the bin, which has none. */
static void empty_slab(struct acre__segment *slab) {
  struct acre__bin *bin = slab->bin;
  bin->free = slab->free;
  bin->room -= (int32_t)(slab->capacity - slab->live);
  slab->live = slab->capacity;
  slab->free = NULL;
  unlink_slab(slab);
}

/* ------------------------------------------------------------- homes */

/* Units of a piece: as few as leave no more than an eighth of it behind the last block, if 8 can. */
static unsigned piece_units(size_t size) {
  unsigned least = (unsigned)((size + ACRE_UNIT - 1) / ACRE_UNIT);
  for (unsigned units = least; units <= CARVED_MOST; units++)
    if (units * ACRE_UNIT % size <= units * ACRE_UNIT / 8) return units;
  return least;
}

/* False: there are not enough units left. */
static bool carve(struct acre__local *local, unsigned size_class) {
  size_t size = acre__class_size(size_class), alignment = acre__max(acre__class_alignment(size_class), ACRE_UNIT);
  unsigned units = piece_units(size);
  unsigned first = (unsigned)(acre__align_up(local->unit * (size_t)ACRE_UNIT, alignment) / ACRE_UNIT);
  if (first + units > ACRE_UNITS) return false;
  local->units[first] = (uint8_t)(size_class + 1);
  for (unsigned i = 1; i < units; i++) local->units[first + i] = (uint8_t)(FURTHER + i);
  local->unit = (uint16_t)(first + units);
  local->carved[size_class] = (uint8_t)(local->carved[size_class] + units);
  struct acre__bin *bin = &local->bins[size_class];
  bin->bump = local->home->start + first * (size_t)ACRE_UNIT;
  bin->left = (uint32_t)(units * ACRE_UNIT / size);
  return true;
}

uint32_t acre__home_blocks(const struct acre__local *local, unsigned size_class) {
  size_t size = acre__class_size(size_class);
  unsigned units = piece_units(size);
  return (uint32_t)(local->carved[size_class] / units * (units * ACRE_UNIT / size));
}

unsigned acre__home_class(const struct acre__segment *home, uintptr_t address) {
  const uint8_t *units = home->local->units;
  size_t offset = address - (uintptr_t)home->start, unit = offset / ACRE_UNIT;
  if (units[unit] >= FURTHER) unit -= units[unit] - (size_t)FURTHER;
  if (units[unit] == 0) return ACRE_ALL_CLASSES;
  unsigned size_class = units[unit] - 1U;
  size_t size = acre__class_size(size_class), in_piece = offset - unit * ACRE_UNIT;
  size_t blocks = piece_units(size) * (size_t)ACRE_UNIT / size;
  return in_piece % size == 0 && in_piece / size < blocks ? size_class : ACRE_ALL_CLASSES;
}

void acre__home_free(struct acre__segment *home, struct acre__block *block, unsigned size_class) {
  struct acre__bin *bin = &home->local->bins[size_class];
  acre__link_set(home->heap, block, bin->free);
  bin->free = block;
  bin->room--;
}

/* ------------------------------------------------------------- other threads' frees */

void acre__remote_free(struct acre__segment *segment, struct acre__block *block) {
  const acre_heap *heap = segment->heap;
  struct acre__block *first = atomic_load_explicit(&segment->remote, memory_order_relaxed);
  do acre__link_set(heap, block, first);
  while (!atomic_compare_exchange_weak_explicit(&segment->remote, &first, block, memory_order_release,
                                                memory_order_relaxed));
  if (first != NULL) return;
  struct acre__local *local = segment->local;
  struct acre__segment *notified = atomic_load_explicit(&local->notified, memory_order_relaxed);
  do segment->notified = notified;
  while (!atomic_compare_exchange_weak_explicit(&local->notified, &notified, segment, memory_order_release,
                                                memory_order_relaxed));
}

static void collect_home(struct acre__segment *home, struct acre__block *block) {
  while (block != NULL) {
    struct acre__block *next = acre__link_get(home->heap, block);
    acre__home_free(home, block, acre__home_class(home, (uintptr_t)block));
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
    struct acre__block *blocks = atomic_exchange_explicit(&segment->remote, NULL, memory_order_acquire);
    if (segment->kind == ACRE_KIND_HOME)
      collect_home(segment, blocks);
    else
      collect_slab(segment, blocks);
    segment = next;
  }
}

/* ------------------------------------------------------------- allocating */

static acre_result refill(acre_heap *heap, struct acre__local *local, unsigned size_class) {
  struct acre__bin *bin = &local->bins[size_class];
  acre__local_collect(local);
  if (bin->free != NULL) return ACRE_OK;
  if (local->slabs[size_class] != NULL) {
    empty_slab(local->slabs[size_class]);
    return ACRE_OK;
  }
  if (local->carved[size_class] < CARVED_MOST && carve(local, size_class)) return ACRE_OK;
  acre_result result = new_slab(heap, local, size_class);
  return result != ACRE_OK && carve(local, size_class) ? ACRE_OK : result;
}

void *acre__small_alloc(acre_heap *heap, unsigned size_class, acre_result *why) {
  struct acre__local *local;
  acre_result result = acre__local_claim(heap, &local);
  if (result == ACRE_OK) {
    struct acre__bin *bin = &local->bins[size_class];
    if (bin->free == NULL && bin->left == 0) result = refill(heap, local, size_class);
    if (result == ACRE_OK) {
      struct acre__block *block = bin->free;
      if (block == NULL) return acre__bin_pop(bin, size_class);
      bin->free = acre__link_get(heap, block);
      bin->room++;
      return block;
    }
  }
  *why = result;
  return NULL;
}

/* ------------------------------------------------------------- giving back */

/* Free blocks of the bins go to where they come from, and untouched ones of slabs too. */
static void flush_bin(acre_heap *heap, struct acre__local *local, unsigned size_class) {
  struct acre__bin *bin = &local->bins[size_class];
  struct acre__block *kept = NULL, *block = bin->free;
  bin->free = NULL;
  bin->room = acre__bin_room(size_class);
  while (block != NULL) {
    struct acre__block *next = acre__link_get(heap, block);
    struct acre__segment *segment = acre__segment_known(block);
    if (segment->kind == ACRE_KIND_SLAB) {
      (void)acre__slab_free(segment, block);
    } else {
      acre__link_set(heap, block, kept);
      kept = block;
      bin->room--;
    }
    block = next;
  }
  bin->free = kept;
}

/* A slab that was begun and has nothing but free blocks besides its untouched ones. */
static void drop_untouched(acre_heap *heap, struct acre__local *local, unsigned size_class) {
  struct acre__bin *bin = &local->bins[size_class];
  if (bin->left == 0) return;
  struct acre__segment *slab = acre__segment_known(bin->bump);
  if (slab->kind != ACRE_KIND_SLAB || slab->live != bin->left) return;
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
