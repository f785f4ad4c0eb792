/* SPDX-License-Identifier: MIT */
/*
 * A freed block is written, and then so many others are freed that it is about to be used again.
 *
 * page-heap: use after free: write at ADDR, 8 bytes into the freed block of 64 bytes at ADDR
 * check: use after free: the block of 64 bytes at ADDR was written 8 bytes into it after it was freed, found by free
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(64);
  free(block);
  write_byte(block, 8);
  for (int i = 0; i < 80; i++) free(hide(malloc(1 << 20)));
  return 0;
}
