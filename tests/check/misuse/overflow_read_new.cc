/* SPDX-License-Identifier: MIT */
/*
 * Behind an object.
 *
 * page-heap: overflow: read at ADDR, 0 bytes past the end of the block of 16 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  struct pair {
    long first, second;
  };
  pair *object = new pair();
  read_byte(object, 16);
  delete object;
  return 0;
}
