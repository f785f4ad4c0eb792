/* SPDX-License-Identifier: MIT */
/*
 * An object is deleted twice.
 *
 * page-heap: double free: operator delete(ADDR): the block of 16 bytes at ADDR is free already
 * check: double free: operator delete(ADDR): the block of 16 bytes at ADDR is free already
 */
#include "misuse.h"

int main(void) {
  struct pair {
    long first, second;
  };
  pair *object = new pair();
  delete object;
  delete (pair *)hide(object);
  return 0;
}
