/* SPDX-License-Identifier: MIT */
/*
 * Files on Windows (see system.h). They are opened for everybody to read, write
 * and delete beside us, as on other systems; descriptors are the C library's, over the system's handles.
 */
#include "win.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------- descriptors */

int win_descriptor(HANDLE handle, bool writes) {
  if (handle == INVALID_HANDLE_VALUE) {
    win_fail();
    return -1;
  }
  int fd = _open_osfhandle((intptr_t)handle, _O_BINARY | _O_NOINHERIT | (writes ? _O_RDWR : _O_RDONLY));
  if (fd < 0) CloseHandle(handle);
  return fd;
}

HANDLE win_handle(int fd) {
  return (HANDLE)_get_osfhandle(fd);
}

static HANDLE open_path(const char *path, DWORD access, DWORD disposition, DWORD flags) {
  wchar_t wide[SYSTEM_PATH];
  if (!win_widen(path, wide)) {
    SetLastError(ERROR_INVALID_NAME);
    return INVALID_HANDLE_VALUE;
  }
  return CreateFileW(wide, access, WIN_SHARE_ALL, NULL, disposition, flags, NULL);
}

/* ------------------------------------------------------------- looking */

static uint64_t moment_of(const LARGE_INTEGER *time) {
  return (uint64_t)time->QuadPart;
}

static bool look(HANDLE handle, struct system_status *out) {
  BY_HANDLE_FILE_INFORMATION info;
  FILE_BASIC_INFO basic;
  FILE_STANDARD_INFO standard;
  *out = (struct system_status){.kind = SYSTEM_OTHER};
  if (GetFileType(handle) != FILE_TYPE_DISK) return true;
  if (!GetFileInformationByHandle(handle, &info) ||
      !GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic) ||
      !GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard))
    return win_fail();
  *out = (struct system_status){.kind = standard.Directory ? SYSTEM_DIRECTORY : SYSTEM_FILE,
                                .size = (uint64_t)standard.EndOfFile.QuadPart,
                                .allocated = (uint64_t)standard.AllocationSize.QuadPart,
                                .device = info.dwVolumeSerialNumber,
                                .number = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow,
                                .links = standard.NumberOfLinks,
                                .mode = basic.FileAttributes,
                                .modified = moment_of(&basic.LastWriteTime),
                                .changed = moment_of(&basic.ChangeTime)};
  return true;
}

bool system_look(const char *path, struct system_status *out) {
  HANDLE handle = open_path(path, FILE_READ_ATTRIBUTES, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
  if (handle == INVALID_HANDLE_VALUE) return win_fail();
  bool told = look(handle, out);
  CloseHandle(handle);
  return told;
}

bool system_look_at_open(int fd, struct system_status *out) {
  return look(win_handle(fd), out);
}

/* ------------------------------------------------------------- opening */

int system_open(const char *path, enum system_way way) {
  DWORD access = (way != SYSTEM_WRITE ? GENERIC_READ : 0) | (way != SYSTEM_READ ? GENERIC_WRITE : 0);
  DWORD flags = way == SYSTEM_READ ? FILE_FLAG_BACKUP_SEMANTICS
                                   : FILE_ATTRIBUTE_NORMAL; /* a directory, to say that it is one */
  return win_descriptor(open_path(path, access, OPEN_EXISTING, flags), way != SYSTEM_READ);
}

FILE *system_open_stream(const char *path, bool writes) {
  int fd = win_descriptor(open_path(path, writes ? GENERIC_WRITE : GENERIC_READ, writes ? CREATE_ALWAYS : OPEN_EXISTING,
                                    FILE_ATTRIBUTE_NORMAL),
                          writes);
  FILE *stream = fd >= 0 ? _fdopen(fd, writes ? "wb" : "rb") : NULL;
  if (fd >= 0 && stream == NULL) close(fd);
  return stream;
}

HANDLE win_make_file(const char *directory, const char *prefix, DWORD flags, char *path, size_t room) {
  enum { ATTEMPTS = 1000 };
  LARGE_INTEGER now;
  HANDLE handle = INVALID_HANDLE_VALUE;
  for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
    QueryPerformanceCounter(&now);
    unsigned number = (GetCurrentProcessId() * 1000 + (unsigned)now.QuadPart * 7919 + attempt) & 0xffffff;
    int length = snprintf(path, room, "%s/%s%06x", directory, prefix, number);
    if (length < 0 || (size_t)length >= room) {
      errno = ENAMETOOLONG;
      return INVALID_HANDLE_VALUE;
    }
    handle = open_path(path, GENERIC_READ | GENERIC_WRITE | DELETE | WRITE_DAC, CREATE_NEW, flags);
    if (handle != INVALID_HANDLE_VALUE) return handle;
    if (GetLastError() != ERROR_FILE_EXISTS) break;
  }
  win_fail();
  return handle;
}

/* It has a name, and goes with its descriptor, however the program ends. */
int system_open_unnamed(const char *directory) {
  char path[SYSTEM_PATH];
  HANDLE handle = win_make_file(directory, ".acre-sort-", FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, path,
                                sizeof path);
  return handle == INVALID_HANDLE_VALUE ? -1 : win_descriptor(handle, true);
}

/* ------------------------------------------------------------- reading and writing */

enum { PIECE = 1 << 30 }; /* of one call, whose size has 32 bits */

static DWORD piece_of(size_t size) {
  return size < PIECE ? (DWORD)size : PIECE;
}

bool system_write_all(int fd, const void *bytes, size_t size) {
  const char *at = bytes;
  for (DWORD done; size > 0; at += done, size -= done) {
    if (!WriteFile(win_handle(fd), at, piece_of(size), &done, NULL)) return win_fail();
    if (done > 0) continue;
    errno = ENOSPC;
    return false;
  }
  return true;
}

static OVERLAPPED place_of(uint64_t offset) {
  return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

bool system_write_at(int fd, const void *bytes, size_t size, uint64_t offset) {
  OVERLAPPED place = place_of(offset);
  DWORD done = 0;
  return win_done(WriteFile(win_handle(fd), bytes, piece_of(size), &done, &place)) && done == size;
}

/* There is no call for it; only files that somebody has marked as sparse have any. */
bool system_fill_holes(int fd, uint64_t size) {
  (void)fd;
  (void)size;
  return true;
}

long long system_read_at(int fd, void *out, size_t size, uint64_t offset) {
  OVERLAPPED place = place_of(offset);
  DWORD got = 0;
  if (ReadFile(win_handle(fd), out, piece_of(size), &got, &place)) return got;
  if (GetLastError() == ERROR_HANDLE_EOF) return 0;
  win_fail();
  return -1;
}

/* That is said when a file is opened, or never. */
void system_expect_random_reads(int fd) {
  (void)fd;
}

bool system_cut(const char *path, uint64_t size) {
  FILE_END_OF_FILE_INFO end = {.EndOfFile = {.QuadPart = (LONGLONG)size}};
  HANDLE handle = open_path(path, GENERIC_WRITE, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL);
  if (handle == INVALID_HANDLE_VALUE) return win_fail();
  bool cut = win_done(SetFileInformationByHandle(handle, FileEndOfFileInfo, &end, sizeof end));
  CloseHandle(handle);
  return cut;
}

/* ------------------------------------------------------------- directories */

static bool may_open(const char *path, DWORD access, DWORD flags) {
  HANDLE handle = open_path(path, access, OPEN_EXISTING, flags);
  if (handle == INVALID_HANDLE_VALUE) return win_fail();
  CloseHandle(handle);
  return true;
}

bool system_may_write(const char *path) {
  return may_open(path, GENERIC_WRITE, FILE_ATTRIBUTE_NORMAL);
}

bool system_may_fill(const char *directory) {
  struct system_status status = {0};
  return system_look(directory, &status) && status.kind == SYSTEM_DIRECTORY &&
         may_open(directory, FILE_ADD_FILE, FILE_FLAG_BACKUP_SEMANTICS);
}

bool system_room(const char *directory, uint64_t *room, bool *is_in_ram) {
  wchar_t wide[SYSTEM_PATH], volume[SYSTEM_PATH];
  ULARGE_INTEGER available;
  if (!win_widen(directory, wide)) return false;
  if (!GetDiskFreeSpaceExW(wide, &available, NULL, NULL)) return win_fail();
  *room = available.QuadPart;
  *is_in_ram = GetVolumePathNameW(wide, volume, SYSTEM_PATH) && GetDriveTypeW(volume) == DRIVE_RAMDISK;
  return true;
}

/* "C:/x" is in "C:/", "C:x" in "C:", and "/x" in "/". */
void system_directory_of(const char *path, char *out, size_t room) {
  size_t length = strlen(path);
  while (length > 0 && strchr("/\\:", path[length - 1]) == NULL) length--;
  bool is_root = length == 1 || (length == 3 && path[1] == ':');
  if (length > 0 && !is_root && path[length - 1] != ':') length--;
  snprintf(out, room, "%.*s", length == 0 ? 1 : (int)length, length == 0 ? "." : path);
}

const char *system_wished_directory(void) {
  static char wish[SYSTEM_PATH];
  wchar_t value[SYSTEM_PATH];
  DWORD length = GetEnvironmentVariableW(L"TMPDIR", value, SYSTEM_PATH);
  return length > 0 && length < SYSTEM_PATH && win_narrow_path(value, wish, sizeof wish) ? wish : NULL;
}

const char *const *system_temporary_directories(void) {
  static char path[SYSTEM_PATH];
  static const char *directories[] = {NULL, NULL};
  wchar_t wide[SYSTEM_PATH];
  DWORD length = GetTempPathW(SYSTEM_PATH, wide);
  if (length > 1 && length < SYSTEM_PATH) {
    wide[length - 1] = L'\0'; /* its last backslash */
    if (win_narrow_path(wide, path, sizeof path)) directories[0] = path;
  }
  return directories;
}
