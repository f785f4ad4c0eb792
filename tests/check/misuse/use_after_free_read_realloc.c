/* SPDX-License-Identifier: MIT */
/*
 * A freed block is read.
 *
 * page-heap: use after free: read at ADDR, 3999 bytes into the freed block of 4000 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = realloc(malloc(16), 4000);
  free(block);
  read_byte(block, 3999);
  return 0;
}
