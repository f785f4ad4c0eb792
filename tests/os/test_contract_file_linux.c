/* SPDX-License-Identifier: MIT */
/* The contract of os.h as Linux keeps it: permissions, kinds of files, limits, full disks. See test_contract_file.c. */
#include "contract_file.h"
#include "contract_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* ------------------------------------------------------------- open */

TEST(open_knows_the_modes) {
  make_directory();
  struct acre__os_file file;
  uint64_t size = 99;
  const char *path = path_of("a");
  CHECK_RESULT(open_and_close(path, false), ACRE_E_NOT_FOUND);

  umask(022);
  CHECK_OK(acre__os_file_open(path, true, true, true, false, 0640, &file)); /* must create */
  struct stat status;
  CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0640);
  CHECK((fcntl((int)file.handle, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(write((int)file.handle, "content", 7) == 7);
  acre__os_file_close(file);
  CHECK(fcntl((int)file.handle, F_GETFD) == -1);

  CHECK_RESULT(acre__os_file_open(path, true, true, true, false, 0640, &file), ACRE_E_EXISTS);
  CHECK_OK(acre__os_file_open(path, true, true, false, false, 0640, &file)); /* create, but it is there */
  CHECK_OK(acre__os_file_size(file, &size));
  CHECK_EQ(size, 7);
  acre__os_file_close(file);
  CHECK_OK(acre__os_file_open(path, true, true, false, true, 0640, &file)); /* truncate */
  CHECK_OK(acre__os_file_size(file, &size));
  CHECK_EQ(size, 0);
  acre__os_file_close(file);
  CHECK_OK(acre__os_file_open(path_of("b"), true, true, false, true, 0600, &file)); /* truncate what is not there */
  acre__os_file_close(file);
  CHECK_OK(acre__os_file_open(path_of("b"), false, false, false, false, 0, &file));
  CHECK(write((int)file.handle, "x", 1) == -1); /* for reading */
  acre__os_file_close(file);
  remove_directory();
}

TEST(open_takes_only_regular_files) {
  make_directory();
  alarm(20); /* a pipe that is waited for would hang */
  CHECK(mkfifo(path_of("pipe"), 0666) == 0);
  CHECK_RESULT(open_and_close(path_of("pipe"), false), ACRE_E_NOT_A_FILE);
  CHECK_RESULT(open_and_close(path_of("pipe"), true), ACRE_E_NOT_A_FILE);
  alarm(0);
  CHECK_RESULT(open_and_close(directory, false), ACRE_E_NOT_A_FILE);
  CHECK_RESULT(open_and_close(directory, true), ACRE_E_NOT_A_FILE);
  CHECK_RESULT(open_and_close("/dev/null", true), ACRE_E_NOT_A_FILE);
  struct acre__os_file file;
  CHECK_RESULT(acre__os_file_open("/dev/null", true, true, false, true, 0666, &file), ACRE_E_NOT_A_FILE);

  CHECK(symlink("target", path_of("link")) == 0); /* dangling: made, as by open(2) */
  CHECK_RESULT(open_and_close(path_of("link"), false), ACRE_E_NOT_FOUND);
  CHECK_OK(acre__os_file_open(path_of("link"), true, true, false, false, 0666, &file));
  acre__os_file_close(file);
  CHECK_OK(open_and_close(path_of("target"), true));
  CHECK_RESULT(open_and_close(path_of("target/below"), false), ACRE_E_NOT_FOUND);
  remove_directory();
}

static void open_as_nobody(void *context) {
  become_nobody();
  CHECK_RESULT(open_and_close(context, true), ACRE_E_ACCESS_DENIED);
}

TEST(open_obeys_permissions) {
  make_directory();
  acre__os_file_close(make_file("mine", 1, true));
  char path[128];
  strcpy(path, path_of("mine"));
  CHECK(chmod(path, 0444) == 0);
  CHECK_IN_CHILD(open_as_nobody, path);
  remove_directory();
}

static void open_too_many(void *context) {
  set_limit(RLIMIT_NOFILE, 3);
  CHECK_RESULT(open_and_close(context, false), ACRE_E_TOO_MANY_FILES);
}

TEST(open_says_when_descriptors_are_short) {
  make_directory();
  acre__os_file_close(make_file("a", 1, true));
  char path[128];
  strcpy(path, path_of("a"));
  CHECK_IN_CHILD(open_too_many, path);
  remove_directory();
}

/* ------------------------------------------------------------- grow */

TEST(grow_allocates_blocks_and_keeps_content) {
  make_directory();
  struct acre__os_file file = make_file("a", 2, true);
  uint64_t size = 0, wanted = ((uint64_t)1 << 20) + 17;
  CHECK_OK(acre__os_file_grow(file, 2 * page_size(), wanted));
  CHECK_OK(acre__os_file_size(file, &size));
  CHECK_EQ(size, wanted);
  struct stat status;
  CHECK(fstat((int)file.handle, &status) == 0);
  CHECK((uint64_t)status.st_blocks * 512 >= wanted);
  CHECK_EQ(byte_of_file("a", page_size()), 2);
  CHECK_EQ(byte_of_file("a", 2 * page_size()), 0);
  CHECK_EQ(byte_of_file("a", wanted - 1), 0);
  acre__os_file_close(file);
  remove_directory();
}

static void grow_past_the_limit(void *context) {
  struct acre__os_file file = *(struct acre__os_file *)context;
  set_limit(RLIMIT_FSIZE, 1 << 20); /* exceeding it is SIGXFSZ, which would end this process */
  CHECK_RESULT(acre__os_file_grow(file, page_size(), (1 << 20) + 1), ACRE_E_FILE_TOO_LARGE);
}

TEST(grow_says_when_the_file_is_too_large) {
  make_directory();
  struct acre__os_file file = make_file("a", 1, true);
  uint64_t size = 0;
  CHECK_IN_CHILD(grow_past_the_limit, &file);
  CHECK_RESULT(acre__os_file_grow(file, page_size(), UINT64_MAX), ACRE_E_FILE_TOO_LARGE);
  acre_result largest = acre__os_file_grow(file, page_size(), INT64_MAX); /* both are true of it */
  CHECK(largest == ACRE_E_FILE_TOO_LARGE || largest == ACRE_E_NO_SPACE);
  CHECK_OK(acre__os_file_size(file, &size));
  CHECK_EQ(size, page_size());
  acre__os_file_close(file);
  remove_directory();
}

/* A disk of 1 MiB of our own, in a mount namespace of our own. */
static bool mount_small_disk(const char *options, unsigned long flags) {
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", directory, "tmpfs", flags, options) == 0;
}

static void may_mount(void *context) {
  (void)context;
  CHECK(mount_small_disk("size=1m", 0));
}

static void need_mount(void) {
  make_directory();
  int status = test_in_child(may_mount, NULL);
  if (status == 0) return;
  remove_directory();
  test_skip("needs the right to mount (the failure above is that attempt)");
}

static void fill_the_disk(void *context) {
  (void)context;
  REQUIRE(mount_small_disk("size=1m", 0));
  struct acre__os_file file = make_file("a", 2, true);
  uint64_t size = 0;
  CHECK_RESULT(acre__os_file_grow(file, 2 * page_size(), 2 << 20), ACRE_E_NO_SPACE);
  CHECK_OK(acre__os_file_size(file, &size));
  CHECK_EQ(size, 2 * page_size());
  CHECK_EQ(byte_of_file("a", page_size()), 2);
  CHECK_OK(acre__os_file_grow(file, 2 * page_size(), 512 << 10));
}

static void open_on_a_read_only_disk(void *context) {
  (void)context;
  REQUIRE(mount_small_disk("size=1m", MS_RDONLY));
  struct acre__os_file file;
  CHECK_RESULT(acre__os_file_open(path_of("a"), true, true, false, false, 0666, &file), ACRE_E_READ_ONLY);
}

TEST(a_full_disk_is_an_error_at_growth) {
  need_mount();
  CHECK_IN_CHILD(fill_the_disk, NULL);
  remove_directory();
}

TEST(a_read_only_disk_has_its_own_result) {
  need_mount();
  CHECK_IN_CHILD(open_on_a_read_only_disk, NULL);
  remove_directory();
}

/* ------------------------------------------------------------- set_size */

static void lengthen_past_the_limit(void *context) {
  set_limit(RLIMIT_FSIZE, 1 << 20);
  CHECK_RESULT(acre__os_file_set_size(*(struct acre__os_file *)context, (1 << 20) + 1), ACRE_E_FILE_TOO_LARGE);
}

TEST(a_longer_file_has_no_blocks) {
  make_directory();
  struct acre__os_file file = make_file("a", 1, true);
  struct stat before, after;
  REQUIRE(fstat((int)file.handle, &before) == 0);
  CHECK_IN_CHILD(lengthen_past_the_limit, &file);
  CHECK_RESULT(acre__os_file_set_size(file, UINT64_MAX), ACRE_E_FILE_TOO_LARGE);
  CHECK_OK(acre__os_file_set_size(file, (uint64_t)1 << 30));
  REQUIRE(fstat((int)file.handle, &after) == 0);
  CHECK_EQ(after.st_size, 1 << 30);
  CHECK_EQ(after.st_blocks, before.st_blocks);
  CHECK_EQ(byte_of_file("a", (1 << 30) - 1), 0);
  acre__os_file_close(file);
  remove_directory();
}

/* ------------------------------------------------------------- map */

/* ------------------------------------------------------------- write back */

/* ------------------------------------------------------------- populate */

static void populate_views(void) {
  size_t page = page_size();
  struct acre__os_file file = make_file("a", 3, true);
  char *base = reserve(8);
  CHECK_OK(acre__os_map_file(base, 8 * page, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  CHECK_OK(acre__os_populate(base, 3 * page, false));
  CHECK_OK(acre__os_populate(base, 3 * page, true));
  CHECK_RESULT(acre__os_populate(base, 8 * page, false), ACRE_E_OUT_OF_RANGE); /* not a signal */
  CHECK_RESULT(acre__os_populate(base + 3 * page, 5 * page, true), ACRE_E_OUT_OF_RANGE);
  CHECK_EQ(byte_of_file("a", 2 * page), 3);
  REQUIRE(ftruncate((int)file.handle, (off_t)page) == 0);
  CHECK_RESULT(acre__os_populate(base, 3 * page, true), ACRE_E_OUT_OF_RANGE);
  CHECK_OK(acre__os_populate(base, page, true));
  REQUIRE(unlink(path_of("a")) == 0);
  CHECK_RESULT(acre__os_populate(base, 3 * page, true), ACRE_E_OUT_OF_RANGE);
  release(base, 8);
  acre__os_file_close(file);
}

TEST(populate_past_the_end_is_no_signal) {
  make_directory();
  populate_views();
  acre__os_force(true, true);
  populate_views();
  acre__os_force(false, false);
  remove_directory();
}

/* A sparse file on a full disk: the page lies inside the file and can't be had. */
static void populate_on_a_full_disk(void *context) {
  (void)context;
  REQUIRE(mount_small_disk("size=1m", 0));
  size_t page = page_size();
  struct acre__os_file file = make_file("sparse", 1, true);
  REQUIRE(ftruncate((int)file.handle, (off_t)(8 * page)) == 0);
  struct acre__os_file other = make_file("filler", 1, true);
  for (size_t size = 2 * page; acre__os_file_grow(other, size - page, size) == ACRE_OK;) size += page;
  char *base = reserve(8);
  CHECK_OK(acre__os_map_file(base, 8 * page, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  CHECK_RESULT(acre__os_populate(base, 8 * page, true), ACRE_E_IO);
  acre__os_force(false, true);
  CHECK_RESULT(acre__os_populate(base, 8 * page, true), ACRE_E_IO);
}

TEST(populate_inside_a_file_that_fails_is_io) {
  need_mount();
  CHECK_IN_CHILD(populate_on_a_full_disk, NULL);
  remove_directory();
}
