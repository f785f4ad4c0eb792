/* SPDX-License-Identifier: MIT */
/* escape_check_linux.h - a signal handler of the program's own, that leaves what was interrupted by a jump. */
#ifndef ACRE_TESTS_VM_ESCAPE_CHECK_LINUX_H
#define ACRE_TESTS_VM_ESCAPE_CHECK_LINUX_H

#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "harness.h"

static sigjmp_buf escape;
static volatile sig_atomic_t escapes;

static void jump_out(int number) {
  (void)number;
  escapes = escapes + 1;
  siglongjmp(escape, 1);
}

static inline void set_signal_handler(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  REQUIRE(sigaction(number, &action, NULL) == 0);
}

#endif
