/* SPDX-License-Identifier: MIT */
/*
 * Found when the block is resized.
 *
 * page-heap: overflow: the block of 20 bytes at ADDR was written 2 bytes past its end, found by realloc
 * check: overflow: the block of 20 bytes at ADDR was written 2 bytes past its end, found by realloc
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(20);
  write_byte(block, 22);
  block = realloc(block, 40);
  free(block);
  return 0;
}
