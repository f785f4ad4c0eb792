/* SPDX-License-Identifier: MIT */
/* Opening files on Linux: permissions, kinds of files, descriptors. See test_file.c. */
#include "file_check.h"
#include "scratch_linux.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

TEST(permissions_of_a_new_file) {
  char path[SCRATCH_PATH];
  scratch_make(path, 0);
  mode_t mask = umask(027);
  for (int i = 0; i < 2; i++) {
    unlink(path);
    acre_file_options options = {
        .access = ACRE_ACCESS_READ_WRITE, .mode = ACRE_FILE_CREATE, .permissions = i == 0 ? 0 : 0707};
    acre_file *file;
    REQUIRE_OK(acre_file_open(path, &options, &file));
    CHECK_EQ(scratch_status(path).st_mode & 07777, i == 0 ? 0640 : 0700);
    acre_file_close(file);
  }
  umask(mask);
  unlink(path);
}

static void check_not_a_file(const char *path) {
  size_t descriptors = test_open_handles();
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ, ACRE_FILE_OPEN), ACRE_E_NOT_A_FILE);
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_OPEN), ACRE_E_NOT_A_FILE);
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_TRUNCATE), ACRE_E_NOT_A_FILE);
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_CREATE), ACRE_E_EXISTS);
  CHECK_EQ(test_open_handles(), descriptors);
}

TEST(folders_and_devices) {
  check_not_a_file("/tmp");
  check_not_a_file("/dev/null");
  check_not_a_file("/dev/zero");
  check_not_a_file("/dev/tty");
}

TEST(pipes_are_not_waited_for) {
  char path[SCRATCH_PATH];
  scratch_make(path, 0);
  unlink(path);
  REQUIRE(mkfifo(path, 0600) == 0);
  alarm(20); /* in place of waiting for ever */
  check_not_a_file(path);
  alarm(0);
  unlink(path);
}

TEST(sockets) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char path[SCRATCH_PATH];
  scratch_make(path, 0);
  unlink(path);
  REQUIRE(strlen(path) < sizeof address.sun_path);
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  check_not_a_file(path);
  close(fd);
  unlink(path);
}

/* For a child. Root may open anything, so it becomes nobody. */
static void become_nobody(void) {
  if (geteuid() == 0) REQUIRE(setgid(65534) == 0 && setuid(65534) == 0);
}

static void open_forbidden(void *path) {
  become_nobody();
  CHECK_OK(try_open(path, ACRE_ACCESS_READ, ACRE_FILE_OPEN));
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_OPEN), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(try_open(path, ACRE_ACCESS_READ_WRITE, ACRE_FILE_TRUNCATE), ACRE_E_ACCESS_DENIED);
}

TEST(no_permission) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  REQUIRE(chmod(path, 0444) == 0);
  CHECK_EQ(test_in_child(open_forbidden, path), 0);
  CHECK_EQ(scratch_status(path).st_size, 10);
  unlink(path);
}

static void open_many(void *path) {
  REQUIRE(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64}) == 0);
  acre_file *files[64];
  size_t count = 0;
  acre_result result;
  while ((result = open_as(path, ACRE_ACCESS_READ, ACRE_FILE_OPEN, &files[count])) == ACRE_OK) REQUIRE(++count < 64);
  CHECK_RESULT(result, ACRE_E_TOO_MANY_FILES);
  CHECK(files[count] == NULL);
  CHECK(count > 32);
  while (count > 0) acre_file_close(files[--count]);
  CHECK_OK(try_open(path, ACRE_ACCESS_READ, ACRE_FILE_OPEN));
}

TEST(no_descriptor_left) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  CHECK_EQ(test_in_child(open_many, path), 0);
  unlink(path);
}

TEST(not_inherited_over_exec) {
  char path[SCRATCH_PATH], link[64], target[SCRATCH_PATH];
  scratch_make(path, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  int found = 0;
  for (int fd = 0; fd < 256; fd++) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0) continue;
    target[length] = 0;
    if (strcmp(target, path) != 0) continue;
    found++;
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK_EQ(found, 1);
  acre_file_close(file);
  unlink(path);
}

TEST(files_that_the_program_has_opened) {
  char path[SCRATCH_PATH];
  scratch_make(path, 5000);
  acre_file *file;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  REQUIRE_OK(acre_file_adopt(fd, ACRE_ACCESS_READ_WRITE, &file));
  close(fd);
  CHECK_EQ(size_of(file), 5000);
  CHECK_OK(acre_file_resize(file, 6000));
  CHECK_EQ(scratch_status(path).st_size, 6000);
  acre_file_close(file);

  fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK_RESULT(acre_file_adopt(fd, ACRE_ACCESS_READ_WRITE, &file), ACRE_E_ACCESS_DENIED);
  CHECK(file == NULL);
  REQUIRE_OK(acre_file_adopt(fd, ACRE_ACCESS_READ, &file));
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, NULL, &section));
  acre_section_close(section);
  acre_file_close(file);
  CHECK_RESULT(acre_file_adopt(fd, ACRE_ACCESS_COPY_ON_WRITE, &file), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_file_adopt(fd, ACRE_ACCESS_READ, NULL), ACRE_E_INVALID_ARGUMENT);
  close(fd);
  CHECK_RESULT(acre_file_adopt(fd, ACRE_ACCESS_READ, &file), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_file_adopt(-1, ACRE_ACCESS_READ, &file), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_file_adopt(INTPTR_MIN, ACRE_ACCESS_READ, &file), ACRE_E_INVALID_ARGUMENT);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  CHECK_RESULT(acre_file_adopt(fd, ACRE_ACCESS_READ, &file), ACRE_E_ACCESS_DENIED);
  close(fd);
  fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK_RESULT(acre_file_adopt(fd, ACRE_ACCESS_READ, &file), ACRE_E_NOT_A_FILE);
  close(fd);
  unlink(path);
}
