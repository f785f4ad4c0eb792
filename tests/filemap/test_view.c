/* SPDX-License-Identifier: MIT */
/* Views: any offset and size, the three accesses, closing in any order, and sorting a file in place. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include <acre/vm.h>

static acre_result try_view(acre_section *section, uint64_t offset, size_t size, acre_access access) {
  acre_view_options options = {.access = access};
  acre_view *view = NULL;
  acre_result result = acre_view_map(section, offset, size, &options, &view);
  CHECK((result == ACRE_OK) == (view != NULL));
  CHECK_OK(acre_view_unmap(view));
  return result;
}

TEST(any_offset_and_size) {
  enum { SIZE = 300007 };
  char path[SCRATCH_PATH];
  scratch_make(path, SIZE);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  for (int i = 0; i < 300; i++) {
    uint64_t offset = test_random_below(SIZE);
    size_t size = (size_t)test_random_below(SIZE - offset + 1);
    acre_view *view;
    REQUIRE_OK(acre_view_map(section, offset, size, NULL, &view));
    if (size == 0) size = (size_t)(SIZE - offset);
    REQUIRE_EQ(acre_view_size(view), size);
    REQUIRE(scratch_matches(acre_view_data(view), offset, size));
    REQUIRE_OK(acre_view_unmap(view));
  }
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(a_view_is_a_region) {
  char path[SCRATCH_PATH];
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  size_t lead = (system.page_size + 100) % system.map_granularity, offset = system.map_granularity + lead;
  scratch_make(path, offset + system.page_size);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, offset, system.page_size, &options, &view));
  char *data = acre_view_data(view);
  acre_vm_info info;
  REQUIRE_OK(acre_vm_query(data, &info));
  CHECK(info.kind == ACRE_VM_KIND_MAPPED);
  CHECK(info.state == ACRE_VM_COMMITTED);
  CHECK(info.protection == ACRE_VM_READ_WRITE);
  CHECK(info.base == data - 100 && info.region_base == data - lead);
  CHECK_EQ((uintptr_t)info.region_base % system.allocation_granularity, 0);
  CHECK_EQ(info.region_size, lead - 100 + 2 * system.page_size);

  CHECK_RESULT(acre_vm_commit(data, 1, ACRE_VM_DEFAULT), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_decommit(data, 1), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_reset(data, 1), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_release(info.region_base), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_populate(data, system.page_size));
  CHECK_OK(acre_vm_prefetch(data, system.page_size));
  acre_vm_protection old;
  CHECK_OK(acre_vm_protect(data, 1, ACRE_VM_READ, &old));
  CHECK(old == ACRE_VM_READ_WRITE);
  CHECK(!test_can_write(data));
  CHECK_OK(acre_vm_protect(data, 1, ACRE_VM_READ_WRITE, NULL));
  CHECK_RESULT(acre_vm_protect(data, 1, ACRE_VM_EXECUTE_READ_WRITE, NULL), ACRE_E_INVALID_PROTECTION);
  CHECK(scratch_matches(data, offset, system.page_size));

  REQUIRE_OK(acre_view_unmap(view));
  REQUIRE_OK(acre_vm_query(data, &info));
  CHECK(info.state == ACRE_VM_FREE);
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- the three accesses */

TEST(read_write_views_share_with_everyone) {
  char path[SCRATCH_PATH];
  scratch_make(path, 50000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_section *other_section = scratch_section(file, ACRE_ACCESS_READ);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  acre_view *second = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  acre_view *reader = scratch_view(other_section, ACRE_ACCESS_READ);
  char *data = acre_view_data(view);
  memcpy(data + 33333, "stored", 6);
  char bytes[6];
  scratch_read(path, 33333, bytes, 6);
  CHECK(memcmp(bytes, "stored", 6) == 0);
  CHECK(memcmp((char *)acre_view_data(second) + 33333, "stored", 6) == 0);
  CHECK(memcmp((char *)acre_view_data(reader) + 33333, "stored", 6) == 0);
  ((char *)acre_view_data(second))[49999] = '!';
  CHECK_EQ(data[49999], '!');
  CHECK_OK(acre_view_unmap(view));
  CHECK_OK(acre_view_unmap(second));
  CHECK_OK(acre_view_unmap(reader));
  acre_section_close(section);
  acre_section_close(other_section);
  acre_file_close(file);
  scratch_read(path, 33333, bytes, 6);
  CHECK(memcmp(bytes, "stored", 6) == 0);
  unlink(path);
}

TEST(copy_on_write_stays_private) {
  static const acre_access accesses[] = {ACRE_ACCESS_READ, ACRE_ACCESS_COPY_ON_WRITE, ACRE_ACCESS_READ_WRITE};
  for (size_t i = 0; i < 3; i++) {
    char path[SCRATCH_PATH];
    scratch_make(path, 50000);
    acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
    acre_section *section = scratch_section(file, accesses[i]);
    acre_view *view = scratch_view(section, ACRE_ACCESS_COPY_ON_WRITE);
    acre_view *second = scratch_view(section, ACRE_ACCESS_COPY_ON_WRITE);
    char *data = acre_view_data(view);
    memset(data, 'x', 50000);
    CHECK(scratch_matches(acre_view_data(second), 0, 50000));
    CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
    CHECK_OK(acre_view_unmap(view));
    char bytes[50000];
    scratch_read(path, 0, bytes, sizeof bytes);
    CHECK(scratch_matches(bytes, 0, sizeof bytes));
    CHECK_OK(acre_view_unmap(second));
    acre_section_close(section);
    acre_file_close(file);
    unlink(path);
  }
}

TEST(copy_on_write_of_a_file_that_may_only_be_read) {
  char path[SCRATCH_PATH];
  scratch_make(path, 5000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  acre_view *view = scratch_view(section, ACRE_ACCESS_COPY_ON_WRITE);
  memset(acre_view_data(view), 0, 5000);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(read_views_cannot_be_written) {
  char path[SCRATCH_PATH];
  scratch_make(path, 50000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ);
  char *data = acre_view_data(view);
  CHECK(test_can_read(data));
  CHECK(!test_can_write(data));
  CHECK_RESULT(acre_vm_protect(data, 1, ACRE_VM_READ_WRITE, NULL), ACRE_E_INVALID_PROTECTION);
  CHECK(!test_can_write(data));
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(no_more_access_than_the_section_has) {
  char path[SCRATCH_PATH];
  scratch_make(path, 5000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  CHECK_RESULT(try_view(section, 0, 0, ACRE_ACCESS_READ_WRITE), ACRE_E_ACCESS_DENIED);
  CHECK_OK(try_view(section, 0, 0, ACRE_ACCESS_READ));
  acre_section_close(section);
  section = scratch_section(file, ACRE_ACCESS_COPY_ON_WRITE);
  CHECK_RESULT(try_view(section, 0, 0, ACRE_ACCESS_READ_WRITE), ACRE_E_ACCESS_DENIED);
  CHECK_OK(try_view(section, 0, 0, ACRE_ACCESS_READ));
  CHECK_OK(try_view(section, 0, 0, ACRE_ACCESS_COPY_ON_WRITE));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- life */

TEST(closing_in_any_order) {
  static const char *const orders[] = {"fsv", "fvs", "sfv", "svf", "vfs", "vsf"};
  size_t descriptors = test_open_handles(), regions = scratch_regions();
  for (size_t i = 0; i < 6; i++) {
    char path[SCRATCH_PATH];
    scratch_make(path, 100000);
    acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
    acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
    acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
    unlink(path);
    for (const char *what = orders[i]; *what != 0; what++) {
      if (*what == 'f') acre_file_close(file);
      if (*what == 's') acre_section_close(section);
      if (*what == 'v') {
        REQUIRE(scratch_matches(acre_view_data(view), 0, 100000));
        CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
        CHECK_OK(acre_view_unmap(view));
      }
    }
    CHECK_EQ(test_open_handles(), descriptors);
    CHECK_EQ(scratch_regions(), regions);
  }
}

TEST(closed_handles_are_refused) {
  char path[SCRATCH_PATH];
  scratch_make(path, 5000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ);
  acre_section_close(section);
  acre_section_close(section);
  CHECK_EQ(acre_section_size(section), 0);
  CHECK_RESULT(try_view(section, 0, 0, ACRE_ACCESS_READ), ACRE_E_INVALID_ARGUMENT);
  CHECK(scratch_matches(acre_view_data(view), 0, 5000));
  CHECK_OK(acre_view_unmap(view));
  CHECK_RESULT(acre_view_unmap(view), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE), ACRE_E_INVALID_ARGUMENT);
  CHECK(acre_view_data(view) == NULL);
  CHECK_EQ(acre_view_size(view), 0);
  acre_file_close(file);
  unlink(path);
}

TEST(a_thousand_views) {
  enum { VIEWS = 1000 };
  char path[SCRATCH_PATH];
  scratch_make(path, 200000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  acre_view *views[VIEWS];
  for (size_t i = 0; i < VIEWS; i++) REQUIRE_OK(acre_view_map(section, i * 199, 100, NULL, &views[i]));
  acre_section_close(section);
  acre_file_close(file);
  for (size_t i = 0; i < VIEWS; i++) {
    REQUIRE(scratch_matches(acre_view_data(views[i]), i * 199, 100));
    REQUIRE_OK(acre_view_unmap(views[i]));
  }
  unlink(path);
}

struct forked {
  acre_view *shared, *private;
};

static void store_in_child(void *context) {
  struct forked *views = context;
  memcpy(acre_view_data(views->shared), "child", 5);
  memcpy(acre_view_data(views->private), "child", 5);
  CHECK_OK(acre_view_flush(views->shared, 0, 5, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(views->shared));
  CHECK_OK(acre_view_unmap(views->private));
}

TEST(a_child_shares_shared_views) {
  char path[SCRATCH_PATH];
  scratch_make(path, 5000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  struct forked views = {scratch_view(section, ACRE_ACCESS_READ_WRITE),
                         scratch_view(section, ACRE_ACCESS_COPY_ON_WRITE)};
  ((char *)acre_view_data(views.private))[0] = 'p'; /* its own page from here on */
  CHECK_EQ(test_in_child(store_in_child, &views), 0);
  CHECK(memcmp(acre_view_data(views.shared), "child", 5) == 0);
  CHECK_EQ(*(char *)acre_view_data(views.private), 'p');
  CHECK_OK(acre_view_unmap(views.shared));
  CHECK_OK(acre_view_unmap(views.private));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- where it goes */

TEST(wished_for_addresses) {
  char path[SCRATCH_PATH];
  scratch_make(path, 100000);
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  void *hole;
  REQUIRE_OK(acre_vm_reserve(1 << 20, NULL, &hole));
  size_t regions = scratch_regions();

  acre_view *view;
  acre_view_options options = {.address = hole};
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_ADDRESS_IN_USE);
  CHECK(view == NULL);
  CHECK_EQ(scratch_regions(), regions);
  REQUIRE_OK(acre_vm_release(hole));

  options.address = (char *)hole + 12345;
  REQUIRE_OK(acre_view_map(section, 3 * system.page_size + 10, 5000, &options, &view));
  CHECK(acre_view_data(view) == (char *)hole + (3 * system.page_size + 10) % system.map_granularity);
  CHECK(scratch_matches(acre_view_data(view), 3 * system.page_size + 10, 5000));
  CHECK_OK(acre_view_unmap(view));

  options.address = (void *)(UINTPTR_MAX - 100);
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_INVALID_ADDRESS);
  options.address = (void *)system.highest_address;
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_INVALID_ADDRESS);
  options.address = (void *)1; /* not "anywhere" */
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_INVALID_ADDRESS);
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(out_of_range) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section_options options = {.size = 5000};
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, &options, &section));
  size_t regions = scratch_regions();
  CHECK_OK(try_view(section, 4999, 1, ACRE_ACCESS_READ));
  CHECK_RESULT(try_view(section, 0, 5001, ACRE_ACCESS_READ), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(try_view(section, 4999, 2, ACRE_ACCESS_READ), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(try_view(section, 5000, 0, ACRE_ACCESS_READ), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(try_view(section, 5000, 1, ACRE_ACCESS_READ), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(try_view(section, UINT64_MAX, 0, ACRE_ACCESS_READ), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(try_view(section, UINT64_MAX, 2, ACRE_ACCESS_READ), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(try_view(section, 1, SIZE_MAX, ACRE_ACCESS_READ), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(try_view(section, 0, SIZE_MAX, ACRE_ACCESS_READ), ACRE_E_OUT_OF_RANGE);
  CHECK_EQ(scratch_regions(), regions);
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(bad_arguments) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  acre_view *view = (acre_view *)&view;
  CHECK_RESULT(acre_view_map(section, 0, 0, NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_view_map(NULL, 0, 0, NULL, &view), ACRE_E_INVALID_ARGUMENT);
  CHECK(view == NULL);
  CHECK_RESULT(try_view(section, 0, 0, (acre_access)3), ACRE_E_INVALID_ARGUMENT);
  CHECK(acre_view_data(NULL) == NULL);
  CHECK_EQ(acre_view_size(NULL), 0);
  CHECK_RESULT(acre_view_flush(NULL, 0, 0, ACRE_FLUSH_DURABLE), ACRE_E_INVALID_ARGUMENT);
  CHECK_OK(acre_view_unmap(NULL));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- flush, populate, sort */

TEST(flush_any_part) {
  char path[SCRATCH_PATH];
  scratch_make(path, 100000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, 777, 90000, &options, &view));
  memset(acre_view_data(view), 'y', 90000);
  CHECK_OK(acre_view_flush(view, 0, 1, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_flush(view, 12345, 54321, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_flush(view, 89999, 1, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_flush(view, 90000, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_RESULT(acre_view_flush(view, 90001, 0, ACRE_FLUSH_DURABLE), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(acre_view_flush(view, 90000, 1, ACRE_FLUSH_DURABLE), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(acre_view_flush(view, 1, SIZE_MAX, ACRE_FLUSH_DURABLE), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(acre_view_flush(view, SIZE_MAX, 1, ACRE_FLUSH_DURABLE), ACRE_E_OUT_OF_RANGE);
  CHECK_OK(acre_view_unmap(view));
  char bytes[100000];
  scratch_read(path, 0, bytes, sizeof bytes);
  CHECK(scratch_matches(bytes, 0, 777));
  for (size_t i = 777; i < 90777; i++) REQUIRE_EQ(bytes[i], 'y');
  CHECK(scratch_matches(bytes + 90777, 90777, 100000 - 90777));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

static int compare_numbers(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

TEST(a_file_sorted_in_place) {
  enum { COUNT = 1 << 20 };
  char path[SCRATCH_PATH];
  scratch_make(path, 0);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section_options options = {.access = ACRE_ACCESS_READ_WRITE, .size = COUNT * sizeof(uint64_t)};
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, &options, &section));
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  acre_section_close(section);
  acre_file_close(file);

  uint64_t *numbers = acre_view_data(view);
  uint64_t *expected = malloc(COUNT * sizeof *expected);
  REQUIRE(expected != NULL);
  for (size_t i = 0; i < COUNT; i++) expected[i] = numbers[i] = test_random();
  qsort(expected, COUNT, sizeof *expected, compare_numbers);
  qsort(numbers, COUNT, sizeof *numbers, compare_numbers);
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(view));

  uint64_t *found = malloc(COUNT * sizeof *found);
  REQUIRE(found != NULL);
  scratch_read(path, 0, found, COUNT * sizeof *found);
  CHECK(memcmp(found, expected, COUNT * sizeof *found) == 0);
  for (size_t i = 1; i < COUNT; i++) REQUIRE(found[i - 1] <= found[i]);
  free(found);
  free(expected);
  unlink(path);
}
