/* SPDX-License-Identifier: MIT */
/*
 * Another thread writes before the start.
 *
 * page-heap: underflow: the block of 48 bytes at ADDR was written 1 byte before its start, found by free
 * page-heap=under: underflow: write at ADDR, 1 byte before the start of the block of 48 bytes at ADDR
 * check: underflow: the block of 48 bytes at ADDR was written 1 byte before its start, found by free
 */
#include "misuse.h"

static void *work(void *block) {
  write_byte(block, -1);
  return NULL;
}

int main(void) {
  char *block = malloc(48);
  in_thread(work, block);
  free(block);
  return 0;
}
