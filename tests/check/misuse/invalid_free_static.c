/* SPDX-License-Identifier: MIT */
/*
 * A variable of the program is freed.
 *
 * page-heap: invalid free: free(ADDR): it is in the data of invalid_free_static
 * check: invalid free: free(ADDR): it is in the data of invalid_free_static
 */
#include "misuse.h"

int main(void) {
  static char data[64] = "something";
  free(hide((void *)data));
  return 0;
}
