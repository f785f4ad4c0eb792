/* SPDX-License-Identifier: MIT */
/*
 * file.c - open, size, map, flush, temporary files on Windows.
 *
 * A file is opened for everybody to read, write and delete beside us, as on
 * other systems. What is mapped is a section of it, made for that view alone and
 * closed at once: the view keeps it.
 *
 *   What Windows sees to itself: a file cannot be cut off under a view.
 *   What it cannot: map pages that lie wholly past the file's end.
 *
 * Files in memory are temporary ones (FILE_ATTRIBUTE_TEMPORARY): the system
 * keeps them in its cache as long as there is room, as it does with the paging
 * file's pages. A section of the paging file could not grow.
 */
#include "win.h"

#include <string.h>

#include <winioctl.h>

#include "base/line.h"
#include "base/math.h"

enum { SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, PAGE = 4096 };

static HANDLE handle_of(struct acre__os_file file) {
  return (HANDLE)file.handle;
}

/* ------------------------------------------------------------- open, close, size */

static bool is_directory(const wchar_t *path) {
  DWORD attributes = GetFileAttributesW(path);
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

static bool is_regular(HANDLE handle) {
  BY_HANDLE_FILE_INFORMATION info;
  return GetFileType(handle) == FILE_TYPE_DISK && GetFileInformationByHandle(handle, &info) &&
         (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

/* Also to be executed, where that is allowed: so that views can be. */
static HANDLE open_path(const wchar_t *path, DWORD access, DWORD share, DWORD disposition, DWORD attributes) {
  HANDLE handle = CreateFileW(path, access | GENERIC_EXECUTE, share, NULL, disposition, attributes, NULL);
  if (handle == INVALID_HANDLE_VALUE && GetLastError() == ERROR_ACCESS_DENIED)
    handle = CreateFileW(path, access, share, NULL, disposition, attributes, NULL);
  return handle;
}

static acre_result check_opened(HANDLE handle, bool truncate) {
  if (!is_regular(handle)) return ACRE_E_NOT_A_FILE;
  FILE_END_OF_FILE_INFO end = {.EndOfFile = {.QuadPart = 0}};
  return acre__windows_result(!truncate || SetFileInformationByHandle(handle, FileEndOfFileInfo, &end, sizeof end));
}

acre_result acre__os_file_open(const char *path, bool writable, bool create, bool must_create, bool truncate,
                               unsigned permissions, struct acre__os_file *out) {
  enum { OWNER_MAY_WRITE = 0200 };
  wchar_t wide[ACRE_WINDOWS_PATH];
  if (!acre__windows_widen(path, wide, ACRE_WINDOWS_PATH)) return ACRE_E_INVALID_ARGUMENT;
  if (!must_create && is_directory(wide)) return ACRE_E_NOT_A_FILE;
  DWORD access = writable ? GENERIC_READ | GENERIC_WRITE : GENERIC_READ;
  DWORD disposition = must_create ? CREATE_NEW : create ? OPEN_ALWAYS : OPEN_EXISTING;
  DWORD attributes = create && (permissions & OWNER_MAY_WRITE) == 0 ? FILE_ATTRIBUTE_READONLY : FILE_ATTRIBUTE_NORMAL;
  HANDLE handle = open_path(wide, access, SHARE_ALL, disposition, attributes);
  if (handle == INVALID_HANDLE_VALUE) return acre__windows_error(GetLastError());
  acre_result result = check_opened(handle, truncate);
  if (result != ACRE_OK) {
    CloseHandle(handle);
    return result;
  }
  out->handle = (intptr_t)handle;
  return ACRE_OK;
}

void acre__os_file_close(struct acre__os_file file) {
  CloseHandle(handle_of(file));
}

/* What the handle may be used for; 0 where the system does not say. */
static DWORD access_of(HANDLE handle) {
  typedef LONG(WINAPI * query_function)(HANDLE, int, void *, ULONG, ULONG *);
  struct {
    ULONG attributes, access, handles, pointers, reserved[10];
  } info = {0};
  FARPROC query = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQueryObject");
  if (query == NULL || ((query_function)(void *)query)(handle, 0, &info, sizeof info, NULL) != 0) return 0;
  return info.access;
}

acre_result acre__os_file_copy(intptr_t handle, bool writable, struct acre__os_file *out) {
  HANDLE given = (HANDLE)handle, copy;
  DWORD flags;
  if (given == INVALID_HANDLE_VALUE || !GetHandleInformation(given, &flags)) return ACRE_E_INVALID_ARGUMENT;
  if (!is_regular(given)) return ACRE_E_NOT_A_FILE;
  DWORD access = access_of(given), wanted = writable ? FILE_READ_DATA | FILE_WRITE_DATA : FILE_READ_DATA;
  if ((access & wanted) != wanted) return ACRE_E_ACCESS_DENIED;
  if (!DuplicateHandle(GetCurrentProcess(), given, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
    return acre__windows_error(GetLastError());
  out->handle = (intptr_t)copy;
  return ACRE_OK;
}

acre_result acre__os_file_size(struct acre__os_file file, uint64_t *out) {
  LARGE_INTEGER size;
  if (!GetFileSizeEx(handle_of(file), &size)) return acre__windows_error(GetLastError());
  *out = (uint64_t)size.QuadPart;
  return ACRE_OK;
}

acre_result acre__os_file_identity(struct acre__os_file file, struct acre__os_identity *out) {
  BY_HANDLE_FILE_INFORMATION info;
  if (!GetFileInformationByHandle(handle_of(file), &info)) return acre__windows_error(GetLastError());
  *out = (struct acre__os_identity){.device = info.dwVolumeSerialNumber,
                                    .number = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow};
  return ACRE_OK;
}

/* ------------------------------------------------------------- grow, cut, zeros */

acre_result acre__os_file_set_size(struct acre__os_file file, uint64_t size) {
  if (size > INT64_MAX) return ACRE_E_FILE_TOO_LARGE;
  FILE_END_OF_FILE_INFO end = {.EndOfFile = {.QuadPart = (LONGLONG)size}};
  if (SetFileInformationByHandle(handle_of(file), FileEndOfFileInfo, &end, sizeof end)) return ACRE_OK;
  DWORD error = GetLastError();
  if (error != ERROR_INVALID_PARAMETER && error != ERROR_INVALID_HANDLE) return acre__windows_error(error);
  return (access_of(handle_of(file)) & FILE_WRITE_DATA) == 0 ? ACRE_E_ACCESS_DENIED : ACRE_E_FILE_TOO_LARGE;
}

/* Clusters are allocated up to the end of a file that is not sparse. */
acre_result acre__os_file_grow(struct acre__os_file file, uint64_t from, uint64_t size) {
  (void)from;
  return acre__os_file_set_size(file, size);
}

/* The handle may be somebody else's, opened for calls that return before they have ended: this one waits for its own. */
static bool write_and_wait(HANDLE handle, const void *bytes, DWORD size, uint64_t offset, DWORD *written) {
  OVERLAPPED at = {
      .Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32), .hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
  if (at.hEvent == NULL) return false;
  bool done = WriteFile(handle, bytes, size, written, &at) ||
              (GetLastError() == ERROR_IO_PENDING && GetOverlappedResult(handle, &at, written, TRUE));
  DWORD error = GetLastError();
  CloseHandle(at.hEvent);
  SetLastError(error);
  return done;
}

/* Writes zeros over the range: through the system's cache, so that views see them. */
static acre_result write_zeros(HANDLE handle, uint64_t from, uint64_t end) {
  static const char zeros[64 << 10];
  while (from < end) {
    DWORD piece = (DWORD)acre__min(end - from, sizeof zeros), written = 0;
    if (!write_and_wait(handle, zeros, piece, from, &written)) return acre__windows_error(GetLastError());
    if (written == 0) return ACRE_E_IO;
    from += written;
  }
  return ACRE_OK;
}

acre_result acre__os_file_allocate(struct acre__os_file file, uint64_t from, uint64_t size) {
  if (from > INT64_MAX || size > INT64_MAX - from) return ACRE_E_FILE_TOO_LARGE;
  return write_zeros(handle_of(file), from, from + size);
}

acre_result acre__os_file_punch(struct acre__os_file file, uint64_t from, uint64_t size) {
  uint64_t all = 0;
  acre_result result = acre__os_file_size(file, &all);
  if (result != ACRE_OK || from >= all) return result;
  uint64_t end = size < all - from ? from + size : all;
  return write_zeros(handle_of(file), from, end);
}

/* ------------------------------------------------------------- map */

static bool executes(acre_vm_protection protection) {
  return protection == ACRE_VM_EXECUTE || protection == ACRE_VM_EXECUTE_READ ||
         protection == ACRE_VM_EXECUTE_READ_WRITE;
}

/* A view can be given no more than it was mapped with, and there is none that can't be accessed, or only be executed. */
static acre_vm_protection protection_to_map(const struct acre__os_part *part) {
  acre_vm_protection wanted = part->most != ACRE_VM_DEFAULT ? part->most : part->protection;
  bool writes = wanted == ACRE_VM_READ_WRITE || wanted == ACRE_VM_EXECUTE_READ_WRITE;
  if (executes(wanted)) return writes ? ACRE_VM_EXECUTE_READ_WRITE : ACRE_VM_EXECUTE_READ;
  return writes ? ACRE_VM_READ_WRITE : ACRE_VM_READ;
}

static acre_result make_section(const struct acre__os_part *part, size_t size, struct acre__section_part *out) {
  uint64_t all = 0;
  acre_result result = acre__os_file_size(part->file, &all);
  if (result != ACRE_OK) return result;
  if (part->offset >= all || size > acre__align_up(all, PAGE) - part->offset) return ACRE_E_OUT_OF_RANGE;
  DWORD protection = acre__windows_protection(protection_to_map(part), part->copy_on_write);
  *out = (struct acre__section_part){.offset = part->offset, .section_end = all, .protection = protection};
  out->section = CreateFileMappingW(handle_of(part->file), NULL, protection, 0, 0, NULL);
  return acre__windows_result(out->section != NULL);
}

/* From what it was mapped with to what is wanted. */
static acre_result reduce(void *address, size_t size, const struct acre__os_part *part) {
  return protection_to_map(part) == part->protection ? ACRE_OK : acre__os_protect(address, size, part->protection);
}

acre_result acre__os_map_file(void *address, size_t size, const struct acre__os_part *part) {
  struct acre__section_part mapped;
  acre_result result = make_section(part, size, &mapped);
  if (result != ACRE_OK) return result;
  result = acre__pieces_map(address, (char *)address + size, &mapped);
  CloseHandle(mapped.section);
  if (result != ACRE_OK) return result;
  result = reduce(address, size, part);
  if (result != ACRE_OK) (void)acre__os_decommit(address, size);
  return result;
}

acre_result acre__os_map_file_anywhere(void *wish, size_t size, const struct acre__os_part *part, void **out) {
  struct acre__section_part mapped;
  acre_result result = make_section(part, size, &mapped);
  if (result != ACRE_OK) return result;
  result = acre__pieces_map_anywhere(wish, size, &mapped, out);
  CloseHandle(mapped.section);
  if (result != ACRE_OK) return result;
  result = reduce(*out, size, part);
  if (result != ACRE_OK) (void)UnmapViewOfFile(*out);
  return result;
}

/* ------------------------------------------------------------- flush */

/* The system asks for a handle that may write. Through another one nothing was written that would have to be. */
acre_result acre__os_file_sync(struct acre__os_file file) {
  if (FlushFileBuffers(handle_of(file))) return ACRE_OK;
  DWORD error = GetLastError(), access = access_of(handle_of(file));
  bool only_reads = error == ERROR_ACCESS_DENIED && access != 0 && (access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) == 0;
  return only_reads ? ACRE_OK : acre__windows_error(error);
}

/* Views next to each other are written one by one; what is no view has nothing to write. */
static acre_result write_views(const char *start, size_t size) {
  const char *end = start + size;
  acre_result result = ACRE_OK;
  for (const char *at = start, *next; at < end && result == ACRE_OK; at = next) {
    struct acre__piece piece = acre__piece_at((char *)at, (char *)end);
    next = piece.end < end ? piece.end : end;
    if (piece.kind == ACRE_PIECE_VIEW) result = acre__windows_result(FlushViewOfFile(at, (size_t)(next - at)) != 0);
  }
  return result;
}

acre_result acre__os_flush(struct acre__os_file file, void *address, size_t size) {
  acre_result result = write_views(address, size);
  return result == ACRE_OK ? acre__os_file_sync(file) : result;
}

/* The system's own writing of a view begins with this call, and has ended for all but the device's cache with it. */
acre_result acre__os_file_write_back(struct acre__os_file file, uint64_t offset, uint64_t size, const void *mapping,
                                     bool wait) {
  (void)file, (void)offset, (void)wait;
  return mapping == NULL ? ACRE_OK : write_views(mapping, (size_t)size);
}

/* ------------------------------------------------------------- temporary files */

acre_result acre__os_directory_open(const char *path, struct acre__os_file *out) {
  wchar_t wide[ACRE_WINDOWS_PATH], whole[ACRE_WINDOWS_PATH], *name = NULL;
  if (!acre__windows_widen(path, wide, ACRE_WINDOWS_PATH)) return ACRE_E_INVALID_ARGUMENT;
  DWORD attributes = GetFileAttributesW(wide);
  if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) return ACRE_E_EXISTS;
  if (attributes == INVALID_FILE_ATTRIBUTES) { /* nothing yet: the directory that it would be in */
    DWORD length = GetFullPathNameW(wide, ACRE_WINDOWS_PATH, whole, &name);
    if (length == 0 || length >= ACRE_WINDOWS_PATH || name == NULL) return ACRE_E_NOT_FOUND;
    *name = L'\0';
    wcscpy(wide, whole);
  }
  HANDLE handle = CreateFileW(wide, FILE_READ_ATTRIBUTES, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS,
                              NULL);
  if (handle == INVALID_HANDLE_VALUE) return acre__windows_error(GetLastError());
  out->handle = (intptr_t)handle;
  return ACRE_OK;
}

/* A name that nobody has: this process, this moment, this call. */
static void make_name(char *out, size_t size, unsigned attempt) {
  LARGE_INTEGER now;
  QueryPerformanceCounter(&now);
  struct acre__line line = acre__line_in(out, size);
  acre__line_add(&line, "\\acre-");
  acre__line_add_number(&line, GetCurrentProcessId(), 16);
  acre__line_add(&line, "-");
  acre__line_add_number(&line, (uint64_t)now.QuadPart, 16);
  acre__line_add(&line, "-");
  acre__line_add_number(&line, attempt, 10);
}

static acre_result make_temporary(wchar_t *path, size_t length, struct acre__os_file *out) {
  enum { ATTEMPTS = 100, ROOM = 64 };
  if (length + ROOM > ACRE_WINDOWS_PATH) return ACRE_E_INVALID_ARGUMENT;
  for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
    char name[ROOM];
    make_name(name, sizeof name, attempt);
    (void)acre__windows_widen(name, path + length, ROOM);
    HANDLE handle = open_path(path, GENERIC_READ | GENERIC_WRITE | DELETE, 0, CREATE_NEW,
                              FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE);
    if (handle != INVALID_HANDLE_VALUE) {
      out->handle = (intptr_t)handle;
      return ACRE_OK;
    }
    if (GetLastError() != ERROR_FILE_EXISTS) break;
  }
  return acre__windows_error(GetLastError());
}

acre_result acre__os_file_temporary(struct acre__os_file directory, struct acre__os_file *out) {
  wchar_t path[ACRE_WINDOWS_PATH];
  DWORD length = GetFinalPathNameByHandleW(handle_of(directory), path, ACRE_WINDOWS_PATH, 0);
  if (length == 0) return acre__windows_error(GetLastError());
  if (length >= ACRE_WINDOWS_PATH) return ACRE_E_INVALID_ARGUMENT;
  return make_temporary(path, length, out);
}

acre_result acre__os_file_in_memory(uint64_t size, struct acre__os_file *out) {
  wchar_t path[ACRE_WINDOWS_PATH];
  DWORD length = GetTempPathW(ACRE_WINDOWS_PATH, path), got;
  if (size > INT64_MAX) return ACRE_E_FILE_TOO_LARGE;
  if (length == 0 || length >= ACRE_WINDOWS_PATH) return ACRE_E_NOT_SUPPORTED;
  acre_result result = make_temporary(path, length - 1 /* its last backslash */, out);
  if (result != ACRE_OK) return result;
  /* Pages get their place when they are written, where the file system can do that. */
  (void)DeviceIoControl(handle_of(*out), FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &got, NULL);
  result = acre__os_file_set_size(*out, size);
  if (result != ACRE_OK) acre__os_file_close(*out);
  return result;
}
