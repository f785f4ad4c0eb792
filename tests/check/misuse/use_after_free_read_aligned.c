/* SPDX-License-Identifier: MIT */
/*
 * A freed block is read.
 *
 * page-heap: use after free: read at ADDR, 127 bytes into the freed block of 128 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(64, 128);
  free(block);
  read_byte(block, 127);
  return 0;
}
