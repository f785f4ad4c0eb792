/* SPDX-License-Identifier: MIT */
/*
 * The middle of a block is freed.
 *
 * page-heap: invalid free: free(ADDR): 4096 bytes into the block of 8192 bytes at ADDR
 * check: invalid free: free(ADDR): 4096 bytes into the block of 8192 bytes at ADDR
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(4096, 8192);
  free((char *)hide(block) + 4096);
  free(block);
  return 0;
}
