/* SPDX-License-Identifier: MIT */
/*
 * pieces.c - address space on Windows, which is had and given back piece by
 * piece: a reservation, or a view, goes as a whole, by its first address. The
 * contract knows ranges, of which any part may be released, committed, or mapped
 * over. This file is between the two.
 *
 *   range     [...............................................]
 *   pieces    [ placeholder ][ private: R C C R ][ view ][ ph. ]
 *
 * Which pieces there are is asked of the system each time (VirtualQuery); no
 * table is kept. A placeholder is told by the protection with which it was made.
 *
 *   with placeholders (Windows 10 1803)    without
 *     cut, join, replace in place            release, reserve the rest again:
 *                                            for a moment the addresses are free
 *     views at any page                      views at multiples of 64 KiB
 *
 * Lock: `space`, so that no reservation of Acre's takes what is free for that
 * moment. Other code's may: then the mapping fails, ACRE_E_ADDRESS_IN_USE.
 */
#include "win.h"

#include <stdatomic.h>

#include "base/compiler.h"
#include "base/math.h"

/* As in newer headers. */
enum {
  REPLACE_PLACEHOLDER = 0x4000,  /* VirtualAlloc2, MapViewOfFile3 */
  RESERVE_PLACEHOLDER = 0x40000, /* VirtualAlloc2 */
  PRESERVE_PLACEHOLDER = 2,      /* VirtualFree, UnmapViewOfFile2 */
  COALESCE_PLACEHOLDERS = 1      /* VirtualFree */
};

enum { PAGE = 4096, GRANULARITY = 64 << 10, AS_PRIVATE = PAGE_READWRITE, AS_PLACEHOLDER = PAGE_NOACCESS };

static SRWLOCK space = SRWLOCK_INIT;

/* ------------------------------------------------------------- what the system has */

typedef void *(WINAPI *alloc_function)(HANDLE, void *, SIZE_T, ULONG, ULONG, void *, ULONG);
typedef void *(WINAPI *map_function)(HANDLE, HANDLE, void *, ULONG64, SIZE_T, ULONG, ULONG, void *, ULONG);
typedef BOOL(WINAPI *unmap_function)(HANDLE, void *, ULONG);

static struct {
  atomic_int known; /* 0: not yet; 1: no; 2: yes */
  alloc_function alloc;
  map_function map;
  unmap_function unmap;
} ways;

static bool try_placeholder(void) {
  char *base = ways.alloc(GetCurrentProcess(), NULL, 2 * GRANULARITY, MEM_RESERVE | RESERVE_PLACEHOLDER, AS_PLACEHOLDER,
                          NULL, 0);
  if (base == NULL) return false;
  bool works = VirtualFree(base, GRANULARITY, MEM_RELEASE | PRESERVE_PLACEHOLDER) != 0;
  if (works) VirtualFree(base + GRANULARITY, 0, MEM_RELEASE);
  VirtualFree(base, 0, MEM_RELEASE);
  return works;
}

static ACRE_COLD void find_ways(void) {
  HMODULE library = GetModuleHandleW(L"kernelbase.dll");
  bool works = false;
  if (library != NULL) {
    FARPROC alloc = GetProcAddress(library, "VirtualAlloc2"), map = GetProcAddress(library, "MapViewOfFile3"),
            unmap = GetProcAddress(library, "UnmapViewOfFile2");
    if (alloc != NULL && map != NULL && unmap != NULL) {
      ways.alloc = (alloc_function)(void *)alloc;
      ways.map = (map_function)(void *)map;
      ways.unmap = (unmap_function)(void *)unmap;
      works = try_placeholder();
    }
  }
  atomic_store_explicit(&ways.known, works ? 2 : 1, memory_order_release);
}

bool acre__windows_has_placeholders(void) {
  if (acre__windows_switches.no_placeholders) return false;
  if (atomic_load_explicit(&ways.known, memory_order_acquire) == 0) find_ways();
  return atomic_load_explicit(&ways.known, memory_order_relaxed) == 2;
}

/* ------------------------------------------------------------- what is there */

static enum acre__piece_kind kind_of(const MEMORY_BASIC_INFORMATION *info) {
  if (info->State == MEM_FREE) return ACRE_PIECE_FREE;
  if (info->Type != MEM_PRIVATE) {
    bool copies = info->AllocationProtect == PAGE_WRITECOPY || info->AllocationProtect == PAGE_EXECUTE_WRITECOPY;
    return copies ? ACRE_PIECE_COPY_VIEW : ACRE_PIECE_VIEW;
  }
  return info->AllocationProtect == AS_PLACEHOLDER ? ACRE_PIECE_PLACEHOLDER : ACRE_PIECE_PRIVATE;
}

struct acre__piece acre__piece_at(char *address, char *limit) {
  MEMORY_BASIC_INFORMATION info;
  if (VirtualQuery(address, &info, sizeof info) != sizeof info) /* beyond the last address */
    return (struct acre__piece){address, limit, ACRE_PIECE_FREE};
  struct acre__piece piece = {info.BaseAddress, (char *)info.BaseAddress + info.RegionSize, kind_of(&info)};
  if (piece.kind == ACRE_PIECE_FREE) return piece;
  piece.start = info.AllocationBase;
  while (piece.end <= limit && VirtualQuery(piece.end, &info, sizeof info) == sizeof info &&
         info.AllocationBase == piece.start && info.State != MEM_FREE)
    piece.end += info.RegionSize;
  return piece;
}

/* ------------------------------------------------------------- reserving */

static void *reserve_at(void *wish, size_t size) {
  if (!acre__windows_has_placeholders()) return VirtualAlloc(wish, size, MEM_RESERVE, AS_PRIVATE);
  return ways.alloc(GetCurrentProcess(), wish, size, MEM_RESERVE | RESERVE_PLACEHOLDER, AS_PLACEHOLDER, NULL, 0);
}

static acre_result reserve_exactly(char *wish, size_t size, void **out) {
  SYSTEM_INFO system;
  GetSystemInfo(&system);
  uintptr_t lowest = (uintptr_t)system.lpMinimumApplicationAddress,
            highest = (uintptr_t)system.lpMaximumApplicationAddress;
  if ((uintptr_t)wish < lowest || (uintptr_t)wish > highest || size - 1 > highest - (uintptr_t)wish)
    return ACRE_E_INVALID_ADDRESS;
  if ((uintptr_t)wish % GRANULARITY != 0) return ACRE_E_INVALID_ADDRESS; /* which the system would round down */
  char *got = reserve_at(wish, size);
  if (got == NULL) {
    DWORD error = GetLastError();
    return error == ERROR_INVALID_ADDRESS ? ACRE_E_ADDRESS_IN_USE : acre__windows_error(error);
  }
  *out = got;
  return ACRE_OK;
}

static acre_result reserve(void *wish, size_t size, enum acre__os_place place, void **out) {
  if (place == ACRE_OS_EXACTLY) return reserve_exactly(wish, size, out);
  void *got = NULL;
  if ((uintptr_t)wish % GRANULARITY == 0 && wish != NULL) got = reserve_at(wish, size);
  if (got == NULL) got = reserve_at(NULL, size);
  if (got == NULL) return ACRE_E_NO_ADDRESS_SPACE;
  *out = got;
  return ACRE_OK;
}

acre_result acre__pieces_reserve(void *wish, size_t size, enum acre__os_place place, void **out) {
  AcquireSRWLockShared(&space);
  acre_result result = reserve(wish, size, place, out);
  ReleaseSRWLockShared(&space);
  return result;
}

/* With the lock, as a piece may be larger than the range that the caller has to himself. */
acre_result acre__pieces_make_private(char *start, char *end) {
  acre_result result = ACRE_OK;
  AcquireSRWLockExclusive(&space);
  for (char *at = start; at < end && result == ACRE_OK;) {
    struct acre__piece piece = acre__piece_at(at, (char *)UINTPTR_MAX);
    if (piece.kind == ACRE_PIECE_PLACEHOLDER &&
        ways.alloc(GetCurrentProcess(), piece.start, (size_t)(piece.end - piece.start),
                   MEM_RESERVE | REPLACE_PLACEHOLDER, AS_PRIVATE, NULL, 0) == NULL)
      result = acre__windows_error(GetLastError());
    at = piece.end;
  }
  ReleaseSRWLockExclusive(&space);
  return result;
}

void acre__pieces_keep(void) {
  AcquireSRWLockShared(&space);
}

void acre__pieces_let_go(void) {
  ReleaseSRWLockShared(&space);
}

/* ------------------------------------------------------------- with the lock: cutting */

/* Whether no page of the range is committed. */
static bool is_reserved_alone(char *start, char *end) {
  MEMORY_BASIC_INFORMATION info;
  for (char *at = start; at < end; at = (char *)info.BaseAddress + info.RegionSize)
    if (VirtualQuery(at, &info, sizeof info) != sizeof info || info.State == MEM_COMMIT) return false;
  return true;
}

/* Reserves what a release as a whole has taken along, which begins where the system lets something begin. */
static bool reserve_again(char *start, char *end) {
  char *first = (char *)acre__align_up((uintptr_t)start, GRANULARITY);
  return first >= end || VirtualAlloc(first, (size_t)(end - first), MEM_RESERVE, AS_PRIVATE) == first;
}

/* Whether [start, end) of a piece without placeholders can become free: its other pages must not be committed. */
static acre_result check_cut(const struct acre__piece *piece, char *start, char *end) {
  if (piece->kind == ACRE_PIECE_FREE || acre__piece_is_view(piece)) return ACRE_OK;
  struct acre__piece whole = acre__piece_at(start, (char *)UINTPTR_MAX); /* to its very end */
  return is_reserved_alone(whole.start, start) && is_reserved_alone(end, whole.end) ? ACRE_OK : ACRE_E_NOT_SUPPORTED;
}

static acre_result cut_out(const struct acre__piece *piece, char *start, char *end) {
  acre_result result = check_cut(piece, start, end);
  if (result != ACRE_OK) return result;
  struct acre__piece whole = acre__piece_at(start, (char *)UINTPTR_MAX);
  if (!VirtualFree(whole.start, 0, MEM_RELEASE)) return acre__windows_error(GetLastError());
  bool front = reserve_again(whole.start, start), back = reserve_again(end, whole.end);
  return front && back ? ACRE_OK : ACRE_E_ADDRESS_IN_USE;
}

/* [start, end) of a placeholder or a private piece becomes a placeholder of its own. */
static acre_result cut_placeholder(const struct acre__piece *piece, char *start, char *end) {
  if (piece->kind == ACRE_PIECE_PLACEHOLDER && piece->start == start && piece->end == end) return ACRE_OK;
  if (VirtualFree(start, (size_t)(end - start), MEM_RELEASE | PRESERVE_PLACEHOLDER)) return ACRE_OK;
  /* What was reserved and committed in one call has been no placeholder: it goes and comes as a whole. */
  if (piece->start != start || piece->end != end) return ACRE_E_NOT_SUPPORTED;
  if (!VirtualFree(start, 0, MEM_RELEASE)) return acre__windows_error(GetLastError());
  return reserve_at(start, (size_t)(end - start)) == start ? ACRE_OK : ACRE_E_ADDRESS_IN_USE;
}

void acre__pieces_part(char *start, char *end, char *at) {
  if (!acre__windows_has_placeholders()) return;
  AcquireSRWLockExclusive(&space);
  struct acre__piece piece = acre__piece_at(at, end);
  if (piece.start < at && piece.start >= start && piece.end <= end && piece.kind != ACRE_PIECE_FREE &&
      !acre__piece_is_view(&piece))
    (void)cut_placeholder(&piece, at, piece.end);
  ReleaseSRWLockExclusive(&space);
}

/* One piece's part of a release. */
static acre_result release_part(const struct acre__piece *piece, char *start, char *end) {
  if (piece->kind == ACRE_PIECE_FREE) return ACRE_OK;
  if (acre__piece_is_view(piece)) return acre__windows_result(UnmapViewOfFile(piece->start) != 0);
  bool whole = piece->start == start && piece->end == end;
  if (whole) return acre__windows_result(VirtualFree(start, 0, MEM_RELEASE) != 0);
  if (!acre__windows_has_placeholders()) return cut_out(piece, start, end);
  acre_result result = cut_placeholder(piece, start, end);
  return result == ACRE_OK ? acre__windows_result(VirtualFree(start, 0, MEM_RELEASE) != 0) : result;
}

typedef acre_result (*part_function)(const struct acre__piece *piece, char *start, char *end);

/* Calls it for the part of each piece that is in the range. */
static acre_result for_parts(char *start, char *end, part_function function) {
  acre_result result = ACRE_OK;
  for (char *at = start, *next; at < end && result == ACRE_OK; at = next) {
    struct acre__piece piece = acre__piece_at(at, end);
    next = (char *)acre__min((uintptr_t)piece.end, (uintptr_t)end);
    result = function(&piece, at, next);
  }
  return result;
}

static acre_result check_views(const struct acre__piece *piece, char *start, char *end) {
  return acre__piece_is_view(piece) && (piece->start < start || piece->end > end) ? ACRE_E_NOT_SUPPORTED : ACRE_OK;
}

/* What is left of a piece begins at a multiple of 64 KiB, without placeholders: what lies before that would be lost. */
static acre_result check_release(const struct acre__piece *piece, char *start, char *end) {
  acre_result result = check_views(piece, start, end);
  if (result != ACRE_OK || acre__windows_has_placeholders()) return result;
  bool loses = piece->kind != ACRE_PIECE_FREE && end < piece->end && (uintptr_t)end % GRANULARITY != 0;
  return loses ? ACRE_E_NOT_SUPPORTED : check_cut(piece, start, end);
}

acre_result acre__pieces_release(char *start, char *end) {
  AcquireSRWLockExclusive(&space);
  acre_result result = for_parts(start, end, check_release);
  if (result == ACRE_OK) result = for_parts(start, end, release_part);
  ReleaseSRWLockExclusive(&space);
  return result;
}

/* ------------------------------------------------------------- with the lock: views */

static acre_result unmap(const struct acre__piece *view) {
  if (acre__windows_has_placeholders() && ways.unmap(GetCurrentProcess(), view->start, PRESERVE_PLACEHOLDER))
    return ACRE_OK;
  if (!UnmapViewOfFile(view->start)) return acre__windows_error(GetLastError());
  /* With what was lost behind a view that ended within its 64 KiB: nobody else can have it. */
  char *end = view->end;
  if (!acre__windows_has_placeholders()) end = (char *)acre__align_up((uintptr_t)end, GRANULARITY);
  return reserve_at(view->start, (size_t)(end - view->start)) == view->start ? ACRE_OK : ACRE_E_ADDRESS_IN_USE;
}

acre_result acre__pieces_unmap(const struct acre__piece *view) {
  AcquireSRWLockExclusive(&space);
  acre_result result = unmap(view);
  ReleaseSRWLockExclusive(&space);
  return result;
}

/* One piece's part of a range that is to be one placeholder. */
static acre_result part_to_placeholder(const struct acre__piece *piece, char *start, char *end) {
  if (piece->kind == ACRE_PIECE_FREE) return ACRE_E_NOT_A_REGION;
  return acre__piece_is_view(piece) ? unmap(piece) : cut_placeholder(piece, start, end);
}

static acre_result check_placeholder(const struct acre__piece *piece, char *start, char *end) {
  return piece->kind == ACRE_PIECE_FREE ? ACRE_E_NOT_A_REGION : check_views(piece, start, end);
}

/* What the section has of a view of so many bytes: no view may ask for more, though all get whole pages. */
static size_t within(const struct acre__section_part *part, uint64_t offset, size_t size) {
  return (size_t)acre__min((uint64_t)size, part->section_end - offset);
}

static acre_result map_by_placeholder(char *start, char *end, const struct acre__section_part *part) {
  size_t size = (size_t)(end - start);
  acre_result result = for_parts(start, end, check_placeholder);
  if (result == ACRE_OK) result = for_parts(start, end, part_to_placeholder);
  if (result != ACRE_OK) return result;
  if (acre__piece_at(start, end).end < end && !VirtualFree(start, size, MEM_RELEASE | COALESCE_PLACEHOLDERS))
    return acre__windows_error(GetLastError());
  /* The size is the placeholder's, or what the section has of it: which of the two the system wants, it does not say. */
  size_t sizes[] = {within(part, part->offset, size), size};
  for (size_t i = 0; i < 2; i++)
    if (ways.map(part->section, GetCurrentProcess(), start, part->offset, sizes[i], REPLACE_PLACEHOLDER,
                 part->protection, NULL, 0) != NULL)
      return ACRE_OK;
  return acre__windows_error(GetLastError());
}

/* MapViewOfFileEx's words for a page protection. */
static DWORD access_of(DWORD protection) {
  switch (protection) {
    case PAGE_READONLY: return FILE_MAP_READ;
    case PAGE_WRITECOPY: return FILE_MAP_COPY;
    case PAGE_EXECUTE_READ: return FILE_MAP_READ | FILE_MAP_EXECUTE;
    case PAGE_EXECUTE_WRITECOPY: return FILE_MAP_COPY | FILE_MAP_EXECUTE;
    case PAGE_EXECUTE_READWRITE: return FILE_MAP_WRITE | FILE_MAP_EXECUTE;
    default: return FILE_MAP_WRITE;
  }
}

static char *map_at(char *address, size_t size, const struct acre__section_part *part, uint64_t offset) {
  return MapViewOfFileEx(part->section, access_of(part->protection), (DWORD)(offset >> 32), (DWORD)offset,
                         within(part, offset, size), address);
}

static acre_result free_part(const struct acre__piece *piece, char *start, char *end) {
  if (acre__piece_is_view(piece)) return acre__windows_result(UnmapViewOfFile(piece->start) != 0);
  return piece->kind == ACRE_PIECE_FREE ? ACRE_OK : cut_out(piece, start, end);
}

/* [start, end) of a view, and the rest of it. */
static acre_result shut_around(char *first, char *start, char *end, char *last) {
  DWORD before;
  bool done = (first >= start || VirtualProtect(first, (size_t)(start - first), PAGE_NOACCESS, &before)) &&
              (last <= end || VirtualProtect(end, (size_t)(last - end), PAGE_NOACCESS, &before));
  return acre__windows_result(done);
}

/*
 * Where views begin at multiples of 64 KiB, each such unit is mapped as a whole
 * (or as far as the section goes), and the pages that nobody has asked for can't be
 * accessed. Whoever asks for them later finds the view there already.
 */
static acre_result map_units(char *start, char *end, char *room, const struct acre__section_part *part, bool look) {
  size_t lead = (uintptr_t)start % GRANULARITY;
  if ((part->offset - lead) % GRANULARITY != 0 || part->offset < lead) return ACRE_E_NOT_SUPPORTED;
  uint64_t offset = part->offset - lead;
  char *first = start - lead, *last = (char *)acre__align_up((uintptr_t)end, GRANULARITY);
  uint64_t most = acre__align_up(part->section_end - offset, PAGE);
  if ((uint64_t)(last - first) > most) last = first + most;
  last = (char *)acre__min((uintptr_t)last, (uintptr_t)room);
  if (look) { /* nobody has asked for the pages around it, so they must not have any content */
    bool free = is_reserved_alone(first, start) && is_reserved_alone(end, last);
    return free ? for_parts(first, last, check_cut) : ACRE_E_NOT_SUPPORTED;
  }
  acre_result result = for_parts(first, last, free_part);
  if (result != ACRE_OK) return result;
  if (map_at(first, (size_t)(last - first), part, offset) != NULL) return shut_around(first, start, end, last);
  result = acre__windows_error(GetLastError());
  return reserve_again(first, last) ? result : ACRE_E_ADDRESS_IN_USE;
}

/* The end of what is reserved from `at` on. */
static char *end_of_room(char *at) {
  struct acre__piece piece;
  for (;; at = piece.end) {
    piece = acre__piece_at(at, (char *)UINTPTR_MAX);
    if (piece.kind == ACRE_PIECE_FREE || acre__piece_is_view(&piece)) return at;
  }
}

/* Of a view that is partly in the range: its pages can be accessed. */
static acre_result open_view(const struct acre__piece *view, char *start, char *end,
                             const struct acre__section_part *part, bool look) {
  DWORD before;
  bool copies = part->protection == PAGE_WRITECOPY || part->protection == PAGE_EXECUTE_WRITECOPY;
  if (copies != (view->kind == ACRE_PIECE_COPY_VIEW)) return ACRE_E_NOT_SUPPORTED;
  return look ? ACRE_OK
              : acre__windows_result(VirtualProtect(start, (size_t)(end - start), part->protection, &before) != 0);
}

/* With `look` only tells whether it can be done. */
static acre_result map_in_between(char *start, char *end, const struct acre__section_part *part, bool look) {
  struct acre__section_part rest = *part;
  acre_result result = ACRE_OK;
  for (char *at = start; at < end && result == ACRE_OK;) {
    char *unit = (char *)acre__align_down((uintptr_t)at, GRANULARITY), *next;
    struct acre__piece piece = acre__piece_at(unit, end);
    if (acre__piece_is_view(&piece) && piece.start == at && piece.end <= end) {
      next = piece.end; /* it goes as a whole */
      result = map_units(at, next, next, &rest, look);
    } else if (acre__piece_is_view(&piece) && piece.end > at) {
      next = (char *)acre__min((uintptr_t)piece.end, (uintptr_t)end);
      result = open_view(&piece, at, next, &rest, look);
    } else if (acre__piece_is_view(&piece)) {
      return ACRE_E_NOT_SUPPORTED; /* it ends within the unit, where the section ended when it was mapped */
    } else {
      char *room = end_of_room(unit);
      next = (char *)acre__min((uintptr_t)room, (uintptr_t)end);
      result = next > at ? map_units(at, next, room, &rest, look) : ACRE_E_NOT_A_REGION;
    }
    rest.offset += (uint64_t)(next - at);
    at = next;
  }
  return result;
}

static acre_result map_without_placeholder(char *start, char *end, const struct acre__section_part *part) {
  acre_result result = map_in_between(start, end, part, true);
  return result == ACRE_OK ? map_in_between(start, end, part, false) : result;
}

acre_result acre__pieces_map(char *start, char *end, const struct acre__section_part *part) {
  AcquireSRWLockExclusive(&space);
  acre_result result = acre__windows_has_placeholders() ? map_by_placeholder(start, end, part)
                                                        : map_without_placeholder(start, end, part);
  ReleaseSRWLockExclusive(&space);
  return result;
}

/* Where the system takes no such offset but for a placeholder. */
static acre_result map_odd(void *wish, size_t size, const struct acre__section_part *part, void **out) {
  acre_result result = reserve(wish, size, ACRE_OS_ANYWHERE, out);
  if (result != ACRE_OK) return result;
  char *start = *out;
  result = map_by_placeholder(start, start + size, part);
  if (result != ACRE_OK) (void)VirtualFree(start, 0, MEM_RELEASE);
  return result;
}

acre_result acre__pieces_map_anywhere(void *wish, size_t size, const struct acre__section_part *part, void **out) {
  void *got = NULL;
  acre_result result = ACRE_OK;
  if ((uintptr_t)wish % GRANULARITY != 0) wish = NULL;
  AcquireSRWLockShared(&space);
  if (part->offset % GRANULARITY != 0 && acre__windows_has_placeholders()) {
    result = map_odd(wish, size, part, out);
  } else {
    if (wish != NULL) got = map_at(wish, size, part, part->offset);
    if (got == NULL) got = map_at(NULL, size, part, part->offset);
    DWORD error = got == NULL ? GetLastError() : 0;
    if (got != NULL)
      *out = got;
    else
      result = error == ERROR_NOT_ENOUGH_MEMORY ? ACRE_E_NO_ADDRESS_SPACE : acre__windows_error(error);
  }
  ReleaseSRWLockShared(&space);
  return result;
}
