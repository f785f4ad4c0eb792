/* SPDX-License-Identifier: MIT */
/* Files on Linux (see system.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "system/system.h"

#define FILE_SYSTEM_TMPFS 0x01021994
#define FILE_SYSTEM_RAMFS 0x858458f6

/* ------------------------------------------------------------- looking */

static uint64_t moment_of(const struct timespec *time) {
  return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

static bool tell(bool known, const struct stat *status, struct system_status *out) {
  if (!known) return false;
  *out = (struct system_status){.kind = S_ISREG(status->st_mode)   ? SYSTEM_FILE
                                        : S_ISDIR(status->st_mode) ? SYSTEM_DIRECTORY
                                                                   : SYSTEM_OTHER,
                                .size = (uint64_t)status->st_size,
                                .allocated = (uint64_t)status->st_blocks * 512,
                                .device = status->st_dev,
                                .number = status->st_ino,
                                .links = status->st_nlink,
                                .mode = status->st_mode,
                                .modified = moment_of(&status->st_mtim),
                                .changed = moment_of(&status->st_ctim)};
  return true;
}

bool system_look(const char *path, struct system_status *out) {
  struct stat status;
  return tell(stat(path, &status) == 0, &status, out);
}

bool system_look_at_open(int fd, struct system_status *out) {
  struct stat status;
  return tell(fstat(fd, &status) == 0, &status, out);
}

/* ------------------------------------------------------------- opening */

int system_open(const char *path, enum system_way way) {
  int access = way == SYSTEM_READ ? O_RDONLY : way == SYSTEM_WRITE ? O_WRONLY : O_RDWR;
  return open(path, access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

FILE *system_open_stream(const char *path, bool writes) {
  return fopen(path, writes ? "we" : "re");
}

int system_open_unnamed(const char *directory) {
  int fd = open(directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
  char path[SYSTEM_PATH];
  int length = snprintf(path, sizeof path, "%s/.acre-sort-XXXXXX", directory);
  if (length < 0 || (size_t)length >= sizeof path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  fd = mkostemp(path, O_CLOEXEC);
  if (fd >= 0) unlink(path);
  return fd;
}

/* ------------------------------------------------------------- reading and writing */

bool system_write_all(int fd, const void *bytes, size_t size) {
  const char *at = bytes;
  while (size > 0) {
    ssize_t done = write(fd, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    at += done;
    size -= (size_t)done;
  }
  return true;
}

bool system_write_at(int fd, const void *bytes, size_t size, uint64_t offset) {
  return pwrite(fd, bytes, size, (off_t)offset) == (ssize_t)size;
}

/* Blocks may be behind the end as well, so their number tells nothing; and a file that was cut off meanwhile stays so. */
bool system_fill_holes(int fd, uint64_t size) {
  off_t hole = lseek(fd, 0, SEEK_HOLE);
  if (hole < 0 || (uint64_t)hole >= size) return true;
  int failed;
  do failed = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size);
  while (failed && errno == EINTR);
  return !failed || errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS;
}

long long system_read_at(int fd, void *out, size_t size, uint64_t offset) {
  ssize_t got;
  do got = pread(fd, out, size, (off_t)offset);
  while (got < 0 && errno == EINTR);
  return got;
}

void system_expect_random_reads(int fd) {
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
}

bool system_cut(const char *path, uint64_t size) {
  return truncate(path, (off_t)size) == 0;
}

/* ------------------------------------------------------------- directories */

bool system_may_write(const char *path) {
  return access(path, W_OK) == 0;
}

bool system_may_fill(const char *directory) {
  struct stat status;
  return stat(directory, &status) == 0 && S_ISDIR(status.st_mode) && access(directory, W_OK | X_OK) == 0;
}

bool system_room(const char *directory, uint64_t *room, bool *is_in_ram) {
  struct statvfs space;
  struct statfs system;
  if (statvfs(directory, &space) != 0 || statfs(directory, &system) != 0) return false;
  *room = (uint64_t)space.f_bavail * space.f_frsize;
  unsigned long type = (unsigned long)system.f_type & 0xffffffffUL;
  *is_in_ram = type == FILE_SYSTEM_TMPFS || type == FILE_SYSTEM_RAMFS;
  return true;
}

void system_directory_of(const char *path, char *out, size_t room) {
  const char *slash = strrchr(path, '/');
  int length = slash == NULL || slash == path ? 1 : (int)(slash - path);
  snprintf(out, room, "%.*s", length, slash == NULL ? "." : path);
}

const char *system_wished_directory(void) {
  const char *wish = getenv("TMPDIR");
  return wish != NULL && wish[0] != '\0' ? wish : NULL;
}

/* /var/tmp is on a disk where /tmp may be in RAM. */
const char *const *system_temporary_directories(void) {
  static const char *const directories[] = {"/var/tmp", "/tmp", NULL};
  return directories;
}
