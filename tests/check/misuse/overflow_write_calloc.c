/* SPDX-License-Identifier: MIT */
/*
 * The byte behind the end is written.
 *
 * page-heap: overflow: write at ADDR, 0 bytes past the end of the block of 96 bytes at ADDR
 * check: overflow: the block of 96 bytes at ADDR was written 0 bytes past its end, found by free
 */
#include "misuse.h"

int main(void) {
  char *block = calloc(12, 8);
  write_byte(block, 96);
  free(block);
  return 0;
}
