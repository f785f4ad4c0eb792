/* SPDX-License-Identifier: MIT */
/*
 * The middle of a block is freed.
 *
 * page-heap: invalid free: free(ADDR): 64 bytes into the block of 128 bytes at ADDR
 * check: invalid free: free(ADDR): 64 bytes into the block of 128 bytes at ADDR
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(64, 128);
  free((char *)hide(block) + 64);
  free(block);
  return 0;
}
