/* SPDX-License-Identifier: MIT */
/*
 * Sorting without a library: an in-place radix sort by bytes, the highest first
 * ("American flag sort"), with insertion sort for small pieces. Not qsort(3):
 * glibc's copies the whole array to the heap, so that nothing would be sorted
 * in place, and musl's takes half a minute for 512 MiB.
 */
#include "sort_numbers.h"

#define SMALL 48

static void sort_small(uint64_t *numbers, size_t count) {
  for (size_t i = 1; i < count; i++) {
    uint64_t number = numbers[i];
    size_t j = i;
    for (; j > 0 && numbers[j - 1] > number; j--) numbers[j] = numbers[j - 1];
    numbers[j] = number;
  }
}

/* Sorts numbers that differ in bits below shift + 8 alone. At most 8 levels deep. */
static void sort_by_byte(uint64_t *numbers, size_t count, unsigned shift) {
  if (count <= SMALL) {
    sort_small(numbers, count);
    return;
  }
  size_t ends[256] = {0}, nexts[256];
  for (size_t i = 0; i < count; i++) ends[numbers[i] >> shift & 255]++;
  size_t sum = 0;
  for (unsigned b = 0; b < 256; b++) {
    nexts[b] = sum;
    sum += ends[b];
    ends[b] = sum;
  }
  for (unsigned b = 0; b < 256; b++) {
    while (nexts[b] < ends[b]) {
      uint64_t number = numbers[nexts[b]];
      for (unsigned home; (home = number >> shift & 255) != b;) {
        uint64_t displaced = numbers[nexts[home]];
        numbers[nexts[home]++] = number;
        number = displaced;
      }
      numbers[nexts[b]++] = number;
    }
  }
  if (shift == 0) return;
  size_t start = 0;
  for (unsigned b = 0; b < 256; b++) {
    sort_by_byte(numbers + start, ends[b] - start, shift - 8);
    start = ends[b];
  }
}

void sort_numbers(uint64_t *numbers, size_t count) {
  sort_by_byte(numbers, count, 56);
}

const char *sort_numbers_name(void) {
  return "radix sort";
}
