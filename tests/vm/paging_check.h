/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the paging file share: setting one, and the comparison of
 * a region's table with the blocks of its file, page by page.
 */
#ifndef ACRE_TESTS_PAGING_CHECK_H
#define ACRE_TESTS_PAGING_CHECK_H

#include <acre/vm.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "vm/paging.h"

static const acre_vm_options ON_PAGING_FILE = {.backing = ACRE_VM_BACKING_PAGING_FILE};

/* A directory of the test's own, which must be empty in the end. */
static char paging_directory[64];

static inline void make_paging_directory(void) {
  strcpy(paging_directory, "/tmp/acre-paging-XXXXXX");
  REQUIRE(mkdtemp(paging_directory) != NULL);
}

/* In memory, where there is such a place, for tests that would keep a disk busy. */
static inline void make_fast_paging_directory(void) {
  strcpy(paging_directory, "/dev/shm/acre-paging-XXXXXX");
  if (mkdtemp(paging_directory) == NULL) make_paging_directory();
}

/* In a child of the test: a disk of its own in that place, which is gone with it. False: may not be done here. */
static inline bool mount_paging_disk(const char *options) {
  return (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
         mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", paging_directory, "tmpfs", 0, options) == 0;
}

static inline void set_paging_file(uint64_t maximum) {
  make_paging_directory();
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, maximum));
}

/* Also proves that nothing is left in it. */
static inline void unset_paging_file(void) {
  CHECK_OK(acre_vm_set_paging_file(NULL, 0));
  CHECK(rmdir(paging_directory) == 0);
}

static inline uint64_t paging_bytes_used(void) {
  acre_system system = {0};
  CHECK_OK(acre_system_info(&system));
  return system.paging_file_charge;
}

static inline int paging_descriptor(const void *base) {
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  REQUIRE(region != NULL && region->paged);
  int fd = (int)acre__paging_of(region)->file.handle;
  acre__unlock(&region->lock);
  return fd;
}

static inline uint64_t blocks_of_file(const void *base) {
  struct stat status;
  REQUIRE(fstat(paging_descriptor(base), &status) == 0);
  return (uint64_t)status.st_blocks * 512;
}

/* As in <linux/fiemap.h>, which musl does not come with. */
struct file_extent {
  uint64_t logical, physical, length, reserved64[2];
  uint32_t flags, reserved[3];
};

struct file_extents {
  uint64_t start, length;
  uint32_t flags, mapped, room, reserved;
  struct file_extent extent[64];
};

#define FILE_EXTENTS _IOC(_IOC_READ | _IOC_WRITE, 'f', 11, 32)

/* Sets has[page] for each page of the file that has a block. False: this file system does not tell. */
static inline bool map_blocks(int fd, bool *has, size_t pages, size_t page_size) {
  memset(has, 0, pages);
  for (uint64_t from = 0; from < (uint64_t)pages * page_size;) {
    struct file_extents at = {
        .start = from, .length = (uint64_t)pages * page_size - from, .room = sizeof at.extent / sizeof *at.extent};
    if (ioctl(fd, (int)FILE_EXTENTS, &at) != 0) return false;
    if (at.mapped == 0) break;
    for (unsigned i = 0; i < at.mapped; i++) {
      const struct file_extent *extent = &at.extent[i];
      from = extent->logical + extent->length;
      for (uint64_t page = extent->logical / page_size; page < pages && page * page_size < from; page++)
        has[page] = true;
    }
  }
  return true;
}

/* tmpfs does not tell where blocks are, and counts them exactly. */
static inline void check_block_count(const char *file, int line, const struct acre__region *region) {
  const struct acre__table *table = &region->table;
  struct stat status;
  for (size_t chunk = 0; chunk * ACRE_CHUNK_PAGES < table->pages; chunk++)
    if (acre__chunk_is_loose(acre__table_word(table, chunk))) return;
  if (acre__root.options.plain_files || fstat((int)acre__paging_of(region)->file.handle, &status) != 0) return;
  size_t committed = acre__table_committed(table, 0, table->pages) << acre__root.page_shift;
  size_t has = (size_t)status.st_blocks * 512;
  if (has != committed) test_fail(file, line, "%zu bytes are committed, and %zu have blocks", committed, has);
}

enum { CHECKED_PAGES = 4096 };

/* Every committed page has its block; reserved ones have none, unless their chunk is LOOSE or zeros are written for holes. */
static inline void check_blocks(const char *file, int line, const void *base) {
  static bool has[CHECKED_PAGES];
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  REQUIRE(region != NULL && region->paged);
  const struct acre__table *table = &region->table;
  const struct acre__paged *paged = acre__paging_of(region);
  size_t page_size = acre__root.system.page_size;
  REQUIRE(table->pages <= CHECKED_PAGES);
  bool known = paged->is_open && map_blocks((int)paged->file.handle, has, table->pages, page_size);
  if (paged->is_open && !known) check_block_count(file, line, region);
  for (size_t page = 0; known && page < table->pages; page++) {
    acre__chunk word = acre__table_word(table, page / ACRE_CHUNK_PAGES);
    bool committed = acre__chunk_run(word, (unsigned)(page % ACRE_CHUNK_PAGES)).attributes != 0;
    if (committed ? has[page] : !has[page] || acre__chunk_is_loose(word) || acre__root.options.plain_files) continue;
    test_fail(file, line, "page %zu is %s and has %s", page, committed ? "committed" : "reserved",
              has[page] ? "a block" : "no block");
    break;
  }
  acre__unlock(&region->lock);
}

#define CHECK_BLOCKS(base) check_blocks(__FILE__, __LINE__, base)

#endif
