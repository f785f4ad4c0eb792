/* SPDX-License-Identifier: MIT */
/*
 * A deleted object is read.
 *
 * page-heap: use after free: read at ADDR, 8 bytes into the freed block of 16 bytes at ADDR
 * check: silent: canaries see what is written, not what is read
 */
#include "misuse.h"

int main(void) {
  struct pair {
    long first, second;
  };
  pair *object = new pair();
  delete object;
  read_byte(object, 8);
  return 0;
}
