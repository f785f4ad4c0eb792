/* SPDX-License-Identifier: MIT */
/*
 * A local variable is resized.
 *
 * page-heap: invalid free: realloc(ADDR): it is on the stack of the thread
 * check: invalid free: realloc(ADDR): it is on the stack of the thread
 */
#include "misuse.h"

int main(void) {
  char local[64];
  free(realloc(hide(local), 128));
  return 0;
}
