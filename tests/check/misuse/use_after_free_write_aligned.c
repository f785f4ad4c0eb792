/* SPDX-License-Identifier: MIT */
/*
 * A freed block is written.
 *
 * page-heap: use after free: write at ADDR, 127 bytes into the freed block of 128 bytes at ADDR
 * check: use after free: the block of 128 bytes at ADDR was written 127 bytes into it after it was freed, found by the end
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(64, 128);
  free(block);
  write_byte(block, 127);
  return 0;
}
