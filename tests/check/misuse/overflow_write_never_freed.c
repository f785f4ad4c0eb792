/* SPDX-License-Identifier: MIT */
/*
 * A block that is in use when the program ends.
 *
 * page-heap: overflow: write at ADDR, 0 bytes past the end of the block of 80 bytes at ADDR
 * check: overflow: the block of 80 bytes at ADDR was written 0 bytes past its end, found by the end
 */
#include "misuse.h"

int main(void) {
  static char *block;
  block = malloc(80);
  write_byte(block, 80);
  return 0;
}
