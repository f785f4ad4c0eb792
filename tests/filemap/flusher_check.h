/* SPDX-License-Identifier: MIT */
/* A file of small pages with a view, and waiting for what a flusher does. */
#ifndef ACRE_TESTS_FILEMAP_FLUSHER_CHECK_H
#define ACRE_TESTS_FILEMAP_FLUSHER_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <acre/flusher.h>

#include "scratch_linux.h"
#include "vm/gate.h"

struct flushed {
  char path[SCRATCH_PATH];
  acre_file *file;
  acre_section *section;
  acre_view *view;
  char *data;
  size_t page, pages, size;
};

/* Of single pages in the page cache: of a larger unit the kernel counts all as changed. All of it is on the disk. */
static inline void flushed_open(struct flushed *out, size_t pages, size_t reserve) {
  out->page = (size_t)sysconf(_SC_PAGESIZE);
  out->pages = pages;
  out->size = pages * out->page;
  scratch_make(out->path, 0);
  int fd = open(out->path, O_RDWR | O_CLOEXEC);
  char *zeros = calloc(1, out->page);
  for (size_t i = 0; i < pages; i++)
    REQUIRE(pwrite(fd, zeros, out->page, (off_t)(i * out->page)) == (ssize_t)out->page);
  REQUIRE(fsync(fd) == 0);
  free(zeros);
  close(fd);
  out->file = scratch_open(out->path, ACRE_ACCESS_READ_WRITE);
  out->section = scratch_section(out->file, ACRE_ACCESS_READ_WRITE);
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .reserve = reserve * out->page};
  REQUIRE_OK(acre_view_map(out->section, 0, 0, &options, &out->view));
  out->data = acre_view_data(out->view);
}

static inline void flushed_close(struct flushed *flushed) {
  CHECK_OK(acre_view_unmap(flushed->view));
  acre_section_close(flushed->section);
  acre_file_close(flushed->file);
  unlink(flushed->path);
}

static inline acre_flusher *flushed_start(struct flushed *flushed, acre_flusher_options options) {
  acre_flusher *flusher;
  REQUIRE_OK(acre_flusher_start(flushed->view, &options, &flusher));
  return flusher;
}

static inline acre_flusher_figures flusher_figures(const acre_flusher *flusher) {
  acre_flusher_figures figures;
  REQUIRE_OK(acre_flusher_look(flusher, &figures));
  return figures;
}

/* Waits until so many flushes are done; false: not within half a minute. */
static inline bool flusher_has_flushed(const acre_flusher *flusher, uint64_t flushes) {
  for (int i = 0; i < 6000; i++) {
    if (flusher_figures(flusher).flushes >= flushes) return true;
    usleep(5000);
  }
  return false;
}

#endif
