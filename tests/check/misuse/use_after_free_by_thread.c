/* SPDX-License-Identifier: MIT */
/*
 * Another thread reads the block that this one has freed.
 *
 * page-heap: use after free: read at ADDR, 1 byte into the freed block of 32 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

static void *work(void *block) {
  read_byte(block, 1);
  return NULL;
}

int main(void) {
  char *block = malloc(32);
  free(block);
  in_thread(work, block);
  return 0;
}
