/* SPDX-License-Identifier: MIT */
/*
 * The byte behind the end is read.
 *
 * page-heap: overflow: read at ADDR, 0 bytes past the end of the block of 96 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = calloc(12, 8);
  read_byte(block, 96);
  free(block);
  return 0;
}
