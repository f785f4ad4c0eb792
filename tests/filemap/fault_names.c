/* SPDX-License-Identifier: MIT */
/* A name made, found and left, with every call to the system failing in turn: nothing stays open, and the name is clear for the next one. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include "os/fault/fault.h"

enum { ENOUGH_CALLS = 100 };

static char name[64];

static acre_result open_name(acre_file_mode mode, acre_section **out) {
  acre_name_options options = {.access = ACRE_ACCESS_READ_WRITE, .mode = mode, .size = 10000};
  return acre_section_open(name, &options, NULL, out);
}

static acre_result work(acre_section *sections[2]) {
  acre_result result = open_name(ACRE_FILE_OPEN_OR_CREATE, &sections[0]);
  if (result == ACRE_OK) result = open_name(ACRE_FILE_OPEN, &sections[1]);
  return result;
}

static void close_both(acre_section *sections[2]) {
  for (int i = 0; i < 2; i++) {
    acre_section_close(sections[i]);
    sections[i] = NULL;
  }
}

/* `closing`: it is not the opening that fails. */
static bool run(const struct acre__fault_plan *plan, bool closing) {
  size_t descriptors = test_open_handles();
  acre_section *sections[2] = {NULL, NULL};
  if (closing) REQUIRE_OK(work(sections));
  acre__fault_begin(plan);
  acre_result result = closing ? plan->result : work(sections);
  if (closing) close_both(sections);
  bool failed = acre__fault_end(NULL);
  if (result != ACRE_OK) CHECK_RESULT(result, plan->result); /* else it found another way */
  CHECK(failed || result == ACRE_OK || closing);
  close_both(sections);
  CHECK_EQ(test_open_handles(), descriptors);

  CHECK_RESULT(open_name(ACRE_FILE_OPEN, &sections[0]), ACRE_E_NOT_FOUND); /* whoever comes next */
  CHECK_OK(open_name(ACRE_FILE_CREATE, &sections[0]));
  close_both(sections);
  CHECK_EQ(test_open_handles(), descriptors);
  return failed;
}

static void run_all(struct acre__fault_plan plan, bool closing, unsigned long at_least) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system)); /* which registers what fork needs of vm */
  snprintf(name, sizeof name, "acre-fault-%ld", (long)getpid());
  for (plan.call = 1; run(&plan, closing); plan.call++) REQUIRE(plan.call < ENOUGH_CALLS);
  CHECK(plan.call > at_least);
}

TEST(one_call_of_opening_fails) {
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_SPACE}, false, 15);
  run_all((struct acre__fault_plan){.result = ACRE_E_IO}, false, 15); /* and without what is done once per process */
}

TEST(all_calls_of_opening_fail_from_one_on) {
  run_all((struct acre__fault_plan){.result = ACRE_E_TOO_MANY_FILES, .and_later = true}, false, 15);
}

TEST(one_call_of_closing_fails) {
  run_all((struct acre__fault_plan){.result = ACRE_E_IO}, true, 4);
}

TEST(all_calls_of_closing_fail_from_one_on) {
  run_all((struct acre__fault_plan){.result = ACRE_E_IO, .and_later = true}, true, 4);
}

TEST(a_system_without_such_locks) {
  snprintf(name, sizeof name, "acre-fault-%ld", (long)getpid());
  acre_section *section;
  uint64_t hold = ACRE_FAULT_MASK(ACRE_FAULT_NAME_HOLD);
  acre__fault_begin(
      &(struct acre__fault_plan){.call = 1, .result = ACRE_E_NOT_SUPPORTED, .functions = hold, .and_later = true});
  CHECK_RESULT(open_name(ACRE_FILE_OPEN_OR_CREATE, &section), ACRE_E_NOT_SUPPORTED);
  CHECK(acre__fault_end(NULL));
  CHECK(section == NULL);
  CHECK_RESULT(open_name(ACRE_FILE_OPEN, &section), ACRE_E_NOT_FOUND);
}
