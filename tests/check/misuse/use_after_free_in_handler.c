/* SPDX-License-Identifier: MIT */
/*
 * In a signal handler that blocks all signals while it runs.
 *
 * page-heap: use after free: write at ADDR, 0 bytes into the freed block of 32 bytes at ADDR
 * check: use after free: the block of 32 bytes at ADDR was written 0 bytes into it after it was freed, found by the end
 */
#include <signal.h>

#include "misuse.h"

static char *volatile block;

static void handle(int number) {
  (void)number;
  write_byte(block, 0);
}

int main(void) {
  struct sigaction action = {.sa_handler = handle};
  sigfillset(&action.sa_mask);
  sigaction(SIGUSR1, &action, NULL);
  block = malloc(32);
  free(block);
  raise(SIGUSR1);
  return 0;
}
