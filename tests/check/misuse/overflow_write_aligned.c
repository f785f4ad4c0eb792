/* SPDX-License-Identifier: MIT */
/*
 * The byte behind the end is written.
 *
 * page-heap: overflow: write at ADDR, 0 bytes past the end of the block of 128 bytes at ADDR
 * check: overflow: the block of 128 bytes at ADDR was written 0 bytes past its end, found by free
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(64, 128);
  write_byte(block, 128);
  free(block);
  return 0;
}
