/* SPDX-License-Identifier: MIT */
/* Files of the contract with handles as only Windows has them. */
#include "contract_file.h"

#include <windows.h>

TEST(zeros_are_written_through_a_handle_that_does_not_wait) {
  make_directory();
  acre__os_file_close(make_file("a", 64, true));
  HANDLE given = CreateFileA(path_of("a"), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                             OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
  struct acre__os_file file = {-1};
  REQUIRE(given != INVALID_HANDLE_VALUE);
  REQUIRE_OK(acre__os_file_copy((intptr_t)given, true, &file));
  CHECK(CloseHandle(given));
  CHECK_OK(acre__os_file_punch(file, page_size(), 60 * page_size()));
  CHECK_EQ(byte_of_file("a", page_size() - 1), 1);
  CHECK_EQ(byte_of_file("a", page_size()), 0);
  CHECK_EQ(byte_of_file("a", 61 * page_size() - 1), 0);
  CHECK_EQ(byte_of_file("a", 61 * page_size()), 62);
  acre__os_file_close(file);
  remove_directory();
}

TEST(no_handle_is_left) {
  make_directory();
  size_t before = 0;
  for (int i = 0; i < 20; i++) {
    if (i == 2) before = test_open_handles();
    struct acre__os_file file = make_file("a", 2, true), copy = {-1}, in = {-1};
    char *base = reserve(2);
    REQUIRE_OK(acre__os_file_copy(file.handle, true, &copy));
    REQUIRE_OK(acre__os_directory_open(path_of("to-be"), &in));
    CHECK_OK(acre__os_map_file(base, 2 * page_size(), PART(file, 0, ACRE_VM_READ_WRITE, false)));
    CHECK_OK(acre__os_file_punch(file, 0, page_size()));
    CHECK_OK(acre__os_flush(file, base, 2 * page_size()));
    acre__os_file_close(in);
    acre__os_file_close(copy);
    acre__os_file_close(file);
    release(base, 2);
  }
  CHECK_EQ(test_open_handles(), before);
  remove_directory();
}
