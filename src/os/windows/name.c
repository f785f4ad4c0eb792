/* SPDX-License-Identifier: MIT */
/*
 * name.c - files that stand for names, and who is alive behind them, on Windows.
 *
 *   %LOCALAPPDATA%\acre-names\    of the user's profile, which is closed to others
 *     NAME                        [ a granule with the mark | . . . ]
 *
 * Who is alive is told by locks of two bytes far behind every file's end, which
 * the system gives up with the handle, however the process ends:
 *
 *   PART    shared by all who take part, or had by one alone
 *   ALONE   had by that one, so that it is known whose the first one is
 */
#include "win.h"

#include <string.h>

#include "base/line.h"

static const char mark[8] = "acre 1";

enum lock { PART = 0, ALONE = 1 };

static HANDLE handle_of(struct acre__os_file file) {
  return (HANDLE)file.handle;
}

/* ------------------------------------------------------------- the directory */

static acre_result check_directory(const wchar_t *path) {
  DWORD attributes = GetFileAttributesW(path);
  if (attributes == INVALID_FILE_ATTRIBUTES) return acre__windows_error(GetLastError());
  bool is_own = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0;
  return is_own ? ACRE_OK : ACRE_E_ACCESS_DENIED;
}

acre_result acre__os_name_directory(bool make, char path[ACRE_OS_NAME_PATH]) {
  char place[ACRE_OS_NAME_PATH];
  wchar_t wide[ACRE_OS_NAME_PATH];
  size_t length = acre__os_environment("LOCALAPPDATA", place, sizeof place);
  if (length == 0 || length >= sizeof place) return ACRE_E_NOT_SUPPORTED;
  struct acre__line line = acre__line_in(path, ACRE_OS_NAME_PATH);
  acre__line_add(&line, place);
  acre__line_add(&line, "\\acre-names");
  if (line.length >= line.size || !acre__windows_widen(path, wide, ACRE_OS_NAME_PATH)) return ACRE_E_NOT_SUPPORTED;
  if (make && !CreateDirectoryW(wide, NULL) && GetLastError() != ERROR_ALREADY_EXISTS)
    return GetLastError() == ERROR_PATH_NOT_FOUND ? ACRE_E_NOT_SUPPORTED : acre__windows_error(GetLastError());
  return check_directory(wide);
}

/*
 * The path with the name made one of the file system's, which takes "A" for "a",
 * some characters for none, and "con" for the console: the bytes of others are
 * written as %41, and all begin with "n-".
 */
static bool make_wide(const char *path, wchar_t wide[ACRE_WINDOWS_PATH]) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  char text[ACRE_WINDOWS_PATH];
  const char *name = strrchr(path, '/');
  if (name == NULL) return false;
  struct acre__line line = acre__line_in(text, sizeof text);
  for (const char *at = path; at < name; at++) acre__line_add(&line, (const char[]){*at, '\0'});
  acre__line_add(&line, "\\n-");
  while (*++name != '\0') {
    if (strchr(plain, *name) != NULL) {
      acre__line_add(&line, (const char[]){*name, '\0'});
    } else {
      acre__line_add(&line, (unsigned char)*name < 16 ? "%0" : "%"); /* two digits, so that no two names become one */
      acre__line_add_number(&line, (unsigned char)*name, 16);
    }
  }
  return line.length < line.size && acre__windows_widen(text, wide, ACRE_WINDOWS_PATH);
}

acre_result acre__os_name_open(const char *path, bool create, struct acre__os_file *out) {
  wchar_t wide[ACRE_WINDOWS_PATH];
  if (!make_wide(path, wide)) return ACRE_E_INVALID_ARGUMENT;
  HANDLE handle = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | DELETE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              create ? OPEN_ALWAYS : OPEN_EXISTING,
                              FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
  if (handle == INVALID_HANDLE_VALUE) return acre__windows_error(GetLastError());
  BY_HANDLE_FILE_INFORMATION info;
  DWORD other = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
  if (!GetFileInformationByHandle(handle, &info) || (info.dwFileAttributes & other) != 0) {
    CloseHandle(handle);
    return ACRE_E_ACCESS_DENIED;
  }
  out->handle = (intptr_t)handle;
  return ACRE_OK;
}

/* ------------------------------------------------------------- locks */

static OVERLAPPED place_of(enum lock lock) {
  return (OVERLAPPED){.Offset = (DWORD)lock, .OffsetHigh = INT32_MAX};
}

static bool take(HANDLE handle, enum lock lock, DWORD flags) {
  OVERLAPPED place = place_of(lock);
  return LockFileEx(handle, flags, 0, 1, 0, &place) != 0;
}

static bool give_back(HANDLE handle, enum lock lock) {
  OVERLAPPED place = place_of(lock);
  return UnlockFileEx(handle, 0, 1, 0, &place) != 0;
}

/*
 * From all to a part in one step: the share is taken beside what the handle has, and of the
 * two the exclusive one goes first. Not from a part to all: nobody asks for that but to
 * look whether it is the only one, and it gets its part back.
 */
acre_result acre__os_name_hold(struct acre__os_file file, bool alone, bool wait) {
  HANDLE handle = handle_of(file);
  DWORD patience = wait ? 0 : LOCKFILE_FAIL_IMMEDIATELY;
  if (!alone) {
    if (!take(handle, PART, patience)) goto refused;
    if (give_back(handle, ALONE)) (void)give_back(handle, PART);
    return ACRE_OK;
  }
  bool had_part = false;
  (void)give_back(handle, ALONE);
  while (give_back(handle, PART)) had_part = true;
  if (take(handle, PART, LOCKFILE_EXCLUSIVE_LOCK | patience)) {
    (void)take(handle, ALONE, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY);
    return ACRE_OK;
  }
  DWORD error = GetLastError();
  if (had_part) (void)take(handle, PART, 0);
  SetLastError(error);
refused:
  switch (GetLastError()) {
    case ERROR_LOCK_VIOLATION:
    case ERROR_IO_PENDING: return ACRE_E_BUSY;
    default: return ACRE_E_NOT_SUPPORTED;
  }
}

/* ------------------------------------------------------------- names */

acre_result acre__os_name_leads_to(const char *path, struct acre__os_file file) {
  struct acre__os_file found = {0};
  struct acre__os_identity one, other;
  acre_result result = acre__os_name_open(path, false, &found);
  if (result != ACRE_OK) return ACRE_E_NOT_FOUND;
  result = acre__os_file_identity(found, &one);
  acre__os_file_close(found);
  if (result == ACRE_OK) result = acre__os_file_identity(file, &other);
  return result == ACRE_OK && memcmp(&one, &other, sizeof one) == 0 ? ACRE_OK : ACRE_E_NOT_FOUND;
}

size_t acre__os_name_head(void) {
  return 64 << 10; /* with and without placeholders */
}

acre_result acre__os_name_mark(struct acre__os_file file) {
  OVERLAPPED start = {0};
  DWORD written = 0;
  if (!WriteFile(handle_of(file), mark, sizeof mark, &written, &start)) return acre__windows_error(GetLastError());
  return written == sizeof mark ? ACRE_OK : ACRE_E_NO_SPACE;
}

acre_result acre__os_name_check_mark(struct acre__os_file file) {
  OVERLAPPED start = {0};
  char found[sizeof mark];
  DWORD got = 0;
  if (!ReadFile(handle_of(file), found, sizeof found, &got, &start))
    return GetLastError() == ERROR_HANDLE_EOF ? ACRE_E_NOT_FOUND : ACRE_E_IO;
  return got == sizeof found && memcmp(found, mark, sizeof mark) == 0 ? ACRE_OK : ACRE_E_NOT_FOUND;
}

/*
 * A file that is still open keeps its name until it is closed, and one that is mapped may not be deleted at all;
 * so it gets another one first, that nobody looks for, and which goes with a later removal (sweep).
 */
static bool rename_away(wchar_t *path) {
  wchar_t away[ACRE_WINDOWS_PATH], end[64];
  char text[64];
  LARGE_INTEGER now;
  QueryPerformanceCounter(&now);
  struct acre__line line = acre__line_in(text, sizeof text);
  acre__line_add(&line, "~");
  acre__line_add_number(&line, GetCurrentProcessId(), 16);
  acre__line_add(&line, "-");
  acre__line_add_number(&line, (uint64_t)now.QuadPart, 16);
  if (!acre__windows_widen(text, end, 64) || wcslen(path) + wcslen(end) >= ACRE_WINDOWS_PATH) return false;
  wcscpy(away, path);
  wcscat(away, end);
  if (!MoveFileExW(path, away, 0)) return false;
  wcscpy(path, away);
  return true;
}

/* Takes away what was renamed and could not be deleted then, as far as it can be now. */
static void sweep(const wchar_t *directory) {
  wchar_t path[ACRE_WINDOWS_PATH];
  WIN32_FIND_DATAW found;
  size_t length = wcslen(directory);
  if (length + 1 + MAX_PATH >= ACRE_WINDOWS_PATH) return;
  wcscpy(path, directory);
  wcscpy(path + length, L"\\n-*~*");
  HANDLE search = FindFirstFileW(path, &found);
  if (search == INVALID_HANDLE_VALUE) return;
  do {
    if (wcschr(found.cFileName, L'~') == NULL) continue; /* a short name was meant */
    wcscpy(path + length + 1, found.cFileName);
    (void)DeleteFileW(path);
  } while (FindNextFileW(search, &found));
  FindClose(search);
}

acre_result acre__os_name_remove(const char *path) {
  wchar_t wide[ACRE_WINDOWS_PATH];
  if (!make_wide(path, wide)) return ACRE_E_INVALID_ARGUMENT;
  bool away = rename_away(wide);
  if (!DeleteFileW(wide) && !away) return acre__windows_error(GetLastError());
  *wcsrchr(wide, L'\\') = L'\0';
  sweep(wide);
  (void)RemoveDirectoryW(wide); /* if it was the last one */
  return ACRE_OK;
}
