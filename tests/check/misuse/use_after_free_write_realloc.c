/* SPDX-License-Identifier: MIT */
/*
 * A freed block is written.
 *
 * page-heap: use after free: write at ADDR, 3999 bytes into the freed block of 4000 bytes at ADDR
 * check: use after free: the block of 4000 bytes at ADDR was written 3999 bytes into it after it was freed, found by the end
 */
#include "misuse.h"

int main(void) {
  char *block = realloc(malloc(16), 4000);
  free(block);
  write_byte(block, 3999);
  return 0;
}
