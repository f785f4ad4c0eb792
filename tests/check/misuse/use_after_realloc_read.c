/* SPDX-License-Identifier: MIT */
/*
 * The old address of a block that was moved is read.
 *
 * page-heap: use after free: read at ADDR, 39 bytes into the freed block of 40 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *old = malloc(40);
  char *block = realloc(hide(old), 80);
  read_byte(old, 39);
  free(block);
  return 0;
}
