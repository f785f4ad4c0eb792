/* SPDX-License-Identifier: MIT */
/* The contract of os.h as Linux keeps it: names, with other processes. See test_contract_name.c. */
#include "contract_linux.h"
#include "contract_name.h"

#include <fcntl.h>
#include <sys/stat.h>

TEST(a_directory_for_the_user_alone) {
  char first[ACRE_OS_NAME_PATH], second[ACRE_OS_NAME_PATH];
  make_path();
  REQUIRE_OK(acre__os_name_directory(true, first));
  CHECK_OK(acre__os_name_directory(false, second));
  CHECK(strcmp(first, second) == 0);
  struct stat status;
  REQUIRE(stat(first, &status) == 0);
  CHECK(S_ISDIR(status.st_mode) && (status.st_mode & 07777) == 0700 && status.st_uid == geteuid());
  acre__os_file_close(open_name(true));
  CHECK_OK(acre__os_name_remove(path));
}

static void close_own_copy(void *file) {
  acre__os_file_close(*(struct acre__os_file *)file);
}

static void end_with_it(void *unused) {
  (void)unused;
  struct acre__os_file file = open_name(false);
  CHECK_OK(acre__os_name_hold(file, false, false));
}

enum { READY, GO, PIPES };

static int pipes[PIPES][2];

static void have_until_told(void) {
  char byte;
  struct acre__os_file file = open_name(false);
  REQUIRE_OK(acre__os_name_hold(file, true, false));
  CHECK(write(pipes[READY][1], "r", 1) == 1);
  CHECK(read(pipes[GO][0], &byte, 1) == 1);
  usleep(50000); /* in which the other one begins to wait */
}

TEST(waiting_ends_with_the_other) {
  make_path();
  struct acre__os_file file = open_name(true);
  char byte;
  for (int i = 0; i < PIPES; i++) REQUIRE(pipe(pipes[i]) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    have_until_told();
    _exit(0);
  }
  REQUIRE(pid > 0 && read(pipes[READY][0], &byte, 1) == 1);
  CHECK_RESULT(acre__os_name_hold(file, false, false), ACRE_E_BUSY);
  CHECK(write(pipes[GO][1], "g", 1) == 1);
  CHECK_OK(acre__os_name_hold(file, false, true));
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  for (int i = 0; i < 2 * PIPES; i++) close(pipes[i / 2][i % 2]);
  acre__os_file_close(file);
  CHECK_OK(acre__os_name_remove(path));
}

TEST(parts_of_other_processes) {
  make_path();
  struct acre__os_file one = open_name(true), two = open_name(false);
  CHECK((fcntl((int)one.handle, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_OK(acre__os_name_hold(two, false, false));
  CHECK_IN_CHILD(close_own_copy, &two);
  CHECK_RESULT(acre__os_name_hold(one, true, false), ACRE_E_BUSY);
  acre__os_file_close(two);
  CHECK_IN_CHILD(end_with_it, NULL);
  CHECK_OK(acre__os_name_hold(one, true, false));
  acre__os_file_close(one);
  CHECK_OK(acre__os_name_remove(path));
}
