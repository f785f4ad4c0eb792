/* SPDX-License-Identifier: MIT */
/*
 * Sorting without a library: numbers by an in-place radix sort, the highest byte first
 * ("American flag sort"), with insertion sort for small pieces; items by heap sort. Not qsort(3):
 * glibc's copies the whole array to the heap, so that nothing would be sorted
 * in place, and musl's takes half a minute for 512 MiB.
 */
#include "sort_kernel.h"

#include <stdbool.h>
#include <string.h>

enum { SMALL = 48 };

/* ------------------------------------------------------------- numbers */

static uint64_t get(const unsigned char *numbers, size_t place, size_t width) {
  uint64_t number = 0;
  memcpy(&number, numbers + place * width, width);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  number >>= 64 - 8 * width;
#endif
  return number;
}

static void put(unsigned char *numbers, size_t place, size_t width, uint64_t number) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  number <<= 64 - 8 * width;
#endif
  memcpy(numbers + place * width, &number, width);
}

static inline void sort_small(unsigned char *numbers, size_t count, size_t width) {
  for (size_t i = 1; i < count; i++) {
    uint64_t number = get(numbers, i, width);
    size_t j = i;
    for (; j > 0 && get(numbers, j - 1, width) > number; j--) put(numbers, j, width, get(numbers, j - 1, width));
    put(numbers, j, width, number);
  }
}

/* Sorts numbers that differ in bits below shift + 8 alone. At most 8 levels deep. */
static inline void sort_by_byte(unsigned char *numbers, size_t count, size_t width, unsigned shift,
                                void (*below)(unsigned char *numbers, size_t count, unsigned shift)) {
  size_t ends[256] = {0}, nexts[256];
  for (size_t i = 0; i < count; i++) ends[get(numbers, i, width) >> shift & 255]++;
  size_t sum = 0;
  for (unsigned b = 0; b < 256; b++) {
    nexts[b] = sum;
    sum += ends[b];
    ends[b] = sum;
  }
  for (unsigned b = 0; b < 256; b++) {
    while (nexts[b] < ends[b]) {
      uint64_t number = get(numbers, nexts[b], width);
      for (unsigned home; (home = number >> shift & 255) != b;) {
        uint64_t displaced = get(numbers, nexts[home], width);
        put(numbers, nexts[home]++, width, number);
        number = displaced;
      }
      put(numbers, nexts[b]++, width, number);
    }
  }
  if (shift == 0) return;
  size_t start = 0;
  for (unsigned b = 0; b < 256; b++) {
    below(numbers + start * width, ends[b] - start, shift - 8);
    start = ends[b];
  }
}

/* One for each width, so that the compiler knows it. */
#define SORT_OF(width)                                                             \
  static void sort_##width(unsigned char *numbers, size_t count, unsigned shift) { \
    if (count <= SMALL)                                                            \
      sort_small(numbers, count, width);                                           \
    else                                                                           \
      sort_by_byte(numbers, count, width, shift, sort_##width);                    \
  }
SORT_OF(1)
SORT_OF(2)
SORT_OF(4)
SORT_OF(8)

bool sort_kernel_numbers(void *numbers, size_t count, size_t width) {
  switch (width) {
    case 1: sort_1(numbers, count, 0); break;
    case 2: sort_2(numbers, count, 8); break;
    case 4: sort_4(numbers, count, 24); break;
    default: sort_8(numbers, count, 56); break;
  }
  return true;
}

/* ------------------------------------------------------------- items */

typedef bool (*is_less)(void *context, const struct sort_item *a, const struct sort_item *b);

static void sift(struct sort_item *items, size_t top, size_t count, is_less less, void *context) {
  struct sort_item item = items[top];
  for (size_t child; (child = 2 * top + 1) < count; top = child) {
    if (child + 1 < count && less(context, &items[child], &items[child + 1])) child++;
    if (!less(context, &item, &items[child])) break;
    items[top] = items[child];
  }
  items[top] = item;
}

static void heap_sort(struct sort_item *items, size_t count, is_less less, void *context) {
  for (size_t i = count / 2; i-- > 0;) sift(items, i, count, less, context);
  for (size_t end = count; end-- > 1;) {
    struct sort_item last = items[end];
    items[end] = items[0];
    items[0] = last;
    sift(items, 0, end, less, context);
  }
}

static bool piece_is_less(void *context, const struct sort_item *a, const struct sort_item *b) {
  (void)context;
  return a->piece != b->piece ? a->piece < b->piece : a->index < b->index;
}

void sort_kernel_items(struct sort_item *items, size_t count) {
  heap_sort(items, count, piece_is_less, NULL);
}

struct comparison {
  int (*compare)(void *context, uint64_t a, uint64_t b);
  void *context;
};

static bool compares_less(void *context, const struct sort_item *a, const struct sort_item *b) {
  const struct comparison *comparison = context;
  int out = comparison->compare(comparison->context, a->index, b->index);
  return out != 0 ? out < 0 : a->index < b->index;
}

void sort_kernel_ties(struct sort_item *items, size_t count, int (*compare)(void *context, uint64_t a, uint64_t b),
                      void *context) {
  struct comparison comparison = {compare, context};
  heap_sort(items, count, compares_less, &comparison);
}

const char *sort_kernel_name(void) {
  return "radix sort";
}
