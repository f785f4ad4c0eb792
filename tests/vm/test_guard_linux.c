/* SPDX-License-Identifier: MIT */
/* Guard pages on Linux: system calls that meet one, and faults that nobody handles. See test_guard.c. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/escape_check_linux.h"
#include "vm/guard_check.h"

TEST(system_calls_fail_and_leave_the_guard) {
  size_t page = page_bytes();
  char *base = told_region(2);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  CHECK_OK(acre_vm_commit(base, page, GUARDED));
  errno = 0;
  CHECK(write(ends[1], base, 1) < 0 && errno == EFAULT);
  CHECK_EQ(told.calls, 0);
  CHECK_EQ(query(base).protection, GUARDED);
  write_byte(base, 1);
  CHECK_EQ(write(ends[1], base, 1), 1);
  close(ends[0]);
  close(ends[1]);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- without a handler */

static void nobody_asked(void *context) {
  (void)context;
  set_signal_handler(SIGSEGV, jump_out);
  char *base = reserve_pages(2);
  CHECK_OK(acre_vm_commit(base, page_bytes(), GUARDED));
  if (sigsetjmp(escape, 1) == 0) write_byte(base, 1);
  CHECK_EQ(escapes, 1);
  write_byte(base, 1); /* once only */
  CHECK_EQ(escapes, 1);
}

/* The access must not be made behind the back of a default action, though the guard is cleared by then. */
static void default_action(void *context) {
  signal(SIGSEGV, SIG_DFL); /* a sanitizer's would report */
  char *base = reserve_pages(1);
  CHECK_OK(acre_vm_commit(base, 1, *(acre_vm_protection *)context)); /* Acre comes before it */
  write_byte(base, 1);
  _exit(1);
}

TEST(without_a_handler_the_fault_goes_on) {
  CHECK_EQ(test_in_child(nobody_asked, NULL), 0);
  acre_vm_protection protection = GUARDED;
  int status = test_in_child(default_action, &protection);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
