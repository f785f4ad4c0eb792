/* SPDX-License-Identifier: MIT */
/*
 * What a flush does to dirty pages, as the kernel counts them; and a disk that
 * fails: a loop device on a sparse file in a small tmpfs that is full, in a mount
 * namespace of the test's own. Where that cannot be made the test is skipped; fault_flush.c fails by plan everywhere.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "flush_check.h"
#include "loop_disk_linux.h"
#include "scratch_linux.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

/* Skips where the kernel does not tell, or where there is no disk behind the file. */
static void need_dirty_counts(void) {
  struct mapped mapped;
  open_dirty(&mapped);
  size_t before = scratch_dirty(mapped.data);
  CHECK_OK(acre_view_flush(mapped.view, 0, 0, ACRE_FLUSH_DURABLE));
  size_t after = scratch_dirty(mapped.data);
  close_mapped(&mapped);
  if (before != SIZE || after != 0) test_skip("the kernel does not tell dirty pages of files in this folder");
}

TEST(wait_and_durable_write_what_was_asked_for) {
  need_dirty_counts();
  for (int i = 0; i < 2; i++) {
    acre_flush_mode mode = i == 0 ? ACRE_FLUSH_WAIT : ACRE_FLUSH_DURABLE;
    struct mapped mapped;
    open_dirty(&mapped);
    CHECK_OK(acre_view_flush(mapped.view, SIZE / 2, SIZE / 4, mode));
    size_t left = scratch_dirty(mapped.data);
    CHECK(left <= SIZE - SIZE / 4);
    if (getenv("ACRE_OPTIONS") == NULL) CHECK_EQ(left, SIZE - SIZE / 4); /* and no more */
    CHECK_OK(acre_view_flush(mapped.view, 0, 0, mode));
    CHECK_EQ(scratch_dirty(mapped.data), 0);
    mapped.data[5] = 'e';
    CHECK(scratch_dirty(mapped.data) > 0);
    CHECK_OK(acre_view_flush(mapped.view, 5, 1, mode));
    CHECK_EQ(scratch_dirty(mapped.data), 0);
    close_mapped(&mapped);
  }
}

TEST(start_begins_and_does_not_wait_for_the_system_s_own_time) {
  need_dirty_counts();
  struct mapped mapped;
  open_dirty(&mapped);
  CHECK_OK(acre_view_flush(mapped.view, 0, 0, ACRE_FLUSH_START));
  /* Left alone, a page is written after 30 seconds (vm.dirty_expire_centisecs). */
  for (int i = 0; i < 1000 && scratch_dirty(mapped.data) != 0; i++) usleep(5000);
  CHECK_EQ(scratch_dirty(mapped.data), 0);
  close_mapped(&mapped);
}

/* What can be written fits into 4 MiB; what is promised are 64. */
static bool make_disk(void) {
  return loop_make(4, 64, "-m 0 -N 16 -E lazy_itable_init=0,nodiscard");
}

static void try_disk(void *context) {
  (void)context;
  bool made = make_disk();
  (void)loop_unmount();
  if (!made) _exit(LOOP_NONE);
}

static bool is_failure(acre_result result) {
  return result == ACRE_E_IO || result == ACRE_E_NO_SPACE;
}

static void meet_failing_disk(acre_flush_mode mode) {
  char path[128];
  snprintf(path, sizeof path, "%s/disk/file%d", loop_folder, (int)mode);
  acre_file_options file_options = {.access = ACRE_ACCESS_READ_WRITE, .mode = ACRE_FILE_CREATE};
  acre_file *file;
  REQUIRE_OK(acre_file_open(path, &file_options, &file));
  REQUIRE(truncate(path, 512 << 10) == 0); /* no block is written yet, nor given */
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  CHECK_OK(acre_file_flush(file));
  (void)loop_shell("cat /dev/zero > memory/filler"); /* ends when the memory is full, and no write succeeds */
  memset(acre_view_data(view), 'f', 512 << 10);
  acre_result result = acre_view_flush(view, 0, 0, mode);
  if (mode == ACRE_FLUSH_START) { /* comes out when somebody waits */
    CHECK(result == ACRE_OK || is_failure(result));
    result = acre_view_flush(view, 0, 0, ACRE_FLUSH_WAIT);
  }
  CHECK(is_failure(result));

  CHECK(loop_shell("rm memory/filler")); /* the disk is well again, and the kernel has nothing left to write */
  CHECK_RESULT(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE), result);
  CHECK_RESULT(acre_file_flush(file), result);
  CHECK_RESULT(acre_view_acknowledge_error(view), result);
  memset(acre_view_data(view), 'g', 512 << 10);
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
}

static void use_failing_disk(void *mode) {
  REQUIRE(make_disk());
  meet_failing_disk(*(acre_flush_mode *)mode);
  CHECK(loop_unmount());
}

TEST(a_disk_that_fails) {
  acre_flush_mode modes[] = {ACRE_FLUSH_DURABLE, ACRE_FLUSH_WAIT, ACRE_FLUSH_START};
  loop_test(try_disk, use_failing_disk, modes, sizeof *modes, sizeof modes / sizeof *modes);
}
