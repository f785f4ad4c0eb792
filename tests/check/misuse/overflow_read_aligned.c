/* SPDX-License-Identifier: MIT */
/*
 * The byte behind the end is read.
 *
 * page-heap: overflow: read at ADDR, 0 bytes past the end of the block of 128 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(64, 128);
  read_byte(block, 128);
  free(block);
  return 0;
}
