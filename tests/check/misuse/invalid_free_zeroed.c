/* SPDX-License-Identifier: MIT */
/*
 * A variable of the program without a value is freed.
 *
 * page-heap: invalid free: free(ADDR): it is in the data of invalid_free_zeroed
 * check: invalid free: free(ADDR): it is in the data of invalid_free_zeroed
 */
#include "misuse.h"

int main(void) {
  static char data[64];
  free(hide((void *)data));
  return 0;
}
