/* SPDX-License-Identifier: MIT */
/*
 * A block is freed twice.
 *
 * page-heap: double free: free(ADDR): the block of 128 bytes at ADDR is free already
 * check: double free: free(ADDR): the block of 128 bytes at ADDR is free already
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(64, 128);
  free(block);
  free(hide(block));
  return 0;
}
