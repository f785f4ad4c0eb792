/* SPDX-License-Identifier: MIT */
/*
 * A string's end has no room.
 *
 * page-heap: overflow: write at ADDR, 0 bytes past the end of the block of 48 bytes at ADDR
 * check: overflow: the block of 48 bytes at ADDR was written 0 bytes past its end, found by free
 */
#include "misuse.h"

int main(void) {
  const char *text = "forty-eight bytes, and the one that ends them ..";
  char *block = malloc(strlen(text));
  strcpy(hide(block), text);
  free(block);
  return 0;
}
