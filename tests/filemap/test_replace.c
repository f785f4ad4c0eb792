/* SPDX-License-Identifier: MIT */
/* Sections over memory, and views in the place of placeholders. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "replace_check.h"

/* ------------------------------------------------------------- memory */

TEST(a_section_over_memory_is_zero_and_shared_by_its_views) {
  size_t descriptors = test_open_handles();
  acre_section *section = memory(100000);
  CHECK_EQ(acre_section_size(section), 100000);
  acre_view *one = scratch_view(section, ACRE_ACCESS_READ_WRITE), *other = scratch_view(section, ACRE_ACCESS_READ);
  acre_section_close(section);
  char *a = acre_view_data(one);
  const char *b = acre_view_data(other);
  for (size_t i = 0; i < 100000; i++) REQUIRE(a[i] == 0);
  memset(a + 50000, 5, 1000);
  CHECK(memcmp(a, b, 100000) == 0);
  CHECK_OK(acre_view_flush(one, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(one));
  CHECK(b[50500] == 5);
  CHECK_OK(acre_view_unmap(other));
  CHECK_EQ(test_open_handles(), descriptors);
}

TEST(a_copy_on_write_view_of_memory_keeps_its_stores) {
  acre_section *section = memory(8192);
  acre_view *shared = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  acre_view *own = scratch_view(section, ACRE_ACCESS_COPY_ON_WRITE);
  *(char *)acre_view_data(own) = 1;
  CHECK_EQ(*(char *)acre_view_data(shared), 0);
  CHECK_OK(acre_view_unmap(own));
  CHECK_OK(acre_view_unmap(shared));
  acre_section_close(section);
}

static void store_in_child(void *view) {
  *(char *)acre_view_data(view) = 42;
}

TEST(a_child_shares_the_memory) {
  acre_section *section = memory(1);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  CHECK_EQ(test_in_child(store_in_child, view), 0);
  CHECK_EQ(*(char *)acre_view_data(view), 42);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
}

TEST(what_a_section_over_memory_refuses) {
  acre_section *section = (acre_section *)&section;
  CHECK_RESULT(acre_section_create_memory(1, NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_section_create_memory(0, NULL, &section), ACRE_E_INVALID_SIZE);
  CHECK(section == NULL);
  section = (acre_section *)&section;
  CHECK_RESULT(acre_section_create_memory(UINT64_MAX, NULL, &section), ACRE_E_FILE_TOO_LARGE);
  CHECK(section == NULL);
}

/* ------------------------------------------------------------- views and placeholders */

TEST(one_memory_twice_back_to_back) {
  size_t size = figures().allocation_granularity;
  uint64_t charge = figures().commit_charge;
  char *base = placeholder(2 * size);
  acre_section *section = memory(size);
  acre_view *first = NULL, *second = NULL;
  CHECK_RESULT(map_at(section, 0, 0, base, &first), ACRE_E_INVALID_SIZE); /* not cut yet */
  CHECK(first == NULL);
  CHECK_OK(acre_vm_split(base, size));
  REQUIRE_OK(map_at(section, 0, 0, base, &first));
  REQUIRE_OK(map_at(section, 0, size, base + size, &second));
  acre_section_close(section);
  CHECK(acre_view_data(first) == base && acre_view_data(second) == base + size);
  CHECK_EQ(query(base + size).kind, ACRE_VM_KIND_MAPPED);
  CHECK_EQ(query(base + size).protection, ACRE_VM_READ_WRITE);
  strcpy(base + size - 4, "abcdefgh");
  CHECK(strcmp(base, "efgh") == 0);
  CHECK_EQ(figures().commit_charge, charge);

  CHECK_RESULT(acre_vm_join(base, 2 * size), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_release_to_placeholder(base), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_view_unmap_to_placeholder(second));
  CHECK_RESULT(acre_view_unmap_to_placeholder(NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_EQ(query(base + size).kind, ACRE_VM_KIND_PLACEHOLDER);
  CHECK(!test_can_read(base + size));
  CHECK(strcmp(base, "efgh") == 0);
  CHECK_OK(acre_view_unmap_to_placeholder(first));
  CHECK_OK(acre_vm_join(base, 2 * size));
  CHECK_OK(acre_vm_release(base));
}

TEST(a_view_may_begin_anywhere_in_its_first_page) {
  size_t size = figures().allocation_granularity, step = figures().map_granularity;
  char *base = placeholder(size);
  acre_section *section = memory(3 * size);
  acre_view *view;
  REQUIRE_OK(map_at(section, step + 5, size - 10, base, &view));
  CHECK(acre_view_data(view) == base + 5);
  CHECK_OK(acre_view_unmap(view)); /* and no placeholder */
  CHECK_EQ(query(base).state, ACRE_VM_FREE);
  acre_section_close(section);
}

TEST(a_copy_on_write_view_is_charged_as_long_as_it_is_there) {
  size_t size = figures().allocation_granularity;
  char *base = placeholder(size);
  acre_section *section = memory(size);
  acre_view *view;
  uint64_t charge = figures().commit_charge;
  acre_view_options options = {.access = ACRE_ACCESS_COPY_ON_WRITE, .address = base, .replace = true};
  CHECK_OK(acre_vm_set_commit_limit(charge + size - 1));
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_COMMIT_LIMIT);
  CHECK_EQ(query(base).kind, ACRE_VM_KIND_PLACEHOLDER);
  CHECK_OK(acre_vm_set_commit_limit(0));
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  CHECK_EQ(figures().commit_charge, charge + size);
  base[0] = 1;
  CHECK_OK(acre_view_unmap_to_placeholder(view));
  CHECK_EQ(figures().commit_charge, charge);
  CHECK_OK(acre_vm_release(base));
  acre_section_close(section);
}

TEST(what_replace_refuses) {
  size_t size = figures().allocation_granularity;
  char *base = placeholder(2 * size);
  acre_section *section = memory(4 * size);
  acre_view *view;
  CHECK_RESULT(map_at(section, 0, size, NULL, &view), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(map_at(section, 0, 3 * size, base, &view), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(map_at(section, 0, size, base + size, &view), ACRE_E_NOT_REGION_BASE);
  CHECK_RESULT(map_at(section, 0, size, base + 1, &view), ACRE_E_NOT_REGION_BASE);
  CHECK_EQ(query(base).kind, ACRE_VM_KIND_PLACEHOLDER);
  REQUIRE_OK(map_at(section, 0, 2 * size, base, &view));
  acre_view *again;
  CHECK_RESULT(map_at(section, 0, 2 * size, base, &again), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_view_unmap(view));
  CHECK_RESULT(map_at(section, 0, 2 * size, base, &view), ACRE_E_NOT_A_REGION);
  acre_section_close(section);
}
