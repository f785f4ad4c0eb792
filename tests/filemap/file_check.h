/* SPDX-License-Identifier: MIT */
/* What the tests of files and sections share: attempts that leave nothing open. */
#ifndef ACRE_TESTS_FILEMAP_FILE_CHECK_H
#define ACRE_TESTS_FILEMAP_FILE_CHECK_H

#include "scratch.h"

static inline acre_result open_as(const char *path, acre_access access, acre_file_mode mode, acre_file **out) {
  acre_file_options options = {.access = access, .mode = mode};
  return acre_file_open(path, &options, out);
}

/* Opens and closes. */
static inline acre_result try_open(const char *path, acre_access access, acre_file_mode mode) {
  acre_file *file = NULL;
  acre_result result = open_as(path, access, mode, &file);
  CHECK((result == ACRE_OK) == (file != NULL));
  acre_file_close(file);
  return result;
}

static inline uint64_t size_of(acre_file *file) {
  uint64_t size;
  REQUIRE_OK(acre_file_size(file, &size));
  return size;
}

/* Makes a section and closes it. */
static inline acre_result try_section(acre_file *file, acre_access access, uint64_t size) {
  acre_section_options options = {.access = access, .size = size};
  acre_section *section = NULL;
  acre_result result = acre_section_create(file, &options, &section);
  CHECK((result == ACRE_OK) == (section != NULL));
  if (result == ACRE_OK && size != 0) CHECK_EQ(acre_section_size(section), size);
  acre_section_close(section);
  return result;
}

#endif
