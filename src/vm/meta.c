/* SPDX-License-Identifier: MIT */
#include "vm/meta.h"

#include <stdint.h>
#include <string.h>

#include "base/lock.h"
#include "base/math.h"
#include "os/os.h"

enum {
  SMALLEST_SHIFT = 4,
  CLASSES = 9, /* 16 bytes to 4 KiB */
  SLAB = 1 << 20,
  LARGE_PAGE = 2 << 20,
  CACHE_LINE = 64
};

struct free_block {
  struct free_block *next;
};

/* Lock: its own, with signals held back, so that no handler can interrupt whoever has it. */
static struct {
  struct acre__lock lock;
  struct free_block *free[CLASSES];
  char *bump, *slab_end;
  size_t slab_bytes; /* of all slabs */
  _Atomic size_t bytes;
} meta;

static unsigned class_of(size_t size) {
  unsigned size_class = 0;
  while (((size_t)1 << (SMALLEST_SHIFT + size_class)) < size) size_class++;
  return size_class;
}

static size_t bytes_of(unsigned size_class) {
  return (size_t)1 << (SMALLEST_SHIFT + size_class);
}

/* With the lock held: the next bytes of the slab become a free block. */
static void free_from_bump(unsigned size_class) {
  struct free_block *block = (struct free_block *)(void *)meta.bump;
  meta.bump += bytes_of(size_class);
  block->next = meta.free[size_class];
  meta.free[size_class] = block;
}

/*
 * The first slab is small. A program that fills it has tens of thousands of
 * regions, looked up at random: there large pages save a page walk a look-up.
 * Each slab is as large as all before it, so that their mappings stay few.
 */
static bool map_slab(char **start, char **end) {
  size_t size = meta.slab_bytes == 0 ? SLAB : acre__max(meta.slab_bytes, LARGE_PAGE);
  size_t room = size == SLAB ? SLAB : size + LARGE_PAGE;
  void *got;
  if (acre__os_reserve(NULL, room, ACRE_OS_ANYWHERE, &got) != ACRE_OK) return false;
  *start = got;
  if (room > size) {
    char *room_end = *start + room;
    *start = (char *)acre__align_up((uintptr_t)got, LARGE_PAGE);
    if (*start > (char *)got) (void)acre__os_release(got, (size_t)(*start - (char *)got));
    if (room_end > *start + size) (void)acre__os_release(*start + size, (size_t)(room_end - *start) - size);
  }
  if (acre__os_commit(*start, size, ACRE_VM_READ_WRITE) != ACRE_OK) {
    (void)acre__os_release(*start, size);
    return false;
  }
  if (room > size) acre__os_advise_large(*start, size);
  meta.slab_bytes += acre__max(size, LARGE_PAGE);
  *end = *start + size;
  return true;
}

static bool new_slab(void) {
  char *start, *end;
  if (!map_slab(&start, &end)) return false;
  /* The rest of the old slab is cut into the largest blocks that fit, so nothing is lost. */
  while (meta.bump != NULL && meta.slab_end - meta.bump >= (ptrdiff_t)bytes_of(0)) {
    unsigned size_class = CLASSES - 1;
    while ((ptrdiff_t)bytes_of(size_class) > meta.slab_end - meta.bump) size_class--;
    free_from_bump(size_class);
  }
  meta.bump = start;
  meta.slab_end = end;
  return true;
}

/* With the lock held. The block's content is undefined. */
static void *take(unsigned size_class) {
  struct free_block *block = meta.free[size_class];
  if (block != NULL) {
    meta.free[size_class] = block->next;
    return block;
  }
  /* No block lies across more cache lines than it must. */
  char *aligned = (char *)acre__align_up((uintptr_t)meta.bump, acre__min(bytes_of(size_class), CACHE_LINE));
  while (meta.bump < aligned && meta.bump < meta.slab_end) free_from_bump(0);
  if (meta.slab_end - meta.bump < (ptrdiff_t)bytes_of(size_class) && !new_slab()) return NULL;
  void *fresh = meta.bump;
  meta.bump += bytes_of(size_class);
  return fresh;
}

void *acre__meta_alloc(size_t size) {
  ACRE_ASSERT(size != 0 && size <= ACRE_META_LARGEST);
  unsigned size_class = class_of(size);
  uint64_t signals = acre__signals_block();
  acre__lock(&meta.lock);
  void *block = take(size_class);
  acre__unlock(&meta.lock);
  acre__signals_restore(signals);
  if (block == NULL) return NULL;
  atomic_fetch_add_explicit(&meta.bytes, bytes_of(size_class), memory_order_relaxed);
  return memset(block, 0, bytes_of(size_class));
}

void acre__meta_free(void *freed, size_t size) {
  if (freed == NULL) return;
  unsigned size_class = class_of(size);
  struct free_block *block = freed;
  atomic_fetch_sub_explicit(&meta.bytes, bytes_of(size_class), memory_order_relaxed);
  uint64_t signals = acre__signals_block();
  acre__lock(&meta.lock);
  block->next = meta.free[size_class];
  meta.free[size_class] = block;
  acre__unlock(&meta.lock);
  acre__signals_restore(signals);
}

size_t acre__meta_bytes(void) {
  return atomic_load_explicit(&meta.bytes, memory_order_relaxed);
}

void acre__meta_fork_before(void) {
  acre__lock(&meta.lock);
}

void acre__meta_fork_in_parent(void) {
  acre__unlock(&meta.lock);
}

void acre__meta_fork_in_child(void) {
  acre__lock_reset(&meta.lock);
}
