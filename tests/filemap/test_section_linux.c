/* SPDX-License-Identifier: MIT */
/* Sections on Linux: files of the system, limits, fork. See test_section.c. */
#include "file_check.h"
#include "scratch_linux.h"

#include <pthread.h>
#include <sys/resource.h>

TEST(files_of_the_system_without_a_size) {
  acre_file *file = scratch_open("/proc/self/maps", ACRE_ACCESS_READ);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ, 0), ACRE_E_EMPTY_FILE);
  CHECK_RESULT(try_section(file, ACRE_ACCESS_READ, 1), ACRE_E_OUT_OF_RANGE);
  acre_file_close(file);
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

static void grow_in_child(void *file) {
  CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, 1000000));
}

static void *grow_forever(void *context) {
  acre_file *file = ((void **)context)[0];
  _Atomic bool *stop = ((void **)context)[1];
  for (uint64_t size = 1000001; !*stop; size += 4096) CHECK_OK(try_section(file, ACRE_ACCESS_READ_WRITE, size));
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
