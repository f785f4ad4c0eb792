/* SPDX-License-Identifier: MIT */
/*
 * The byte before the start, which is a page's start, is written.
 *
 * page-heap: underflow: write at ADDR, 1 byte before the start of the block of 1048576 bytes at ADDR
 * check: underflow: the block of 1048576 bytes at ADDR was written 1 byte before its start, found by free
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(1 << 20);
  write_byte(block, -1);
  free(block);
  return 0;
}
