/* SPDX-License-Identifier: MIT */
/*
 * A program that lives with faults of its own: it protects a block's page, is told
 * of the access by its handler, and opens the page again. With an argument it then makes a mistake.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static char *page;
static volatile sig_atomic_t faults;

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  if ((char *)info->si_addr != page + 8) _Exit(3);
  faults++;
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  (void)argv;
  page = aligned_alloc(4096, 4096);
  sigaction(SIGSEGV, &action, NULL);
  mprotect(page, 4096, PROT_NONE);
  *(volatile char *)(page + 8) = 1;
  printf("%d fault\n", (int)faults);
  fflush(stdout);
  char *volatile block = malloc(64);
  if (argc > 1) block[64] = 1;
  free(block);
  free(page);
  return 0;
}
