/* SPDX-License-Identifier: MIT */
/*
 * Another thread has freed the block already.
 *
 * page-heap: double free: free(ADDR): the block of 32 bytes at ADDR is free already
 * check: double free: free(ADDR): the block of 32 bytes at ADDR is free already
 */
#include "misuse.h"

static void *work(void *block) {
  free(block);
  return NULL;
}

int main(void) {
  char *block = malloc(32);
  in_thread(work, block);
  free(hide(block));
  return 0;
}
