/* SPDX-License-Identifier: MIT */
/*
 * The middle of a block is freed.
 *
 * page-heap: invalid free: free(ADDR): 8 bytes into the block of 32 bytes at ADDR
 * check: invalid free: free(ADDR): 8 bytes into the block of 32 bytes at ADDR
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  free((char *)hide(block) + 8);
  free(block);
  return 0;
}
