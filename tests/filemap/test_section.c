/* SPDX-License-Identifier: MIT */
/* Sections: their size, how they make their file grow, and what stops them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "file_check.h"

#include <pthread.h>

TEST(sizes_within_the_file) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, NULL, &section));
  CHECK_EQ(acre_section_size(section), 10000);
  acre_section_close(section);
  CHECK_OK(try_section(file, ACRE_ACCESS_READ, 1));
  CHECK_OK(try_section(file, ACRE_ACCESS_COPY_ON_WRITE, 9999));
  CHECK_OK(try_section(file, ACRE_ACCESS_READ, 10000));
  CHECK_EQ(scratch_status(path).st_size, 10000);
  acre_file_close(file);
  unlink(path);
}

TEST(growth_keeps_content_and_allocates_blocks) {
  enum { NEW_SIZE = (4 << 20) + 123 };
  char path[SCRATCH_PATH];
  scratch_make(path, 10000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, NEW_SIZE));
  CHECK_EQ(scratch_status(path).st_size, NEW_SIZE);
  CHECK(test_bytes_on_disk(path) >= NEW_SIZE);
  unsigned char bytes[20000];
  scratch_read(path, 0, bytes, sizeof bytes);
  CHECK(scratch_matches(bytes, 0, 10000));
  for (size_t i = 10000; i < sizeof bytes; i++) REQUIRE_EQ(bytes[i], 0);
  CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, 5)); /* never smaller */
  CHECK_EQ(scratch_status(path).st_size, NEW_SIZE);
  acre_file_close(file);
  unlink(path);
}

TEST(empty_files) {
  char path[SCRATCH_PATH];
  scratch_make(path, 0);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ, 0), ACRE_E_EMPTY_FILE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ_WRITE, 0), ACRE_E_EMPTY_FILE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ, 1), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_COPY_ON_WRITE, 1), ACRE_E_OUT_OF_RANGE);
  CHECK_EQ(scratch_status(path).st_size, 0);
  CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, 1));
  CHECK_EQ(scratch_status(path).st_size, 1);
  CHECK_OK(try_section(file, ACRE_ACCESS_READ, 0));
  acre_file_close(file);
  unlink(path);
}

TEST(no_more_access_than_the_file_has) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ_WRITE, 0), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ_WRITE, 100), ACRE_E_ACCESS_DENIED);
  CHECK_OK(try_section(file, ACRE_ACCESS_COPY_ON_WRITE, 0));
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ, 11), ACRE_E_OUT_OF_RANGE);
  CHECK_EQ(scratch_status(path).st_size, 10);
  acre_file_close(file);
  unlink(path);
}

TEST(bad_arguments) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = (acre_section *)&section;
  CHECK_RESULT(acre_section_create(file, NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_section_create(NULL, NULL, &section), ACRE_E_INVALID_ARGUMENT);
  CHECK(section == NULL);
  CHECK_RESULT(try_section(file, (acre_access)3, 0), ACRE_E_INVALID_ARGUMENT);
  CHECK_EQ(acre_section_size(NULL), 0);
  acre_section_close(NULL);
  acre_file_close(file);
  unlink(path);
}

TEST(larger_than_any_file) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ_WRITE, UINT64_MAX), ACRE_E_FILE_TOO_LARGE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ_WRITE, (uint64_t)INT64_MAX + 1), ACRE_E_FILE_TOO_LARGE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ, UINT64_MAX), ACRE_E_OUT_OF_RANGE);
  CHECK_EQ(scratch_status(path).st_size, 10);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- growing at once */

enum { THREADS = 4, ROUNDS = 50, STEP = 4096 };

static void *grow_by_turns(void *path) {
  acre_file_options options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_file *file;
  if (acre_file_open(path, &options, &file) != ACRE_OK) return path;
  for (uint64_t i = 1; i <= ROUNDS; i++) {
    CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, i * STEP));
    uint64_t size = 0;
    CHECK_OK(acre_file_size(file, &size));
    CHECK(size >= i * STEP);
  }
  acre_file_close(file);
  return NULL;
}

TEST(threads_grow_one_file) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, grow_by_turns, path) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    CHECK(failed == NULL);
  }
  CHECK_EQ(scratch_status(path).st_size, ROUNDS * STEP);
  unlink(path);
}
