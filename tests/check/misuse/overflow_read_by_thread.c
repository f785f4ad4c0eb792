/* SPDX-License-Identifier: MIT */
/*
 * Another thread reads behind the end.
 *
 * page-heap: overflow: read at ADDR, 0 bytes past the end of the block of 32 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

static void *work(void *block) {
  read_byte(block, 32);
  return NULL;
}

int main(void) {
  char *block = malloc(32);
  in_thread(work, block);
  free(block);
  return 0;
}
