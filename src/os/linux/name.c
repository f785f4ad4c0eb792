/* SPDX-License-Identifier: MIT */
/*
 * name.c - files that stand for names, and who is alive behind them.
 *
 *   /dev/shm/acre-UID/     0700, the user's     (else in XDG_RUNTIME_DIR, else in /tmp)
 *     NAME                 0600                 [ page with the mark | . . . ]
 *
 * /dev/shm is memory and the first choice. Anybody may write there, so what is
 * found is trusted only after a look at it: a directory, no link, the user's,
 * closed to others, in a place from which others cannot rename it (sticky, or nobody else's to write).
 *
 * Who is alive is told by locks of open file descriptions (F_OFD_SETLK, Linux
 * 3.15): the kernel gives them up with the last descriptor, also of a process that is killed.
 * Unlike flock's, one can be made less, or more, in one step; unlike fcntl's old ones, they
 * do not go when any other descriptor of the file is closed.
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/line.h"

static const char mark[8] = "acre 1";

/* ------------------------------------------------------------- the directory */

/* PLACE/acre-UID; false: it is too long. */
static bool make_path(const char *place, char path[ACRE_OS_NAME_PATH]) {
  struct acre__line line = acre__line_in(path, ACRE_OS_NAME_PATH);
  acre__line_add(&line, place);
  acre__line_add(&line, "/acre-");
  acre__line_add_number(&line, geteuid(), 10);
  return line.length < line.size;
}

/* Whether others cannot rename what is the user's there. */
static bool is_safe_place(const char *place) {
  struct stat status;
  if (place[0] != '/' || stat(place, &status) != 0 || !S_ISDIR(status.st_mode)) return false;
  if (status.st_uid != 0 && status.st_uid != geteuid()) return false;
  return (status.st_mode & 022) == 0 || (status.st_mode & S_ISVTX) != 0;
}

static acre_result check_directory(const char *path) {
  struct stat status;
  if (lstat(path, &status) != 0) return acre__linux_error(errno);
  bool is_ours = S_ISDIR(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 077) == 0;
  return is_ours ? ACRE_OK : ACRE_E_ACCESS_DENIED;
}

acre_result acre__os_name_directory(bool make, char path[ACRE_OS_NAME_PATH]) {
  char runtime[ACRE_OS_NAME_PATH] = "";
  if (acre__os_environment("XDG_RUNTIME_DIR", runtime, sizeof runtime) >= sizeof runtime) runtime[0] = '\0';
  const char *places[] = {"/dev/shm", runtime, "/tmp"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (!is_safe_place(places[i]) || !make_path(places[i], path)) continue;
    if (access(places[i], W_OK | X_OK) != 0) continue;
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
      if (errno == EROFS || errno == EACCES) continue;
      return acre__linux_error(errno);
    }
    return check_directory(path);
  }
  return ACRE_E_NOT_SUPPORTED;
}

/* ------------------------------------------------------------- a name's file */

static acre_result check_file(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return acre__linux_error(errno);
  bool is_ours = S_ISREG(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 077) == 0;
  return is_ours ? ACRE_OK : ACRE_E_ACCESS_DENIED;
}

acre_result acre__os_name_open(const char *path, bool create, struct acre__os_file *out) {
  int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (create ? O_CREAT : 0);
  int fd;
  do fd = open(path, flags, 0600);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    bool is_something_else = errno == ELOOP || errno == EISDIR || errno == ENXIO || errno == ENODEV;
    return is_something_else ? ACRE_E_ACCESS_DENIED : acre__linux_error(errno);
  }
  acre_result result = check_file(fd);
  if (result != ACRE_OK) {
    close(fd);
    return result;
  }
  out->handle = fd;
  return ACRE_OK;
}

acre_result acre__os_name_hold(struct acre__os_file file, bool alone, bool wait) {
  struct flock lock;
  memset(&lock, 0, sizeof lock); /* all of the file; its l_pid must be 0 */
  lock.l_type = alone ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;
  while (fcntl((int)file.handle, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) != 0) {
    if (errno == EACCES || errno == EAGAIN) return ACRE_E_BUSY;
    if (errno == EINVAL || errno == ENOLCK) return ACRE_E_NOT_SUPPORTED;
    if (errno != EINTR) return acre__linux_error(errno);
  }
  return ACRE_OK;
}

acre_result acre__os_name_leads_to(const char *path, struct acre__os_file file) {
  struct stat there, here;
  if (fstat((int)file.handle, &here) != 0) return acre__linux_error(errno);
  if (lstat(path, &there) != 0) return acre__linux_error(errno);
  return there.st_dev == here.st_dev && there.st_ino == here.st_ino ? ACRE_OK : ACRE_E_NOT_FOUND;
}

size_t acre__os_name_head(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

acre_result acre__os_name_mark(struct acre__os_file file) {
  ssize_t written;
  do written = pwrite((int)file.handle, mark, sizeof mark, 0);
  while (written < 0 && errno == EINTR);
  if (written < 0) return acre__linux_error(errno);
  return written == sizeof mark ? ACRE_OK : ACRE_E_IO;
}

acre_result acre__os_name_check_mark(struct acre__os_file file) {
  char found[sizeof mark];
  ssize_t got;
  do got = pread((int)file.handle, found, sizeof found, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0) return acre__linux_error(errno);
  return got == sizeof mark && memcmp(found, mark, sizeof mark) == 0 ? ACRE_OK : ACRE_E_NOT_FOUND;
}

acre_result acre__os_name_remove(const char *path) {
  char directory[ACRE_OS_NAME_PATH];
  if (unlink(path) != 0) return acre__linux_error(errno);
  const char *end = strrchr(path, '/');
  size_t length = end != NULL ? (size_t)(end - path) : 0;
  if (length == 0 || length >= sizeof directory) return ACRE_OK;
  memcpy(directory, path, length);
  directory[length] = '\0';
  (void)rmdir(directory); /* unless there are others */
  return ACRE_OK;
}
