/* SPDX-License-Identifier: MIT */
/*
 * A new file in the place of an old one on Windows (see sort_save.h). There are
 * no files without names: the new one is deleted when its descriptor is closed,
 * which a kill does too, and gets a second name, a hard link, when it is whole.
 *
 * What it takes over from the old one is what ReplaceFile would: attributes, the
 * time of its making, who has access, named streams. It is put there by one
 * renaming, of which a power cut leaves the one file or the other.
 */
#include "sort_save.h"

#include "win.h"

#include <aclapi.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "temp_file.h"
#include "tool.h"

static const char prefix[] = ".acre-sort-";

/* ------------------------------------------------------------- begin */

/* The path of what is there, with its links followed. */
static bool find_final(const char *path, char *out, size_t room) {
  wchar_t wide[SYSTEM_PATH], final[SYSTEM_PATH];
  if (!win_widen(path, wide)) return false;
  HANDLE handle = CreateFileW(wide, FILE_READ_ATTRIBUTES, WIN_SHARE_ALL, NULL, OPEN_EXISTING,
                              FILE_FLAG_BACKUP_SEMANTICS, NULL);
  if (handle == INVALID_HANDLE_VALUE) return win_fail();
  DWORD length = GetFinalPathNameByHandleW(handle, final, SYSTEM_PATH, 0);
  bool found = win_done(length > 0);
  CloseHandle(handle);
  if (found && length < SYSTEM_PATH) return win_narrow_path(final, out, room);
  if (found) errno = ENAMETOOLONG;
  return false;
}

static bool is_link(const char *path) {
  wchar_t wide[SYSTEM_PATH];
  DWORD attributes = win_widen(path, wide) ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

/* Also if nothing is there yet, but for a link that leads nowhere. */
static bool find_path(struct sort_save *save, const char *path) {
  char folder[SYSTEM_PATH];
  if (!find_final(path, save->path, sizeof save->path)) {
    if (errno != ENOENT || is_link(path)) return false;
    system_directory_of(path, folder, sizeof folder);
    const char *name = path + strlen(path);
    while (name > path && strchr("/\\:", name[-1]) == NULL) name--;
    if (*name == '\0') {
      errno = EISDIR;
      return false;
    }
    if (!find_final(folder, save->path, sizeof save->path)) return false;
    size_t end = strlen(save->path);
    bool has_end = end > 0 && strchr("/\\", save->path[end - 1]) != NULL;
    if (end + strlen(name) + 2 > sizeof save->path) {
      errno = ENAMETOOLONG;
      return false;
    }
    const char *separator = strncmp(save->path, "\\\\", 2) == 0 ? "\\" : "/";
    if (!has_end) strcpy(save->path + end, separator);
    strcat(save->path, name);
  }
  system_directory_of(save->path, save->folder, sizeof save->folder);
  return true;
}

/* With the right to say who has access to it. */
static int open_made(const char *path) {
  wchar_t wide[SYSTEM_PATH];
  if (!win_widen(path, wide)) return -1;
  return win_descriptor(CreateFileW(wide, GENERIC_READ | GENERIC_WRITE | WRITE_DAC, WIN_SHARE_ALL, NULL, OPEN_EXISTING,
                                    FILE_ATTRIBUTE_NORMAL, NULL),
                        true);
}

/* A file that goes with its descriptor. false: none can be made that gets a second name. */
static bool make_unnamed(struct sort_save *save) {
  HANDLE handle = win_make_file(save->folder, prefix, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_DELETE_ON_CLOSE, save->made,
                                sizeof save->made);
  if (handle == INVALID_HANDLE_VALUE) return false;
  save->fd = win_descriptor(handle, true);
  if (save->fd >= 0 && temp_file_link(save->fd, save->folder, prefix) && temp_file_remove()) return true;
  if (save->fd >= 0) close(save->fd);
  save->fd = -1;
  return false;
}

static bool make(struct sort_save *save) {
  save->is_unnamed = make_unnamed(save);
  if (save->is_unnamed) return true;
  if (!temp_file_make(save->folder, prefix)) return false;
  strcpy(save->made, temp_file_path());
  save->fd = open_made(save->made);
  return save->fd >= 0;
}

bool sort_save_begin(struct sort_save *save, const char *path) {
  *save = (struct sort_save){.fd = -1};
  if (!find_path(save, path)) {
    tool_complain(_("cannot write '%s': %s; check the path"), path, _(strerror(errno)));
    return false;
  }
  if (make(save)) return true;
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

/* Who has access to a file; NULL: the system does not say, or the file system knows no such thing (ERROR_SUCCESS). */
static PSECURITY_DESCRIPTOR access_of(HANDLE handle, DWORD *error) {
  PSECURITY_DESCRIPTOR list = NULL;
  *error = GetSecurityInfo(handle, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &list);
  if (*error == ERROR_NOT_SUPPORTED || *error == ERROR_INVALID_FUNCTION) *error = ERROR_SUCCESS;
  return list;
}

static bool are_alike(PSECURITY_DESCRIPTOR one, PSECURITY_DESCRIPTOR other) {
  DWORD size = GetSecurityDescriptorLength(one);
  return size == GetSecurityDescriptorLength(other) && memcmp(one, other, size) == 0;
}

/*
 * Copies the list as it is, with what the old file has from its folder marked so. (Wine makes Unix permissions of a list,
 * which are not those that it made it of: so one that is there already is let alone.)
 */
static bool copy_access(HANDLE from, HANDLE to) {
  SECURITY_DESCRIPTOR_CONTROL control;
  DWORD revision, error, ignored;
  PSECURITY_DESCRIPTOR old = access_of(from, &error), new = access_of(to, &ignored);
  if (old != NULL && (new == NULL || !are_alike(old, new))) {
    if (GetSecurityDescriptorControl(old, &control, &revision) && (control & SE_DACL_AUTO_INHERITED) != 0)
      (void)SetSecurityDescriptorControl(old, SE_DACL_AUTO_INHERIT_REQ, SE_DACL_AUTO_INHERIT_REQ);
    if (!SetKernelObjectSecurity(to, DACL_SECURITY_INFORMATION, old)) error = GetLastError();
  }
  LocalFree(old);
  LocalFree(new);
  SetLastError(error);
  return win_done(error == ERROR_SUCCESS);
}

/* Copies one stream, `name` being ":its name:$DATA". */
static bool copy_stream(const wchar_t *from, const wchar_t *to, const wchar_t *name) {
  static wchar_t source[SYSTEM_PATH + MAX_PATH], target[SYSTEM_PATH + MAX_PATH];
  static char block[64 << 10];
  if (wcslen(name) >= MAX_PATH) return false;
  wcscat(wcscpy(source, from), name);
  wcscat(wcscpy(target, to), name);
  HANDLE in = CreateFileW(source, GENERIC_READ, WIN_SHARE_ALL, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
  HANDLE out = CreateFileW(target, GENERIC_WRITE, WIN_SHARE_ALL, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
  DWORD got = 0, put = 0;
  bool good = in != INVALID_HANDLE_VALUE && out != INVALID_HANDLE_VALUE;
  while (good && (good = ReadFile(in, block, sizeof block, &got, NULL) != 0) && got > 0)
    good = WriteFile(out, block, got, &put, NULL) && put == got;
  good = win_done(good);
  if (in != INVALID_HANDLE_VALUE) CloseHandle(in);
  if (out != INVALID_HANDLE_VALUE) CloseHandle(out);
  return good;
}

/* All but the file's content itself, which is the stream "::$DATA". */
static bool copy_streams(HANDLE from, const char *made) {
  wchar_t source[SYSTEM_PATH], target[SYSTEM_PATH];
  WIN32_FIND_STREAM_DATA found;
  DWORD length = GetFinalPathNameByHandleW(from, source, SYSTEM_PATH, 0);
  if (length == 0 || length >= SYSTEM_PATH || !win_widen(made, target)) return win_fail();
  HANDLE search = FindFirstStreamW(source, FindStreamInfoStandard, &found, 0);
  if (search == INVALID_HANDLE_VALUE) return true; /* none, or a file system that knows no such thing */
  bool good = true, more = true;
  for (; good && more; more = FindNextStreamW(search, &found))
    if (wcscmp(found.cStreamName, L"::$DATA") != 0) good = copy_stream(source, target, found.cStreamName);
  FindClose(search);
  return good;
}

static bool copy_properties(struct sort_save *save, int like_fd) {
  HANDLE from = win_handle(like_fd), to = win_handle(save->fd);
  FILE_BASIC_INFO old, new = {.FileAttributes = 0};
  if (!GetFileInformationByHandleEx(from, FileBasicInfo, &old, sizeof old)) return win_fail();
  if ((old.FileAttributes & FILE_ATTRIBUTE_READONLY) != 0) { /* it could not be replaced, nor the new one deleted */
    errno = EACCES;
    return false;
  }
  if (!copy_streams(from, save->made) || !copy_access(from, to)) return false;
  new.CreationTime = old.CreationTime;
  new.FileAttributes = old.FileAttributes;
  return win_done(SetFileInformationByHandle(to, FileBasicInfo, &new, sizeof new));
}

/* The name of a file is on the disk with the file's own data. */
static bool sync_file(const char *path) {
  int fd = system_open(path, SYSTEM_READ_WRITE);
  if (fd < 0) return errno == EACCES || errno == EBUSY; /* the renaming itself has waited for the disk */
  bool good = win_done(FlushFileBuffers(win_handle(fd)));
  close(fd);
  return good;
}

static bool give_name(struct sort_save *save) {
  if (!win_done(FlushFileBuffers(win_handle(save->fd)))) return false;
  if (save->is_unnamed && !temp_file_link(save->fd, save->folder, prefix)) return false;
  close(save->fd); /* with it its own name goes */
  save->fd = -1;
  return temp_file_rename(save->path);
}

bool sort_save_finish(struct sort_save *save, int like_fd) {
  bool good = like_fd < 0 || copy_properties(save, like_fd);
  int error = errno;
  if (like_fd >= 0) close(like_fd);
  if (!good) {
    tool_complain(_("cannot give the new file the owner, mode and attributes of '%s': %s; run as its owner, or give "
                    "--in-place or --output"),
                  save->path, _(strerror(error)));
  } else if (!(good = give_name(save))) {
    tool_complain(_("cannot put the sorted file in the place of '%s': %s; it is as it was"), save->path,
                  _(strerror(errno)));
  } else if (!(good = sync_file(save->path))) {
    tool_complain(_("'%s' is sorted, but a power cut may still bring the old one back: %s"), save->path,
                  _(strerror(errno)));
  }
  sort_save_drop(save);
  return good;
}
