/* SPDX-License-Identifier: MIT */
/*
 * What is before a block is freed, as if it had a head there.
 *
 * page-heap: invalid free: free(ADDR): 16 bytes before the block of 32 bytes at ADDR
 * check: invalid free: free(ADDR): 16 bytes before the block of 32 bytes at ADDR
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  free((char *)hide(block) - 16);
  free(block);
  return 0;
}
