/* SPDX-License-Identifier: MIT */
/* Sections by name: create or open, what a name may be, how long it lasts. (Other processes: test_names_linux.c.) */
#include "names_check.h"

TEST(create_or_open_tells_which) {
  const char *name = name_of("which");
  size_t descriptors = test_open_handles();
  acre_section *one, *two, *three;
  bool created = false;
  check_gone(name);
  REQUIRE_OK(open_name(name, ACRE_FILE_OPEN_OR_CREATE, 5000, &created, &one));
  CHECK(created);
  CHECK_EQ(acre_section_size(one), 5000);
  acre_view *view = scratch_view(one, ACRE_ACCESS_READ_WRITE);
  for (size_t i = 0; i < 5000; i++) REQUIRE_EQ(((char *)acre_view_data(view))[i], 0);
  strcpy(acre_view_data(view), "first");

  REQUIRE_OK(open_name(name, ACRE_FILE_OPEN_OR_CREATE, 99999, &created, &two));
  CHECK(!created);
  CHECK_EQ(acre_section_size(two), 5000); /* the first size stays */
  acre_view *other = scratch_view(two, ACRE_ACCESS_READ_WRITE);
  CHECK(strcmp(acre_view_data(other), "first") == 0);
  strcpy(acre_view_data(other), "second");
  CHECK(strcmp(acre_view_data(view), "second") == 0);
  CHECK_RESULT(try_name(name, ACRE_FILE_CREATE), ACRE_E_EXISTS);
  CHECK_RESULT(acre_section_resize(two, 6000), ACRE_E_NOT_SUPPORTED);

  REQUIRE_OK(acre_section_open(name, NULL, NULL, &three)); /* for reading */
  acre_view_options writing = {.access = ACRE_ACCESS_READ_WRITE};
  acre_view *none;
  CHECK_RESULT(acre_view_map(three, 0, 0, &writing, &none), ACRE_E_ACCESS_DENIED);
  acre_section_close(three);

  acre_section_close(one);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(two);
  check_gone(name); /* with its last handle; a view has the memory still */
  CHECK(strcmp(acre_view_data(other), "second") == 0);
  CHECK_OK(acre_view_flush(other, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_flush(other, 0, 0, ACRE_FLUSH_WAIT));
  CHECK_OK(open_name(name, ACRE_FILE_OPEN_OR_CREATE, 100, &created, &three));
  CHECK(created);
  CHECK_EQ(acre_section_size(three), 100);
  acre_section_close(three);
  CHECK_OK(acre_view_unmap(other));
  check_gone(name);
  CHECK_OK(try_name(name, ACRE_FILE_CREATE));
  check_gone(name);
  CHECK_EQ(test_open_handles(), descriptors);
}

TEST(names_differ_by_case_and_are_any_text) {
  static const char *const texts[] = {"a",   "A", "이름",      "with space",  " ",   "...",      ".hidden",
                                      "-rf", "*", "new\nline", "Local\\name", "%2F", "\xff\xfe", "🙂"};
  enum { COUNT = sizeof texts / sizeof *texts };
  acre_section *sections[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    bool created;
    REQUIRE_OK(open_name(name_of(texts[i]), ACRE_FILE_CREATE, i + 1, &created, &sections[i]));
    CHECK(created);
  }
  for (size_t i = 0; i < COUNT; i++) {
    acre_section *again;
    REQUIRE_OK(acre_section_open(name_of(texts[i]), NULL, NULL, &again));
    CHECK_EQ(acre_section_size(again), i + 1);
    acre_section_close(again);
  }
  for (size_t i = 0; i < COUNT; i++) acre_section_close(sections[i]);
  for (size_t i = 0; i < COUNT; i++) check_gone(name_of(texts[i]));
}

TEST(hostile_names) {
  char long_name[5000];
  memset(long_name, 'n', sizeof long_name);
  long_name[4096] = '\0';
  const char *const texts[] = {"", ".", "..", "/", "/a", "a/", "a/b", "../a", "./a", "//", long_name};
  static const acre_file_mode modes[] = {ACRE_FILE_OPEN, ACRE_FILE_OPEN_OR_CREATE, ACRE_FILE_CREATE};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    for (size_t j = 0; j < 3; j++) CHECK_RESULT(try_name(texts[i], modes[j]), ACRE_E_INVALID_ARGUMENT);
  long_name[201] = '\0';
  CHECK_RESULT(try_name(long_name, ACRE_FILE_CREATE), ACRE_E_INVALID_ARGUMENT);
  long_name[200] = '\0';
  CHECK_OK(try_name(long_name, ACRE_FILE_CREATE));
  check_gone(long_name);
}

TEST(bad_arguments) {
  acre_section *section = (acre_section *)&section;
  acre_name_options options = {.mode = ACRE_FILE_CREATE, .size = 1};
  CHECK_RESULT(acre_section_open("x", NULL, NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_section_open(NULL, NULL, NULL, &section), ACRE_E_INVALID_ARGUMENT);
  CHECK(section == NULL);
  CHECK_RESULT(acre_section_open("x", &options, NULL, &section), ACRE_E_INVALID_ARGUMENT); /* of read access */
  options.access = (acre_access)3;
  CHECK_RESULT(acre_section_open("x", &options, NULL, &section), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(open_name("x", ACRE_FILE_TRUNCATE, 1, NULL, &section), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(open_name("x", (acre_file_mode)9, 1, NULL, &section), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(open_name("x", ACRE_FILE_CREATE, 0, NULL, &section), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(open_name(name_of("big"), ACRE_FILE_CREATE, UINT64_MAX, NULL, &section), ACRE_E_FILE_TOO_LARGE);
  check_gone(name_of("big"));
}
