/* SPDX-License-Identifier: MIT */
/*
 * An array of new[] is one too short.
 *
 * page-heap: overflow: write at ADDR, 0 bytes past the end of the block of 80 bytes at ADDR
 * check: overflow: the block of 80 bytes at ADDR was written 0 bytes past its end, found by operator delete
 */
#include "misuse.h"

int main(void) {
  int *numbers = new int[20];
  write_byte(numbers, 80);
  delete[] numbers;
  return 0;
}
