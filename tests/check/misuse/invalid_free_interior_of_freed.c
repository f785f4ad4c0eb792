/* SPDX-License-Identifier: MIT */
/*
 * The middle of a block is freed that is free.
 *
 * page-heap: invalid free: free(ADDR): 16 bytes into the block of 32 bytes at ADDR, which is free
 * check: invalid free: free(ADDR): 16 bytes into the block of 32 bytes at ADDR, which is free
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  free(block);
  free((char *)hide(block) + 16);
  return 0;
}
