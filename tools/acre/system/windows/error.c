/* SPDX-License-Identifier: MIT */
/* The system's errors as the C library's (see win.h): one table. And texts between UTF-8 and UTF-16. */
#include "win.h"

#include <errno.h>
#include <string.h>

static int errno_of(DWORD error) {
  switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_BAD_NETPATH:
    case ERROR_DELETE_PENDING: return ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
    case ERROR_CANNOT_MAKE: return EACCES;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
    case ERROR_BUSY: return EBUSY;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: return EEXIST;
    case ERROR_DIRECTORY: return ENOTDIR;
    case ERROR_WRITE_PROTECT: return EROFS;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL: return ENOSPC;
    case ERROR_FILE_TOO_LARGE: return EFBIG;
    case ERROR_TOO_MANY_OPEN_FILES: return EMFILE;
    case ERROR_FILENAME_EXCED_RANGE: return ENAMETOOLONG;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_NO_SYSTEM_RESOURCES: return ENOMEM;
    case ERROR_INVALID_HANDLE: return EBADF;
    case ERROR_INVALID_PARAMETER: return EINVAL;
    case ERROR_CALL_NOT_IMPLEMENTED:
    case ERROR_INVALID_FUNCTION:
    case ERROR_NOT_SUPPORTED: return ENOSYS;
    default: return EIO;
  }
}

bool win_fail(void) {
  errno = errno_of(GetLastError());
  return false;
}

bool win_widen(const char *text, wchar_t out[SYSTEM_PATH]) {
  if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, out, SYSTEM_PATH) > 0) return true;
  errno = GetLastError() == ERROR_INSUFFICIENT_BUFFER ? ENAMETOOLONG : EILSEQ;
  return false;
}

/* "\\?\C:\x", which the system says where it has followed links, is "C:/x". */
bool win_narrow_path(const wchar_t *path, char *out, size_t room) {
  bool is_long = wcslen(path) >= MAX_PATH; /* that needs its prefix, and its backslashes */
  bool has_drive = wcsncmp(path, L"\\\\?\\", 4) == 0 && path[4] != L'\0' && path[5] == L':';
  if (has_drive && !is_long) path += 4;
  if (WideCharToMultiByte(CP_UTF8, 0, path, -1, out, (int)room, NULL, NULL) <= 0) {
    errno = ENAMETOOLONG;
    return false;
  }
  for (char *c = out; *c != '\0' && strncmp(out, "\\\\?\\", 4) != 0; c++)
    if (*c == '\\') *c = '/';
  return true;
}
