/* SPDX-License-Identifier: MIT */
/*
 * Memory that was mapped is freed.
 *
 * page-heap: invalid free: free(ADDR): it is no block of the heap
 * check: invalid free: free(ADDR): it is no block of the heap
 */
#include <sys/mman.h>

#include "misuse.h"

int main(void) {
  void *pages = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  free(hide((char *)pages + 4096));
  return 0;
}
