/* SPDX-License-Identifier: MIT */
/*
 * A full file system and one that takes no writes: two small tmpfs, mounted in
 * a mount namespace of this program's own, so nobody else sees them. Where that
 * is not permitted the tests are skipped.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include <acre/fault.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

enum { DISK = 1 << 20 };

static char folder[SCRATCH_PATH];

/* Mounts a tmpfs with these options over a new folder, or skips the test. */
static void mount_disk(const char *options) {
  static bool own_namespace;
  if (!own_namespace) {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
      test_skip("no mount namespace of its own: %s", strerror(errno));
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) test_skip("mount: %s", strerror(errno));
    own_namespace = true;
  }
  snprintf(folder, sizeof folder, "/tmp/acre-disk-XXXXXX");
  REQUIRE(mkdtemp(folder) != NULL);
  if (mount("none", folder, "tmpfs", 0, options) != 0) {
    int error = errno;
    rmdir(folder);
    test_skip("mount tmpfs: %s", strerror(error));
  }
}

static void unmount_disk(void) {
  CHECK(umount(folder) == 0);
  CHECK(rmdir(folder) == 0);
}

static const char *on_disk(const char *name) {
  static char path[SCRATCH_PATH + 16];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static acre_result open_new(const char *path, acre_file **out) {
  acre_file_options options = {.access = ACRE_ACCESS_READ_WRITE, .mode = ACRE_FILE_CREATE};
  return acre_file_open(path, &options, out);
}

static acre_result section_of(acre_file *file, uint64_t size, acre_section **out) {
  acre_section_options options = {.access = ACRE_ACCESS_READ_WRITE, .size = size};
  return acre_section_create(file, &options, out);
}

TEST(growth_meets_a_full_disk) {
  mount_disk("size=1m");
  const char *path = on_disk("file");
  acre_file *file;
  acre_section *section;
  REQUIRE_OK(open_new(path, &file));
  REQUIRE_OK(section_of(file, 10000, &section));
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  memset(acre_view_data(view), 'z', 10000);
  struct stat before = scratch_status(path);

  acre_section *larger = section;
  CHECK_RESULT(section_of(file, 2 * DISK, &larger), ACRE_E_NO_SPACE);
  CHECK(larger == NULL);
  struct stat after = scratch_status(path);
  CHECK_EQ(after.st_size, before.st_size);
  CHECK_EQ(after.st_blocks, before.st_blocks);
  CHECK_EQ(((char *)acre_view_data(view))[9999], 'z');

  REQUIRE_OK(section_of(file, DISK / 2, &larger)); /* there is room for this: nothing of the failure is left */
  acre_view *second = scratch_view(larger, ACRE_ACCESS_READ_WRITE);
  memset(acre_view_data(second), 'w', DISK / 2); /* and every store has its block */
  CHECK_OK(acre_view_flush(second, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(second));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(larger);
  acre_section_close(section);
  acre_file_close(file);
  unmount_disk();
}

/* The view is as it was: its bytes, its room, and what the disk has left. */
TEST(a_view_meets_a_full_disk) {
  mount_disk("size=1m");
  const char *path = on_disk("file");
  acre_file *file;
  acre_section *section;
  REQUIRE_OK(open_new(path, &file));
  REQUIRE_OK(section_of(file, 10000, &section));
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .reserve = 4 * DISK};
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  char *data = acre_view_data(view);
  memset(data, 'z', 10000);
  struct stat before = scratch_status(path);
  for (int i = 0; i < 3; i++) {
    CHECK_RESULT(acre_view_grow(view, 2 * DISK), ACRE_E_NO_SPACE);
    CHECK_RESULT(acre_section_resize(section, 3 * DISK), ACRE_E_NO_SPACE);
    CHECK_RESULT(acre_file_resize(file, 2 * DISK), ACRE_E_NO_SPACE);
    CHECK_RESULT(acre_vm_commit(data + 2 * DISK, 1, ACRE_VM_DEFAULT), ACRE_E_NO_SPACE);
    CHECK_EQ(acre_view_size(view), 10000);
    CHECK_EQ(acre_section_size(section), 10000);
    CHECK_EQ(scratch_status(path).st_size, before.st_size);
    CHECK_EQ(scratch_status(path).st_blocks, before.st_blocks);
  }
  CHECK(!test_can_read(data + DISK));
  CHECK_OK(acre_view_grow(view, DISK)); /* the last block, and each has its page */
  memset(data + 10000, 'y', DISK - 10000);
  CHECK_RESULT(acre_view_grow(view, DISK + 1), ACRE_E_NO_SPACE);
  CHECK_EQ(data[9999], 'z');
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unmount_disk();
}

TEST(growth_that_takes_the_last_block) {
  mount_disk("size=1m");
  acre_file *file;
  acre_section *section;
  REQUIRE_OK(open_new(on_disk("file"), &file));
  REQUIRE_OK(section_of(file, DISK, &section));
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  memset(acre_view_data(view), 1, DISK); /* no SIGBUS */
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file *second;
  REQUIRE_OK(open_new(on_disk("second"), &second));
  CHECK_RESULT(section_of(second, 1, &section), ACRE_E_NO_SPACE);
  uint64_t size = 1;
  CHECK_OK(acre_file_size(second, &size));
  CHECK_EQ(size, 0);
  acre_file_close(second);
  acre_file_close(file);
  unmount_disk();
}

/* A file with holes, four times as large as the disk: what finds no block is zero pages, and the flush says so. */
TEST(holes_on_a_full_disk) {
  mount_disk("size=1m");
  acre_file *file;
  REQUIRE_OK(open_new(on_disk("file"), &file));
  REQUIRE(truncate(on_disk("file"), 4 * DISK) == 0);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .keep_going = true};
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  char *data = acre_view_data(view);
  memset(data, 1, 2 * DISK);
  size_t lost = acre_view_lost(view);
  CHECK(lost >= DISK && lost < DISK + DISK / 4); /* each page for itself: the file is long enough */
  CHECK(data[0] == 1 && data[2 * DISK - 1] == 1);
  CHECK_RESULT(acre_view_flush(view, 0, 0, ACRE_FLUSH_WAIT), ACRE_E_IO);
  CHECK_RESULT(acre_view_acknowledge_error(view), ACRE_E_IO);
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_WAIT));
  char byte = 1;
  CHECK_RESULT(acre_guarded_copy(data + 3 * DISK, &byte, 1), ACRE_E_IO);
  CHECK_EQ(acre_view_lost(view), lost);
  CHECK_OK(acre_view_unmap(view));
  byte = 0;
  scratch_read(on_disk("file"), 0, &byte, 1);
  CHECK_EQ(byte, 1);
  acre_section_close(section);
  acre_file_close(file);
  unmount_disk();
}

TEST(no_room_for_another_file) {
  mount_disk("size=1m,nr_inodes=2"); /* the root folder and one file */
  acre_file *file, *second;
  REQUIRE_OK(open_new(on_disk("file"), &file));
  CHECK_RESULT(open_new(on_disk("second"), &second), ACRE_E_NO_SPACE);
  CHECK(second == NULL);
  acre_file_close(file);
  unmount_disk();
}

TEST(a_disk_that_takes_no_writes) {
  mount_disk("size=1m");
  acre_file *file;
  acre_section *section;
  REQUIRE_OK(open_new(on_disk("file"), &file));
  REQUIRE_OK(section_of(file, 5000, &section));
  acre_section_close(section);
  acre_file_close(file);
  REQUIRE(mount("none", folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
  CHECK_RESULT(open_new(on_disk("new"), &file), ACRE_E_READ_ONLY);
  acre_file_options options = {.access = ACRE_ACCESS_READ_WRITE};
  CHECK_RESULT(acre_file_open(on_disk("file"), &options, &file), ACRE_E_READ_ONLY);
  file = scratch_open(on_disk("file"), ACRE_ACCESS_READ);
  section = scratch_section(file, ACRE_ACCESS_COPY_ON_WRITE);
  acre_view *view = scratch_view(section, ACRE_ACCESS_COPY_ON_WRITE);
  memset(acre_view_data(view), 1, 5000);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unmount_disk();
}
