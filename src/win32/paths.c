/* SPDX-License-Identifier: MIT */
/* paths.c - files and folders by path: delete, move, copy, attributes, temporary names. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "win32/files.h"
#include "win32/text.h"

bool acre__path_from(const char *path, char **out) {
  *out = NULL;
  if (path == NULL || *path == 0) return acre__fail(ERROR_PATH_NOT_FOUND);
  *out = strdup(path);
  if (*out == NULL) return acre__fail(ERROR_NOT_ENOUGH_MEMORY);
  for (char *at = *out; *at != 0; at++)
    if (*at == '\\') *at = '/';
  return true;
}

/* Ends a function that has worked on `path`. */
static BOOL finish(char *path, int result) {
  DWORD error = result == 0 ? ERROR_SUCCESS : acre__path_error(path, errno);
  free(path);
  return error == ERROR_SUCCESS ? TRUE : acre__fail(error);
}

/* ------------------------------------------------------------- delete, move, copy */

/* A file that is open goes with its last handle, and its name at once (Windows: POSIX semantics, where asked for). */
BOOL DeleteFileA(LPCSTR name) {
  char *path;
  struct stat status;
  if (!acre__path_from(name, &path)) return FALSE;
  if (lstat(path, &status) == 0 &&
      (S_ISDIR(status.st_mode) || (S_ISREG(status.st_mode) && (status.st_mode & 0222) == 0))) {
    errno = EACCES;
    return finish(path, -1);
  }
  return finish(path, unlink(path));
}

BOOL DeleteFileW(LPCWSTR path) {
  ACRE_WITH_TEXT(BOOL, FALSE, path, DeleteFileA(text.bytes));
}

static bool copy_bytes(int from, int to) {
  char buffer[64 << 10];
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    for (ssize_t done = 0; done < got;) {
      ssize_t more = write(to, buffer + done, (size_t)(got - done));
      if (more < 0 && errno != EINTR) return false;
      if (more > 0) done += more;
    }
  }
}

BOOL CopyFileA(LPCSTR from_name, LPCSTR to_name, BOOL keep) {
  char *from, *to;
  if (!acre__path_from(from_name, &from)) return FALSE;
  if (!acre__path_from(to_name, &to)) {
    free(from);
    return FALSE;
  }
  struct stat status;
  DWORD error = ERROR_SUCCESS;
  int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
  if (in < 0 || fstat(in, &status) != 0) {
    error = acre__path_error(from, errno);
  } else if (!S_ISREG(status.st_mode)) {
    error = ERROR_ACCESS_DENIED;
  } else {
    out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC | (keep ? O_EXCL : O_TRUNC), status.st_mode & 0777);
    if (out < 0) error = acre__path_error(to, errno);
  }
  if (out >= 0 && !copy_bytes(in, out)) error = acre__errno_error(errno);
  if (out >= 0 && close(out) != 0 && error == ERROR_SUCCESS) error = acre__errno_error(errno);
  if (in >= 0) close(in);
  free(from);
  free(to);
  return error == ERROR_SUCCESS ? TRUE : acre__fail(error);
}

BOOL CopyFileW(LPCWSTR from, LPCWSTR to, BOOL keep) {
  ACRE_WITH_TEXTS(BOOL, FALSE, from, to, CopyFileA(text.bytes, second.bytes, keep));
}

BOOL MoveFileExA(LPCSTR from_name, LPCSTR to_name, DWORD flags) {
  char *from, *to;
  if (!acre__path_from(from_name, &from)) return FALSE;
  if (!acre__path_from(to_name, &to)) {
    free(from);
    return FALSE;
  }
  DWORD error = ERROR_SUCCESS;
  if ((flags & MOVEFILE_REPLACE_EXISTING) == 0 && access(from, F_OK) == 0 && link(from, to) != 0)
    error = errno == EEXIST                                       ? ERROR_ALREADY_EXISTS
            : errno == EPERM || errno == EMLINK || errno == EXDEV ? ERROR_SUCCESS
                                                                  : acre__errno_error(errno);
  if (error == ERROR_SUCCESS && rename(from, to) != 0) error = acre__path_error(from, errno);
  if (error == ERROR_SUCCESS) unlink(from); /* two names of one file: rename does nothing */
  free(from);
  free(to);
  return error == ERROR_SUCCESS ? TRUE : acre__fail(error);
}

BOOL MoveFileExW(LPCWSTR from, LPCWSTR to, DWORD flags) {
  ACRE_WITH_TEXTS(BOOL, FALSE, from, to, MoveFileExA(text.bytes, second.bytes, flags));
}

BOOL MoveFileA(LPCSTR from, LPCSTR to) {
  return MoveFileExA(from, to, 0);
}

BOOL MoveFileW(LPCWSTR from, LPCWSTR to) {
  return MoveFileExW(from, to, 0);
}

/* ------------------------------------------------------------- folders and attributes */

BOOL CreateDirectoryA(LPCSTR name, LPSECURITY_ATTRIBUTES security) {
  char *path;
  (void)security;
  if (!acre__path_from(name, &path)) return FALSE;
  int result = mkdir(path, 0777);
  if (result != 0 && errno == EEXIST) {
    free(path);
    return acre__fail(ERROR_ALREADY_EXISTS);
  }
  if (result != 0 && errno == ENOENT) {
    free(path);
    return acre__fail(ERROR_PATH_NOT_FOUND);
  }
  return finish(path, result);
}

BOOL CreateDirectoryW(LPCWSTR path, LPSECURITY_ATTRIBUTES security) {
  ACRE_WITH_TEXT(BOOL, FALSE, path, CreateDirectoryA(text.bytes, security));
}

BOOL RemoveDirectoryA(LPCSTR name) {
  char *path;
  if (!acre__path_from(name, &path)) return FALSE;
  int result = rmdir(path);
  if (result != 0 && errno == ENOTDIR) {
    free(path);
    return acre__fail(ERROR_DIRECTORY);
  }
  return finish(path, result);
}

BOOL RemoveDirectoryW(LPCWSTR path) {
  ACRE_WITH_TEXT(BOOL, FALSE, path, RemoveDirectoryA(text.bytes));
}

/* Of a file's attributes Linux has two: it is a folder, and nobody may write it. */
DWORD GetFileAttributesA(LPCSTR name) {
  char *path;
  struct stat status;
  if (!acre__path_from(name, &path)) return INVALID_FILE_ATTRIBUTES;
  if (!finish(path, stat(path, &status))) return INVALID_FILE_ATTRIBUTES;
  DWORD attributes = S_ISDIR(status.st_mode) ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE;
  return attributes | ((status.st_mode & 0222) == 0 ? FILE_ATTRIBUTE_READONLY : 0);
}

DWORD GetFileAttributesW(LPCWSTR path) {
  ACRE_WITH_TEXT(DWORD, INVALID_FILE_ATTRIBUTES, path, GetFileAttributesA(text.bytes));
}

BOOL SetFileAttributesA(LPCSTR name, DWORD attributes) {
  char *path;
  struct stat status;
  if (!acre__path_from(name, &path)) return FALSE;
  int result = stat(path, &status);
  if (result == 0) {
    bool was = (status.st_mode & 0222) == 0, wanted = (attributes & FILE_ATTRIBUTE_READONLY) != 0;
    mode_t mode = wanted ? status.st_mode & ~(mode_t)0222 : was ? status.st_mode | 0200 : status.st_mode;
    result = chmod(path, mode & 07777);
  }
  return finish(path, result);
}

BOOL SetFileAttributesW(LPCWSTR path, DWORD attributes) {
  ACRE_WITH_TEXT(BOOL, FALSE, path, SetFileAttributesA(text.bytes, attributes));
}

DWORD GetCurrentDirectoryA(DWORD size, LPSTR out) {
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) == NULL) return (DWORD)acre__fail(acre__errno_error(errno));
  return acre__give_bytes(path, out, size);
}

DWORD GetCurrentDirectoryW(DWORD size, LPWSTR out) {
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) == NULL) return (DWORD)acre__fail(acre__errno_error(errno));
  return acre__give_wide(path, out, size);
}

/* ------------------------------------------------------------- temporary names */

/* Ends with a separator, as on Windows. */
static bool temporary_folder(char out[MAX_PATH + 2]) {
  static const char *const names[] = {"TMPDIR", "TMP", "TEMP"};
  const char *path = NULL;
  for (size_t i = 0; path == NULL && i < 3; i++) path = getenv(names[i]);
  if (path == NULL || *path == 0) path = "/tmp";
  size_t length = strlen(path);
  if (length > MAX_PATH) return acre__fail(ERROR_FILENAME_EXCED_RANGE);
  memcpy(out, path, length + 1);
  if (out[length - 1] != '/') memcpy(out + length, "/", 2);
  return true;
}

DWORD GetTempPathA(DWORD size, LPSTR out) {
  char path[MAX_PATH + 2];
  return temporary_folder(path) ? acre__give_bytes(path, out, size) : 0;
}

DWORD GetTempPathW(DWORD size, LPWSTR out) {
  char path[MAX_PATH + 2];
  return temporary_folder(path) ? acre__give_wide(path, out, size) : 0;
}

/* The bytes of the first three characters. */
static int short_length(const char *prefix) {
  int length = 0;
  for (int characters = 0; prefix[length] != 0; length++)
    if (((unsigned char)prefix[length] & 0xc0) != 0x80 && ++characters > 3) break;
  return length;
}

/* DIRECTORY/PPPuuuu.tmp, made empty unless the number is given. */
static UINT temporary_name(const char *directory, const char *prefix, UINT unique, char out[MAX_PATH]) {
  static atomic_uint next;
  char *folder;
  struct stat status;
  if (!acre__path_from(directory, &folder)) return 0;
  size_t length = strlen(folder);
  while (length > 1 && folder[length - 1] == '/') folder[--length] = 0;
  bool there = stat(folder, &status) == 0 && S_ISDIR(status.st_mode);
  bool fits = length + 24 < MAX_PATH;
  UINT made = 0;
  DWORD error = !there ? ERROR_DIRECTORY : !fits ? ERROR_FILENAME_EXCED_RANGE : ERROR_FILE_EXISTS;
  for (UINT i = 0; there && fits && made == 0 && i < 0xffff; i++) {
    UINT number = unique != 0 ? unique & 0xffff : (UINT)(GetTickCount() + atomic_fetch_add(&next, 1)) & 0xffff;
    if (number == 0) continue;
    const char *start = prefix != NULL ? prefix : "";
    snprintf(out, MAX_PATH, "%s/%.*s%x.tmp", folder, short_length(start), start, number);
    int fd = unique != 0 ? -1 : open(out, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || unique != 0) made = number;
    if (fd >= 0) close(fd);
    if (made == 0 && errno != EEXIST) {
      error = acre__errno_error(errno);
      break;
    }
  }
  free(folder);
  return made != 0 ? made : (UINT)acre__fail(error);
}

UINT GetTempFileNameA(LPCSTR directory, LPCSTR prefix, UINT unique, LPSTR out) {
  char path[MAX_PATH];
  UINT number = temporary_name(directory, prefix, unique, path);
  if (number != 0) memcpy(out, path, strlen(path) + 1);
  return number;
}

static UINT wide_temporary_name(const char *directory, const char *prefix, UINT unique, wchar_t *out) {
  char path[MAX_PATH];
  UINT number = temporary_name(directory, prefix, unique, path);
  if (number != 0) acre__give_wide(path, out, MAX_PATH);
  return number;
}

UINT GetTempFileNameW(LPCWSTR directory, LPCWSTR prefix, UINT unique, LPWSTR out) {
  ACRE_WITH_TEXTS(UINT, 0, directory, prefix, wide_temporary_name(text.bytes, second.bytes, unique, out));
}
