/* SPDX-License-Identifier: MIT */
/*
 * A freed block is read.
 *
 * page-heap: use after free: read at ADDR, 5000 bytes into the freed block of 1048576 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(1 << 20);
  free(block);
  read_byte(block, 5000);
  return 0;
}
