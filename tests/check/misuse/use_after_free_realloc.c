/* SPDX-License-Identifier: MIT */
/*
 * A freed block is resized.
 *
 * page-heap: use after free: realloc(ADDR): the block of 32 bytes at ADDR is free already
 * check: use after free: realloc(ADDR): the block of 32 bytes at ADDR is free already
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  free(block);
  block = realloc(hide(block), 64);
  free(block);
  return 0;
}
