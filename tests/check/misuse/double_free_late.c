/* SPDX-License-Identifier: MIT */
/*
 * Ten thousand others came and went in between.
 *
 * page-heap: double free: free(ADDR): the block of 48 bytes at ADDR is free already
 * check: double free: free(ADDR): the block of 48 bytes at ADDR is free already
 */
#include "misuse.h"

int main(void) {
  char *block = malloc(48);
  free(block);
  for (int i = 0; i < 10000; i++) free(hide(malloc(48)));
  free(hide(block));
  return 0;
}
