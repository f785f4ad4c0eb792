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
  FIRST_STEP = 1 << 20,
  LARGE_PAGE = 2 << 20,
  LEAST_RANGE = 4 << 20,
  CACHE_LINE = 64
};

/* Every page of 32 TiB in a run of its own takes that much. Where address space is limited, it takes a small share. */
#define MOST_RANGE ((size_t)(UINTPTR_MAX > UINT32_MAX ? UINT64_C(16) << 30 : UINT64_C(64) << 20))
enum { RANGE_SHARE = 64 };

struct free_block {
  struct free_block *next;
};

char *acre__meta_base;
bool acre__meta_is_closed;

/*
 * A block of each class that was freed last, or NULL. Who takes it, or puts one there, does so in one step and needs
 * no lock: what is made and ended over and over, as views are, is spared four system calls each time.
 */
static _Atomic(void *) at_hand[CLASSES];

/* Lock: its own, with signals held back, so that no handler can interrupt whoever has it. */
static struct {
  struct acre__lock lock;
  struct free_block *free[CLASSES];
  char *bump, *committed_end, *range_end;
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

/* With the lock held: the next bytes of the range become a free block. */
static void free_from_bump(unsigned size_class) {
  struct free_block *block = (struct free_block *)(void *)meta.bump;
  meta.bump += bytes_of(size_class);
  block->next = meta.free[size_class];
  meta.free[size_class] = block;
}

static bool reserve_range(void) {
  size_t size = acre__min(MOST_RANGE, acre__align_down(acre__os_address_space_limit() / RANGE_SHARE, LARGE_PAGE));
  void *got = NULL;
  for (size = acre__max(size, LEAST_RANGE); size >= LEAST_RANGE; size /= 2)
    if (acre__os_reserve(NULL, size, ACRE_OS_ANYWHERE, &got) == ACRE_OK) break;
  if (got == NULL) return false;
  acre__meta_base = got;
  meta.range_end = acre__meta_base + size;
  meta.committed_end = acre__meta_base;
  meta.bump = acre__meta_base;
  return true;
}

/*
 * The first step is small. A program that fills it has tens of thousands of
 * regions, looked up at random: there large pages save a page walk a look-up.
 * Each step is as large as all before it, up to a large page's boundary.
 */
static bool commit_step(void) {
  size_t done = (size_t)(meta.committed_end - acre__meta_base), left = (size_t)(meta.range_end - meta.committed_end);
  size_t step = FIRST_STEP;
  if (done != 0) {
    uintptr_t end = acre__align_up((uintptr_t)meta.committed_end + done, LARGE_PAGE);
    step = end - (uintptr_t)meta.committed_end;
  }
  step = acre__min(step, left);
  if (step == 0 || acre__os_commit(meta.committed_end, step, ACRE_VM_READ_WRITE) != ACRE_OK) return false;
  if (done != 0) (void)acre__os_advise_large(meta.committed_end, step);
  meta.committed_end += step;
  return true;
}

/* With the lock held. The block's content is undefined. */
static void *take(unsigned size_class) {
  struct free_block *block = meta.free[size_class];
  if (block != NULL) {
    meta.free[size_class] = block->next;
    return block;
  }
  if (acre__meta_is_closed) return NULL;
  if (acre__meta_base == NULL && !reserve_range()) return NULL;
  if (meta.committed_end - meta.bump < (ptrdiff_t)(bytes_of(size_class) + CACHE_LINE) && !commit_step()) return NULL;
  /* No block lies across more cache lines than it must; and the first bytes are nobody's, as 0 is no handle. */
  if (meta.bump == acre__meta_base) meta.bump += CACHE_LINE;
  char *aligned = (char *)acre__align_up((uintptr_t)meta.bump, acre__min(bytes_of(size_class), CACHE_LINE));
  while (meta.bump < aligned) free_from_bump(0);
  void *fresh = meta.bump;
  meta.bump += bytes_of(size_class);
  return fresh;
}

static void *take_with_lock(unsigned size_class) {
  uint64_t signals = acre__signals_block();
  acre__lock(&meta.lock);
  void *block = take(size_class);
  acre__unlock(&meta.lock);
  acre__signals_restore(signals);
  return block;
}

static void put_with_lock(unsigned size_class, void *freed) {
  struct free_block *block = freed;
  uint64_t signals = acre__signals_block();
  acre__lock(&meta.lock);
  block->next = meta.free[size_class];
  meta.free[size_class] = block;
  acre__unlock(&meta.lock);
  acre__signals_restore(signals);
}

void *acre__meta_alloc(size_t size) {
  ACRE_ASSERT(size != 0 && size <= ACRE_META_LARGEST);
  unsigned size_class = class_of(size);
  void *block = NULL;
  if (atomic_load_explicit(&at_hand[size_class], memory_order_relaxed) != NULL)
    block = atomic_exchange_explicit(&at_hand[size_class], NULL, memory_order_acquire);
  if (block == NULL) block = take_with_lock(size_class);
  if (block == NULL) return NULL;
  atomic_fetch_add_explicit(&meta.bytes, bytes_of(size_class), memory_order_relaxed);
  return memset(block, 0, bytes_of(size_class));
}

void acre__meta_free(void *freed, size_t size) {
  if (freed == NULL) return;
  unsigned size_class = class_of(size);
  atomic_fetch_sub_explicit(&meta.bytes, bytes_of(size_class), memory_order_relaxed);
  void *none = NULL;
  if (!atomic_compare_exchange_strong_explicit(&at_hand[size_class], &none, freed, memory_order_release,
                                               memory_order_relaxed))
    put_with_lock(size_class, freed);
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
