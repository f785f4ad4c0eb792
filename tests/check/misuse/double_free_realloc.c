/* SPDX-License-Identifier: MIT */
/*
 * A block is freed twice.
 *
 * page-heap: double free: free(ADDR): the block of 4000 bytes at ADDR is free already
 * check: double free: free(ADDR): the block of 4000 bytes at ADDR is free already
 */
#include "misuse.h"

int main(void) {
  char *block = realloc(malloc(16), 4000);
  free(block);
  free(hide(block));
  return 0;
}
