/* SPDX-License-Identifier: MIT */
/*
 * The byte before the start is read.
 *
 * page-heap: silent: the byte is in the block's page, as blocks end at a page's end; see under
 * page-heap=under: underflow: read at ADDR, 1 byte before the start of the block of 32 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  read_byte(block, -1);
  free(block);
  return 0;
}
