/* SPDX-License-Identifier: MIT */
/*
 * The on-touch mode: what is outside of the array goes where it went before.
 *
 * Each test runs in a child: Acre installs its handler once, and what was there before has to be set before that.
 */
#include <acre/array.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "harness.h"

static const acre_array_options on_touch = {.mode = ACRE_ARRAY_ON_TOUCH};

static sigjmp_buf escape;
static volatile sig_atomic_t faults;
static void *volatile fault_address;
static char *volatile nowhere = (char *)8;

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  faults++;
  fault_address = info->si_addr;
  siglongjmp(escape, 1);
}

static void touch_outside(void *context) {
  (void)context;
  struct sigaction action = {.sa_flags = SA_SIGINFO};
  action.sa_sigaction = on_signal;
  sigemptyset(&action.sa_mask);
  REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
  REQUIRE(sigaction(SIGBUS, &action, NULL) == 0);

  acre_array array, plain;
  REQUIRE_OK(acre_array_create(&array, 64 << 10, 1, &on_touch));
  REQUIRE_OK(acre_array_create(&plain, 64 << 10, 1, NULL));
  volatile char *bytes = array.data;
  bytes[100] = 1; /* one of ours: not theirs to see */
  REQUIRE_EQ(faults, 0);

  volatile char *outside = plain.data; /* an explicit array without elements */
  if (sigsetjmp(escape, 1) == 0) outside[17] = 1;
  CHECK_EQ(faults, 1);
  CHECK(fault_address == outside + 17);

  if (sigsetjmp(escape, 1) == 0) *nowhere = 1;
  CHECK_EQ(faults, 2);
  CHECK(fault_address == nowhere);

  acre_array_destroy(&array);
  if (sigsetjmp(escape, 1) == 0) bytes[100] = 1; /* no array any more */
  CHECK_EQ(faults, 3);
  acre_array_destroy(&plain);
}

TEST(a_fault_outside_goes_to_the_previous_handler) {
  CHECK_EQ(test_in_child(touch_outside, NULL), 0);
}

static void touch_outside_without_handler(void *context) {
  volatile int *reached = context;
  signal(SIGSEGV, SIG_DFL);
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 64 << 10, 1, &on_touch));
  *(volatile char *)array.data = 1;
  *reached = 1;
  *nowhere = 1;
  *reached = 2;
}

TEST(a_fault_outside_kills_where_nobody_handles_it) {
  int *reached = mmap(NULL, sizeof *reached, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(reached != MAP_FAILED);
  int status = test_in_child(touch_outside_without_handler, reached);
  CHECK_EQ(status & 0x7f, SIGSEGV);
  CHECK_EQ(*reached, 1);
  munmap(reached, sizeof *reached);
}
