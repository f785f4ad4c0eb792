/* SPDX-License-Identifier: MIT */
/*
 * A freed block is written.
 *
 * page-heap: use after free: write at ADDR, 3 bytes into the freed block of 32 bytes at ADDR
 * check: use after free: the block of 32 bytes at ADDR was written 3 bytes into it after it was freed, found by the end
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  free(block);
  write_byte(block, 3);
  return 0;
}
