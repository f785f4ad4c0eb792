/* SPDX-License-Identifier: MIT */
/*
 * The old address of a block that was moved is written.
 *
 * page-heap: use after free: write at ADDR, 0 bytes into the freed block of 40 bytes at ADDR
 * check: use after free: the block of 40 bytes at ADDR was written 0 bytes into it after it was freed, found by the end
 */
#include "misuse.h"

int main(void) {
  char *old = malloc(40);
  char *block = realloc(hide(old), 80);
  write_byte(old, 0);
  free(block);
  return 0;
}
