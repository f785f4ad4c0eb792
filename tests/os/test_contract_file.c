/* SPDX-License-Identifier: MIT */
/*
 * The contract of os.h, sentence by sentence: files. See test_contract.c.
 *
 * Views are mapped at multiples of the map granularity here, which every system takes.
 */
#include "contract_file.h"

/* ------------------------------------------------------------- open */

TEST(open_knows_the_modes) {
  make_directory();
  struct acre__os_file file;
  const char *path = path_of("a");
  CHECK_RESULT(open_and_close(path, false), ACRE_E_NOT_FOUND);
  CHECK_OK(acre__os_file_open(path, true, true, true, false, 0640, &file)); /* must create */
  CHECK_OK(acre__os_file_set_size(file, 7));
  acre__os_file_close(file);
  CHECK_RESULT(acre__os_file_open(path, true, true, true, false, 0640, &file), ACRE_E_EXISTS);
  CHECK_OK(acre__os_file_open(path, true, true, false, false, 0640, &file)); /* create, but it is there */
  CHECK_EQ(size_of(file), 7);
  acre__os_file_close(file);
  CHECK_OK(acre__os_file_open(path, true, true, false, true, 0640, &file)); /* truncate */
  CHECK_EQ(size_of(file), 0);
  acre__os_file_close(file);
  CHECK_OK(acre__os_file_open(path_of("b"), true, true, false, true, 0600, &file)); /* truncate what is not there */
  acre__os_file_close(file);
  CHECK_OK(acre__os_file_open(path_of("b"), false, false, false, false, 0, &file));
  CHECK_RESULT(acre__os_file_set_size(file, 1), ACRE_E_ACCESS_DENIED); /* for reading */
  acre__os_file_close(file);
  CHECK_RESULT(open_and_close(path_of("no/b"), false), ACRE_E_NOT_FOUND);
  CHECK_RESULT(open_and_close(directory, false), ACRE_E_NOT_A_FILE);
  CHECK_RESULT(open_and_close(directory, true), ACRE_E_NOT_A_FILE);
  remove_directory();
}

TEST(names_are_utf_8) {
  make_directory();
  struct acre__os_file file;
  CHECK_OK(acre__os_file_open(path_of("\xed\x95\x9c\xea\xb8\x80"), true, true, true, false, 0600, &file));
  acre__os_file_close(file);
  CHECK_OK(open_and_close(path_of("\xed\x95\x9c\xea\xb8\x80"), true));
  remove_directory();
}

TEST(a_copy_of_a_handle_is_of_the_same_file) {
  make_directory();
  struct acre__os_file file = make_file("a", 1, false), copy = {-1};
  struct acre__os_identity one, two;
  CHECK_RESULT(acre__os_file_copy(file.handle, true, &copy), ACRE_E_ACCESS_DENIED);
  REQUIRE_OK(acre__os_file_copy(file.handle, false, &copy));
  CHECK_OK(acre__os_file_identity(file, &one));
  acre__os_file_close(file);
  CHECK_OK(acre__os_file_identity(copy, &two));
  CHECK(one.device == two.device && one.number == two.number);
  CHECK_EQ(size_of(copy), page_size());
  acre__os_file_close(copy);
  CHECK_RESULT(acre__os_file_copy(-1, false, &copy), ACRE_E_INVALID_ARGUMENT);
  remove_directory();
}

TEST(a_file_that_is_only_read_can_be_synced) {
  make_directory();
  struct acre__os_file file = make_file("a", 1, false);
  CHECK_OK(acre__os_file_sync(file));
  acre__os_file_close(file);
  remove_directory();
}

/* ------------------------------------------------------------- sizes */

TEST(grow_keeps_content) {
  make_directory();
  struct acre__os_file file = make_file("a", 2, true);
  uint64_t wanted = ((uint64_t)1 << 20) + 17;
  CHECK_OK(acre__os_file_grow(file, 2 * page_size(), wanted));
  CHECK_EQ(size_of(file), wanted);
  CHECK_EQ(byte_of_file("a", page_size()), 2);
  CHECK_EQ(byte_of_file("a", 2 * page_size()), 0);
  CHECK_EQ(byte_of_file("a", wanted - 1), 0);
  CHECK_RESULT(acre__os_file_grow(file, wanted, UINT64_MAX), ACRE_E_FILE_TOO_LARGE);
  CHECK_RESULT(acre__os_file_set_size(file, UINT64_MAX), ACRE_E_FILE_TOO_LARGE);
  CHECK_EQ(size_of(file), wanted);
  acre__os_file_close(file);
  remove_directory();
}

TEST(a_shorter_file_keeps_its_front) {
  make_directory();
  struct acre__os_file file = make_file("a", 3, true), reader = {-1};
  uint64_t size = 0;
  CHECK_OK(acre__os_file_set_size(file, page_size() + 1));
  CHECK_OK(acre__os_file_size(file, &size));
  CHECK_EQ(size, page_size() + 1);
  CHECK_EQ(byte_of_file("a", page_size()), 2);
  CHECK_OK(acre__os_file_set_size(file, page_size() + 1));
  REQUIRE_OK(acre__os_file_open(path_of("a"), false, false, false, false, 0, &reader));
  CHECK_RESULT(acre__os_file_set_size(reader, 0), ACRE_E_ACCESS_DENIED);
  CHECK_OK(acre__os_file_set_size(file, 0));
  CHECK_OK(acre__os_file_size(reader, &size));
  CHECK_EQ(size, 0);
  acre__os_file_close(reader);
  acre__os_file_close(file);
  remove_directory();
}

TEST(zeros_are_allocated_and_punched) {
  make_directory();
  size_t page = page_size();
  struct acre__os_file file = make_file("a", 4, true);
  CHECK_OK(acre__os_file_allocate(file, 4 * page, 2 * page));
  CHECK_EQ(size_of(file), 6 * page);
  CHECK_EQ(byte_of_file("a", 4 * page - 1), 4);
  CHECK_EQ(byte_of_file("a", 4 * page), 0);
  CHECK_OK(acre__os_file_punch(file, page, 2 * page));
  CHECK_EQ(byte_of_file("a", page - 1), 1);
  CHECK_EQ(byte_of_file("a", page), 0);
  CHECK_EQ(byte_of_file("a", 3 * page - 1), 0);
  CHECK_EQ(byte_of_file("a", 3 * page), 4);
  CHECK_OK(acre__os_file_punch(file, 5 * page, 16 * page)); /* past the end, too */
  CHECK_EQ(size_of(file), 6 * page);
  CHECK_RESULT(acre__os_file_allocate(file, UINT64_MAX - page, page), ACRE_E_FILE_TOO_LARGE);
  acre__os_file_close(file);
  remove_directory();
}

/* ------------------------------------------------------------- map */

/* A file of some granules, and how many pages these are. */
static struct acre__os_file make_large_file(const char *name, size_t granules, bool writable) {
  return make_file(name, granules * map_step() / page_size(), writable);
}

static int page_of_file(size_t offset) {
  return (int)(offset / page_size() % 100) + 1;
}

static void map_over_a_reservation(void) {
  make_directory();
  size_t page = page_size(), step = place_step();
  struct acre__os_file file = make_large_file("a", 4, true);
  char *base = reserve(4 * step / page);
  CHECK_OK(acre__os_map_file(base + step, 2 * page, PART(file, map_step(), ACRE_VM_READ_WRITE, false)));
  CHECK(all_bytes_are(base + step, page, page_of_file(map_step())));
  CHECK(all_bytes_are(base + step + page, page, page_of_file(map_step() + page)));
  CHECK(!test_can_read(base) && !test_can_read(base + step - page) && !test_can_read(base + step + 2 * page));
  CHECK(is_taken(base) && is_taken(base + step - page) && is_taken(base + 2 * step));
  CHECK_OK(acre__os_commit(base, page, ACRE_VM_READ_WRITE)); /* beside it */
  CHECK_OK(acre__os_commit(base + 3 * step, page, ACRE_VM_READ_WRITE));
  base[0] = base[3 * step] = 1;
  base[step + 5] = 77;
  CHECK_EQ(byte_of_file("a", map_step() + 5), 77);
  CHECK_OK(acre__os_flush(file, base + step, 2 * page));
  CHECK_OK(acre__os_file_sync(file));
  CHECK_OK(acre__os_protect(base + step, page, ACRE_VM_READ));
  CHECK(!test_can_write(base + step) && test_can_write(base + step + page));
  acre__os_file_close(file); /* the view stays */
  CHECK_EQ(base[step + 5], 77);
  CHECK_OK(acre__os_decommit(base + step, 2 * page)); /* as fresh from reserve */
  CHECK(is_taken(base + step) && !test_can_read(base + step) && test_can_write(base));
  CHECK_OK(acre__os_commit(base + step, page, ACRE_VM_READ_WRITE));
  CHECK(all_bytes_are(base + step, page, 0));
  release(base, 4 * step / page);
  CHECK(!is_taken(base) && !is_taken(base + step) && !is_taken(base + 3 * step));
  remove_directory();
}

TEST(shared_views_show_and_change_the_file) {
  with_each_reservation(map_over_a_reservation);
}

static void map_for_copies(void) {
  make_directory();
  struct acre__os_file file = make_file("a", 2, false); /* which need not be writable */
  char *base = reserve(2);
  CHECK_OK(acre__os_map_file(base, 2 * page_size(), PART(file, 0, ACRE_VM_READ_WRITE, true)));
  base[5] = 77;
  CHECK_EQ(base[5], 77);
  CHECK_EQ(byte_of_file("a", 5), 1);
  CHECK_OK(acre__os_protect(base, 2 * page_size(), ACRE_VM_READ));
  CHECK_OK(acre__os_protect(base, 2 * page_size(), ACRE_VM_READ_WRITE)); /* still a copy's */
  base[6] = base[page_size()] = 78;
  CHECK_EQ(base[5], 77);
  CHECK_EQ(byte_of_file("a", 6), 1);
  CHECK_EQ(byte_of_file("a", page_size()), 2);
  release(base, 2);
  acre__os_file_close(file);
  remove_directory();
}

TEST(private_views_keep_stores_to_themselves) {
  with_each_reservation(map_for_copies);
}

/* Pages that lie in one granule, one after the other: what a section does whose pages are committed singly. */
static void map_page_by_page(void) {
  make_directory();
  size_t page = page_size(), step = place_step();
  struct acre__os_file file = make_file("a", 3 * step / page, true);
  char *base = reserve(3 * step / page);
  const size_t order[] = {3, 5, 4, 20, 2, 17};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    size_t offset = order[i] * page;
    CHECK(!test_can_read(base + offset));
    REQUIRE_OK(acre__os_map_file(base + offset, page, PART(file, offset, ACRE_VM_READ_WRITE, false)));
    CHECK(all_bytes_are(base + offset, page, page_of_file(offset)) && test_can_write(base + offset));
  }
  CHECK(!test_can_read(base) && !test_can_read(base + page) && !test_can_read(base + 6 * page));
  REQUIRE_OK(acre__os_map_file(base + 30 * page, 4 * page, PART(file, 30 * page, ACRE_VM_READ_WRITE, false)));
  CHECK(test_can_write(base + 33 * page) && !test_can_read(base + 34 * page) && !test_can_read(base + 29 * page));
  CHECK_OK(acre__os_decommit(base + 3 * page, page));
  CHECK(!test_can_read(base + 3 * page) && test_can_write(base + 2 * page) && test_can_write(base + 4 * page));
  release(base, 3 * step / page);
  acre__os_file_close(file);
  remove_directory();
}

TEST(views_of_single_pages) {
  with_each_reservation(map_page_by_page);
}

TEST(views_are_mapped_where_there_is_room) {
  make_directory();
  size_t page = page_size(), step = place_step();
  struct acre__os_file file = make_large_file("a", 3, true);
  char *base = reserve(2 * step / page);
  void *got = NULL;
  CHECK_OK(acre__os_release(base + step, step));
  CHECK_OK(acre__os_map_file_anywhere(base + step, 2 * page, PART(file, map_step(), ACRE_VM_READ_WRITE, false), &got));
  CHECK(got == base + step); /* the wish was free */
  CHECK(all_bytes_are(got, page, page_of_file(map_step())));

  void *other = NULL;
  CHECK_OK(acre__os_map_file_anywhere(base, page, PART(file, 0, ACRE_VM_READ_WRITE, true), &other)); /* taken */
  CHECK(other != NULL && other != base);
  memset(other, 9, page);
  CHECK_EQ(byte_of_file("a", 0), 1);
  CHECK(!test_can_read(base));
  CHECK_OK(acre__os_release(other, page));
  CHECK_OK(acre__os_map_file_anywhere((void *)-step, page, PART(file, 0, ACRE_VM_READ, false), &other)); /* nobody's */
  CHECK_OK(acre__os_release(other, page));
  release(base, 2 * step / page);
  acre__os_file_close(file);

  file = make_file("b", 1, false);
  CHECK_RESULT(acre__os_map_file_anywhere(NULL, page, PART(file, 0, ACRE_VM_READ_WRITE, false), &got),
               ACRE_E_ACCESS_DENIED);
  acre__os_file_close(file);
  remove_directory();
}

static void refuse(void) {
  make_directory();
  struct acre__os_file file = make_file("a", 1, false);
  char *base = reserve(1);
  CHECK_RESULT(acre__os_map_file(base, page_size(), PART(file, 0, ACRE_VM_READ_WRITE, false)), ACRE_E_ACCESS_DENIED);
  CHECK(is_taken(base) && !test_can_read(base));
  CHECK_OK(acre__os_map_file(base, page_size(), PART(file, 0, ACRE_VM_READ, false)));
  CHECK(test_can_read(base) && !test_can_write(base));
  release(base, 1);
  acre__os_file_close(file);
  remove_directory();
}

TEST(a_view_that_is_refused_leaves_the_reservation) {
  with_each_reservation(refuse);
}

/* Past the end there is nothing, in whichever way a system says so. */
TEST(past_the_end_there_is_nothing) {
  make_directory();
  size_t page = page_size();
  struct acre__os_file file = make_file("a", 3, true);
  char *base = reserve(8);
  acre_result result = acre__os_map_file(base, 8 * page, PART(file, 0, ACRE_VM_READ_WRITE, false));
  if (result == ACRE_OK)
    result = acre__os_populate(base, 8 * page, false); /* not a signal */
  else
    CHECK_OK(acre__os_map_file(base, 3 * page, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  CHECK_RESULT(result, ACRE_E_OUT_OF_RANGE);
  CHECK_OK(acre__os_populate(base, 3 * page, false));
  CHECK_OK(acre__os_populate(base, 3 * page, true));
  CHECK_EQ(byte_of_file("a", 2 * page), 3);
  release(base, 8);
  acre__os_file_close(file);
  remove_directory();
}

/* ------------------------------------------------------------- temporary files, files in memory */

static void check_nameless(struct acre__os_file file) {
  char *base = reserve(2);
  CHECK_OK(acre__os_file_set_size(file, 2 * page_size()));
  CHECK_OK(acre__os_map_file(base, 2 * page_size(), PART(file, 0, ACRE_VM_READ_WRITE, false)));
  CHECK(all_bytes_are(base, 2 * page_size(), 0));
  memset(base, 5, 2 * page_size());
  acre__os_file_close(file);
  CHECK(all_bytes_are(base, 2 * page_size(), 5));
  release(base, 2);
}

TEST(temporary_files_go_with_their_last_user) {
  make_directory();
  struct acre__os_file in, file;
  REQUIRE_OK(acre__os_directory_open(directory, &in));
  REQUIRE_OK(acre__os_file_temporary(in, &file));
  check_nameless(file);
  acre__os_file_close(in);
  remove_directory();
}

TEST(directories_and_files_to_be) {
  make_directory();
  struct acre__os_file in = {-1};
  acre__os_file_close(make_file("a", 1, true));
  CHECK_RESULT(acre__os_directory_open(path_of("a"), &in), ACRE_E_EXISTS);
  CHECK_RESULT(acre__os_directory_open(path_of("no/further"), &in), ACRE_E_NOT_FOUND);
  REQUIRE_OK(acre__os_directory_open(path_of("to-be"), &in));
  acre__os_file_close(in);
  remove_directory();
}

TEST(files_in_memory) {
  struct acre__os_file file;
  acre_result result = acre__os_file_in_memory(2 * page_size(), &file);
  if (result == ACRE_E_NOT_SUPPORTED) test_skip("no files in memory here");
  REQUIRE_OK(result);
  CHECK_EQ(size_of(file), 2 * page_size());
  check_nameless(file);
}

/* ------------------------------------------------------------- write back */

static void write_back_parts(void) {
  size_t page = page_size();
  struct acre__os_file file = make_file("a", 5, true);
  char *base = reserve(5);
  CHECK_OK(acre__os_map_file(base, 5 * page, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  for (int wait = 0; wait <= 1; wait++) {
    base[2 * page] = 'w';
    CHECK_OK(acre__os_file_write_back(file, 2 * page, page, base + 2 * page, wait));
    CHECK_OK(acre__os_file_write_back(file, 0, 5 * page, base, wait));
    CHECK_OK(
        acre__os_file_write_back(file, 4 * page, 100 * page, NULL, wait)); /* past the end there is nothing to write */
  }
  CHECK_OK(acre__os_file_sync(file));
  CHECK_EQ(base[2 * page], 'w');
  release(base, 5);
  acre__os_file_close(file);
}

TEST(write_back_each_way) {
  make_directory();
  write_back_parts();
  acre__os_force_plain_files(true);
  write_back_parts();
  acre__os_force_plain_files(false);
  remove_directory();
}
