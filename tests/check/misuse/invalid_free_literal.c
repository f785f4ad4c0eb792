/* SPDX-License-Identifier: MIT */
/*
 * A literal is freed.
 *
 * page-heap: invalid free: free(ADDR): it is in the data of invalid_free_literal
 * check: invalid free: free(ADDR): it is in the data of invalid_free_literal
 */
#include "misuse.h"

int main(void) {
  const char *data = "a literal";
  free(hide((void *)data));
  return 0;
}
