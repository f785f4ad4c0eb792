/* SPDX-License-Identifier: MIT */
/*
 * A device that is gone under a file that is mapped: a loop device becomes shorter than its file system, so that reading
 * is a real I/O error. (Only reading: what the kernel can no longer write there it would try to write for ever.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "loop_disk_linux.h"
#include "scratch_linux.h"

#include <acre/fault.h>

enum { PAGES = 512, FAR = 300 };

static bool make_disk(void) {
  return loop_make(20, 16, "-E lazy_itable_init=0");
}

static bool take_away(void) {
  return loop_shell("truncate -s 64k memory/image && losetup -c $(losetup -n -O NAME -j memory/image)");
}

static void try_disk(void *context) {
  (void)context;
  bool made = make_disk() && loop_shell("mount -o remount,ro disk") && take_away();
  (void)loop_unmount();
  if (!made) _exit(LOOP_NONE);
}

/* On the device, which nobody writes to from now on, and no longer in memory. */
static void make_file(const char *path, size_t size) {
  char *bytes = malloc(size);
  REQUIRE(bytes != NULL);
  memset(bytes, 'm', size);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && fsync(fd) == 0);
  close(fd);
  free(bytes);
  REQUIRE(loop_shell("umount disk") && loop_shell("mount -o loop,ro memory/image disk"));
}

static void touch(void *address) {
  (void)*(volatile char *)address;
}

static void lose_device(void *page_size) {
  size_t page = *(size_t *)page_size;
  REQUIRE(make_disk());
  char path[128], bytes[16];
  snprintf(path, sizeof path, "%s/disk/file", loop_folder);
  make_file(path, PAGES * page);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ), *going;
  acre_view_options options = {.access = ACRE_ACCESS_COPY_ON_WRITE, .keep_going = true};
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &going));
  const char *data = acre_view_data(view);
  volatile char *zeros = acre_view_data(going);
  REQUIRE(take_away());

  void *failed;
  CHECK_RESULT(acre_guarded_copy(bytes, data + FAR * page, sizeof bytes), ACRE_E_IO);
  CHECK_RESULT(acre_guarded_call(touch, (char *)acre_view_data(view) + FAR * page + 5, &failed), ACRE_E_IO);
  CHECK(failed == data + FAR * page + 5);

  CHECK_EQ(zeros[FAR * page], 0); /* the program lives */
  CHECK_EQ(acre_view_lost(going), page);
  zeros[FAR * page] = 'w';
  CHECK_EQ(zeros[FAR * page], 'w');
  CHECK_RESULT(acre_view_flush(going, 0, 0, ACRE_FLUSH_DURABLE), ACRE_E_IO);
  CHECK_RESULT(acre_view_flush(going, 0, 0, ACRE_FLUSH_WAIT), ACRE_E_IO);
  CHECK_RESULT(acre_section_acknowledge_error(section), ACRE_E_IO);
  CHECK_OK(acre_view_acknowledge_error(going));
  CHECK_OK(acre_view_unmap(view));
  CHECK_OK(acre_view_unmap(going));
  acre_section_close(section);
  acre_file_close(file);
  CHECK(loop_unmount());
}

TEST(a_device_that_is_gone) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  loop_test(try_disk, lose_device, &page, sizeof page, 1);
}
