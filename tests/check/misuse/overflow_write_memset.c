/* SPDX-License-Identifier: MIT */
/*
 * A library function goes too far.
 *
 * page-heap: overflow: write at ADDR, 0 bytes past the end of the block of 256 bytes at ADDR
 * check: overflow: the block of 256 bytes at ADDR was written 0 bytes past its end, found by free
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(256);
  memset(hide(block), 0, 257);
  free(block);
  return 0;
}
