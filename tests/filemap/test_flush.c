/* SPDX-License-Identifier: MIT */
/* Flushes of any view and any part. (What becomes of dirty pages, and a disk that fails: test_flush_linux.c.) */
#include "flush_check.h"

#include <unistd.h>

TEST(views_that_write_nothing) {
  struct mapped mapped;
  open_dirty(&mapped);
  acre_view *reader = scratch_view(mapped.section, ACRE_ACCESS_READ),
            *copy = scratch_view(mapped.section, ACRE_ACCESS_COPY_ON_WRITE);
  for (int mode = ACRE_FLUSH_DURABLE; mode <= ACRE_FLUSH_START; mode++) {
    CHECK_OK(acre_view_flush(reader, 0, 0, (acre_flush_mode)mode));
    CHECK_OK(acre_view_flush(copy, 0, 0, (acre_flush_mode)mode));
  }
  CHECK_OK(acre_view_unmap(reader));
  CHECK_OK(acre_view_unmap(copy));
  close_mapped(&mapped);
}

TEST(views_of_parts_at_odd_places) {
  char path[SCRATCH_PATH];
  scratch_make(path, 300000);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section;
  acre_section_options options = {.access = ACRE_ACCESS_READ_WRITE, .offset = 12345};
  REQUIRE_OK(acre_section_create(file, &options, &section));
  acre_view_options writing = {.access = ACRE_ACCESS_READ_WRITE};
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, 4321, 200000, &writing, &view));
  memset(acre_view_data(view), 'o', 200000);
  for (size_t at = 0; at < 199000; at += 33333)
    for (int mode = ACRE_FLUSH_DURABLE; mode <= ACRE_FLUSH_START; mode++)
      CHECK_OK(acre_view_flush(view, at, 1000, (acre_flush_mode)mode));
  char bytes[2];
  scratch_read(path, 12345 + 4321 - 1, bytes, 2);
  CHECK(scratch_matches(bytes, 12345 + 4321 - 1, 1) && bytes[1] == 'o');
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}
