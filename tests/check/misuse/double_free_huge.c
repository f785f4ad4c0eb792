/* SPDX-License-Identifier: MIT */
/*
 * A block of 32 MiB, whose memory went back at once.
 *
 * page-heap: double free: free(ADDR): the block of 33554432 bytes at ADDR is free already
 * check: invalid free: free(ADDR): no block of the heap starts there, or it is free already
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32 << 20);
  free(block);
  free(hide(block));
  return 0;
}
