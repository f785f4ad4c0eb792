/* SPDX-License-Identifier: MIT */
/* Scratch files with known content, and looks at files that do not go through Acre. */
#ifndef ACRE_TESTS_FILEMAP_SCRATCH_H
#define ACRE_TESTS_FILEMAP_SCRATCH_H

#include <acre/filemap.h>
#include <acre/vm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

enum { SCRATCH_PATH = TEST_PATH };

/* The byte at `offset` of every scratch file; a prime period, so that no page equals the next. */
static inline unsigned char scratch_byte(uint64_t offset) {
  return (unsigned char)(offset % 251);
}

/* Makes a file of `size` such bytes; its path goes to `path`. */
static inline void scratch_make(char path[SCRATCH_PATH], size_t size) {
  test_make_file(path);
  unsigned char *bytes = malloc(size + 1);
  REQUIRE(bytes != NULL);
  for (size_t i = 0; i < size; i++) bytes[i] = scratch_byte(i);
  FILE *out = fopen(path, "wb");
  REQUIRE(out != NULL && fwrite(bytes, 1, size, out) == size && fclose(out) == 0);
  free(bytes);
}

static inline struct stat scratch_status(const char *path) {
  struct stat status;
  REQUIRE(stat(path, &status) == 0);
  return status;
}

/* The file's bytes [offset, offset + size), by another opening of it. */
static inline void scratch_read(const char *path, uint64_t offset, void *out, size_t size) {
  FILE *in = fopen(path, "rb");
  REQUIRE(in != NULL);
  setvbuf(in, NULL, _IONBF, 0);
  REQUIRE(fseek(in, (long)offset, SEEK_SET) == 0 && fread(out, 1, size, in) == size);
  fclose(in);
}

/* Whether `bytes` are those of a scratch file from `offset` on. */
static inline bool scratch_matches(const void *bytes, uint64_t offset, size_t size) {
  const unsigned char *data = bytes;
  for (size_t i = 0; i < size; i++)
    if (data[i] != scratch_byte(offset + i)) return false;
  return true;
}

static inline size_t scratch_regions(void) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  return system.regions;
}

/* Elsewhere views grow by whole granules: what lies in the last one is mapped already, and stays as it is. */
static inline void scratch_need_growth_by_pages(void) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  if (system.map_granularity != system.page_size) test_skip("views grow by whole granules on this system");
}

/* A paging file in the folder for temporary files; the test is skipped where the system has its own and nobody else's. */
static inline void scratch_set_paging_file(uint64_t maximum) {
  const char *directory = getenv("TMPDIR");
  acre_result result = acre_vm_set_paging_file(directory != NULL ? directory : "/tmp", maximum);
  if (result == ACRE_E_NOT_SUPPORTED || result == ACRE_E_NOT_FOUND)
    test_skip("no paging file of Acre's on this system");
  REQUIRE_OK(result);
}

/* A file that is open with the access; its section; and a view of all of it. */
static inline acre_file *scratch_open(const char *path, acre_access access) {
  acre_file_options options = {.access = access};
  acre_file *file;
  REQUIRE_OK(acre_file_open(path, &options, &file));
  return file;
}

static inline acre_section *scratch_section(acre_file *file, acre_access access) {
  acre_section_options options = {.access = access};
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, &options, &section));
  return section;
}

static inline acre_view *scratch_view(acre_section *section, acre_access access) {
  acre_view_options options = {.access = access};
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  return view;
}

#endif
