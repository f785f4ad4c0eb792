/* SPDX-License-Identifier: MIT */
/* Scratch files with known content, and looks at files that do not go through Acre. */
#ifndef ACRE_TESTS_FILEMAP_SCRATCH_H
#define ACRE_TESTS_FILEMAP_SCRATCH_H

#include <acre/filemap.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

enum { SCRATCH_PATH = 256 };

/* The byte at `offset` of every scratch file; a prime period, so that no page equals the next. */
static inline unsigned char scratch_byte(uint64_t offset) {
  return (unsigned char)(offset % 251);
}

/* Makes a file of `size` such bytes; its path goes to `path`. */
static inline void scratch_make(char path[SCRATCH_PATH], size_t size) {
  const char *directory = getenv("TMPDIR");
  snprintf(path, SCRATCH_PATH, "%s/acre-test-XXXXXX", directory != NULL ? directory : "/tmp");
  int fd = mkstemp(path);
  REQUIRE(fd >= 0);
  unsigned char *bytes = malloc(size + 1);
  REQUIRE(bytes != NULL);
  for (size_t i = 0; i < size; i++) bytes[i] = scratch_byte(i);
  REQUIRE(write(fd, bytes, size) == (ssize_t)size);
  free(bytes);
  close(fd);
}

static inline struct stat scratch_status(const char *path) {
  struct stat status;
  REQUIRE(stat(path, &status) == 0);
  return status;
}

/* The file's bytes [offset, offset + size), by pread(2). */
static inline void scratch_read(const char *path, uint64_t offset, void *out, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  REQUIRE(pread(fd, out, size, (off_t)offset) == (ssize_t)size);
  close(fd);
}

/* Whether `bytes` are those of a scratch file from `offset` on. */
static inline bool scratch_matches(const void *bytes, uint64_t offset, size_t size) {
  const unsigned char *data = bytes;
  for (size_t i = 0; i < size; i++)
    if (data[i] != scratch_byte(offset + i)) return false;
  return true;
}

static inline size_t scratch_open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  REQUIRE(directory != NULL);
  size_t count = 0;
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

static inline size_t scratch_regions(void) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  return system.regions;
}

/* Dirty bytes of the mapping at `address`, as smaps tells; SIZE_MAX: it does not. */
static inline size_t scratch_dirty(const void *address) {
  FILE *in = fopen("/proc/self/smaps", "re");
  char line[512];
  size_t dirty = SIZE_MAX;
  bool found = false;
  while (in != NULL && fgets(line, sizeof line, in) != NULL) {
    unsigned long long start, end, kib;
    if (sscanf(line, "%llx-%llx ", &start, &end) == 2) {
      found = start <= (uintptr_t)address && (uintptr_t)address < end;
      if (found) dirty = 0;
    } else if (found &&
               (sscanf(line, "Shared_Dirty: %llu", &kib) == 1 || sscanf(line, "Private_Dirty: %llu", &kib) == 1)) {
      dirty += (size_t)kib << 10;
    }
  }
  if (in != NULL) fclose(in);
  return dirty;
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
