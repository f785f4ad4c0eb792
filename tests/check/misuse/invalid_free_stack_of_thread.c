/* SPDX-License-Identifier: MIT */
/*
 * A local variable is freed in another thread.
 *
 * page-heap: invalid free: free(ADDR): it is on the stack of the thread
 * check: invalid free: free(ADDR): it is on the stack of the thread
 */
#include "misuse.h"

static void *work(void *block) {
  char local[64];
  free(hide(block == NULL ? local : block));
  return NULL;
}

int main(void) {
  in_thread(work, NULL);
  return 0;
}
