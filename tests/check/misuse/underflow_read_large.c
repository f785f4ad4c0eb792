/* SPDX-License-Identifier: MIT */
/*
 * The byte before the start, which is a page's start, is read.
 *
 * page-heap: underflow: read at ADDR, 1 byte before the start of the block of 1048576 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(1 << 20);
  read_byte(block, -1);
  free(block);
  return 0;
}
