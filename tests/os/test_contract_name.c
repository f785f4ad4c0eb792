/* SPDX-License-Identifier: MIT */
/* The contract of os.h, sentence by sentence: names. See test_contract.c; traps and other users are in filemap/test_names.c. */
#include "contract_name.h"

TEST(files_are_made_and_taken_away) {
  make_path();
  struct acre__os_file file = {-1};
  CHECK_RESULT(acre__os_name_open(path, false, &file), ACRE_E_NOT_FOUND);
  CHECK_RESULT(acre__os_name_remove(path), ACRE_E_NOT_FOUND);
  file = open_name(true);
  CHECK_OK(acre__os_name_leads_to(path, file));
  acre__os_file_close(open_name(false));
  CHECK_OK(acre__os_name_remove(path));
  CHECK_RESULT(acre__os_name_leads_to(path, file), ACRE_E_NOT_FOUND);
  make_path(); /* the directory may have gone with it */
  struct acre__os_file other = open_name(true);
  CHECK_RESULT(acre__os_name_leads_to(path, file), ACRE_E_NOT_FOUND);
  CHECK_OK(acre__os_name_leads_to(path, other));
  CHECK_OK(acre__os_name_remove(path));
  acre__os_file_close(other);
  acre__os_file_close(file);
}

TEST(a_name_goes_while_its_file_is_mapped) {
  make_path();
  struct acre__os_file file = open_name(true);
  void *view = NULL;
  CHECK_OK(acre__os_file_grow(file, 0, acre__os_name_head()));
  REQUIRE_OK(acre__os_map_file_anywhere(NULL, page_size(), PART(file, 0, ACRE_VM_READ_WRITE, false), &view));
  CHECK_OK(acre__os_name_remove(path));
  CHECK_RESULT(acre__os_name_leads_to(path, file), ACRE_E_NOT_FOUND);
  acre__os_file_close(file);
  release(view, 1);
}

TEST(a_mark_is_kept) {
  make_path();
  struct acre__os_file file = open_name(true);
  CHECK_RESULT(acre__os_name_check_mark(file), ACRE_E_NOT_FOUND);
  CHECK_OK(acre__os_file_grow(file, 0, 2 * page_size()));
  CHECK_RESULT(acre__os_name_check_mark(file), ACRE_E_NOT_FOUND);
  CHECK_OK(acre__os_name_mark(file));
  struct acre__os_file other = open_name(false);
  CHECK_OK(acre__os_name_check_mark(other));
  acre__os_file_close(other);
  acre__os_file_close(file);
  CHECK_OK(acre__os_name_remove(path));
}

TEST(parts_and_having_alone) {
  make_path();
  struct acre__os_file one = open_name(true), two = open_name(false), three = open_name(false);
  CHECK_OK(acre__os_name_hold(one, true, false));
  CHECK_OK(acre__os_name_hold(one, true, false)); /* again */
  CHECK_RESULT(acre__os_name_hold(two, true, false), ACRE_E_BUSY);
  CHECK_RESULT(acre__os_name_hold(two, false, false), ACRE_E_BUSY);
  CHECK_OK(acre__os_name_hold(one, false, false));
  CHECK_OK(acre__os_name_hold(two, false, true));
  CHECK_RESULT(acre__os_name_hold(one, true, false), ACRE_E_BUSY);
  acre__os_file_close(three); /* which had no part: takes nobody's away */
  CHECK_RESULT(acre__os_name_hold(one, true, false), ACRE_E_BUSY);
  acre__os_file_close(two);
  CHECK_OK(acre__os_name_hold(one, true, false));
  CHECK_OK(acre__os_name_hold(one, false, false));
  acre__os_file_close(one);
  CHECK_OK(acre__os_name_remove(path));
}

TEST(names_differ_by_every_byte) {
  static const char *const names[] = {"Upper",    "upper", "a\\b", "con",   "a.", "a",
                                      "\xc3\xa4", "a:b",   "%41",  "\0051", "Q"};
  enum { COUNT = sizeof names / sizeof *names };
  char paths[COUNT][sizeof path];
  struct acre__os_file files[COUNT];
  make_path();
  for (size_t i = 0; i < COUNT; i++) {
    snprintf(paths[i], sizeof paths[i], "%s%s", path, names[i]);
    REQUIRE_OK(acre__os_name_open(paths[i], true, &files[i]));
  }
  for (size_t i = 0; i < COUNT; i++)
    for (size_t j = 0; j < COUNT; j++)
      CHECK_RESULT(acre__os_name_leads_to(paths[i], files[j]), i == j ? ACRE_OK : ACRE_E_NOT_FOUND);
  for (size_t i = 0; i < COUNT; i++) {
    CHECK_OK(acre__os_name_remove(paths[i]));
    acre__os_file_close(files[i]);
  }
}
