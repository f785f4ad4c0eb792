/* SPDX-License-Identifier: MIT */
#include "check/pool.h"

#include <acre/vm.h>

#include "base/math.h"

enum { STEP = 256 << 10, LEAST = 16 << 20 };

bool acre__pool_make(struct acre__pool *pool, size_t size) {
  void *base;
  acre_result result;
  while ((result = acre_vm_reserve(size, NULL, &base)) != ACRE_OK && size / 2 >= LEAST) size /= 2;
  if (result != ACRE_OK) return false;
  pool->base = base;
  pool->size = size;
  return true;
}

void *acre__pool_take(struct acre__pool *pool, size_t size) {
  void *taken = NULL;
  size = acre__align_up(size, 8);
  acre__lock(&pool->lock);
  size_t used = atomic_load_explicit(&pool->used, memory_order_relaxed);
  bool fits = size <= pool->size - used;
  if (fits && used + size > pool->committed) {
    size_t wanted = acre__min(acre__align_up(used + size, STEP), pool->size);
    fits = acre_vm_commit(pool->base + pool->committed, wanted - pool->committed, ACRE_VM_DEFAULT) == ACRE_OK;
    if (fits) pool->committed = wanted;
  }
  if (fits) {
    taken = pool->base + used;
    atomic_store_explicit(&pool->used, used + size, memory_order_relaxed);
  }
  acre__unlock(&pool->lock);
  return taken;
}
