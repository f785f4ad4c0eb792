/* SPDX-License-Identifier: MIT */
/*
 * The middle of a block is freed.
 *
 * page-heap: invalid free: free(ADDR): 65536 bytes into the block of 1048576 bytes at ADDR
 * check: invalid free: free(ADDR): 65536 bytes into the block of 1048576 bytes at ADDR
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(1 << 20);
  free((char *)hide(block) + 65536);
  free(block);
  return 0;
}
