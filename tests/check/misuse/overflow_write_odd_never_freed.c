/* SPDX-License-Identifier: MIT */
/*
 * Behind a block whose size is no multiple of 16, and that is in use when the program ends.
 *
 * page-heap: silent: the byte is in the block's page, and what is beside a block is looked at when that is freed
 * page-heap=tight: overflow: write at ADDR, 0 bytes past the end of the block of 13 bytes at ADDR
 * check: overflow: the block of 13 bytes at ADDR was written 0 bytes past its end, found by the end
 */
#include "misuse.h"

int main(void) {
  static char *block;
  block = malloc(13);
  write_byte(block, 13);
  return 0;
}
