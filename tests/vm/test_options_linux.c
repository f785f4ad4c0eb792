/* SPDX-License-Identifier: MIT */
/* ACRE_OPTIONS: what a process makes of it. (What the parser takes: test_options.c.) */
#include <acre/vm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

struct expected {
  const char *value; /* of ACRE_OPTIONS */
  const char *said;  /* something that stderr must hold; NULL: it must be empty */
};

/* In a child, as the variable is read once; this program asks Acre for nothing before that. */
static void read_settings(void *context) {
  const struct expected *expected = context;
  char said[512] = "";
  int ends[2], saved = dup(STDERR_FILENO);
  REQUIRE(saved >= 0 && pipe(ends) == 0);
  REQUIRE(setenv("ACRE_OPTIONS", expected->value, 1) == 0);
  REQUIRE(dup2(ends[1], STDERR_FILENO) >= 0);
  close(ends[1]);
  acre_system system;
  CHECK_OK(acre_system_info(&system));
  CHECK_OK(acre_system_info(&system)); /* it is told once */
  REQUIRE(dup2(saved, STDERR_FILENO) >= 0);
  ssize_t length = read(ends[0], said, sizeof said - 1);
  REQUIRE(length >= 0);
  CHECK_EQ(system.commit_way, ACRE_COMMIT_BY_MPROTECT);
  CHECK_EQ(system.query_way, ACRE_QUERY_BY_PROC);
  CHECK_EQ(system.populate_way, ACRE_POPULATE_BY_TOUCH);
  if (expected->said == NULL) {
    CHECK_EQ(length, 0);
  } else {
    CHECK(strstr(said, expected->said) != NULL);
    CHECK(strstr(said, "ACRE_OPTIONS") != NULL);
    CHECK(strchr(said, '\n') == said + length - 1); /* one line */
  }
}

TEST(a_process_does_what_the_variable_says) {
  struct expected plain = {"commit=mprotect,query=proc,populate=touch", NULL};
  CHECK_EQ(test_in_child(read_settings, &plain), 0);
}

TEST(a_process_tells_what_it_passes_over) {
  struct expected wrong = {"commit=mprotect,query=proc,populate=touch,commit=sometimes", "commit=sometimes"};
  CHECK_EQ(test_in_child(read_settings, &wrong), 0);
}
