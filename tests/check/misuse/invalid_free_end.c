/* SPDX-License-Identifier: MIT */
/*
 * The end of a block is freed.
 *
 * page-heap: invalid free: free(ADDR): 32 bytes into the block of 32 bytes at ADDR
 * check: invalid free: free(ADDR): 32 bytes into the block of 32 bytes at ADDR
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  free((char *)hide(block) + 32);
  free(block);
  return 0;
}
