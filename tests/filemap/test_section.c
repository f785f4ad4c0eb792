/* SPDX-License-Identifier: MIT */
/* Sections: their size, how they make their file grow, and what stops them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include <pthread.h>
#include <sys/resource.h>

/* Makes a section and closes it. */
static acre_result try_section(acre_file *file, acre_access access, uint64_t size) {
  acre_section_options options = {.access = access, .size = size};
  acre_section *section = NULL;
  acre_result result = acre_section_create(file, &options, &section);
  CHECK((result == ACRE_OK) == (section != NULL));
  if (result == ACRE_OK && size != 0) CHECK_EQ(acre_section_size(section), size);
  acre_section_close(section);
  return result;
}

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
  struct stat status = scratch_status(path);
  CHECK_EQ(status.st_size, NEW_SIZE);
  CHECK((uint64_t)status.st_blocks * 512 >= NEW_SIZE);
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

TEST(files_of_the_system_without_a_size) {
  acre_file *file = scratch_open("/proc/self/maps", ACRE_ACCESS_READ);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ, 0), ACRE_E_EMPTY_FILE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ, 1), ACRE_E_OUT_OF_RANGE);
  acre_file_close(file);
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

/* In a child, which is gone when its limit is no longer wanted. */
static void grow_past_limit(void *path) {
  REQUIRE(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20}) == 0);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ_WRITE, (1 << 20) + 1), ACRE_E_FILE_TOO_LARGE);
  CHECK_EQ(scratch_status(path).st_size, 10);
  CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, 1 << 20));
  acre_file_close(file);
}

TEST(the_limit_of_the_process) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  CHECK_EQ(test_in_child(grow_past_limit, path), 0);
  CHECK_EQ(scratch_status(path).st_size, 1 << 20);
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

static void grow_in_child(void *file) {
  CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, 1000000));
}

static void *grow_forever(void *context) {
  acre_file *file = ((void **)context)[0];
  _Atomic bool *stop = ((void **)context)[1];
  for (uint64_t size = 1000001; !*stop; size += STEP) CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, size));
  return NULL;
}

TEST(a_child_may_grow_at_once) {
  char path[SCRATCH_PATH], other[SCRATCH_PATH];
  scratch_make(path, 10);
  scratch_make(other, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_file *busy = scratch_open(other, ACRE_ACCESS_READ_WRITE);
  _Atomic bool stop = false;
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, grow_forever, (void *[]){busy, (void *)&stop}) == 0);
  for (int i = 0; i < 50; i++) {
    REQUIRE(truncate(path, 10) == 0);
    REQUIRE_EQ(test_in_child(grow_in_child, file), 0);
    REQUIRE_EQ(scratch_status(path).st_size, 1000000);
  }
  stop = true;
  pthread_join(thread, NULL);
  acre_file_close(file);
  acre_file_close(busy);
  unlink(path);
  unlink(other);
}
