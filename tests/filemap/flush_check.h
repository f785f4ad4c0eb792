/* SPDX-License-Identifier: MIT */
/* A file all of whose pages are changed, through a view. */
#ifndef ACRE_TESTS_FILEMAP_FLUSH_CHECK_H
#define ACRE_TESTS_FILEMAP_FLUSH_CHECK_H

#include "scratch.h"

enum { SIZE = 1 << 20 };

struct mapped {
  char path[SCRATCH_PATH];
  acre_file *file;
  acre_section *section;
  acre_view *view;
  char *data;
};

static inline void open_dirty(struct mapped *mapped) {
  scratch_make(mapped->path, 0);
  mapped->file = scratch_open(mapped->path, ACRE_ACCESS_READ_WRITE);
  acre_section_options options = {.access = ACRE_ACCESS_READ_WRITE, .size = SIZE};
  REQUIRE_OK(acre_section_create(mapped->file, &options, &mapped->section));
  mapped->view = scratch_view(mapped->section, ACRE_ACCESS_READ_WRITE);
  mapped->data = acre_view_data(mapped->view);
  CHECK_OK(acre_file_flush(mapped->file));
  memset(mapped->data, 'd', SIZE);
}

static inline void close_mapped(struct mapped *mapped) {
  CHECK_OK(acre_view_unmap(mapped->view));
  acre_section_close(mapped->section);
  acre_file_close(mapped->file);
  unlink(mapped->path);
}

#endif
