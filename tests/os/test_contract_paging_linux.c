/* SPDX-License-Identifier: MIT */
/* The contract of os.h, sentence by sentence: temporary files, their blocks, and mappings that children do not get. */
#include "contract_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* A directory for each test, which is empty in the end. */
static char directory[64];

static struct acre__os_file make_directory(void) {
  struct acre__os_file out = {-1};
  strcpy(directory, "/tmp/acre-contract-XXXXXX");
  REQUIRE(mkdtemp(directory) != NULL);
  REQUIRE_OK(acre__os_directory_open(directory, &out));
  return out;
}

static void remove_directory(struct acre__os_file file) {
  acre__os_file_close(file);
  CHECK(rmdir(directory) == 0);
}

static struct acre__os_file make_temporary(struct acre__os_file in) {
  struct acre__os_file file = {-1};
  REQUIRE_OK(acre__os_file_temporary(in, &file));
  return file;
}

static struct stat status_of(struct acre__os_file file) {
  struct stat status;
  REQUIRE(fstat((int)file.handle, &status) == 0);
  return status;
}

static uint64_t blocks_of(struct acre__os_file file) {
  return (uint64_t)status_of(file).st_blocks * 512;
}

/* Each test runs as the system can, and as one would that can nothing. */
static void in_both_ways(void (*test)(bool plain)) {
  for (unsigned plain = 0; plain < 2; plain++) {
    acre__os_force_plain_files(plain != 0);
    test(plain != 0);
  }
  acre__os_force_plain_files(false);
}

/* ------------------------------------------------------------- directories */

static acre_result open_and_close(const char *path) {
  struct acre__os_file file = {-1};
  acre_result result = acre__os_directory_open(path, &file);
  if (result == ACRE_OK) acre__os_file_close(file);
  return result;
}

static void open_as_nobody(void *context) {
  become_nobody();
  CHECK_RESULT(open_and_close(context), ACRE_E_ACCESS_DENIED);
}

TEST(directories_and_files_to_be) {
  struct acre__os_file file = make_directory();
  char path[128];
  snprintf(path, sizeof path, "%s/to-be", directory);
  CHECK_OK(open_and_close(directory));
  CHECK_OK(open_and_close(path));
  CHECK_OK(open_and_close("to-be"));
  int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0);
  close(fd);
  CHECK_RESULT(open_and_close(path), ACRE_E_EXISTS);
  CHECK(unlink(path) == 0);
  strcat(path, "/below");
  CHECK_RESULT(open_and_close(path), ACRE_E_NOT_FOUND);
  CHECK_RESULT(open_and_close("/dev/null"), ACRE_E_EXISTS);
  CHECK_RESULT(open_and_close("/dev/null/below"), ACRE_E_NOT_FOUND);
  CHECK_RESULT(open_and_close(""), ACRE_E_INVALID_ARGUMENT);
  REQUIRE(chmod(directory, 0700) == 0);
  snprintf(path, sizeof path, "%s/hidden/further", directory);
  CHECK_IN_CHILD(open_as_nobody, path);
  remove_directory(file);
}

/* ------------------------------------------------------------- temporary files */

static void make_and_look(bool plain) {
  (void)plain;
  struct acre__os_file in = make_directory(), file, another;
  umask(0);
  file = make_temporary(in);
  struct stat status = status_of(file);
  CHECK(S_ISREG(status.st_mode) && (status.st_mode & 07777) == 0600);
  CHECK_EQ(status.st_nlink, 0);
  CHECK_EQ(status.st_size, 0);
  CHECK((fcntl((int)file.handle, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(write((int)file.handle, "x", 1) == 1);
  another = make_temporary(in);
  struct acre__os_identity one, two, again;
  CHECK_OK(acre__os_file_identity(file, &one));
  CHECK_OK(acre__os_file_identity(another, &two));
  CHECK_OK(acre__os_file_identity(file, &again));
  CHECK(one.device == two.device && one.number != two.number && one.number == again.number);
  acre__os_file_close(another);
  CHECK(acre__os_file_identity(another, &two) != ACRE_OK);
  remove_directory(in); /* empty, with the file still open */
  acre__os_file_close(file);
}

TEST(temporary_files_have_no_name) {
  in_both_ways(make_and_look);
}

static void make_as_nobody(void *context) {
  struct acre__os_file file;
  become_nobody();
  CHECK_RESULT(acre__os_file_temporary(*(struct acre__os_file *)context, &file), ACRE_E_ACCESS_DENIED);
}

static void make_with_too_many(void *context) {
  struct acre__os_file file;
  set_limit(RLIMIT_NOFILE, 3);
  CHECK_RESULT(acre__os_file_temporary(*(struct acre__os_file *)context, &file), ACRE_E_TOO_MANY_FILES);
}

static void make_where_none_can_be(bool plain) {
  (void)plain;
  struct acre__os_file in = make_directory();
  CHECK_IN_CHILD(make_as_nobody, &in);
  CHECK_IN_CHILD(make_with_too_many, &in);
  remove_directory(in);
}

TEST(temporary_files_say_why_not) {
  in_both_ways(make_where_none_can_be);
}

/* ------------------------------------------------------------- blocks */

static void allocate_and_punch(bool plain) {
  size_t page = page_size();
  struct acre__os_file in = make_directory(), file = make_temporary(in);
  char *base = reserve(16);
  CHECK_OK(acre__os_map_file(base, 16 * page, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  CHECK_OK(acre__os_file_allocate(file, 4 * page, 4 * page));
  CHECK_EQ(status_of(file).st_size, 8 * page);
  CHECK(all_bytes_are(base, 8 * page, 0));
  if (!plain) CHECK(blocks_of(file) >= 4 * page && blocks_of(file) <= 5 * page);
  memset(base + 4 * page, 1, 4 * page);
  if (!plain) CHECK_OK(acre__os_file_allocate(file, 0, 8 * page)); /* blocks that are there keep their content */
  CHECK(all_bytes_are(base + 4 * page, 4 * page, 1));
  CHECK_OK(acre__os_file_punch(file, 5 * page, 2 * page));
  CHECK(all_bytes_are(base + 4 * page, page, 1) && all_bytes_are(base + 7 * page, page, 1));
  CHECK(all_bytes_are(base + 5 * page, 2 * page, 0));
  if (!plain) CHECK(blocks_of(file) <= 7 * page);
  CHECK_OK(acre__os_file_punch(file, 0, 16 * page)); /* past the end, too */
  CHECK_EQ(status_of(file).st_size, 8 * page);
  CHECK(all_bytes_are(base, 8 * page, 0));
  if (!plain) CHECK_EQ(blocks_of(file), 0);
  CHECK_RESULT(acre__os_file_allocate(file, UINT64_MAX - page, page), ACRE_E_FILE_TOO_LARGE);
  release(base, 16);
  acre__os_file_close(file);
  remove_directory(in);
}

TEST(blocks_come_and_go) {
  in_both_ways(allocate_and_punch);
}

static void allocate_over_the_limit(void *context) {
  struct acre__os_file file = *(struct acre__os_file *)context;
  size_t page = page_size();
  CHECK_OK(acre__os_file_allocate(file, 0, 8 * page));
  set_limit(RLIMIT_FSIZE, 4 * page); /* passing it is SIGXFSZ, which would end this process */
  CHECK_RESULT(acre__os_file_allocate(file, 0, 5 * page), ACRE_E_FILE_TOO_LARGE);
  CHECK_OK(acre__os_file_allocate(file, 0, 4 * page));
  acre_result result = acre__os_file_punch(file, 6 * page, page);
  CHECK(result == ACRE_OK || result == ACRE_E_FILE_TOO_LARGE);
  CHECK_OK(acre__os_file_punch(file, page, page));
}

static void limits(bool plain) {
  (void)plain;
  struct acre__os_file in = make_directory(), file = make_temporary(in);
  CHECK_IN_CHILD(allocate_over_the_limit, &file);
  acre__os_file_close(file);
  remove_directory(in);
}

TEST(a_limit_on_files_is_no_signal) {
  in_both_ways(limits);
}

static void fill_the_disk(void *context) {
  (void)context;
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("none", directory, "tmpfs", 0, "size=1m,huge=never") != 0)
    _exit(77);
  struct acre__os_file in = {-1};
  REQUIRE_OK(acre__os_directory_open(directory, &in));
  for (unsigned plain = 0; plain < 2; plain++) {
    acre__os_force_plain_files(plain != 0);
    struct acre__os_file file = make_temporary(in);
    CHECK_RESULT(acre__os_file_allocate(file, 0, 2 << 20), ACRE_E_NO_SPACE);
    CHECK_OK(acre__os_file_punch(file, 0, 2 << 20));
    CHECK_OK(acre__os_file_allocate(file, 0, 1 << 19));
    acre__os_file_close(file);
  }
}

TEST(a_full_disk_is_an_error_at_allocation) {
  struct acre__os_file in = make_directory();
  int status = test_in_child(fill_the_disk, NULL);
  remove_directory(in);
  if (status == 77 << 8) test_skip("needs the right to mount");
  CHECK_EQ(status, 0);
}

/* ------------------------------------------------------------- mappings */

TEST(punching_leaves_pages_hidden) {
  size_t page = page_size();
  struct acre__os_file in = make_directory(), file = make_temporary(in);
  char *base = reserve(8);
  CHECK_OK(acre__os_file_allocate(file, 0, 8 * page));
  CHECK_OK(acre__os_map_file(base, 8 * page, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  memset(base, 1, 8 * page);
  acre_result hidden = acre__os_hide(base + 2 * page, 2 * page);
  if (hidden == ACRE_OK) {
    CHECK_OK(acre__os_file_punch(file, 0, 8 * page));
    CHECK(test_can_read(base) && !test_can_read(base + 2 * page) && !test_can_read(base + 3 * page));
    CHECK_OK(acre__os_reveal(base, 8 * page));
    CHECK(all_bytes_are(base, 8 * page, 0));
  }
  release(base, 8);
  acre__os_file_close(file);
  remove_directory(in);
  if (hidden != ACRE_OK) test_skip("no guard markers on files before Linux 6.15");
}

static void look_at_the_range(void *base) {
  CHECK(!is_taken(base));
  CHECK(!is_taken((char *)base + 3 * page_size()));
  CHECK(is_taken((char *)base + 4 * page_size()));
}

TEST(children_do_not_get_what_is_kept) {
  size_t page = page_size();
  char *base = reserve_committed(8);
  CHECK_OK(acre__os_keep_from_children(base, 4 * page));
  CHECK_OK(acre__os_protect(base + page, page, ACRE_VM_NO_ACCESS)); /* whatever becomes of it */
  base[0] = 5;
  CHECK_IN_CHILD(look_at_the_range, base);
  CHECK_EQ(base[0], 5);
  release(base, 8);
}

TEST(pages_that_are_read_singly_read_the_same) {
  size_t page = page_size();
  struct acre__os_file in = make_directory(), file = make_temporary(in);
  char *base = reserve(64);
  CHECK_OK(acre__os_file_allocate(file, 0, 64 * page));
  CHECK_OK(acre__os_map_file(base, 64 * page, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  CHECK_OK(acre__os_read_singly(base, 64 * page));
  memset(base, 7, 64 * page);
  acre__os_prefetch(base, 64 * page);
  CHECK(all_bytes_are(base, 64 * page, 7));
  release(base, 64);
  acre__os_file_close(file);
  remove_directory(in);
}
