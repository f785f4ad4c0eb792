/* SPDX-License-Identifier: MIT */
/* The contract of os.h: how much of a file is not on the disk yet, in both ways. */
#include "contract_linux.h"

#include <fcntl.h>
#include <sys/mman.h>

enum { PAGES = 64 };

struct mapped {
  struct acre__os_file file;
  char *data;
  size_t size;
};

/* Of single pages in the page cache, all on the disk. */
static void open_clean(struct mapped *out) {
  const char *directory = getenv("TMPDIR");
  char path[256];
  snprintf(path, sizeof path, "%s/acre-test-XXXXXX", directory != NULL ? directory : "/tmp");
  int fd = mkstemp(path);
  REQUIRE(fd >= 0);
  unlink(path);
  char *zeros = calloc(1, page_size());
  for (size_t i = 0; i < PAGES; i++)
    REQUIRE(pwrite(fd, zeros, page_size(), (off_t)(i * page_size())) == (ssize_t)page_size());
  free(zeros);
  REQUIRE(fsync(fd) == 0);
  out->size = PAGES * page_size();
  out->file.handle = fd;
  out->data = mmap(NULL, out->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  REQUIRE(out->data != MAP_FAILED);
}

static void close_mapped(struct mapped *mapped) {
  munmap(mapped->data, mapped->size);
  acre__os_file_close(mapped->file);
}

static uint64_t dirty_pages(struct mapped *mapped, size_t from, size_t to) {
  uint64_t dirty = UINT64_MAX;
  REQUIRE_OK(acre__os_file_dirty(mapped->file, from * page_size(), (to - from) * page_size(),
                                 mapped->data + from * page_size(), &dirty));
  return dirty / page_size();
}

static void check_counts(void) {
  struct mapped mapped;
  open_clean(&mapped);
  CHECK_EQ(dirty_pages(&mapped, 0, PAGES), 0);
  for (size_t i = 0; i < PAGES; i += 2) mapped.data[i * page_size() + i] = 1;
  uint64_t dirty = dirty_pages(&mapped, 0, PAGES);
  if (dirty == 0) { /* as tmpfs, where nothing ever is */
    close_mapped(&mapped);
    test_skip("there is no disk behind this folder");
  }
  CHECK_EQ(dirty, PAGES / 2);
  CHECK_OK(acre__os_flush(mapped.file, mapped.data, mapped.size));
  CHECK_EQ(dirty_pages(&mapped, 0, PAGES), 0);
  mapped.data[5] = 2;
  CHECK_EQ(dirty_pages(&mapped, 0, 1), 1);
  close_mapped(&mapped);
}

TEST(changed_pages_are_counted) {
  check_counts();
}

TEST(changed_pages_are_counted_by_mapping) {
  acre__os_force_dirty_by_mapping(true);
  check_counts();
  acre__os_force_dirty_by_mapping(false);
}

TEST(a_range_of_the_file_alone) {
  struct mapped mapped;
  open_clean(&mapped);
  for (size_t i = 0; i < PAGES / 2; i++) mapped.data[i * page_size()] = 1;
  if (dirty_pages(&mapped, 0, PAGES) == 0) {
    close_mapped(&mapped);
    test_skip("there is no disk behind this folder");
  }
  /* Where the kernel tells of mappings alone, the whole one counts. */
  uint64_t half = dirty_pages(&mapped, PAGES / 2, PAGES), quarter = dirty_pages(&mapped, 0, PAGES / 4);
  CHECK(half == 0 || half == PAGES / 2);
  CHECK(quarter == PAGES / 4 || quarter == PAGES / 2);
  close_mapped(&mapped);
}
