/* SPDX-License-Identifier: MIT */
/*
 * The one temporary file of a run (see temp_file.h). What ends a program on
 * Windows and can be noticed are its own exit and the console's events, which
 * come in a thread of their own while the file may be mapped: then it can't be
 * deleted, but be opened so that it goes with the program.
 */
#include "temp_file.h"

#include "win.h"

#include <errno.h>
#include <stdlib.h>

static char path[SYSTEM_PATH];
static wchar_t wide_path[SYSTEM_PATH];
static volatile LONG exists;
static SRWLOCK lock = SRWLOCK_INIT; /* held while a name comes to be, or goes, and is noted */

/* The program ends as the system would have ended it. */
static BOOL WINAPI remove_and_end(DWORD event) {
  (void)event;
  AcquireSRWLockExclusive(&lock); /* and never given back: there is nothing more to be made */
  if (exists != 0 && !DeleteFileW(wide_path))
    (void)CreateFileW(wide_path, DELETE, WIN_SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_DELETE_ON_CLOSE, NULL);
  ExitProcess((UINT)STATUS_CONTROL_C_EXIT);
  return TRUE;
}

static void remove_at_exit(void) {
  temp_file_remove();
}

static void prepare(void) {
  static bool is_prepared;
  if (is_prepared) return;
  is_prepared = true;
  SetConsoleCtrlHandler(remove_and_end, TRUE);
  atexit(remove_at_exit);
}

bool temp_file_make(const char *folder, const char *prefix) {
  prepare();
  AcquireSRWLockExclusive(&lock);
  HANDLE handle = win_make_file(folder, prefix, FILE_ATTRIBUTE_NORMAL, path, sizeof path);
  exists = handle != INVALID_HANDLE_VALUE && win_widen(path, wide_path);
  ReleaseSRWLockExclusive(&lock);
  if (handle != INVALID_HANDLE_VALUE) CloseHandle(handle);
  return exists != 0;
}

/* Another name beside the one that goes with the descriptor. */
bool temp_file_link(int fd, const char *folder, const char *prefix) {
  wchar_t from[SYSTEM_PATH];
  DWORD length = GetFinalPathNameByHandleW(win_handle(fd), from, SYSTEM_PATH, 0);
  if (length == 0) return win_fail();
  prepare();
  for (unsigned attempt = 0; length < SYSTEM_PATH && attempt < 1000; attempt++) {
    unsigned number = (GetCurrentProcessId() * 1000 + attempt) & 0xffffff;
    int wanted = snprintf(path, sizeof path, "%s/%s%06x", folder, prefix, number);
    if (wanted < 0 || (size_t)wanted >= sizeof path) break;
    if (!win_widen(path, wide_path)) return false;
    AcquireSRWLockExclusive(&lock);
    exists = CreateHardLinkW(wide_path, from, NULL) != 0;
    DWORD error = GetLastError();
    ReleaseSRWLockExclusive(&lock);
    if (exists != 0) return true;
    SetLastError(error);
    if (error != ERROR_ALREADY_EXISTS && error != ERROR_FILE_EXISTS) return win_fail();
  }
  errno = ENAMETOOLONG;
  return false;
}

bool temp_file_rename(const char *to) {
  wchar_t wide_to[SYSTEM_PATH];
  if (!win_widen(to, wide_to)) return false;
  AcquireSRWLockExclusive(&lock);
  bool renamed = win_done(MoveFileExW(wide_path, wide_to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH));
  if (renamed) exists = 0;
  ReleaseSRWLockExclusive(&lock);
  return renamed;
}

const char *temp_file_path(void) {
  return path;
}

bool temp_file_remove(void) {
  AcquireSRWLockExclusive(&lock);
  bool gone = exists == 0 || DeleteFileW(wide_path) || GetLastError() == ERROR_FILE_NOT_FOUND || win_fail();
  if (gone) exists = 0;
  ReleaseSRWLockExclusive(&lock);
  return gone;
}
