/* SPDX-License-Identifier: MIT */
/*
 * Before an aligned block.
 *
 * page-heap: silent: the byte is in the block's page, as blocks end at a page's end; see under
 * page-heap=under: underflow: read at ADDR, 1 byte before the start of the block of 128 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  char *block = aligned_alloc(64, 128);
  read_byte(block, -1);
  free(block);
  return 0;
}
