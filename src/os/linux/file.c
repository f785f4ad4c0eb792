/* SPDX-License-Identifier: MIT */
/*
 * file.c - open, size, map, flush, temporary files on Linux.
 *
 * Only regular files are let in. What is there is looked at before it is
 * opened, so that no device is woken and no pipe waited for, and again after,
 * because it may have been replaced meanwhile.
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
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

acre_result acre__os_file_copy(intptr_t handle, bool writable, struct acre__os_file *out) {
  struct stat status;
  int fd = (int)handle, flags = handle >= 0 && handle <= INT_MAX ? fcntl(fd, F_GETFL) : -1;
  if (flags < 0 || fstat(fd, &status) != 0) return ACRE_E_INVALID_ARGUMENT;
  if (!S_ISREG(status.st_mode)) return ACRE_E_NOT_A_FILE;
  int access = flags & O_ACCMODE;
  if (access != O_RDWR && (writable || access != O_RDONLY)) return ACRE_E_ACCESS_DENIED;
  fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return acre__linux_error(errno);
  out->handle = fd;
  return ACRE_OK;
}

acre_result acre__os_file_size(struct acre__os_file file, uint64_t *out) {
  struct stat status;
  if (fstat(descriptor(file), &status) != 0) return acre__linux_error(errno);
  *out = (uint64_t)status.st_size;
  return ACRE_OK;
}

/* Asked first, because the kernel's own answer is SIGXFSZ. */
static bool is_too_large(uint64_t size) {
  struct rlimit limit;
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur;
}

/* ------------------------------------------------------------- a file in memory */

/* Without the right to be executed as a program, which kernels since 6.3 want to be told; older ones do not know it. */
static int make_memory_file(void) {
  int fd = memfd_create("acre", MFD_CLOEXEC | MFD_ALLOW_SEALING | ACRE_LINUX_MFD_NOEXEC_SEAL);
  return fd < 0 && errno == EINVAL ? memfd_create("acre", MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

/* Sealed before anybody can have it: whoever gets the descriptor later cannot cut pages off that are mapped. */
acre_result acre__os_file_in_memory(uint64_t size, struct acre__os_file *out) {
  if (size > INT64_MAX || is_too_large(size)) return ACRE_E_FILE_TOO_LARGE;
  int fd = make_memory_file();
  if (fd < 0) return errno == EPERM || errno == EINVAL ? ACRE_E_NOT_SUPPORTED : acre__linux_error(errno);
  int error = 0;
  if (ftruncate(fd, (off_t)size) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) error = errno;
  if (error != 0) {
    close(fd);
    return error == EINVAL ? ACRE_E_NOT_SUPPORTED : acre__linux_error(error);
  }
  out->handle = fd;
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
  if (acre__linux_switches.plain_files) return write_zeros(fd, from, size);
  while (fallocate(fd, 0, (off_t)from, (off_t)(size - from)) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOSYS) return write_zeros(fd, from, size);
    if (errno != EINTR) return errno;
  }
  return 0;
}

/*
 * Whether the file system is known to have no room for so many bytes. Asked
 * first, because most of them take what there is before they find out, and everybody else meets a full disk meanwhile.
 */
static bool has_no_room(int fd, uint64_t size) {
  struct statvfs status;
  return fstatvfs(fd, &status) == 0 && status.f_blocks != 0 && status.f_frsize != 0 &&
         size / status.f_frsize > status.f_bfree;
}

acre_result acre__os_file_grow(struct acre__os_file file, uint64_t from, uint64_t size) {
  if (size <= from) return ACRE_OK;
  if (size > INT64_MAX || is_too_large(size)) return ACRE_E_FILE_TOO_LARGE;
  if (has_no_room(descriptor(file), size - from)) return ACRE_E_NO_SPACE;
  int error = allocate(descriptor(file), from, size);
  if (error == 0) return ACRE_OK;
  /* A part may have been appended. If cutting it off fails as well, there is nobody left to tell. */
  if (ftruncate(descriptor(file), (off_t)from) != 0) return acre__linux_error(error);
  return acre__linux_error(error);
}

acre_result acre__os_file_set_size(struct acre__os_file file, uint64_t size) {
  if (size > INT64_MAX || is_too_large(size)) return ACRE_E_FILE_TOO_LARGE;
  while (ftruncate(descriptor(file), (off_t)size) != 0) {
    if (errno == EINVAL) return ACRE_E_ACCESS_DENIED; /* it was opened for reading */
    if (errno != EINTR) return acre__linux_error(errno);
  }
  return ACRE_OK;
}

/* ------------------------------------------------------------- map and flush */

static int sharing(bool copy_on_write) {
  return copy_on_write ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
}

/* `no_room`: what ENOMEM stands for. */
ACRE_COLD static acre_result map_error(acre_result no_room) {
  switch (errno) {
    case EINVAL:
    case EIO: /* what /proc's files say */ return ACRE_E_NOT_SUPPORTED;
    default: return acre__linux_mapping_error(errno, no_room);
  }
}

static void *map(void *address, size_t size, int flags, const struct acre__os_part *part) {
  return mmap(address, size, acre__linux_protection(part->protection), flags | sharing(part->copy_on_write),
              descriptor(part->file), (off_t)part->offset);
}

acre_result acre__os_map_file(void *address, size_t size, const struct acre__os_part *part) {
  if (map(address, size, MAP_FIXED, part) != MAP_FAILED) return ACRE_OK;
  acre__linux_restore_reservation(address, size);
  return map_error(ACRE_E_NO_MEMORY);
}

acre_result acre__os_map_file_anywhere(void *wish, size_t size, const struct acre__os_part *part, void **out) {
  if (!acre__linux_is_possible((uintptr_t)wish, size)) wish = NULL;
  void *got = map(wish, size, 0, part);
  if (got == MAP_FAILED) return map_error(ACRE_E_NO_ADDRESS_SPACE);
  *out = got;
  return ACRE_OK;
}

acre_result acre__os_flush(struct acre__os_file file, void *address, size_t size) {
  (void)file;
  return msync(address, size, MS_SYNC) == 0 ? ACRE_OK : acre__linux_error(errno);
}

acre_result acre__os_file_sync(struct acre__os_file file) {
  while (fsync(descriptor(file)) != 0) {
    if (errno == EINVAL || errno == EROFS) return ACRE_OK; /* there is no disk behind it: a file of /proc */
    if (errno != EINTR) return acre__linux_error(errno);
  }
  return ACRE_OK;
}

/* 0, or the error; ENOSYS also where it is forced not to be used. */
static int write_range(int fd, uint64_t offset, uint64_t size, bool wait) {
  unsigned flags = SYNC_FILE_RANGE_WRITE;
  if (wait) flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (acre__linux_switches.plain_files) return ENOSYS;
  while (sync_file_range(fd, (off_t)offset, (off_t)size, flags) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

/* msync(MS_ASYNC) begins nothing at all. */
acre_result acre__os_file_write_back(struct acre__os_file file, uint64_t offset, uint64_t size, const void *mapping,
                                     bool wait) {
  (void)mapping; /* the page cache is the file's */
  int error = write_range(descriptor(file), offset, size, wait);
  if (error != ENOSYS && error != EPERM && error != ESPIPE) return acre__linux_error(error);
  /* Where a sandbox forbids it. The advice drops pages that nobody has mapped, after it has begun to write them. */
  if (!wait) return acre__linux_error(posix_fadvise(descriptor(file), (off_t)offset, (off_t)size, POSIX_FADV_DONTNEED));
  while (fdatasync(descriptor(file)) != 0)
    if (errno != EINTR) return acre__linux_error(errno);
  return ACRE_OK;
}

/* ------------------------------------------------------------- temporary files */

/* A path of its own for what would be beside `path`'s last part. */
static acre_result open_parent(const char *path, int flags, int *fd) {
  char parent[PATH_MAX];
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof parent) return ACRE_E_INVALID_ARGUMENT;
  while (length > 0 && path[length - 1] != '/') length--;
  memcpy(parent, path, length);
  if (length == 0) parent[length++] = '.';
  parent[length] = '\0';
  *fd = open_again_if_interrupted(parent, flags, 0);
  return *fd >= 0 ? ACRE_OK : acre__linux_error(errno);
}

acre_result acre__os_directory_open(const char *path, struct acre__os_file *out) {
  int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  int fd = open_again_if_interrupted(path, flags, 0);
  if (fd < 0) {
    int error = errno;
    struct stat status;
    if (error == ENOTDIR && stat(path, &status) == 0) return ACRE_E_EXISTS;
    if (error != ENOENT) return acre__linux_error(error);
    acre_result result = open_parent(path, flags, &fd);
    if (result != ACRE_OK) return result;
  }
  out->handle = fd;
  return ACRE_OK;
}

/* A name that is hardly taken: of the process, the moment, and the attempt. */
static void make_name(char *name, unsigned attempt) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t number = ((uint64_t)getpid() << 32) ^ ((uint64_t)now.tv_sec << 30) ^ (uint64_t)now.tv_nsec ^ attempt;
  memcpy(name, ".acre-", 6);
  for (unsigned i = 0; i < 16; i++, number >>= 4) name[6 + i] = "0123456789abcdef"[number & 15];
  name[22] = '\0';
}

static int open_named(int directory) {
  for (unsigned attempt = 0; attempt < 100; attempt++) {
    char name[24];
    make_name(name, attempt);
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EEXIST || errno == EINTR)) continue;
    if (fd < 0 || unlinkat(directory, name, 0) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return -1;
}

static int open_nameless(int directory) {
  int fd;
  do fd = openat(directory, ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  while (fd < 0 && errno == EINTR);
  return fd;
}

/* For file systems that write a changed block elsewhere (btrfs): there, the block that was allocated is not enough. */
static void write_in_place(int fd) {
  int flags;
  if (ioctl(fd, ACRE_LINUX_FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= ACRE_LINUX_FS_NOCOW;
  (void)ioctl(fd, ACRE_LINUX_FS_IOC_SETFLAGS, &flags); /* others do not know the flag, nor need it */
}

acre_result acre__os_file_temporary(struct acre__os_file directory, struct acre__os_file *out) {
  int fd = -1;
  bool nameless = !acre__linux_switches.plain_files;
  if (nameless) fd = open_nameless(descriptor(directory));
  /* EISDIR and EINVAL are what those say that do not know the flag. */
  if (!nameless || (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)))
    fd = open_named(descriptor(directory));
  if (fd < 0) return acre__linux_error(errno);
  write_in_place(fd);
  out->handle = fd;
  return ACRE_OK;
}

acre_result acre__os_file_identity(struct acre__os_file file, struct acre__os_identity *out) {
  struct stat status;
  if (fstat(descriptor(file), &status) != 0) return acre__linux_error(errno);
  *out = (struct acre__os_identity){(uint64_t)status.st_dev, (uint64_t)status.st_ino};
  return ACRE_OK;
}

/* ------------------------------------------------------------- allocate and punch */

acre_result acre__os_file_allocate(struct acre__os_file file, uint64_t from, uint64_t size) {
  uint64_t end = from + size;
  if (end < from || end > INT64_MAX || is_too_large(end)) return ACRE_E_FILE_TOO_LARGE;
  return acre__linux_error(allocate(descriptor(file), from, end));
}

/* Past the end of the file there is nothing to make zero, and nothing may be written. */
static acre_result write_zeros_inside(int fd, uint64_t from, uint64_t end) {
  struct stat status;
  if (fstat(fd, &status) != 0) return acre__linux_error(errno);
  if (end > (uint64_t)status.st_size) end = (uint64_t)status.st_size;
  if (from >= end) return ACRE_OK;
  if (is_too_large(end)) return ACRE_E_FILE_TOO_LARGE;
  return acre__linux_error(write_zeros(fd, from, end));
}

acre_result acre__os_file_punch(struct acre__os_file file, uint64_t from, uint64_t size) {
  int fd = descriptor(file);
  if (acre__linux_switches.plain_files) return write_zeros_inside(fd, from, from + size);
  while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)size) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOSYS) return write_zeros_inside(fd, from, from + size);
    if (errno != EINTR) return acre__linux_error(errno);
  }
  return ACRE_OK;
}
