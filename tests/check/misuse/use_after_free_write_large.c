/* SPDX-License-Identifier: MIT */
/*
 * A freed block is written.
 *
 * page-heap: use after free: write at ADDR, 5000 bytes into the freed block of 1048576 bytes at ADDR
 * check: use after free: the block of 1048576 bytes at ADDR was written 5000 bytes into it after it was freed, found by the end
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(1 << 20);
  free(block);
  write_byte(block, 5000);
  return 0;
}
