/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. Included first, as it asks the system's headers for what Windows 10 has. */
#ifndef ACRE_TOOL_WIN_H
#define ACRE_TOOL_WIN_H

#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#include <windows.h>

#include "system/system.h"

enum { WIN_SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE };

/* Sets errno to what the system's last error is. Returns false. */
bool win_fail(void);

/* The same if it is not done. Returns `done`. */
static inline bool win_done(bool done) {
  return done || win_fail();
}

/* UTF-8 to UTF-16, and back with '/' between the names of a path. false: errno says why. */
bool win_widen(const char *text, wchar_t out[SYSTEM_PATH]);
bool win_narrow_path(const wchar_t *path, char *out, size_t room);

/* A descriptor of the C library's for a handle, which goes with it. -1: errno says why, and the handle is closed. */
int win_descriptor(HANDLE handle, bool writes);

/* The handle of such a descriptor. */
HANDLE win_handle(int fd);

/* A new file of this process's in `directory`: the prefix and six characters. INVALID_HANDLE_VALUE: errno says why. */
HANDLE win_make_file(const char *directory, const char *prefix, DWORD flags, char *path, size_t room);

#endif
