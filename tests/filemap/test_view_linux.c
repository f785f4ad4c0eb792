/* SPDX-License-Identifier: MIT */
/* Views on Linux: a file that somebody cuts off, and how many mappings they take. See test_view.c. */
#include "scratch_linux.h"

#include <acre/vm.h>

TEST(populate_finds_a_file_that_was_cut_off) {
  char path[SCRATCH_PATH];
  scratch_make(path, 1 << 20);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  CHECK_OK(acre_vm_populate(acre_view_data(view), 1 << 20));
  REQUIRE(truncate(path, 1000) == 0);
  CHECK_RESULT(acre_vm_populate(acre_view_data(view), 1 << 20), ACRE_E_OUT_OF_RANGE);
  CHECK_OK(acre_vm_populate(acre_view_data(view), 1));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

TEST(what_grew_is_one_mapping) {
  char path[SCRATCH_PATH];
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  size_t page = system.page_size;
  scratch_make(path, page);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .reserve = 1000 * page};
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  size_t mappings = test_mapping_count();
  for (size_t i = 2; i < 500; i++) REQUIRE_OK(acre_view_grow(view, i * page));
  CHECK(test_mapping_count() <= mappings + 1);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}
