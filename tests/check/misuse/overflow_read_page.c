/* SPDX-License-Identifier: MIT */
/*
 * The byte behind the end is read.
 *
 * page-heap: overflow: read at ADDR, 0 bytes past the end of the block of 8192 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(4096, 8192);
  read_byte(block, 8192);
  free(block);
  return 0;
}
