/* SPDX-License-Identifier: MIT */
/*
 * The byte behind the end is read.
 *
 * page-heap: overflow: read at ADDR, 0 bytes past the end of the block of 32 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  read_byte(block, 32);
  free(block);
  return 0;
}
