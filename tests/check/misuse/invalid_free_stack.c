/* SPDX-License-Identifier: MIT */
/*
 * A local variable is freed.
 *
 * page-heap: invalid free: free(ADDR): it is on the stack of the thread
 * check: invalid free: free(ADDR): it is on the stack of the thread
 */
#include "misuse.h"

int main(void) {
  char local[64];
  free(hide(local));
  return 0;
}
