/* SPDX-License-Identifier: MIT */
/*
 * A block is written that was freed long ago: ten thousand others came and went.
 *
 * page-heap: use after free: write at ADDR, 8 bytes into the freed block of 64 bytes at ADDR
 * check: use after free: the block of 64 bytes at ADDR was written 8 bytes into it after it was freed, found by the end
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(64);
  free(block);
  for (int i = 0; i < 10000; i++) free(hide(malloc(64)));
  write_byte(block, 8);
  return 0;
}
