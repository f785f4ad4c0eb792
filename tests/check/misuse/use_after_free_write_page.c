/* SPDX-License-Identifier: MIT */
/*
 * A freed block is written.
 *
 * page-heap: use after free: write at ADDR, 4096 bytes into the freed block of 8192 bytes at ADDR
 * check: use after free: the block of 8192 bytes at ADDR was written 4096 bytes into it after it was freed, found by the end
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(4096, 8192);
  free(block);
  write_byte(block, 4096);
  return 0;
}
