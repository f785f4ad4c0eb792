/* SPDX-License-Identifier: MIT */
/*
 * A text without an end is measured.
 *
 * page-heap: overflow: read at ADDR, 0 bytes past the end of the block of 64 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(64);
  memset(block, 'x', 64);
  size_t length = strlen(hide(block));
  free(block);
  return length == 0;
}
