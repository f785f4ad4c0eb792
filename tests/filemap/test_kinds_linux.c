/* SPDX-License-Identifier: MIT */
/* Files of every kind: what each gives, as the table in acre/filemap.h says. Full and read-only disks are in test_full_disk.c, folders, devices and pipes in test_file.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include <errno.h>

/* A view of all of the file. */
static acre_result view_all(const char *path, acre_access access, acre_file **file, acre_section **section,
                            acre_view **view) {
  acre_file_options file_options = {.access = access == ACRE_ACCESS_READ_WRITE ? access : ACRE_ACCESS_READ};
  acre_section_options section_options = {.access = access};
  acre_view_options view_options = {.access = access};
  *section = NULL;
  *view = NULL;
  acre_result result = acre_file_open(path, &file_options, file);
  if (result == ACRE_OK) result = acre_section_create(*file, &section_options, section);
  if (result == ACRE_OK) result = acre_view_map(*section, 0, 0, &view_options, view);
  return result;
}

static void close_all(acre_file *file, acre_section *section, acre_view *view) {
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
}

TEST(empty_files_become_longer) {
  char path[SCRATCH_PATH];
  scratch_make(path, 0);
  acre_file *file;
  acre_section *section;
  acre_view *view;
  CHECK_RESULT(view_all(path, ACRE_ACCESS_READ_WRITE, &file, &section, &view), ACRE_E_EMPTY_FILE);
  CHECK_OK(acre_file_resize(file, 0));
  CHECK_OK(acre_file_flush(file));
  CHECK_RESULT(acre_section_create(file, &(acre_section_options){.offset = 10}, &section), ACRE_E_EMPTY_FILE);
  CHECK_OK(acre_file_resize(file, 1));
  section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  CHECK_EQ(acre_view_size(view), 1);
  *(char *)acre_view_data(view) = 'e';
  close_all(file, section, view);
  char byte;
  scratch_read(path, 0, &byte, 1);
  CHECK_EQ(byte, 'e');
  unlink(path);
}

TEST(files_larger_than_memory) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  uint64_t size = system.physical_memory * 4 + 12345;
  char path[SCRATCH_PATH];
  scratch_make(path, 0);
  if (truncate(path, (off_t)size) != 0) {
    unlink(path);
    test_skip("no file of four times the memory: %s", strerror(errno));
  }
  acre_file *file;
  acre_section *section;
  acre_view *view;
  acre_result result = view_all(path, ACRE_ACCESS_READ_WRITE, &file, &section, &view);
  if (result != ACRE_OK) {
    CHECK_RESULT(result, ACRE_E_NO_ADDRESS_SPACE);              /* a sanitizer's, or a limited one */
    CHECK_OK(acre_view_map(section, size - 5, 5, NULL, &view)); /* a part of it is no matter */
  } else {
    char *data = acre_view_data(view);
    CHECK_EQ(acre_view_size(view), size);
    for (uint64_t at = 0; at < size; at += size / 50) {
      CHECK_EQ(data[at], 0);
      data[at] = 'l';
    }
    CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
    char byte;
    scratch_read(path, size / 50 * 49, &byte, 1);
    CHECK_EQ(byte, 'l');
    CHECK(scratch_status(path).st_blocks * UINT64_C(512) < (uint64_t)1 << 30);
  }
  close_all(file, section, view);
  unlink(path);
}

TEST(growth_beyond_the_disk_fails_at_once) {
  char path[SCRATCH_PATH];
  scratch_make(path, 10);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_result result = acre_file_resize(file, (uint64_t)1 << 42); /* ext4's largest file is 16 TiB */
  CHECK(result == ACRE_E_NO_SPACE || result == ACRE_E_FILE_TOO_LARGE);
  CHECK_EQ(scratch_status(path).st_size, 10);
  CHECK_OK(acre_file_resize(file, 10000));
  acre_file_close(file);
  unlink(path);
}

TEST(sparse_files) {
  char path[SCRATCH_PATH];
  scratch_make(path, 100);
  REQUIRE(truncate(path, 64 << 20) == 0);
  blkcnt_t blocks = scratch_status(path).st_blocks;
  acre_file *file;
  acre_section *section;
  acre_view *view;
  REQUIRE_OK(view_all(path, ACRE_ACCESS_READ_WRITE, &file, &section, &view));
  char *data = acre_view_data(view);
  for (size_t at = 100; at < 64 << 20; at += 4096) REQUIRE_EQ(data[at], 0);
  CHECK_EQ(scratch_status(path).st_blocks, blocks); /* to read is no reason for a block */
  data[32 << 20] = 's';
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK(scratch_status(path).st_blocks > blocks);
  CHECK(scratch_status(path).st_blocks < blocks + (8 << 20) / 512);
  CHECK(scratch_matches(data, 0, 100));
  close_all(file, section, view);
  unlink(path);
}

TEST(files_that_are_read_only) {
  char path[SCRATCH_PATH];
  scratch_make(path, 5000);
  REQUIRE(chmod(path, 0444) == 0);
  acre_file *file;
  acre_section *section;
  acre_view *view;
  REQUIRE_OK(view_all(path, ACRE_ACCESS_COPY_ON_WRITE, &file, &section, &view));
  CHECK_RESULT(acre_file_resize(file, 6000), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(acre_section_create(file, &(acre_section_options){.access = ACRE_ACCESS_READ_WRITE}, &section),
               ACRE_E_ACCESS_DENIED);
  memset(acre_view_data(view), 0, 5000);
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_file_flush(file));
  close_all(file, section, view);
  unsigned char bytes[5000];
  scratch_read(path, 0, bytes, sizeof bytes);
  CHECK(scratch_matches(bytes, 0, sizeof bytes));
  unlink(path);
}

TEST(links) {
  char path[SCRATCH_PATH], link[SCRATCH_PATH + 8];
  scratch_make(path, 5000);
  snprintf(link, sizeof link, "%s-link", path);
  REQUIRE(symlink(path, link) == 0);
  acre_file *file;
  acre_section *section;
  acre_view *view;
  REQUIRE_OK(view_all(link, ACRE_ACCESS_READ, &file, &section, &view));
  CHECK(scratch_matches(acre_view_data(view), 0, 5000));
  close_all(file, section, view);
  unlink(link);
  unlink(path);
}

TEST(files_of_the_system) {
  acre_file *file;
  acre_section *section;
  acre_view *view;
  CHECK_RESULT(view_all("/proc/self/status", ACRE_ACCESS_READ, &file, &section, &view), ACRE_E_EMPTY_FILE);
  acre_file_close(file);
  if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0) test_skip("no such file in /sys");
  CHECK_RESULT(view_all("/sys/kernel/mm/transparent_hugepage/enabled", ACRE_ACCESS_READ, &file, &section, &view),
               ACRE_E_NOT_SUPPORTED);
  acre_section_close(section);
  acre_file_close(file);
}
