/* SPDX-License-Identifier: MIT */
/*
 * Data of the C library are freed.
 *
 * page-heap: invalid free: free(ADDR): it is in the data of libc.so.6
 * check: invalid free: free(ADDR): it is in the data of libc.so.6
 */
#include "misuse.h"

int main(void) {
  free(hide(stdout));
  return 0;
}
