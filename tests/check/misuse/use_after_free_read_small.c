/* SPDX-License-Identifier: MIT */
/*
 * A freed block is read.
 *
 * page-heap: use after free: read at ADDR, 3 bytes into the freed block of 32 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  free(block);
  read_byte(block, 3);
  return 0;
}
