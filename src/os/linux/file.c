/* SPDX-License-Identifier: MIT */
/*
 * file.c - open, size, map, flush on Linux.
 *
 * Only regular files are let in. What is there is looked at before it is
 * opened, so that no device is woken and no pipe waited for, and again after,
 * because it may have been replaced meanwhile.
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/math.h"

static int descriptor(struct acre__os_file file) {
  return (int)file.handle;
}

/* ------------------------------------------------------------- open, close, size */

static int open_again_if_interrupted(const char *path, int flags, unsigned permissions) {
  int fd;
  do fd = open(path, flags, (mode_t)permissions);
  while (fd < 0 && errno == EINTR);
  return fd;
}

static acre_result check_opened(int fd, bool truncate) {
  struct stat status;
  if (fstat(fd, &status) != 0) return acre__linux_error(errno);
  if (!S_ISREG(status.st_mode)) return ACRE_E_NOT_A_FILE;
  if (truncate && ftruncate(fd, 0) != 0) return acre__linux_error(errno);
  return ACRE_OK;
}

acre_result acre__os_file_open(const char *path, bool writable, bool create, bool must_create, bool truncate,
                               unsigned permissions, struct acre__os_file *out) {
  struct stat status;
  if (!must_create && stat(path, &status) == 0 && !S_ISREG(status.st_mode)) return ACRE_E_NOT_A_FILE;

  int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  if (create || must_create) flags |= O_CREAT;
  if (must_create) flags |= O_EXCL;
  int fd = open_again_if_interrupted(path, flags, permissions);
  if (fd < 0) return acre__linux_error(errno);

  acre_result result = check_opened(fd, truncate);
  if (result != ACRE_OK) {
    close(fd);
    return result;
  }
  out->handle = fd;
  return ACRE_OK;
}

void acre__os_file_close(struct acre__os_file file) {
  close(descriptor(file));
}

acre_result acre__os_file_size(struct acre__os_file file, uint64_t *out) {
  struct stat status;
  if (fstat(descriptor(file), &status) != 0) return acre__linux_error(errno);
  *out = (uint64_t)status.st_size;
  return ACRE_OK;
}

/* ------------------------------------------------------------- grow */

/* For file systems without fallocate: zeros that are written have their blocks too. Returns 0 or an errno. */
static int write_zeros(int fd, uint64_t from, uint64_t size) {
  static const char zeros[64 << 10];
  while (from < size) {
    size_t piece = size - from < sizeof zeros ? (size_t)(size - from) : sizeof zeros;
    ssize_t written = pwrite(fd, zeros, piece, (off_t)from);
    if (written > 0)
      from += (uint64_t)written;
    else if (written == 0)
      return EIO;
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

static int allocate(int fd, uint64_t from, uint64_t size) {
  while (fallocate(fd, 0, (off_t)from, (off_t)(size - from)) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOSYS) return write_zeros(fd, from, size);
    if (errno != EINTR) return errno;
  }
  return 0;
}

acre_result acre__os_file_grow(struct acre__os_file file, uint64_t from, uint64_t size) {
  if (size <= from) return ACRE_OK;
  if (size > INT64_MAX) return ACRE_E_FILE_TOO_LARGE;
  struct rlimit limit; /* asked first, because the kernel's own answer is SIGXFSZ */
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur)
    return ACRE_E_FILE_TOO_LARGE;

  int error = allocate(descriptor(file), from, size);
  if (error == 0) return ACRE_OK;
  /* A part may have been appended. If cutting it off fails as well, there is nobody left to tell. */
  if (ftruncate(descriptor(file), (off_t)from) != 0) return acre__linux_error(error);
  return acre__linux_error(error);
}

/* ------------------------------------------------------------- map and flush */

acre_result acre__os_map_file(void *address, size_t size, struct acre__os_file file, uint64_t offset,
                              acre_vm_protection protection, bool copy_on_write) {
  int flags = MAP_FIXED | (copy_on_write ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED);
  void *got = mmap(address, size, acre__linux_protection(protection), flags, descriptor(file), (off_t)offset);
  if (got != MAP_FAILED) return ACRE_OK;
  acre__linux_restore_reservation(address, size);
  switch (errno) {
    case EINVAL:
    case EIO: /* what /proc's files say */ return ACRE_E_NOT_SUPPORTED;
    default: return acre__linux_mapping_error(errno, ACRE_E_NO_MEMORY);
  }
}

acre_result acre__os_flush(void *address, size_t size) {
  return msync(address, size, MS_SYNC) == 0 ? ACRE_OK : acre__linux_error(errno);
}

acre_result acre__os_file_sync(struct acre__os_file file) {
  while (fdatasync(descriptor(file)) != 0)
    if (errno != EINTR) return acre__linux_error(errno);
  return ACRE_OK;
}
