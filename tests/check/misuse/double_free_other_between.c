/* SPDX-License-Identifier: MIT */
/*
 * Another block is freed in between, which deceives those that look at the last one alone.
 *
 * page-heap: double free: free(ADDR): the block of 32 bytes at ADDR is free already
 * check: double free: free(ADDR): the block of 32 bytes at ADDR is free already
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32), *other = malloc(32);
  free(block);
  free(other);
  free(hide(block));
  return 0;
}
