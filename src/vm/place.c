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

/* The aligned room below the last place; 0: there is none. */
static uintptr_t next_place(size_t size, size_t alignment) {
  uintptr_t top = atomic_load_explicit(&acre__root.place, memory_order_relaxed);
  uintptr_t lowest = acre__root.system.granularity; /* the kernel passes over a wish that it does not like */
  if (top <= size || top - size < lowest) return 0;
  uintptr_t wish = acre__align_down(top - size, alignment);
  return wish >= lowest ? wish : 0;
}

/* What the kernel has made of a wish is kept if it is aligned, else given back: *placed tells. */
static acre_result keep_if_aligned(uintptr_t base, size_t size, size_t alignment, bool *placed) {
  *placed = acre__is_aligned(base, alignment);
  if (!*placed) return acre__os_release((void *)base, size);
  atomic_store_explicit(&acre__root.place, base, memory_order_relaxed);
  return ACRE_OK;
}

acre_result acre__place_anywhere(size_t size, size_t alignment, uintptr_t *base) {
  uintptr_t wish = next_place(size, alignment);
  bool placed = false;
  acre_result result = ACRE_OK;
  if (wish != 0) result = reserve(wish, size, ACRE_OS_ANYWHERE, base);
  if (wish != 0 && result == ACRE_OK) result = keep_if_aligned(*base, size, alignment, &placed);
  if (placed || result != ACRE_OK) return result;
  result = reserve_and_trim(size, alignment, base);
  if (result == ACRE_OK) atomic_store_explicit(&acre__root.place, *base, memory_order_relaxed);
  return result;
}

/* What cannot be had in one step is tried in two, whose results tell more. */
acre_result acre__place_committed(size_t size, size_t alignment, acre_vm_protection protection, uintptr_t *base) {
  uintptr_t wish = next_place(size, alignment);
  void *got = NULL;
  bool placed = false;
  if (wish != 0 && acre__os_reserve_committed((void *)wish, size, protection, &got) == ACRE_OK) {
    *base = (uintptr_t)got;
    acre_result result = keep_if_aligned(*base, size, alignment, &placed);
    if (placed || result != ACRE_OK) return result;
  }
  acre_result result = acre__place_anywhere(size, alignment, base);
  if (result != ACRE_OK) return result;
  result = acre__os_commit((void *)*base, size, protection);
  if (result != ACRE_OK) (void)acre__os_release((void *)*base, size);
  return result;
}

acre_result acre__place_file(size_t size, size_t alignment, const struct acre__os_part *part, uintptr_t *base) {
  uintptr_t wish = next_place(size, alignment);
  if (wish != 0) {
    void *got = NULL;
    bool placed = false;
    acre_result result = acre__os_map_file_anywhere((void *)wish, size, part, &got);
    *base = (uintptr_t)got;
    if (result == ACRE_OK) result = keep_if_aligned(*base, size, alignment, &placed);
    if (placed || result != ACRE_OK) return result;
  }
  acre_result result = acre__place_anywhere(size, alignment, base);
  if (result != ACRE_OK) return result;
  result = acre__os_map_file((void *)*base, size, part);
  if (result != ACRE_OK) (void)acre__os_release((void *)*base, size);
  return result;
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
