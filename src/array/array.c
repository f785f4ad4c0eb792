/* SPDX-License-Identifier: MIT */
/*
 * The dynamic array: one reservation, committed from its start as it fills.
 *
 *   data       count * element_size     committed        limit
 *    [ elements        |   room             |  reserved .....)
 *                                           ^ frontier: one commit moves it
 *
 * Invariants of the explicit mode
 *   `committed` ends at a page's end and all of [data, data + committed) is
 *   committed; nothing else is. Only attached data may begin inside a page.
 *   capacity = committed / element_size, at most maximum.
 *   Bytes above `committed` read zero once they are committed; bytes between the
 *   last element and `committed` may be anything.
 * On touch, the region's own fault hook commits; `committed` stays 0 and
 * capacity is the maximum.
 *
 * A step is populated as it is committed, by one system call, as it is about to
 * be filled: a fault per page would cost more than all the rest. Room that the
 * program asked for itself (reserve, resize) is not: it may never be used.
 *
 * Steps grow with the array, so that their number grows with its logarithm,
 * and stay a small share of it. From 2 MiB on they are whole large pages, which
 * the kernel gives at less than half the cost of small ones.
 *
 * No lock: an array belongs to its callers. No copy, ever: nothing moves.
 */
#include <acre/array.h>
#include <acre/vm.h>
#include <string.h>

#include "base/math.h"
#include "vm/large.h"
#include "vm/region.h"
#include "vm/root.h"

enum {
  STEP_SHARE = 40, /* a step is this part of what is committed: 2.5 % */
  STEP_LEAST = 64 << 10,
  STEP_MOST = 4 << 20, /* what it saves is less than what the processor's cache loses beyond that */
  TOUCH_STEP = 64 << 10,
  LARGE = 2 << 20
};

static size_t page_size(void) {
  return acre__root_get()->system.page_size;
}

/* So many bytes of the array, and what follows up to the end of their last page. */
static size_t to_page_end(const acre_array *array, size_t bytes) {
  size_t page = page_size(), lead = (uintptr_t)array->data & (page - 1);
  return acre__align_up(lead + bytes, page) - lead;
}

/* Bytes of the whole reservation. */
static size_t limit_of(const acre_array *array) {
  return to_page_end(array, array->maximum * array->element_size);
}

static char *byte_at(const acre_array *array, size_t offset) {
  return (char *)array->data + offset;
}

static bool is_on_touch(const acre_array *array) {
  return array->mode == ACRE_ARRAY_ON_TOUCH;
}

/* Sets `committed` and what follows from it. */
static void set_committed(acre_array *array, size_t committed) {
  array->committed = committed;
  array->capacity = acre__min(committed / array->element_size, array->maximum);
}

acre_result acre_array_create(acre_array *array, size_t maximum, size_t element_size,
                              const acre_array_options *options) {
  static const acre_array_options defaults = {0};
  if (array == NULL) return ACRE_E_INVALID_ARGUMENT;
  memset(array, 0, sizeof *array);
  if (options == NULL) options = &defaults;
  if (options->mode != ACRE_ARRAY_EXPLICIT && options->mode != ACRE_ARRAY_ON_TOUCH) return ACRE_E_INVALID_ARGUMENT;

  size_t bytes;
  if (maximum == 0 || element_size == 0) return ACRE_E_INVALID_SIZE;
  if (!acre__checked_multiply(maximum, element_size, &bytes)) return ACRE_E_INVALID_SIZE;
  if (!acre__checked_align_up(bytes, page_size(), &bytes)) return ACRE_E_INVALID_SIZE;

  bool on_touch = options->mode == ACRE_ARRAY_ON_TOUCH;
  size_t step = acre__min(options->growth_step, bytes);
  acre_vm_options reserve = {.backing = options->backing};
  if (on_touch) reserve.touch_step = step != 0 ? step : TOUCH_STEP;
  if (!on_touch && bytes / STEP_SHARE >= LARGE) reserve.alignment = LARGE;
  void *data;
  acre_result result = acre_vm_reserve(bytes, &reserve, &data);
  if (result != ACRE_OK) return result;

  *array = (acre_array){.data = data,
                        .capacity = on_touch ? maximum : 0,
                        .maximum = maximum,
                        .element_size = element_size,
                        .growth_step = acre__align_up(step, page_size()),
                        .mode = options->mode};
  return ACRE_OK;
}

/* The bytes from data on that are committed, up to the first page that is not; at most `most`. */
static acre_result find_committed(const char *data, size_t most, size_t *out) {
  size_t found = 0;
  while (found < most) {
    acre_vm_info info;
    acre_result result = acre_vm_query(data + found, &info);
    if (result != ACRE_OK) return result;
    if (info.state != ACRE_VM_COMMITTED) break;
    found = (size_t)((char *)info.base + info.size - data);
  }
  *out = acre__min(found, most);
  return ACRE_OK;
}

/* Whether one region has the bytes. */
static acre_result check_region(const char *data, size_t bytes) {
  struct acre__region *region = acre__region_lock((uintptr_t)data);
  if (region == NULL) return ACRE_E_NOT_A_REGION;
  size_t rest = acre__region_size(region) - ((uintptr_t)data - acre__region_base(region));
  acre__region_unlock(region);
  return bytes <= rest ? ACRE_OK : ACRE_E_SPANS_REGIONS;
}

acre_result acre_array_attach(acre_array *array, void *data, size_t count, size_t maximum, size_t element_size,
                              const acre_array_options *options) {
  static const acre_array_options defaults = {0};
  if (array == NULL) return ACRE_E_INVALID_ARGUMENT;
  memset(array, 0, sizeof *array);
  if (options == NULL) options = &defaults;
  if (data == NULL || options->mode != ACRE_ARRAY_EXPLICIT) return ACRE_E_INVALID_ARGUMENT;
  size_t bytes, committed;
  if (maximum == 0 || element_size == 0) return ACRE_E_INVALID_SIZE;
  if (!acre__checked_multiply(maximum, element_size, &bytes)) return ACRE_E_INVALID_SIZE;
  if (count > maximum) return ACRE_E_FULL;
  acre_result result = check_region(data, bytes);
  if (result != ACRE_OK) return result;

  acre_array made = {.data = data,
                     .count = count,
                     .maximum = maximum,
                     .element_size = element_size,
                     .growth_step = acre__align_up(acre__min(options->growth_step, bytes), page_size()),
                     .attached = true};
  result = find_committed(data, limit_of(&made), &committed);
  if (result != ACRE_OK) return result;
  if (committed < count * element_size) return ACRE_E_NOT_COMMITTED;
  /* A view may end inside its last page: what is stored behind that end would not be in the file. */
  if (committed != 0) result = acre_vm_commit(data, committed, ACRE_VM_DEFAULT);
  if (result != ACRE_OK) return result;
  *array = made;
  set_committed(array, committed);
  return ACRE_OK;
}

void acre_array_destroy(acre_array *array) {
  if (array == NULL) return;
  if (array->data != NULL && !array->attached && acre_vm_release(array->data) != ACRE_OK) {
    /* The kernel lacks a mapping to free the addresses with; the memory at least goes back. */
    (void)acre_vm_decommit(array->data, limit_of(array));
  }
  memset(array, 0, sizeof *array);
}

/* Where the next step of an explicit array ends; above `committed` unless everything is committed. */
static size_t next_step_end(const acre_array *array) {
  size_t step = array->growth_step;
  if (step == 0) {
    step = acre__max(STEP_LEAST, acre__min(array->committed / STEP_SHARE, STEP_MOST));
    step = acre__align_up(step, page_size());
  }
  size_t limit = limit_of(array);
  if (step >= limit - array->committed) return limit;
  size_t end = to_page_end(array, array->committed + step);
  /* Ends on a large page's boundary, at or below the step's own end. */
  return array->growth_step == 0 && step >= LARGE && !array->attached ? acre__align_down(end, LARGE) : end;
}

/* Moves the frontier up to `end`, a page's end. On failure it stays where it was. */
static acre_result commit_up_to(acre_array *array, size_t end, bool populate) {
  char *from = byte_at(array, array->committed);
  size_t size = end - array->committed;
  acre_result result = acre_vm_commit(from, size, ACRE_VM_DEFAULT);
  if (result != ACRE_OK) return result;
  if (size >= LARGE && !array->attached) acre__vm_advise_large(from, size);
  if (populate) {
    result = acre_vm_populate(from, size);
    if (result != ACRE_OK) {
      (void)acre_vm_decommit(from, size);
      return result;
    }
  }
  set_committed(array, end);
  return ACRE_OK;
}

/* Makes room for `count` elements in all by steps; where a step does not fit, by just what is needed. */
static acre_result make_room(acre_array *array, size_t count, bool populate) {
  if (count > array->maximum) return ACRE_E_FULL;
  if (count <= array->capacity) return ACRE_OK;
  size_t need = to_page_end(array, count * array->element_size);
  size_t end = acre__max(need, next_step_end(array));
  acre_result result = commit_up_to(array, end, populate);
  if (result != ACRE_OK && end > need) result = commit_up_to(array, need, populate);
  return result;
}

acre_result acre_array_grow(acre_array *array) {
  if (array == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (array->capacity == array->maximum) return ACRE_E_FULL;
  return make_room(array, array->capacity + 1, true);
}

acre_result acre_array_reserve(acre_array *array, size_t count) {
  if (array == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (count > array->maximum) return ACRE_E_FULL;
  if (count == 0) return ACRE_OK;
  if (is_on_touch(array)) return acre_vm_commit(array->data, count * array->element_size, ACRE_VM_DEFAULT);
  if (count <= array->capacity) return ACRE_OK;
  return commit_up_to(array, to_page_end(array, count * array->element_size), false);
}

/* Zeroes bytes that lie in one page, unless that page was never touched: it reads zero already. */
static void zero_in_page(char *from, char *to) {
  acre_vm_info info;
  if (from < to && acre_vm_query(from, &info) == ACRE_OK && info.state == ACRE_VM_COMMITTED)
    memset(from, 0, (size_t)(to - from));
}

/* Zeroes bytes of an on-touch array without touching what was not: whole pages lose their memory. */
static acre_result zero_touched(acre_array *array, size_t from, size_t to) {
  size_t page = page_size();
  size_t first_whole = acre__align_up(from, page);
  size_t last_whole = acre__align_down(to, page);
  if (first_whole < last_whole) {
    acre_result result = acre_vm_decommit(byte_at(array, first_whole), last_whole - first_whole);
    if (result != ACRE_OK) return result;
  }
  zero_in_page(byte_at(array, from), byte_at(array, acre__min(first_whole, to)));
  if (first_whole <= last_whole) zero_in_page(byte_at(array, last_whole), byte_at(array, to));
  return ACRE_OK;
}

acre_result acre_array_resize(acre_array *array, size_t count) {
  if (array == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (count > array->maximum) return ACRE_E_FULL;
  if (count > array->count) {
    size_t from = array->count * array->element_size, to = count * array->element_size;
    if (is_on_touch(array)) {
      acre_result result = zero_touched(array, from, to);
      if (result != ACRE_OK) return result;
    } else {
      /* What is committed here already may have been used; the last bytes of it by part of an element. */
      size_t used = array->committed;
      acre_result result = make_room(array, count, false);
      if (result != ACRE_OK) return result;
      if (from < used) memset(byte_at(array, from), 0, acre__min(used, to) - from);
    }
  }
  array->count = count;
  return ACRE_OK;
}

acre_result acre_array_append(acre_array *array, const void *elements, size_t count) {
  if (array == NULL || (elements == NULL && count != 0)) return ACRE_E_INVALID_ARGUMENT;
  if (count == 0) return ACRE_OK;
  if (count > array->maximum - array->count) return ACRE_E_FULL;
  char *to = byte_at(array, array->count * array->element_size);
  size_t bytes = count * array->element_size;
  acre_result result = is_on_touch(array) ? acre_vm_commit(to, bytes, ACRE_VM_DEFAULT)
                                          : make_room(array, array->count + count, true);
  if (result != ACRE_OK) return result;
  memcpy(to, elements, bytes);
  array->count += count;
  return ACRE_OK;
}

acre_result acre_array_shrink(acre_array *array) {
  if (array == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (array->data == NULL) return ACRE_OK;
  size_t keep = to_page_end(array, array->count * array->element_size);
  size_t end = is_on_touch(array) ? limit_of(array) : array->committed;
  if (keep >= end) return ACRE_OK;
  acre_result result = acre_vm_decommit(byte_at(array, keep), end - keep);
  if (result == ACRE_OK && !is_on_touch(array)) set_committed(array, keep);
  return result;
}
