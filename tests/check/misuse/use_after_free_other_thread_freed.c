/* SPDX-License-Identifier: MIT */
/*
 * Another thread has freed the block that this one writes.
 *
 * page-heap: use after free: write at ADDR, 1 byte into the freed block of 32 bytes at ADDR
 * check: use after free: the block of 32 bytes at ADDR was written 1 byte into it after it was freed, found by the end
 */
#include "misuse.h"

static void *work(void *block) {
  free(block);
  return NULL;
}

int main(void) {
  char *block = malloc(32);
  in_thread(work, block);
  write_byte(block, 1);
  return 0;
}
