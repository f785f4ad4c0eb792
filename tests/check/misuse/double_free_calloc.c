/* SPDX-License-Identifier: MIT */
/*
 * A block is freed twice.
 *
 * page-heap: double free: free(ADDR): the block of 96 bytes at ADDR is free already
 * check: double free: free(ADDR): the block of 96 bytes at ADDR is free already
 */
#include "misuse.h"

int main(void) {
  char *block = calloc(12, 8);
  free(block);
  free(hide(block));
  return 0;
}
