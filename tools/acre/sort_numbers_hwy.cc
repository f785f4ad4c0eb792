// SPDX-License-Identifier: MIT
// Sorting by Highway's vectorised quicksort, which picks the processor's widest vectors at run time.
#include <hwy/contrib/sort/vqsort.h>

#include "sort_numbers.h"

void sort_numbers(uint64_t *numbers, size_t count) {
  hwy::Sorter sorter;
  sorter(numbers, count, hwy::SortAscending());
}

const char *sort_numbers_name(void) {
  return "vqsort (Highway)";
}
