/* SPDX-License-Identifier: MIT */
/* Files, sections and views that become longer while they are mapped, what may be cut off, and arrays on disk. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include <acre/array.h>
#include <pthread.h>

static size_t page;

static void make(char path[SCRATCH_PATH], size_t size) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  page = system.page_size;
  scratch_make(path, size);
}

static acre_view *view_with_room(acre_section *section, uint64_t offset, size_t size, acre_access access,
                                 size_t reserve) {
  acre_view_options options = {.access = access, .reserve = reserve};
  acre_view *view = NULL;
  REQUIRE_OK(acre_view_map(section, offset, size, &options, &view));
  return view;
}

static acre_vm_info info_at(const void *address) {
  acre_vm_info info;
  REQUIRE_OK(acre_vm_query(address, &info));
  return info;
}

enum { SOME = 6000 };

/* ------------------------------------------------------------- files */

TEST(a_file_is_resized) {
  char path[SCRATCH_PATH];
  make(path, 10000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  CHECK_OK(acre_file_resize(file, 1 << 20));
  CHECK_EQ(scratch_status(path).st_size, 1 << 20);
  CHECK(test_bytes_on_disk(path) >= 1 << 20);
  CHECK_OK(acre_file_resize(file, 5000));
  CHECK_EQ(scratch_status(path).st_size, 5000);
  CHECK_OK(acre_file_resize(file, 5000));
  CHECK_OK(acre_file_resize(file, 0));
  CHECK_EQ(scratch_status(path).st_size, 0);
  CHECK_RESULT(acre_file_resize(file, (uint64_t)INT64_MAX + 1), ACRE_E_FILE_TOO_LARGE);
  CHECK_RESULT(acre_file_resize(NULL, 1), ACRE_E_INVALID_ARGUMENT);
  acre_file_close(file);
  file = scratch_open(path, ACRE_ACCESS_READ);
  CHECK_RESULT(acre_file_resize(file, 1), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(acre_file_resize(file, 0), ACRE_E_ACCESS_DENIED);
  acre_file_close(file);
  unlink(path);
}

/* Of whichever handle, and as long as anything keeps the section. */
TEST(what_is_mapped_is_not_cut_off) {
  char path[SCRATCH_PATH];
  make(path, 100000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE), *other = scratch_open(path, ACRE_ACCESS_READ);
  acre_section_options options = {.offset = 20000, .size = 30000};
  acre_section *section;
  REQUIRE_OK(acre_section_create(other, &options, &section));
  acre_file_close(other);
  CHECK_RESULT(acre_file_resize(file, 49999), ACRE_E_MAPPED);
  CHECK_RESULT(acre_file_resize(file, 0), ACRE_E_MAPPED);
  CHECK_EQ(scratch_status(path).st_size, 100000);
  CHECK_OK(acre_file_resize(file, 50000));
  CHECK_EQ(scratch_status(path).st_size, 50000);

  acre_view *view = scratch_view(section, ACRE_ACCESS_READ);
  acre_section_close(section);
  CHECK_RESULT(acre_file_resize(file, 49999), ACRE_E_MAPPED);
  CHECK(scratch_matches(acre_view_data(view), 20000, 30000));
  CHECK_OK(acre_view_unmap(view));
  CHECK_OK(acre_file_resize(file, 49999));
  CHECK_EQ(scratch_status(path).st_size, 49999);
  acre_file_close(file);
  unlink(path);
}

TEST(another_file_of_the_same_size_may_be_cut) {
  char mapped[SCRATCH_PATH], path[SCRATCH_PATH];
  make(mapped, 1000);
  make(path, 1000);
  acre_file *one = scratch_open(mapped, ACRE_ACCESS_READ), *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(one, ACRE_ACCESS_READ);
  CHECK_OK(acre_file_resize(file, 10));
  acre_section_close(section);
  acre_file_close(one);
  acre_file_close(file);
  unlink(mapped);
  unlink(path);
}

/* ------------------------------------------------------------- sections */

TEST(parts_of_a_file) {
  char path[SCRATCH_PATH];
  make(path, 100000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section;
  acre_section_options options = {.access = ACRE_ACCESS_READ_WRITE, .offset = 12345};
  REQUIRE_OK(acre_section_create(file, &options, &section));
  CHECK_EQ(acre_section_size(section), 100000 - 12345);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ);
  CHECK(scratch_matches(acre_view_data(view), 12345, 100000 - 12345));
  CHECK_OK(acre_view_unmap(view));
  REQUIRE_OK(acre_view_map(section, 777, 50000, NULL, &view));
  CHECK(scratch_matches(acre_view_data(view), 12345 + 777, 50000));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);

  options.offset = 100000; /* at the end: nothing is there, but may come */
  CHECK_RESULT(acre_section_create(file, &options, &section), ACRE_E_OUT_OF_RANGE);
  options.size = 5;
  CHECK_OK(acre_section_create(file, &options, &section));
  CHECK_EQ(scratch_status(path).st_size, 100005);
  acre_section_close(section);
  options.access = ACRE_ACCESS_READ;
  CHECK_RESULT(acre_section_create(file, &(acre_section_options){.offset = 99999, .size = 7}, &section),
               ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(acre_section_create(file, &(acre_section_options){.offset = UINT64_MAX, .size = 7}, &section),
               ACRE_E_OUT_OF_RANGE);
  options = (acre_section_options){.access = ACRE_ACCESS_READ_WRITE, .offset = UINT64_MAX, .size = 7};
  CHECK_RESULT(acre_section_create(file, &options, &section), ACRE_E_FILE_TOO_LARGE);
  acre_file_close(file);
  unlink(path);
}

TEST(a_section_grows_and_never_shrinks) {
  char path[SCRATCH_PATH];
  make(path, 10000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  CHECK_OK(acre_section_resize(section, 50000));
  CHECK_EQ(acre_section_size(section), 50000);
  CHECK_EQ(acre_view_size(view), 10000);
  CHECK_EQ(scratch_status(path).st_size, 50000);
  CHECK_RESULT(acre_view_grow(view, 10001), ACRE_E_OUT_OF_RANGE); /* it has no room */
  CHECK_OK(acre_view_grow(view, 10000));
  CHECK_OK(acre_view_grow(view, 5));
  CHECK_EQ(acre_view_size(view), 10000);
  CHECK_RESULT(acre_section_resize(section, 49999), ACRE_E_MAPPED);
  CHECK_RESULT(acre_section_resize(section, 0), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_section_resize(section, UINT64_MAX), ACRE_E_FILE_TOO_LARGE);
  CHECK_RESULT(acre_section_resize(NULL, 1), ACRE_E_INVALID_ARGUMENT);
  CHECK_EQ(acre_section_size(section), 50000);
  CHECK_RESULT(acre_file_resize(file, 40000), ACRE_E_MAPPED);
  CHECK(scratch_matches(acre_view_data(view), 0, 10000));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);

  section = scratch_section(file, ACRE_ACCESS_READ); /* follows the file, and does not make it longer */
  CHECK_RESULT(acre_section_resize(section, 50001), ACRE_E_OUT_OF_RANGE);
  CHECK_OK(acre_file_resize(file, 60000));
  CHECK_OK(acre_section_resize(section, 60000));
  CHECK_EQ(acre_section_size(section), 60000);
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- views */

TEST(a_view_grows_in_place) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, 10000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  size_t room = 64 * page - 10, regions = scratch_regions(); /* up to a page's end */
  acre_view *view = view_with_room(section, 10, 9990, ACRE_ACCESS_READ_WRITE, room - 50);
  acre_section_close(section);
  acre_file_close(file);
  CHECK_EQ(scratch_regions(), regions + 1);
  char *data = acre_view_data(view);
  CHECK_EQ(acre_view_size(view), 9990);
  CHECK(!test_can_read(data + 10 * page)); /* reserved, and no part of the file yet */
  CHECK_EQ(info_at(data + 10 * page).state, ACRE_VM_RESERVED);

  for (size_t size = 20000; size < room; size += 20000) {
    REQUIRE_OK(acre_view_grow(view, size));
    REQUIRE(acre_view_data(view) == data);
    REQUIRE_EQ(acre_view_size(view), size);
    REQUIRE_EQ(scratch_status(path).st_size, size + 10);
    for (size_t i = size - 20000 < 9990 ? 9990 : size - 20000; i < size; i++) REQUIRE_EQ(data[i], 0);
    memset(data + size - 100, 'g', 100);
    char stored;
    scratch_read(path, size + 9, &stored, 1);
    REQUIRE_EQ(stored, 'g');
  }
  CHECK_OK(acre_view_grow(view, room));
  CHECK_RESULT(acre_view_grow(view, room + 1), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(acre_view_grow(NULL, 1), ACRE_E_INVALID_ARGUMENT);
  CHECK_EQ(info_at(data).size, (10 + room + page - 1) / page * page);
  CHECK(scratch_matches(data, 10, 9990));
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(view));
  CHECK_EQ(scratch_regions(), regions);
  CHECK_EQ(scratch_status(path).st_size, room + 10);
  unlink(path);
}

TEST(commit_grows_a_view) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, 100);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *view = view_with_room(section, 0, 0, ACRE_ACCESS_READ_WRITE, 10 * page + 1);
  char *data = acre_view_data(view);
  CHECK_OK(acre_vm_commit(data + 2 * page, 1, ACRE_VM_DEFAULT)); /* and all below it */
  CHECK_EQ(acre_view_size(view), 3 * page);
  CHECK_EQ(scratch_status(path).st_size, 3 * page);
  CHECK_OK(acre_vm_commit(data + 4 * page, 1, ACRE_VM_READ));
  CHECK_EQ(info_at(data + 3 * page).protection, ACRE_VM_READ_WRITE);
  CHECK_EQ(info_at(data + 4 * page).protection, ACRE_VM_READ);
  CHECK_RESULT(acre_vm_commit(data + 5 * page, 1, ACRE_VM_EXECUTE_READ), ACRE_E_INVALID_PROTECTION);
  CHECK_EQ(acre_view_size(view), 5 * page);
  CHECK_OK(acre_vm_commit(data, 10 * page + 1, ACRE_VM_DEFAULT));
  CHECK_EQ(acre_view_size(view), 11 * page); /* what is reserved is whole pages */
  CHECK_EQ(info_at(data + 4 * page).protection, ACRE_VM_READ_WRITE);
  CHECK_RESULT(acre_vm_commit(data + 11 * page, 1, ACRE_VM_DEFAULT), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_vm_decommit(data, page), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_populate(data, 10 * page), ACRE_OK);
  CHECK_OK(acre_view_unmap(view));

  view = view_with_room(section, 0, 0, ACRE_ACCESS_READ_WRITE, 0);
  CHECK_RESULT(acre_vm_commit(acre_view_data(view), 1, ACRE_VM_DEFAULT), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(views_that_cannot_write_do_not_make_the_file_longer) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, SOME);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  static const acre_access access[] = {ACRE_ACCESS_READ, ACRE_ACCESS_COPY_ON_WRITE};
  for (int i = 0; i < 2; i++) {
    acre_view *view = view_with_room(section, 0, 0, access[i], 10 * page);
    CHECK_RESULT(acre_view_grow(view, 5 * page), ACRE_E_OUT_OF_RANGE);
    CHECK_RESULT(acre_vm_commit((char *)acre_view_data(view) + 4 * page, 1, ACRE_VM_DEFAULT), ACRE_E_OUT_OF_RANGE);
    CHECK_EQ(scratch_status(path).st_size, SOME);
    CHECK_EQ(acre_section_size(section), SOME);
    CHECK_OK(acre_view_unmap(view));
  }
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* An array that reaches to the end of what a view has reserved has all of it in the file. */
TEST(an_odd_room_is_the_file_s_up_to_the_page_s_end) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, 100);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *view = view_with_room(section, 4, 0, ACRE_ACCESS_READ_WRITE, page + 200);
  acre_array array;
  size_t most = 2 * page - 4;
  REQUIRE_OK(acre_array_attach(&array, acre_view_data(view), 0, most, 1, NULL));
  for (size_t i = 0; i < most; i++) REQUIRE_OK(acre_array_push(&array, "a"));
  CHECK_EQ(acre_view_size(view), most);
  CHECK_EQ(scratch_status(path).st_size, 2 * page);
  CHECK_OK(acre_view_unmap(view));
  char last = 0;
  scratch_read(path, 2 * page - 1, &last, 1);
  CHECK_EQ(last, 'a');
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(views_that_may_not_make_the_file_longer) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, 3 * page);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, &(acre_section_options){.size = page}, &section));
  acre_view *reader = view_with_room(section, 0, page, ACRE_ACCESS_READ, 10 * page);
  acre_view *copy = view_with_room(section, 0, page, ACRE_ACCESS_COPY_ON_WRITE, 10 * page);
  acre_system before, after;
  REQUIRE_OK(acre_system_info(&before));
  CHECK_OK(acre_view_grow(reader, 3 * page));
  CHECK(scratch_matches(acre_view_data(reader), 0, 3 * page));
  CHECK_RESULT(acre_view_grow(reader, 3 * page + 1), ACRE_E_OUT_OF_RANGE);
  ((char *)acre_view_data(copy))[0] = 'c';
  CHECK_OK(acre_view_grow(copy, 3 * page));
  REQUIRE_OK(acre_system_info(&after));
  CHECK_EQ(after.commit_charge, before.commit_charge + 2 * page); /* what it has more */
  CHECK_EQ(((char *)acre_view_data(copy))[0], 'c');
  ((char *)acre_view_data(copy))[2 * page] = 'c';
  CHECK(scratch_matches(acre_view_data(reader), 0, 3 * page));
  CHECK_OK(acre_view_unmap(copy));
  CHECK_OK(acre_view_unmap(reader));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(a_placeholder_becomes_a_view_with_room) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, 100);
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  size_t room = 2 * system.allocation_granularity;
  void *base;
  REQUIRE_OK(acre_vm_reserve(room, &(acre_vm_options){.flags = ACRE_VM_PLACEHOLDER}, &base));
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .address = base, .replace = true, .reserve = room};
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  CHECK(acre_view_data(view) == base);
  CHECK_OK(acre_view_grow(view, room));
  memset(base, 'x', room);
  CHECK_OK(acre_view_unmap_to_placeholder(view));
  CHECK(!test_can_read(base));
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(scratch_status(path).st_size, room);
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(rooms_that_are_too_large) {
  char path[SCRATCH_PATH];
  make(path, 100);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .reserve = SIZE_MAX};
  acre_view *view;
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_NO_ADDRESS_SPACE);
  options.reserve = SIZE_MAX / 2;
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_NO_ADDRESS_SPACE);
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- several at once */

enum { THREADS = 4, ROUNDS = 200, STEP = 1000 };

static _Atomic bool forked; /* a thread that had ended before a fork would be a leak to ThreadSanitizer in the child */

static void *grow_by_steps(void *context) {
  acre_view *view = context;
  for (size_t i = 1; i <= ROUNDS; i++) {
    CHECK_OK(acre_view_grow(view, i * STEP));
    CHECK(acre_view_size(view) >= i * STEP);
    __atomic_store_n((char *)acre_view_data(view) + i * STEP - 1, 't',
                     __ATOMIC_RELAXED); /* two threads have one view */
  }
  while (!forked) usleep(1000);
  return NULL;
}

static void fork_and_grow(void *context) {
  CHECK_OK(acre_view_grow(context, ROUNDS * STEP));
}

TEST(threads_grow_views_of_one_file_while_others_fork) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *views[2];
  for (int i = 0; i < 2; i++) views[i] = view_with_room(section, 0, 0, ACRE_ACCESS_READ_WRITE, ROUNDS * STEP);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, grow_by_steps, views[i % 2]) == 0);
  for (int i = 0; i < 5; i++) CHECK_EQ(test_in_child(fork_and_grow, views[0]), 0);
  forked = true;
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_EQ(scratch_status(path).st_size, ROUNDS * STEP);
  for (size_t i = 1; i <= ROUNDS; i++) CHECK_EQ(((char *)acre_view_data(views[0]))[i * STEP - 1], 't');
  for (int i = 0; i < 2; i++) CHECK_OK(acre_view_unmap(views[i]));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- an array on disk */

ACRE_ARRAY_DEFINE(numbers, uint64_t);

enum { HEADER = 24, MOST = 1 << 20 };

/* The file: how many there are, room for more such, the numbers. Opens it, and appends. */
static void append_numbers(const char *path, uint64_t from, uint64_t count) {
  acre_file_options file_options = {.access = ACRE_ACCESS_READ_WRITE, .mode = ACRE_FILE_OPEN_OR_CREATE};
  acre_section_options section_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_file *file;
  REQUIRE_OK(acre_file_open(path, &file_options, &file));
  uint64_t size;
  REQUIRE_OK(acre_file_size(file, &size));
  if (size < HEADER) section_options.size = HEADER;
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, &section_options, &section));
  acre_view *view = view_with_room(section, 0, 0, ACRE_ACCESS_READ_WRITE, HEADER + MOST * sizeof(uint64_t));
  acre_section_close(section);

  uint64_t *header = acre_view_data(view);
  numbers all;
  REQUIRE_OK(numbers_attach(&all, header + HEADER / sizeof *header, (size_t)header[0], MOST, NULL));
  CHECK_EQ(numbers_count(&all), from);
  const uint64_t *data = numbers_data(&all);
  for (uint64_t i = 0; i < count; i++) REQUIRE_OK(numbers_push(&all, (from + i) * 3));
  CHECK(numbers_data(&all) == data);
  for (uint64_t i = 0; i < from + count; i++) REQUIRE_EQ(data[i], i * 3);
  header[0] = numbers_count(&all);
  if (from + count == MOST) CHECK_RESULT(numbers_push(&all, 0), ACRE_E_FULL);
  CHECK_RESULT(numbers_shrink(&all),
               all.array.committed > (numbers_count(&all) + 3) * 8 + page ? ACRE_E_WRONG_KIND : ACRE_OK);
  numbers_destroy(&all);
  CHECK_EQ(header[0], from + count); /* the memory is the view's */
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(view));
  CHECK_OK(acre_file_resize(file, HEADER + (from + count) * sizeof(uint64_t)));
  acre_file_close(file);
}

TEST(an_array_lives_on_disk) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, 0);
  unlink(path);
  static const uint64_t counts[] = {0, 1, 509, 2, 1000, 100000, 0, 400000};
  uint64_t from = 0;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    append_numbers(path, from, counts[i]);
    from += counts[i];
    CHECK_EQ(scratch_status(path).st_size, HEADER + from * sizeof(uint64_t));
  }
  append_numbers(path, from, MOST - from);
  uint64_t last;
  scratch_read(path, HEADER + (MOST - 1) * sizeof last, &last, sizeof last);
  CHECK_EQ(last, (MOST - 1) * UINT64_C(3));
  unlink(path);
}

TEST(an_array_on_disk_is_resized) {
  scratch_need_growth_by_pages();
  char path[SCRATCH_PATH];
  make(path, 0);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, &(acre_section_options){.access = ACRE_ACCESS_READ_WRITE, .size = 1}, &section));
  acre_view *view = view_with_room(section, 0, 0, ACRE_ACCESS_READ_WRITE, 1 << 20);
  numbers all;
  REQUIRE_OK(numbers_attach(&all, acre_view_data(view), 0, (1 << 20) / sizeof(uint64_t), NULL));
  memset(acre_view_data(view), 1, page); /* what lies behind the elements is nothing */
  CHECK_OK(numbers_resize(&all, 5000));
  for (size_t i = 0; i < 5000; i++) REQUIRE_EQ(*numbers_at(&all, i), 0);
  CHECK_OK(numbers_resize(&all, 10));
  CHECK_OK(numbers_reserve(&all, 60000));
  CHECK(acre_view_size(view) >= 60000 * sizeof(uint64_t));
  uint64_t value = 7;
  CHECK_OK(numbers_append(&all, &value, 1));
  CHECK_OK(numbers_pop(&all, &value));
  CHECK_EQ(value, 7);
  CHECK_RESULT(numbers_resize(&all, (1 << 20) / sizeof(uint64_t) + 1), ACRE_E_FULL);
  CHECK_OK(numbers_resize(&all, (1 << 20) / sizeof(uint64_t)));
  CHECK_EQ(scratch_status(path).st_size, 1 << 20);
  numbers_destroy(&all);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(arrays_that_cannot_be_attached) {
  char path[SCRATCH_PATH];
  make(path, 10000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *view = view_with_room(section, 0, 0, ACRE_ACCESS_READ_WRITE, 20 * page);
  char *data = acre_view_data(view);
  acre_array array;
  CHECK_RESULT(acre_array_attach(NULL, data, 0, 1, 1, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_array_attach(&array, NULL, 0, 1, 1, NULL), ACRE_E_INVALID_ARGUMENT);
  acre_array_options options = {.mode = ACRE_ARRAY_ON_TOUCH};
  CHECK_RESULT(acre_array_attach(&array, data, 0, 1, 1, &options), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_array_attach(&array, data, 0, 0, 1, NULL), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_array_attach(&array, data, 0, SIZE_MAX, 2, NULL), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_array_attach(&array, data, 3, 2, 1, NULL), ACRE_E_FULL);
  CHECK_RESULT(acre_array_attach(&array, &array, 0, 2, 1, NULL), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_array_attach(&array, data, 0, 20 * page + 1, 1, NULL), ACRE_E_SPANS_REGIONS);
  CHECK_RESULT(acre_array_attach(&array, data, 12 * page, 20 * page, 1, NULL), ACRE_E_NOT_COMMITTED);
  CHECK(array.data == NULL && array.maximum == 0);
  CHECK_EQ(acre_view_size(view), 10000);
  CHECK_OK(acre_array_attach(&array, data + 100, 0, 10000 / 8, 8, NULL));
  CHECK_EQ(acre_view_size(view) % page, 0); /* its last page is whole now */
  acre_array_destroy(&array);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);

  void *base; /* a region is fine as well */
  REQUIRE_OK(acre_vm_reserve(20 * page, NULL, &base));
  CHECK_OK(acre_array_attach(&array, (char *)base + 8, 0, (20 * page - 8) / 8, 8, NULL));
  for (uint64_t i = 0; i < (20 * page - 8) / 8; i++) REQUIRE_OK(acre_array_push(&array, &i));
  CHECK_RESULT(acre_array_push(&array, &base), ACRE_E_FULL);
  array.count = 5;
  CHECK_OK(acre_array_shrink(&array));
  CHECK_EQ(info_at(base).size, page);
  CHECK_OK(acre_vm_release(base));
  unlink(path);
}
