/* SPDX-License-Identifier: MIT */
/* A new file in the place of an old one (see sort_save.h). */
#define _GNU_SOURCE
#include "sort_save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "message.h"
#include "temp_file.h"
#include "tool.h"

enum { LONGEST_VALUE = 65536 }; /* of an attribute: the kernel knows none that are longer */

static const char prefix[] = ".acre-sort-";
static const char access_list[] = "system.posix_acl_access", given_list[] = "system.posix_acl_default";

/* ------------------------------------------------------------- begin */

/* The path with its links followed, also if nothing is there yet. */
static bool find_path(struct sort_save *save, const char *path, bool *is_new) {
  *is_new = realpath(path, save->path) == NULL;
  if (*is_new) {
    if (errno != ENOENT || *path == '\0') return false;
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    const char *name = path + length;
    if (*name == '\0' || length >= sizeof folder) {
      errno = *name == '\0' ? EISDIR : ENAMETOOLONG;
      return false;
    }
    memcpy(folder, path, length);
    memcpy(folder + length, ".", 2);
    struct stat status;
    if (lstat(path, &status) == 0) return false; /* a link that leads nowhere: ENOENT it is */
    if (realpath(folder, save->path) == NULL) return false;
    size_t end = strlen(save->path);
    if (end + 1 + strlen(name) >= sizeof save->path) {
      errno = ENAMETOOLONG;
      return false;
    }
    if (end > 1) save->path[end++] = '/';
    strcpy(save->path + end, name);
  }
  strcpy(save->folder, save->path);
  char *slash = strrchr(save->folder, '/');
  slash[slash == save->folder ? 1 : 0] = '\0';
  return true;
}

/* For its owner alone, as who may read the old one is known at the end; a new one is as its directory's list says. */
static bool make(struct sort_save *save, bool is_new) {
  save->fd = open(save->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, is_new ? 0666 : 0600);
  snprintf(save->made, sizeof save->made, "/proc/self/fd/%d", save->fd);
  save->is_unnamed = save->fd >= 0 && access(save->made, R_OK | W_OK) == 0;
  if (save->is_unnamed) return true;
  if (save->fd >= 0) close(save->fd);
  save->fd = -1;
  if (!temp_file_make(save->folder, prefix)) return false;
  strcpy(save->made, temp_file_path());
  save->fd = open(save->made, O_RDWR | O_CLOEXEC);
  return save->fd >= 0;
}

bool sort_save_begin(struct sort_save *save, const char *path) {
  bool is_new;
  *save = (struct sort_save){.fd = -1};
  if (!find_path(save, path, &is_new)) {
    tool_complain(_("cannot write '%s': %s; check the path"), path, _(strerror(errno)));
    return false;
  }
  if (make(save, is_new)) return true;
  tool_complain(_("cannot make a file in '%s': %s; make the directory writable, or give --output or --in-place"),
                save->folder, _(strerror(errno)));
  sort_save_drop(save);
  return false;
}

void sort_save_drop(struct sort_save *save) {
  if (save->fd >= 0) close(save->fd);
  save->fd = -1;
  temp_file_remove();
}

/* ------------------------------------------------------------- finish */

/* ACLs and all other extended attributes. Those that only the system sets (EPERM, ENOTSUP) are not ours to keep. */
static bool copy_attributes(int from, int to) {
  ssize_t length = flistxattr(from, NULL, 0);
  if (length <= 0) return length == 0 || errno == ENOTSUP;
  char *names = malloc((size_t)length), *value = malloc(LONGEST_VALUE);
  bool good = names != NULL && value != NULL;
  if (good) length = flistxattr(from, names, (size_t)length);
  for (ssize_t at = 0; good && at < length; at += (ssize_t)strlen(names + at) + 1) {
    ssize_t size = fgetxattr(from, names + at, value, LONGEST_VALUE);
    if (size < 0) continue; /* gone, or not to be read */
    good = fsetxattr(to, names + at, value, (size_t)size, 0) == 0 ||
           ((errno == EPERM || errno == ENOTSUP) && strncmp(names + at, "security.", 9) == 0);
  }
  int error = errno;
  free(names);
  free(value);
  errno = error;
  return good && length >= 0;
}

/* What the directory gives every new file of its own accord: the old one may have none. */
static bool drop_given_list(int from, int to) {
  if (fgetxattr(from, access_list, NULL, 0) >= 0 || (errno != ENODATA && errno != ENOTSUP)) return true;
  return fremovexattr(to, access_list) == 0 || errno == ENODATA || errno == ENOTSUP;
}

/* The mode last, as a new owner clears parts of it; and not before the owner is right, so that nobody gets more access. */
static bool copy_properties(int fd, int like_fd) {
  struct stat now, like;
  if (fstat(fd, &now) != 0 || fstat(like_fd, &like) != 0) return false;
  bool same = now.st_uid == like.st_uid && now.st_gid == like.st_gid;
  return (same || fchown(fd, like.st_uid, like.st_gid) == 0) && copy_attributes(like_fd, fd) &&
         drop_given_list(like_fd, fd) && fchmod(fd, like.st_mode & 07777) == 0;
}

/* By the umask; where the directory has a list for new files, the file is by that already, or its owner's alone. */
static bool set_new_mode(const struct sort_save *save) {
  if (getxattr(save->folder, given_list, NULL, 0) >= 0) return true;
  mode_t mask = umask(0);
  umask(mask);
  return fchmod(save->fd, 0666 & ~mask) == 0;
}

static bool sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == EACCES;                              /* it may be written and not read */
  bool good = fsync(fd) == 0 || errno == EINVAL || errno == EBADF; /* a file system that knows no such thing */
  close(fd);
  return good;
}

bool sort_save_finish(struct sort_save *save, int like_fd) {
  bool good = like_fd >= 0 ? copy_properties(save->fd, like_fd) : set_new_mode(save);
  if (like_fd >= 0) {
    int error = errno;
    close(like_fd);
    errno = error;
  }
  if (!good) {
    tool_complain(_("cannot give the new file the owner, mode and attributes of '%s': %s; run as its owner, or give "
                    "--in-place or --output"),
                  save->path, _(strerror(errno)));
  } else {
    good = fsync(save->fd) == 0 && (!save->is_unnamed || temp_file_link(save->fd, save->folder, prefix)) &&
           temp_file_rename(save->path);
    if (!good)
      tool_complain(_("cannot put the sorted file in the place of '%s': %s; it is as it was"), save->path,
                    _(strerror(errno)));
  }
  if (good && !sync_folder(save->folder)) {
    tool_complain(_("'%s' is sorted, but a power cut may still bring the old one back: %s"), save->path,
                  _(strerror(errno)));
    good = false;
  }
  sort_save_drop(save);
  return good;
}
