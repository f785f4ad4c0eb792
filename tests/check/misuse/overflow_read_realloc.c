/* SPDX-License-Identifier: MIT */
/*
 * The byte behind the end is read.
 *
 * page-heap: overflow: read at ADDR, 0 bytes past the end of the block of 4000 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = realloc(malloc(16), 4000);
  read_byte(block, 4000);
  free(block);
  return 0;
}
