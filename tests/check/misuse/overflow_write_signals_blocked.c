/* SPDX-License-Identifier: MIT */
/*
 * In a thread that has blocked all signals, where the system would call no handler.
 *
 * page-heap: overflow: write at ADDR, 0 bytes past the end of the block of 32 bytes at ADDR
 * check: overflow: the block of 32 bytes at ADDR was written 0 bytes past its end, found by free
 */
#include <signal.h>

#include "misuse.h"

static void *work(void *block) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  write_byte(block, 32);
  return NULL;
}

int main(void) {
  char *block = malloc(32);
  in_thread(work, block);
  free(block);
  return 0;
}
