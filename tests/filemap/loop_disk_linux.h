/* SPDX-License-Identifier: MIT */
/*
 * loop_disk_linux.h - a disk that can be made to fail: an ext4 on a loop device, whose image is in a small tmpfs.
 *
 *   folder/memory   the tmpfs, with the image
 *   folder/disk     the file system
 *
 * It is made in a child, in a mount namespace of its own; where it cannot be, the test is skipped.
 */
#ifndef ACRE_TESTS_FILEMAP_LOOP_DISK_LINUX_H
#define ACRE_TESTS_FILEMAP_LOOP_DISK_LINUX_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "harness.h"

enum { LOOP_NONE = 9 /* the status of a child that could not make one */ };

static char loop_folder[64];

/* In the folder. */
static bool loop_shell(const char *command) {
  char line[512];
  snprintf(line, sizeof line, "cd %s && { %s; } >/dev/null 2>&1", loop_folder, command);
  return system(line) == 0;
}

static bool loop_make(unsigned memory_mib, unsigned image_mib, const char *mkfs_options) {
  char mount_memory[128], make_image[256];
  snprintf(mount_memory, sizeof mount_memory, "mount -t tmpfs -o size=%um none memory", memory_mib);
  snprintf(make_image, sizeof make_image,
           "truncate -s %um memory/image && mkfs.ext4 -q -F -O ^has_journal %s memory/image", image_mib, mkfs_options);
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         loop_shell("mkdir -p memory disk") && loop_shell(mount_memory) && loop_shell(make_image) &&
         loop_shell("mount -o loop memory/image disk");
}

/* Who looks at the device meanwhile, as udev does at every new one, keeps its image for a moment. */
static bool loop_unmount(void) {
  bool disk = loop_shell("umount disk"), memory = false;
  for (int i = 0; i < 600 && !(memory = loop_shell("umount memory")) && loop_shell("mountpoint -q memory"); i++)
    usleep(100000);
  return disk && memory;
}

/* `attempt` makes all that the test wants, and ends with LOOP_NONE if it cannot; then `work` is not begun. */
static void loop_test(void (*attempt)(void *), void (*work)(void *), void *arguments, size_t size, size_t count) {
  strcpy(loop_folder, "/tmp/acre-loop-XXXXXX");
  REQUIRE(mkdtemp(loop_folder) != NULL);
  int status = test_in_child(attempt, NULL);
  for (size_t i = 0; status == 0 && i < count; i++) CHECK_EQ(test_in_child(work, (char *)arguments + i * size), 0);
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", loop_folder);
  CHECK(system(command) == 0);
  if (status != 0) test_skip("needs root, mkfs.ext4 and a loop device");
}

#endif
