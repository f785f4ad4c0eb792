/* SPDX-License-Identifier: MIT */
/*
 * The same, read.
 *
 * page-heap: silent: the byte is in the block's page, as malloc's blocks begin on multiples of 16; see tight
 * page-heap=tight: overflow: read at ADDR, 0 bytes past the end of the block of 13 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(13);
  read_byte(block, 13);
  free(block);
  return 0;
}
