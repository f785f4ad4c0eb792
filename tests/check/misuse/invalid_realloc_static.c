/* SPDX-License-Identifier: MIT */
/*
 * A variable of the program is resized.
 *
 * page-heap: invalid free: realloc(ADDR): it is in the data of invalid_realloc_static
 * check: invalid free: realloc(ADDR): it is in the data of invalid_realloc_static
 */
#include "misuse.h"

int main(void) {
  static char data[64] = "something";
  free(realloc(hide(data), 128));
  return 0;
}
