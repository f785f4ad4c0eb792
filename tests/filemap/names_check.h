/* SPDX-License-Identifier: MIT */
/* What the tests of names share: a name of the process's own, and what it leads to. */
#ifndef ACRE_TESTS_FILEMAP_NAMES_CHECK_H
#define ACRE_TESTS_FILEMAP_NAMES_CHECK_H

#include "scratch.h"

/* A name of this process's own, so that tests may run at the same time. */
static inline const char *name_of(const char *text) {
  static char name[64];
  snprintf(name, sizeof name, "acre-test-%ld-%s", (long)getpid(), text);
  return name;
}

static inline acre_result open_name(const char *name, acre_file_mode mode, uint64_t size, bool *created,
                                    acre_section **out) {
  acre_name_options options = {.access = ACRE_ACCESS_READ_WRITE, .mode = mode, .size = size};
  return acre_section_open(name, &options, created, out);
}

/* What it leads to, and nothing is left open. */
static inline acre_result try_name(const char *name, acre_file_mode mode) {
  acre_section *section = NULL;
  bool created;
  acre_result result = open_name(name, mode, 1000, &created, &section);
  CHECK((result == ACRE_OK) == (section != NULL));
  acre_section_close(section);
  return result;
}

static inline void check_gone(const char *name) {
  CHECK_RESULT(try_name(name, ACRE_FILE_OPEN), ACRE_E_NOT_FOUND);
}

#endif
