/* SPDX-License-Identifier: MIT */
/*
 * Behind a block whose size is no multiple of 16, where malloc's alignment leaves bytes before the page's end.
 *
 * page-heap: overflow: the block of 13 bytes at ADDR was written 0 bytes past its end, found by free
 * page-heap=tight: overflow: write at ADDR, 0 bytes past the end of the block of 13 bytes at ADDR
 * check: overflow: the block of 13 bytes at ADDR was written 0 bytes past its end, found by free
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(13);
  write_byte(block, 13);
  free(block);
  return 0;
}
