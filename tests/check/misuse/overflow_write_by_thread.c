/* SPDX-License-Identifier: MIT */
/*
 * Another thread writes behind the end.
 *
 * page-heap: overflow: write at ADDR, 0 bytes past the end of the block of 32 bytes at ADDR
 * check: overflow: the block of 32 bytes at ADDR was written 0 bytes past its end, found by free
 */
#include "misuse.h"

static void *work(void *block) {
  write_byte(block, 32);
  return NULL;
}

int main(void) {
  char *block = malloc(32);
  in_thread(work, block);
  free(block);
  return 0;
}
