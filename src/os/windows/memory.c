/* SPDX-License-Identifier: MIT */
/*
 * memory.c - reserve, commit, protect, advise on Windows, which has these by name.
 *
 *   reserved    MEM_RESERVE: a placeholder until a page of it is committed (pieces.c)
 *   committed   MEM_COMMIT: charged at once, scattered pages cost no mapping each
 *   hidden      not there; nobody needs it, as any page can be decommitted
 *
 * A call is tried on the range as a whole first, which is one piece nearly
 * always. Where it is not, the system has refused it, and it is done piece by piece.
 */
#include "win.h"

#include <stdatomic.h>

#include "base/compiler.h"
#include "base/math.h"

DWORD acre__windows_protection(acre_vm_protection protection, bool copy_on_write) {
  switch (protection) {
    case ACRE_VM_NO_ACCESS: return PAGE_NOACCESS;
    case ACRE_VM_READ: return PAGE_READONLY;
    case ACRE_VM_EXECUTE: return PAGE_EXECUTE;
    case ACRE_VM_EXECUTE_READ: return PAGE_EXECUTE_READ;
    case ACRE_VM_EXECUTE_READ_WRITE: return copy_on_write ? PAGE_EXECUTE_WRITECOPY : PAGE_EXECUTE_READWRITE;
    case ACRE_VM_GUARD: /* which is nobody's by itself */
    case ACRE_VM_DEFAULT:
    case ACRE_VM_READ_WRITE: break;
  }
  return copy_on_write ? PAGE_WRITECOPY : PAGE_READWRITE;
}

/* The part [*at, returned end) of a range that lies in one piece. */
static char *part_of(char *at, char *end, struct acre__piece *piece) {
  *piece = acre__piece_at(at, end);
  return (char *)acre__min((uintptr_t)piece->end, (uintptr_t)end);
}

/* ------------------------------------------------------------- reserve and release */

acre_result acre__os_reserve(void *wish, size_t size, enum acre__os_place place, void **out) {
  return acre__pieces_reserve(wish, size, place, out);
}

acre_result acre__os_reserve_committed(void *wish, size_t size, acre_vm_protection protection, void **out) {
  DWORD page_protection = acre__windows_protection(protection, false);
  void *got = NULL;
  if (page_protection == PAGE_NOACCESS) return ACRE_E_NOT_SUPPORTED; /* would be taken for a placeholder */
  acre__pieces_keep();
  if (wish != NULL) got = VirtualAlloc(wish, size, MEM_RESERVE | MEM_COMMIT, page_protection);
  if (got != NULL && got != wish) { /* rounded down */
    VirtualFree(got, 0, MEM_RELEASE);
    got = NULL;
  }
  if (got == NULL) got = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, page_protection);
  DWORD error = got == NULL ? GetLastError() : ERROR_SUCCESS;
  acre__pieces_let_go();
  if (got == NULL) return acre__windows_error(error);
  *out = got;
  return ACRE_OK;
}

acre_result acre__os_release(void *address, size_t size) {
  return acre__pieces_release(address, (char *)address + size);
}

void acre__os_part_at(void *address, size_t size, void *at) {
  acre__pieces_part(address, (char *)address + size, at);
}

/* ------------------------------------------------------------- commit and protect */

/* Pages of a view that can't be accessed would show the file, and not zeros. */
static bool are_accessible(char *start, char *end) {
  MEMORY_BASIC_INFORMATION info;
  for (char *at = start; at < end; at = (char *)info.BaseAddress + info.RegionSize)
    if (VirtualQuery(at, &info, sizeof info) != sizeof info || info.Protect == PAGE_NOACCESS) return false;
  return true;
}

/* One piece's part of a commit or a change of protection. */
static acre_result give_access(const struct acre__piece *piece, char *start, char *end, acre_vm_protection protection,
                               bool commit) {
  size_t size = (size_t)(end - start);
  DWORD before, wanted = acre__windows_protection(protection, piece->kind == ACRE_PIECE_COPY_VIEW);
  bool done;
  if (piece->kind == ACRE_PIECE_FREE) return ACRE_E_NOT_A_REGION;
  if (commit && acre__piece_is_view(piece) && !are_accessible(start, end)) return ACRE_E_NOT_SUPPORTED;
  if (commit && !acre__piece_is_view(piece))
    done = VirtualAlloc(start, size, MEM_COMMIT, wanted) != NULL;
  else
    done = VirtualProtect(start, size, wanted, &before) != 0;
  return done ? ACRE_OK : acre__windows_error(GetLastError());
}

static ACRE_COLD acre_result give_access_by_pieces(char *start, char *end, acre_vm_protection protection, bool commit) {
  acre_result result = commit && acre__windows_has_placeholders() ? acre__pieces_make_private(start, end) : ACRE_OK;
  struct acre__piece piece;
  for (char *at = start, *next; at < end && result == ACRE_OK; at = next) {
    next = part_of(at, end, &piece);
    result = give_access(&piece, at, next, protection, commit);
  }
  return result;
}

static acre_result commit(void *address, size_t size, acre_vm_protection protection) {
  if (VirtualAlloc(address, size, MEM_COMMIT, acre__windows_protection(protection, false)) != NULL) return ACRE_OK;
  DWORD error = GetLastError();
  if (error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_COMMITMENT_LIMIT) return acre__windows_error(error);
  return give_access_by_pieces(address, (char *)address + size, protection, true);
}

/* Without placeholders, a reservation of which another thread takes a part is free for a moment, and must have no content. */
acre_result acre__os_commit(void *address, size_t size, acre_vm_protection protection) {
  if (acre__windows_has_placeholders()) return commit(address, size, protection);
  acre__pieces_keep();
  acre_result result = commit(address, size, protection);
  acre__pieces_let_go();
  return result;
}

static bool writes(acre_vm_protection protection) {
  return protection == ACRE_VM_READ_WRITE || protection == ACRE_VM_EXECUTE_READ_WRITE;
}

acre_result acre__os_protect(void *address, size_t size, acre_vm_protection protection) {
  DWORD before;
  /* Whether a store copies is the view's matter, so with one that may be asked first. */
  if (!writes(protection) && VirtualProtect(address, size, acre__windows_protection(protection, false), &before))
    return ACRE_OK;
  return give_access_by_pieces(address, (char *)address + size, protection, false);
}

/*
 * A view of which only a part goes: its pages can't be accessed, as if they were reserved; and when no page of the view
 * can, it goes as a whole.
 */
static acre_result shut_part(const struct acre__piece *view, char *start, char *end) {
  MEMORY_BASIC_INFORMATION info;
  DWORD before;
  if (!VirtualProtect(start, (size_t)(end - start), PAGE_NOACCESS, &before)) return acre__windows_error(GetLastError());
  struct acre__piece whole = acre__piece_at(view->start, (char *)UINTPTR_MAX);
  if (VirtualQuery(whole.start, &info, sizeof info) != sizeof info || info.Protect != PAGE_NOACCESS ||
      (char *)info.BaseAddress + info.RegionSize < whole.end)
    return ACRE_OK;
  return acre__pieces_unmap(&whole);
}

static acre_result take_private(char *start, char *end) {
  acre__pieces_keep();
  bool done = VirtualFree(start, (size_t)(end - start), MEM_DECOMMIT) != 0;
  DWORD error = done ? ERROR_SUCCESS : GetLastError();
  acre__pieces_let_go();
  return acre__windows_error(error);
}

/* One piece's part of a decommit. */
static acre_result take_pages(const struct acre__piece *piece, char *start, char *end) {
  switch (piece->kind) {
    case ACRE_PIECE_FREE: /* behind a view's last page, up to where the next piece may begin */
    case ACRE_PIECE_PLACEHOLDER: return ACRE_OK;
    case ACRE_PIECE_PRIVATE: return take_private(start, end);
    case ACRE_PIECE_VIEW:
    case ACRE_PIECE_COPY_VIEW:
      if (piece->start == start && piece->end == end) return acre__pieces_unmap(piece);
      if (piece->kind == ACRE_PIECE_COPY_VIEW) return ACRE_E_NOT_SUPPORTED; /* what it has copied would stay */
      return shut_part(piece, start, end);
  }
  return ACRE_E_UNEXPECTED;
}

acre_result acre__os_decommit(void *address, size_t size) {
  char *end = (char *)address + size;
  acre_result result = ACRE_OK;
  struct acre__piece piece;
  for (char *at = address, *next; at < end && result == ACRE_OK; at = next) {
    next = part_of(at, end, &piece);
    result = take_pages(&piece, at, next);
  }
  return result;
}

/* ------------------------------------------------------------- hide and discard */

acre_result acre__os_hide(void *address, size_t size) {
  (void)address, (void)size;
  return ACRE_E_NOT_SUPPORTED;
}

acre_result acre__os_reveal(void *address, size_t size) {
  (void)address, (void)size;
  return ACRE_E_NOT_SUPPORTED;
}

size_t acre__os_hide_each(const struct acre__os_range *ranges, size_t count) {
  (void)ranges, (void)count;
  return 0;
}

size_t acre__os_reveal_each(const struct acre__os_range *ranges, size_t count) {
  (void)ranges, (void)count;
  return 0;
}

/* Committed pages with one protection: what of [at, end) is like its first page. */
static bool run_at(char *at, char *end, MEMORY_BASIC_INFORMATION *info, char **next) {
  if (VirtualQuery(at, info, sizeof *info) != sizeof *info) return false;
  *next = (char *)acre__min((uintptr_t)info->BaseAddress + info->RegionSize, (uintptr_t)end);
  return true;
}

acre_result acre__os_discard(void *address, size_t size) {
  char *end = (char *)address + size;
  MEMORY_BASIC_INFORMATION info;
  for (char *at = address, *next; at < end; at = next) {
    if (!run_at(at, end, &info, &next)) return ACRE_E_INVALID_ADDRESS;
    if (info.State != MEM_COMMIT) continue;
    size_t part = (size_t)(next - at);
    if (!VirtualFree(at, part, MEM_DECOMMIT) || VirtualAlloc(at, part, MEM_COMMIT, info.Protect) == NULL)
      return acre__windows_error(GetLastError());
  }
  return ACRE_OK;
}

/* ------------------------------------------------------------- populate */

static bool allows(DWORD protection, bool for_writing) {
  switch (protection & 0xff) {
    case PAGE_READWRITE:
    case PAGE_WRITECOPY:
    case PAGE_EXECUTE_READWRITE:
    case PAGE_EXECUTE_WRITECOPY: return (protection & PAGE_GUARD) == 0;
    case PAGE_READONLY:
    case PAGE_EXECUTE_READ: return !for_writing && (protection & PAGE_GUARD) == 0;
    default: return false;
  }
}

static acre_result check_access(char *start, char *end, bool for_writing) {
  MEMORY_BASIC_INFORMATION info;
  for (char *at = start, *next; at < end; at = next)
    if (!run_at(at, end, &info, &next) || info.State != MEM_COMMIT || !allows(info.Protect, for_writing))
      return ACRE_E_ACCESS_DENIED;
  return ACRE_OK;
}

/* Reads by the system's own access, which turns what would be an exception into an error. */
static bool can_be_had(const char *page) {
  char byte;
  SIZE_T got = 0;
  return ReadProcessMemory(GetCurrentProcess(), page, &byte, 1, &got) && got == 1;
}

acre_result acre__os_populate(void *address, size_t size, bool for_writing) {
  enum { PAGE = 4096 };
  char *end = (char *)address + size;
  acre_result result = check_access(address, end, for_writing);
  if (result != ACRE_OK) return result;
  MEMORY_BASIC_INFORMATION info;
  for (char *at = address, *next; at < end; at = next) {
    if (!run_at(at, end, &info, &next)) return ACRE_E_INVALID_ADDRESS;
    for (char *page = at; page < next; page += PAGE) {
      if (info.Type != MEM_PRIVATE && !can_be_had(page)) return ACRE_E_IO;
      if (for_writing)
        (void)__atomic_fetch_or(page, 0, __ATOMIC_RELAXED);
      else
        (void)*(volatile char *)page;
    }
  }
  return ACRE_OK;
}

void acre__os_prefetch(void *address, size_t size) {
  WIN32_MEMORY_RANGE_ENTRY range = {address, size};
  (void)PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0);
}

/* ------------------------------------------------------------- lock, reset */

acre_result acre__os_lock(void *address, size_t size) {
  acre_result result = check_access(address, (char *)address + size, false);
  if (result != ACRE_OK) return result;
  return VirtualLock(address, size) ? ACRE_OK : acre__windows_error(GetLastError());
}

acre_result acre__os_unlock(void *address, size_t size) {
  if (VirtualUnlock(address, size) || GetLastError() == ERROR_NOT_LOCKED) return ACRE_OK;
  return acre__windows_error(GetLastError());
}

/* MEM_RESET without a way back would leave it open for ever whether the content counts. */
static bool can_undo_reset(void) {
  static atomic_int known; /* 0: not yet; 1: no; 2: yes */
  int answer = atomic_load_explicit(&known, memory_order_relaxed);
  if (answer != 0) return answer == 2;
  char *page = VirtualAlloc(NULL, 1, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  bool works = page != NULL && VirtualAlloc(page, 1, MEM_RESET, PAGE_NOACCESS) != NULL &&
               (VirtualAlloc(page, 1, MEM_RESET_UNDO, PAGE_NOACCESS) != NULL ||
                GetLastError() != ERROR_INVALID_PARAMETER);
  if (page != NULL) VirtualFree(page, 0, MEM_RELEASE);
  atomic_store_explicit(&known, works ? 2 : 1, memory_order_relaxed);
  return works;
}

acre_result acre__os_reset(void *address, size_t size) {
  if (!can_undo_reset()) return ACRE_OK; /* the content goes on counting, which it may */
  return VirtualAlloc(address, size, MEM_RESET, PAGE_NOACCESS) != NULL ? ACRE_OK : acre__windows_error(GetLastError());
}

acre_result acre__os_undo_reset(void *address, size_t size) {
  if (!can_undo_reset() || VirtualAlloc(address, size, MEM_RESET_UNDO, PAGE_NOACCESS) != NULL) return ACRE_OK;
  return ACRE_E_CONTENT_LOST;
}

/* ------------------------------------------------------------- what is so anyway */

acre_result acre__os_read_singly(void *address, size_t size) {
  (void)address, (void)size;
  return ACRE_OK;
}

acre_result acre__os_keep_from_children(void *address, size_t size) {
  (void)address, (void)size; /* a process begins with nothing of its parent's memory */
  return ACRE_OK;
}
