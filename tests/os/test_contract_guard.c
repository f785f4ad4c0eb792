/* SPDX-License-Identifier: MIT */
/* The contract of os.h, guards: whoever has one is left at a fault, if the handler says so. */
#include "contract.h"

static size_t pages_gone;
static char *gone; /* what nothing stands behind; or, where there is none of that kind, reserved pages */
static bool has_no_backing;
static unsigned handler_calls;
static bool guarded_in_handler;

static enum acre__os_fault_answer leave(const struct acre__os_fault *fault) {
  handler_calls++;
  guarded_in_handler = acre__os_is_guarded(fault);
  bool expected = fault->no_backing == has_no_backing && fault->address - (uintptr_t)gone < pages_gone * page_size();
  return expected && acre__os_guard_leave(fault) ? ACRE_OS_FAULT_REPAIRED : ACRE_OS_FAULT_PASS_ON;
}

/* A page of a file, and `more` behind it. */
static void set_up_with(size_t more) {
  if (!acre__os_can_guard()) test_skip("no guards on this processor");
  REQUIRE_OK(acre__os_fault_install(leave));
  struct acre__os_file file;
  REQUIRE_OK(acre__os_file_in_memory(1, &file));
  pages_gone = more;
  char *base = reserve(1 + more);
  acre_result result = acre__os_map_file(base, (1 + more) * page_size(), PART(file, 0, ACRE_VM_READ_WRITE, false));
  has_no_backing = result == ACRE_OK;
  if (result != ACRE_OK) { /* a system where the pages of a file that are mapped are always there */
    CHECK_RESULT(result, ACRE_E_OUT_OF_RANGE);
    CHECK_OK(acre__os_commit(base, page_size(), ACRE_VM_READ_WRITE));
  }
  gone = base + page_size();
  acre__os_file_close(file);
  handler_calls = 0;
}

static void set_up(void) {
  set_up_with(1);
}

static void tear_down(void) {
  CHECK_OK(acre__os_release(gone - page_size(), (1 + pages_gone) * page_size()));
}

struct work {
  bool touches, was_guarded, ended;
};

static void work_on(void *context) {
  struct work *work = context;
  work->was_guarded = acre__os_is_guarded(NULL);
  if (work->touches) *(volatile char *)(gone + 100) = 1;
  work->ended = true;
}

TEST(a_call_ends_or_is_left) {
  set_up();
  struct work work = {.touches = false};
  uintptr_t address = 1;
  CHECK(!acre__os_is_guarded(NULL));
  CHECK(acre__os_guarded_call(work_on, &work, &address));
  CHECK(work.was_guarded && work.ended && address == 1 && handler_calls == 0);
  work = (struct work){.touches = true};
  CHECK(!acre__os_guarded_call(work_on, &work, &address));
  CHECK(work.was_guarded && !work.ended && handler_calls == 1 && guarded_in_handler);
  CHECK_EQ(address, (uintptr_t)gone + 100);
  CHECK(!acre__os_is_guarded(NULL));
  tear_down();
}

static void copies(void) {
  set_up();
  char bytes[64] = "copied", *there = gone - page_size();
  CHECK_OK(acre__os_guarded_copy(there, bytes, sizeof bytes));
  CHECK(memcmp(there, bytes, sizeof bytes) == 0 && handler_calls == 0);
  CHECK_RESULT(acre__os_guarded_copy(bytes, gone - 32, sizeof bytes), ACRE_E_IO);
  CHECK_RESULT(acre__os_guarded_copy(gone - 32, bytes, sizeof bytes), ACRE_E_IO);
  CHECK(handler_calls == 2 && guarded_in_handler);
  CHECK(!acre__os_is_guarded(NULL));
  tear_down();
}

TEST(a_copy_ends_or_is_left) {
  copies();
}

TEST(so_does_a_copy_by_memcpy) {
  acre__os_force_copy_by_memcpy(true);
  copies();
  acre__os_force_copy_by_memcpy(false);
}

/* More than a processor's instruction is used for. */
TEST(a_long_copy_is_left) {
  enum { LONG = 3 << 20 };
  static char bytes[LONG];
  set_up_with(LONG / page_size());
  CHECK_OK(acre__os_guarded_copy(bytes + LONG / 2, bytes, LONG / 2));
  CHECK_RESULT(acre__os_guarded_copy(gone - 32, bytes, LONG), ACRE_E_IO);
  CHECK(handler_calls == 1 && guarded_in_handler);
  tear_down();
}

static void copy_and_go_on(void *context) {
  char byte = 0;
  CHECK_RESULT(acre__os_guarded_copy(&byte, gone, 1), ACRE_E_IO);
  CHECK(acre__os_is_guarded(NULL));
  work_on(context);
}

TEST(the_innermost_guard_is_left) {
  set_up();
  struct work work = {.touches = false};
  uintptr_t address;
  CHECK(acre__os_guarded_call(copy_and_go_on, &work, &address));
  CHECK(work.ended);
  work = (struct work){.touches = true};
  CHECK(!acre__os_guarded_call(copy_and_go_on, &work, &address));
  CHECK(!work.ended && handler_calls == 3);
  tear_down();
}
