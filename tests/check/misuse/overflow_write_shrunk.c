/* SPDX-License-Identifier: MIT */
/*
 * A block that was made smaller is used as if it were not.
 *
 * page-heap: overflow: write at ADDR, 36 bytes past the end of the block of 64 bytes at ADDR
 * check: silent: 36 bytes are more than the canary behind a block has
 */
#include "misuse.h"

int main(void) {
  char *block = realloc(malloc(200), 64);
  write_byte(block, 100);
  free(block);
  return 0;
}
