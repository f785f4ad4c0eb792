/* SPDX-License-Identifier: MIT */
/*
 * Before an aligned block.
 *
 * page-heap: underflow: the block of 128 bytes at ADDR was written 1 byte before its start, found by free
 * page-heap=under: underflow: write at ADDR, 1 byte before the start of the block of 128 bytes at ADDR
 * check: underflow: the block of 128 bytes at ADDR was written 1 byte before its start, found by free
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(64, 128);
  write_byte(block, -1);
  free(block);
  return 0;
}
