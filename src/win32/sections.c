/* SPDX-License-Identifier: MIT */
/*
 * sections.c - CreateFileMapping, OpenFileMapping.
 *
 * Names: a section without a file has Acre's names, and is found by all
 * processes of the user. Of a section over a file the name leads to a second, small
 * section, which says what the first one was made of: which file, which protection. Who
 * opens it opens the file again, and makes sure that it is the same one.
 *
 *   name "x" --> [ mark | kind | protect | size | device, inode | path ]     (a head of 64 KiB)
 *            --> the bytes of a section without a file come behind the head
 *
 * Pages of a named section are all committed, also with SEC_RESERVE.
 */
#include "win32/sections.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "win32/files.h"
#include "win32/names.h"
#include "win32/text.h"

/* What a named section begins with. */
struct head {
  uint64_t mark, size;
  uint64_t device, inode; /* of a file; 0: none */
  uint64_t protect;
  char path[PATH_MAX - 64];
};

enum { HEAD_SIZE = 64 << 10 }; /* views of what follows begin on the granularity */
static const uint64_t HEAD_MARK = 0x32336e6957657263;

/* ------------------------------------------------------------- the object */

/* The name goes with the last handle; views keep the rest. */
static void close_sections(struct acre__object *object) {
  struct acre__section *section = (struct acre__section *)object;
  acre_section_close(section->name);
  acre_section_close(section->section);
}

static void destroy(struct acre__object *object) {
  free(object);
}

/* `from`: where in `section` the bytes begin. */
static HANDLE make_handle(acre_section *section, acre_section *name, uint64_t from, DWORD protect, DWORD access) {
  struct acre__section *made = calloc(1, sizeof *made);
  if (made == NULL) {
    acre_section_close(section);
    acre_section_close(name);
    return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  }
  *made = (struct acre__section){.object = {.kind = ACRE_KIND_SECTION, .unhandled = close_sections, .destroy = destroy},
                                 .section = section,
                                 .name = name,
                                 .protect = protect,
                                 .access = access,
                                 .from = from,
                                 .size = acre_section_size(section) - from};
  return acre__handle_make(&made->object);
}

/* ------------------------------------------------------------- what is asked for */

struct request {
  uint64_t size;
  DWORD protect, flags; /* PAGE_..., SEC_... */
  acre_access access;
  bool execute;
};

static bool read_protect(DWORD protect, struct request *out) {
  const DWORD flags = SEC_FILE | SEC_IMAGE | SEC_RESERVE | SEC_COMMIT | SEC_NOCACHE | SEC_WRITECOMBINE |
                      SEC_LARGE_PAGES;
  out->flags = protect & flags;
  out->protect = protect & ~flags;
  out->execute = out->protect >= PAGE_EXECUTE;
  switch (out->protect) {
    case PAGE_READONLY:
    case PAGE_EXECUTE_READ: out->access = ACRE_ACCESS_READ; break;
    case PAGE_READWRITE:
    case PAGE_EXECUTE_READWRITE: out->access = ACRE_ACCESS_READ_WRITE; break;
    case PAGE_WRITECOPY:
    case PAGE_EXECUTE_WRITECOPY: out->access = ACRE_ACCESS_COPY_ON_WRITE; break;
    default: return false;
  }
  return (out->flags & (SEC_RESERVE | SEC_COMMIT)) != (SEC_RESERVE | SEC_COMMIT);
}

static DWORD error_of_section(acre_result result) {
  switch (result) {
    case ACRE_E_OUT_OF_RANGE: return ERROR_NOT_ENOUGH_MEMORY; /* STATUS_SECTION_TOO_BIG: a file that may not grow */
    case ACRE_E_NO_SPACE: return ERROR_DISK_FULL;
    case ACRE_E_FILE_TOO_LARGE: return ERROR_NOT_ENOUGH_MEMORY;
    default: return acre__win32_error(result);
  }
}

/* ------------------------------------------------------------- names */

/* Maps the head of a named section; NULL: it is none of the face's. */
static acre_view *map_head(acre_section *section, bool writes, struct head **out) {
  acre_view *view;
  acre_view_options options = {.access = writes ? ACRE_ACCESS_READ_WRITE : ACRE_ACCESS_READ};
  if (acre_view_map(section, 0, HEAD_SIZE, &options, &view) != ACRE_OK) return NULL;
  *out = acre_view_data(view);
  return view;
}

/* The creator writes the mark last; who comes at the same moment waits for it. */
static bool wait_for_head(const struct head *head) {
  for (int i = 0; i < 5000; i++) {
    if (__atomic_load_n(&head->mark, __ATOMIC_ACQUIRE) == HEAD_MARK) return true;
    usleep(1000);
  }
  return false;
}

/* The same file again, with the rights that the section was made with. */
static acre_result open_again(const struct head *head, acre_section **out) {
  struct stat status;
  struct request request;
  acre_file *file;
  *out = NULL;
  if (!read_protect((DWORD)head->protect, &request)) return ACRE_E_UNEXPECTED;
  if (stat(head->path, &status) != 0 || status.st_dev != head->device || status.st_ino != head->inode)
    return ACRE_E_NOT_FOUND;
  acre_file_options options = {.access = request.access == ACRE_ACCESS_READ_WRITE ? ACRE_ACCESS_READ_WRITE
                                                                                  : ACRE_ACCESS_READ};
  acre_result result = acre_file_open(head->path, &options, &file);
  if (result != ACRE_OK) return result;
  result = acre_section_create(
      file, &(acre_section_options){.access = request.access, .execute = request.execute, .size = head->size}, out);
  acre_file_close(file);
  return result;
}

/* A handle of the section that a name has led to. Its `name` is the handle's from now on. */
static HANDLE open_found(acre_section *name, DWORD access) {
  struct head *head;
  acre_view *view = map_head(name, false, &head);
  if (view == NULL || !wait_for_head(head)) {
    (void)acre_view_unmap(view);
    acre_section_close(name);
    return acre__fail_null(ERROR_INVALID_HANDLE);
  }
  acre_section *section = NULL;
  acre_result result = head->inode != 0 ? open_again(head, &section) : ACRE_OK;
  DWORD protect = (DWORD)head->protect;
  (void)acre_view_unmap(view);
  if (result != ACRE_OK) {
    acre_section_close(name);
    return acre__fail_null(acre__win32_error(result));
  }
  return section != NULL ? make_handle(section, name, 0, protect, access)
                         : make_handle(name, NULL, HEAD_SIZE, protect, access);
}

/* ------------------------------------------------------------- making */

static acre_result make_unnamed(struct acre__win32_file *file, const struct request *request, acre_section **out) {
  if (file == NULL)
    return acre_section_create_memory(
        request->size,
        &(acre_memory_options){.reserve = (request->flags & SEC_RESERVE) != 0, .execute = request->execute}, out);
  acre_file *mapped = acre__file_of(file);
  if (mapped == NULL) return ACRE_E_ACCESS_DENIED;
  return acre_section_create(
      mapped, &(acre_section_options){.access = request->access, .execute = request->execute, .size = request->size},
      out);
}

static bool write_head(acre_section *name, const struct request *request, uint64_t size,
                       struct acre__win32_file *file) {
  struct head *head;
  struct stat status;
  acre_view *view = map_head(name, true, &head);
  if (view == NULL) return false;
  head->size = size;
  head->protect = request->protect;
  bool good = true;
  if (file != NULL) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file->fd);
    ssize_t length = readlink(link, head->path, sizeof head->path - 1);
    good = length > 0 && fstat(file->fd, &status) == 0;
    if (good) {
      head->path[length] = 0;
      head->device = status.st_dev;
      head->inode = status.st_ino;
    }
  }
  if (good) __atomic_store_n(&head->mark, HEAD_MARK, __ATOMIC_RELEASE);
  (void)acre_view_unmap(view);
  return good;
}

static HANDLE create_named(struct acre__win32_file *file, const struct request *request, const char *name) {
  if (file == NULL && request->size > UINT64_MAX - HEAD_SIZE) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  /* What is asked for is checked first, as a name that is there already does not excuse it. */
  acre_section *section = NULL;
  acre_result result = file != NULL ? make_unnamed(file, request, &section) : ACRE_OK;
  acre_section *named;
  bool created = false;
  acre_name_options options = {.access = ACRE_ACCESS_READ_WRITE,
                               .execute = request->execute,
                               .mode = ACRE_FILE_OPEN_OR_CREATE,
                               .size = HEAD_SIZE + (file == NULL ? request->size : 0)};
  if (result == ACRE_OK) result = acre_section_open(name, &options, &created, &named);
  if (result != ACRE_OK) {
    acre_section_close(section);
    return acre__fail_null(error_of_section(result));
  }
  if (!created) {
    acre_section_close(section);
    HANDLE handle = open_found(named, SECTION_ALL_ACCESS);
    if (handle != NULL) SetLastError(ERROR_ALREADY_EXISTS);
    return handle;
  }
  if (!write_head(named, request, section != NULL ? acre_section_size(section) : request->size, file)) {
    acre_section_close(section);
    acre_section_close(named);
    return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  }
  HANDLE handle = section != NULL ? make_handle(section, named, 0, request->protect, SECTION_ALL_ACCESS)
                                  : make_handle(named, NULL, HEAD_SIZE, request->protect, SECTION_ALL_ACCESS);
  if (handle != NULL) SetLastError(ERROR_SUCCESS);
  return handle;
}

static HANDLE create(struct acre__win32_file *file, const struct request *request, const char *text) {
  char name[ACRE_NAME_ROOM];
  if (!acre__name_to_make(text, name)) return NULL;
  if (*name != 0) return create_named(file, request, name);
  acre_section *section;
  acre_result result = make_unnamed(file, request, &section);
  if (result != ACRE_OK) return acre__fail_null(error_of_section(result));
  HANDLE handle = make_handle(section, NULL, 0, request->protect, SECTION_ALL_ACCESS);
  if (handle != NULL) SetLastError(ERROR_SUCCESS);
  return handle;
}

static bool may_map(const struct acre__win32_file *file, const struct request *request) {
  return file->reads && (file->writes || request->access != ACRE_ACCESS_READ_WRITE);
}

HANDLE CreateFileMappingA(HANDLE handle, LPSECURITY_ATTRIBUTES security, DWORD protect, DWORD size_high, DWORD size_low,
                          LPCSTR name) {
  (void)security;
  struct request request = {.size = acre__join(size_high, size_low)};
  if (!read_protect(protect, &request)) return acre__fail_null(ERROR_INVALID_PARAMETER);
  if ((request.flags & SEC_LARGE_PAGES) != 0)
    return acre__fail_null((request.flags & SEC_COMMIT) != 0 ? ERROR_PRIVILEGE_NOT_HELD : ERROR_INVALID_PARAMETER);
  struct acre__win32_file *file = NULL;
  if (handle != INVALID_HANDLE_VALUE && handle != NULL) {
    file = (struct acre__win32_file *)acre__object_of(handle, ACRE_KIND_FILE);
    if (file == NULL) return NULL;
  } else if (request.size == 0) {
    return acre__fail_null(ERROR_INVALID_PARAMETER);
  }
  HANDLE made = NULL;
  if (file == NULL) { /* memory comes in whole pages, and views may have all of the last one */
    size_t page = acre__figures()->page_size;
    if (request.size > UINT64_MAX / 2) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
    request.size = (request.size + page - 1) & ~(uint64_t)(page - 1);
  }
  if ((request.flags & SEC_IMAGE) != 0)
    SetLastError(file != NULL ? ERROR_BAD_EXE_FORMAT
                              : ERROR_INVALID_PARAMETER); /* no program of Linux is one of Windows */
  else if (file != NULL && !may_map(file, &request))
    SetLastError(ERROR_ACCESS_DENIED);
  else
    made = create(file, &request, name);
  DWORD error = GetLastError();
  if (file != NULL) acre__object_release(&file->object);
  SetLastError(error);
  return made;
}

HANDLE CreateFileMappingW(HANDLE file, LPSECURITY_ATTRIBUTES security, DWORD protect, DWORD size_high, DWORD size_low,
                          LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, CreateFileMappingA(file, security, protect, size_high, size_low, text.bytes));
}

HANDLE OpenFileMappingA(DWORD access, BOOL inherit, LPCSTR text) {
  char name[ACRE_NAME_ROOM];
  acre_section *section;
  (void)inherit;
  if (!acre__name_to_open(text, name)) return NULL;
  acre_name_options options = {.access = ACRE_ACCESS_READ_WRITE, .execute = true};
  acre_result result = acre_section_open(name, &options, NULL, &section);
  if (result != ACRE_OK) return acre__fail_null(acre__win32_error(result));
  return open_found(section, access);
}

HANDLE OpenFileMappingW(DWORD access, BOOL inherit, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, OpenFileMappingA(access, inherit, text.bytes));
}
