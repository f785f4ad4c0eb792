/* SPDX-License-Identifier: MIT */
/*
 * The middle of a block is resized.
 *
 * page-heap: invalid free: realloc(ADDR): 8 bytes into the block of 32 bytes at ADDR
 * check: invalid free: realloc(ADDR): 8 bytes into the block of 32 bytes at ADDR
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  free(realloc((char *)hide(block) + 8, 128));
  return 0;
}
