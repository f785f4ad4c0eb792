/* SPDX-License-Identifier: MIT */
/* Opening files: modes, what is no file, and what the system refuses. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "file_check.h"

TEST(modes_on_a_file_that_is_there) {
  char path[SCRATCH_PATH];
  scratch_make(path, 1000);
  acre_file *file;
  REQUIRE_OK(acre_file_open(path, NULL, &file));
  CHECK_EQ(size_of(file), 1000);
  acre_file_close(file);
  CHECK_OK(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_OPEN));
  CHECK_OK(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_OPEN_OR_CREATE));
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_CREATE), ACRE_E_EXISTS);
  CHECK_EQ(scratch_status(path).st_size, 1000);
  CHECK_OK(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_TRUNCATE));
  CHECK_EQ(scratch_status(path).st_size, 0);
  unlink(path);
}

TEST(modes_on_a_file_that_is_not_there) {
  char path[SCRATCH_PATH];
  scratch_make(path, 0);
  unlink(path);
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ, ACRE_FILE_OPEN), ACRE_E_NOT_FOUND);
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_OPEN), ACRE_E_NOT_FOUND);
  static const acre_file_mode making[] = {ACRE_FILE_OPEN_OR_CREATE, ACRE_FILE_CREATE, ACRE_FILE_TRUNCATE};
  for (size_t i = 0; i < 3; i++) {
    CHECK(access(path, F_OK) != 0);
    CHECK_OK(try_open(path, ACRE_ACCESS_READ_WRITE, making[i]));
    CHECK_EQ(scratch_status(path).st_size, 0);
    unlink(path);
  }
  CHECK_RESULT(try_open("", ACRE_ACCESS_READ, ACRE_FILE_OPEN), ACRE_E_NOT_FOUND);
  CHECK_RESULT(try_open("/no/such/folder/file", ACRE_ACCESS_READ_WRITE, ACRE_FILE_CREATE), ACRE_E_NOT_FOUND);
}

TEST(bad_arguments) {
  acre_file *file = (acre_file *)&file;
  acre_file_options options = {0};
  CHECK_RESULT(acre_file_open("/dev/null", NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_file_open(NULL, NULL, &file), ACRE_E_INVALID_ARGUMENT);
  CHECK(file == NULL);
  options.access = ACRE_ACCESS_COPY_ON_WRITE;
  CHECK_RESULT(acre_file_open("/dev/null", &options, &file), ACRE_E_INVALID_ARGUMENT);
  options.access = (acre_access)3;
  CHECK_RESULT(acre_file_open("/dev/null", &options, &file), ACRE_E_INVALID_ARGUMENT);
  options = (acre_file_options){.access = ACRE_ACCESS_READ_WRITE, .mode = (acre_file_mode)4};
  CHECK_RESULT(acre_file_open("/dev/null", &options, &file), ACRE_E_INVALID_ARGUMENT);
  options = (acre_file_options){.access = ACRE_ACCESS_READ_WRITE, .permissions = 01000};
  CHECK_RESULT(acre_file_open("/dev/null", &options, &file), ACRE_E_INVALID_ARGUMENT);
  for (int mode = ACRE_FILE_OPEN_OR_CREATE; mode <= ACRE_FILE_TRUNCATE; mode++)
    CHECK_RESULT(try_open("/tmp", ACRE_ACCESS_READ, (acre_file_mode)mode), ACRE_E_INVALID_ARGUMENT);
  uint64_t size;
  CHECK_RESULT(acre_file_size(NULL, &size), ACRE_E_INVALID_ARGUMENT);
  acre_file_close(NULL);
}

/* ------------------------------------------------------------- what is no file */

/* ------------------------------------------------------------- what the system refuses */

/* ------------------------------------------------------------- the handle */

TEST(the_size_is_the_current_one) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  CHECK_EQ(size_of(file), 10);
  REQUIRE(truncate(path, 12345678) == 0);
  CHECK_EQ(size_of(file), 12345678);
  CHECK_RESULT(acre_file_size(file, NULL), ACRE_E_INVALID_ARGUMENT);
  acre_file_close(file);
  unlink(path);
}

TEST(closing_gives_the_descriptor_back) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  size_t descriptors = test_open_handles();
  for (int i = 0; i < 100; i++) CHECK_OK(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_OPEN));
  CHECK_EQ(test_open_handles(), descriptors);
  unlink(path);
}

TEST(a_closed_handle_that_a_section_keeps) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  size_t descriptors = test_open_handles();
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  acre_file_close(file);
  acre_file_close(file); /* does nothing */
  uint64_t size;
  CHECK_RESULT(acre_file_size(file, &size), ACRE_E_INVALID_ARGUMENT);
  acre_section *second;
  CHECK_RESULT(acre_section_create(file, NULL, &second), ACRE_E_INVALID_ARGUMENT);
  CHECK_EQ(acre_section_size(section), 10);
  acre_section_close(section);
  CHECK_EQ(test_open_handles(), descriptors);
  unlink(path);
}
