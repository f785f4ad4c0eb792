/* SPDX-License-Identifier: MIT */
#include "vm/place.h"

#include "base/math.h"
#include "vm/root.h"

static acre_result reserve(uintptr_t wish, size_t size, enum acre__os_place place, uintptr_t *base) {
  void *got = NULL;
  acre_result result = acre__os_reserve((void *)wish, size, place, &got);
  *base = (uintptr_t)got;
  return result;
}

/* Reserves with room to spare and gives back what is not wanted: the lower part, as much as alignment allows. */
static acre_result reserve_and_trim(size_t size, size_t alignment, uintptr_t *base) {
  size_t room;
  if (!acre__checked_add(size, alignment - acre__root.system.page_size, &room)) return ACRE_E_NO_ADDRESS_SPACE;
  uintptr_t start;
  acre_result result = reserve(0, room, ACRE_OS_ANYWHERE, &start);
  if (result != ACRE_OK) return result;

  uintptr_t end = start + room;
  *base = acre__align_down(end - size, alignment);
  if (*base > start) result = acre__os_release((void *)start, *base - start);
  if (result == ACRE_OK) start = *base;
  if (result == ACRE_OK && *base + size < end) result = acre__os_release((void *)(*base + size), end - (*base + size));
  if (result != ACRE_OK) (void)acre__os_release((void *)start, end - start);
  return result;
}

acre_result acre__place_anywhere(size_t size, size_t alignment, uintptr_t *base) {
  struct acre__root *root = &acre__root;
  uintptr_t top = atomic_load_explicit(&root->place, memory_order_relaxed);
  acre_result result;
  if (top > size && top - size >= root->system.lowest_address) {
    uintptr_t wish = acre__align_down(top - size, alignment);
    if (wish >= root->system.lowest_address) {
      result = reserve(wish, size, ACRE_OS_ANYWHERE, base);
      if (result != ACRE_OK) return result;
      if (acre__is_aligned(*base, alignment)) goto placed;
      result = acre__os_release((void *)*base, size);
      if (result != ACRE_OK) return result;
    }
  }
  result = reserve_and_trim(size, alignment, base);
  if (result != ACRE_OK) return result;
placed:
  atomic_store_explicit(&root->place, *base, memory_order_relaxed);
  return ACRE_OK;
}

/*
 * The kernel itself takes the highest gap. Where that is not aligned, the
 * aligned place just below it is tried, which is free unless the gap ends there.
 */
acre_result acre__place_top_down(size_t size, size_t alignment, uintptr_t *base) {
  acre_result result = reserve(0, size, ACRE_OS_ANYWHERE, base);
  if (result != ACRE_OK || acre__is_aligned(*base, alignment)) return result;
  uintptr_t below = acre__align_down(*base, alignment);
  result = acre__os_release((void *)*base, size);
  if (result != ACRE_OK) return result;
  result = reserve(below, size, ACRE_OS_EXACTLY, base);
  return result == ACRE_OK ? ACRE_OK : reserve_and_trim(size, alignment, base);
}

acre_result acre__place_at(uintptr_t base, size_t size) {
  uintptr_t got;
  return reserve(base, size, ACRE_OS_EXACTLY, &got);
}

void acre__place_freed(uintptr_t base, size_t size) {
  uintptr_t expected = base;
  (void)atomic_compare_exchange_strong_explicit(&acre__root.place, &expected, base + size, memory_order_relaxed,
                                                memory_order_relaxed);
}
