/* SPDX-License-Identifier: MIT */
/*
 * The old address of a block that was moved is freed.
 *
 * page-heap: double free: free(ADDR): the block of 40 bytes at ADDR is free already
 * check: double free: free(ADDR): the block of 40 bytes at ADDR is free already
 */
#include "misuse.h"

int main(void) {
  char *old = malloc(40);
  char *block = realloc(hide(old), 80);
  free(hide(old));
  free(block);
  return 0;
}
