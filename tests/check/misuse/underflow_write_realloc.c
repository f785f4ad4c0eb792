/* SPDX-License-Identifier: MIT */
/*
 * Before a block that has grown.
 *
 * page-heap: underflow: the block of 500 bytes at ADDR was written 8 bytes before its start, found by free
 * page-heap=under: underflow: write at ADDR, 8 bytes before the start of the block of 500 bytes at ADDR
 * check: underflow: the block of 500 bytes at ADDR was written 8 bytes before its start, found by free
 */
#include "misuse.h"

int main(void) {
  char *block = realloc(malloc(10), 500);
  write_byte(block, -8);
  free(block);
  return 0;
}
