/* SPDX-License-Identifier: MIT */
/* views.c - MapViewOfFile and its kin; see sections.h. */
#include <stdlib.h>

#include "win32/locks.h"
#include "win32/sections.h"
#include "win32/virtual.h"

/* ------------------------------------------------------------- the table */

struct view {
  char *base;
  acre_view *view;
  struct acre__section *section;
  DWORD protect;
};

/* Ascending by base. */
static struct {
  struct view *views;
  size_t count, room;
} table;

static void lock(void) {
  acre__take(ACRE_LOCK_VIEWS);
}

static void unlock(void) {
  acre__give(ACRE_LOCK_VIEWS);
}

/* With the lock: where a view with this base is, or would be. */
static size_t place_of(const void *base) {
  size_t low = 0, high = table.count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (table.views[middle].base < (const char *)base)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static struct view *find(const void *base) {
  size_t at = place_of(base);
  return at < table.count && table.views[at].base == base ? &table.views[at] : NULL;
}

static bool enter(struct view view) {
  lock();
  bool fits = table.count < table.room;
  if (!fits) {
    size_t room = table.room == 0 ? 64 : table.room * 2;
    struct view *views = realloc(table.views, room * sizeof *views);
    fits = views != NULL;
    if (fits) {
      table.views = views;
      table.room = room;
    }
  }
  if (fits) {
    size_t at = place_of(view.base);
    memmove(table.views + at + 1, table.views + at, (table.count++ - at) * sizeof *table.views);
    table.views[at] = view;
  }
  unlock();
  return fits;
}

DWORD acre__view_protect(const void *base) {
  lock();
  const struct view *view = find(base);
  DWORD protect = view != NULL ? view->protect : 0;
  unlock();
  return protect;
}

/* The base of the view that the address is in; NULL: none. */
static void *base_of(const void *address) {
  acre_vm_info info;
  if (acre_vm_query(address, &info) != ACRE_OK || info.kind != ACRE_VM_KIND_MAPPED) return NULL;
  return info.region_base;
}

/* ------------------------------------------------------------- mapping */

static bool is_executable(DWORD protect) {
  return (protect & (PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)) != 0;
}

/* What the section's protection and the handle's access allow. */
static bool is_allowed(const struct acre__section *section, DWORD protect) {
  bool writes = protect == PAGE_READWRITE || protect == PAGE_EXECUTE_READWRITE;
  bool writable = section->protect == PAGE_READWRITE || section->protect == PAGE_EXECUTE_READWRITE;
  if (writes && (!writable || (section->access & SECTION_MAP_WRITE) == 0)) return false;
  if (is_executable(protect) && !is_executable(section->protect)) return false;
  return (section->access & (SECTION_MAP_READ | SECTION_MAP_WRITE)) != 0;
}

static acre_access access_of(DWORD protect) {
  switch (protect) {
    case PAGE_READWRITE:
    case PAGE_EXECUTE_READWRITE: return ACRE_ACCESS_READ_WRITE;
    case PAGE_WRITECOPY:
    case PAGE_EXECUTE_WRITECOPY: return ACRE_ACCESS_COPY_ON_WRITE;
    default: return ACRE_ACCESS_READ;
  }
}

static DWORD error_of_view(acre_result result) {
  switch (result) {
    case ACRE_E_OUT_OF_RANGE: return ERROR_ACCESS_DENIED;   /* STATUS_INVALID_VIEW_SIZE */
    case ACRE_E_INVALID_SIZE: return ERROR_INVALID_ADDRESS; /* not as long as the placeholder */
    default: return acre__win32_error(result);
  }
}

static void *map(struct acre__section *section, DWORD protect, uint64_t offset, size_t size, void *base, bool replace) {
  const size_t granularity = acre__figures()->granularity;
  acre_view *view;
  if (offset % granularity != 0 || ((uintptr_t)base % granularity != 0)) return acre__fail_null(ERROR_MAPPED_ALIGNMENT);
  if (!is_allowed(section, protect)) return acre__fail_null(ERROR_ACCESS_DENIED);
  if (offset >= section->size) return acre__fail_null(ERROR_INVALID_PARAMETER);
  if (size != 0 && size > section->size - offset) return acre__fail_null(ERROR_ACCESS_DENIED);
  acre_view_options options = {
      .access = access_of(protect), .execute = is_executable(protect), .address = base, .replace = replace};
  acre_result result = acre_view_map(section->section, section->from + offset, size, &options, &view);
  if (result != ACRE_OK) return acre__fail_null(error_of_view(result));
  void *data = acre_view_data(view);
  if (protect == PAGE_NOACCESS) (void)acre_vm_protect(data, acre_view_size(view), ACRE_VM_NO_ACCESS, NULL);
  acre__object_retain(&section->object);
  if (enter((struct view){data, view, section, protect})) return data;
  (void)acre_view_unmap(view);
  acre__object_release(&section->object);
  return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
}

/* FILE_MAP_... as PAGE_...: writing comes before reading, and a copy is what asks for nothing else. */
static DWORD protect_of(DWORD access) {
  bool executes = (access & FILE_MAP_EXECUTE) != 0;
  if ((access & FILE_MAP_WRITE) != 0) return executes ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
  if ((access & FILE_MAP_READ) != 0) return executes ? PAGE_EXECUTE_READ : PAGE_READONLY;
  if ((access & FILE_MAP_COPY) != 0) return executes ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY;
  return PAGE_NOACCESS;
}

LPVOID MapViewOfFileEx(HANDLE handle, DWORD access, DWORD offset_high, DWORD offset_low, SIZE_T size, LPVOID base) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_SECTION);
  if (object == NULL) return NULL;
  void *data = map((struct acre__section *)object, protect_of(access), acre__join(offset_high, offset_low), size, base,
                   false);
  DWORD error = GetLastError();
  acre__object_release(object);
  SetLastError(error);
  return data;
}

LPVOID MapViewOfFile(HANDLE section, DWORD access, DWORD offset_high, DWORD offset_low, SIZE_T size) {
  return MapViewOfFileEx(section, access, offset_high, offset_low, size, NULL);
}

LPVOID MapViewOfFileExNuma(HANDLE section, DWORD access, DWORD offset_high, DWORD offset_low, SIZE_T size, LPVOID base,
                           DWORD preferred) {
  (void)preferred; /* a wish */
  return MapViewOfFileEx(section, access, offset_high, offset_low, size, base);
}

PVOID MapViewOfFile3(HANDLE handle, HANDLE process, PVOID base, ULONG64 offset, SIZE_T size, ULONG type, ULONG protect,
                     MEM_EXTENDED_PARAMETER *parameters, ULONG count) {
  acre_vm_protection ignored;
  (void)parameters;
  if (!acre__is_this_process(process)) return NULL;
  if (count != 0 || (type & ~(ULONG)(MEM_REPLACE_PLACEHOLDER | MEM_RESERVE)) != 0 ||
      !acre__protection_from_any(protect, &ignored) || (protect & ~0xffu) != 0)
    return acre__fail_null(ERROR_INVALID_PARAMETER);
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_SECTION);
  if (object == NULL) return NULL;
  void *data = map((struct acre__section *)object, protect, offset, size, base, (type & MEM_REPLACE_PLACEHOLDER) != 0);
  DWORD error = GetLastError();
  acre__object_release(object);
  SetLastError(error);
  return data;
}

/* ------------------------------------------------------------- unmapping and flushing */

/* Takes the view with this base out of the table; false: there is none. */
static bool take_out(const void *base, struct view *out) {
  lock();
  struct view *found = find(base);
  if (found != NULL) {
    size_t at = (size_t)(found - table.views);
    *out = *found;
    memmove(found, found + 1, (--table.count - at) * sizeof *found);
  }
  unlock();
  return found != NULL;
}

/* Any address inside the view will do, as on Windows; mostly it is the base. */
static BOOL unmap(const void *address, bool to_placeholder) {
  struct view view;
  if (!take_out(address, &view) && !take_out(base_of(address), &view)) return acre__fail(ERROR_INVALID_ADDRESS);
  acre_result result = to_placeholder ? acre_view_unmap_to_placeholder(view.view) : acre_view_unmap(view.view);
  if (result == ACRE_OK)
    acre__object_release(&view.section->object);
  else
    (void)enter(view); /* it has its room still */
  return acre__done(result);
}

BOOL UnmapViewOfFile(LPCVOID base) {
  return unmap(base, false);
}

BOOL UnmapViewOfFileEx(PVOID base, ULONG flags) {
  if ((flags & ~(ULONG)(MEM_PRESERVE_PLACEHOLDER | MEM_UNMAP_WITH_TRANSIENT_BOOST)) != 0)
    return acre__fail(ERROR_INVALID_PARAMETER);
  return unmap(base, (flags & MEM_PRESERVE_PLACEHOLDER) != 0);
}

BOOL UnmapViewOfFile2(HANDLE process, PVOID base, ULONG flags) {
  return acre__is_this_process(process) && UnmapViewOfFileEx(base, flags);
}

/* Until the device has the pages; FlushFileBuffers sees to its own cache. Size 0: to the view's end. */
BOOL FlushViewOfFile(LPCVOID address, SIZE_T size) {
  const void *base = base_of(address);
  lock();
  const struct view *found = find(base);
  acre_view *view = found != NULL ? found->view : NULL;
  unlock();
  if (view == NULL) return acre__fail(ERROR_INVALID_ADDRESS);
  size_t offset = (size_t)((const char *)address - (const char *)base), all = acre_view_size(view);
  size_t most = offset < all ? all - offset : 0;
  if (most == 0) return TRUE;
  return acre__done(acre_view_flush(view, offset, size != 0 && size < most ? size : most, ACRE_FLUSH_WAIT));
}
