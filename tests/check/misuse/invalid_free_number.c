/* SPDX-License-Identifier: MIT */
/*
 * A number is freed.
 *
 * page-heap: invalid free: free(ADDR): it is no block of the heap
 * check: invalid free: free(ADDR): it is no block of the heap
 */
#include "misuse.h"

int main(void) {
  free(hide((void *)(uintptr_t)64));
  return 0;
}
