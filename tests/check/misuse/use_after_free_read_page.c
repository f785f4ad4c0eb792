/* SPDX-License-Identifier: MIT */
/*
 * A freed block is read.
 *
 * page-heap: use after free: read at ADDR, 4096 bytes into the freed block of 8192 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(4096, 8192);
  free(block);
  read_byte(block, 4096);
  return 0;
}
