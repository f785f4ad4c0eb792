/* SPDX-License-Identifier: MIT */
/*
 * virtual.c - VirtualAlloc, VirtualFree, VirtualProtect, VirtualQuery,
 * VirtualLock, and their Ex forms on this process.
 *
 * acre/vm.h has Windows's rounding and all-or-nothing rule already, so what is
 * here are flags, the order of checks, and errors. Where Windows's documentation
 * and Windows differ, a comment says so.
 */
#include "win32/virtual.h"

/* ------------------------------------------------------------- protections */

bool acre__protection_from_any(DWORD protect, acre_vm_protection *out) {
  const DWORD modifiers = PAGE_GUARD | PAGE_NOCACHE | PAGE_WRITECOMBINE;
  DWORD more = protect & modifiers;
  unsigned protection;
  switch (protect & ~modifiers) {
    case PAGE_NOACCESS: protection = ACRE_VM_NO_ACCESS; break;
    case PAGE_READONLY: protection = ACRE_VM_READ; break;
    case PAGE_READWRITE:
    case PAGE_WRITECOPY: protection = ACRE_VM_READ_WRITE; break;
    case PAGE_EXECUTE: protection = ACRE_VM_EXECUTE; break;
    case PAGE_EXECUTE_READ: protection = ACRE_VM_EXECUTE_READ; break;
    case PAGE_EXECUTE_READWRITE:
    case PAGE_EXECUTE_WRITECOPY: protection = ACRE_VM_EXECUTE_READ_WRITE; break;
    default: return false;
  }
  if ((more & PAGE_NOCACHE) != 0 && (more & (PAGE_GUARD | PAGE_WRITECOMBINE)) != 0) return false;
  if (more != 0 && protection == ACRE_VM_NO_ACCESS) return false;
  *out = (acre_vm_protection)(protection | ((more & PAGE_GUARD) != 0 ? ACRE_VM_GUARD : 0));
  return true;
}

bool acre__protection_from(DWORD protect, acre_vm_protection *out) {
  return (protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)) == 0 && acre__protection_from_any(protect, out);
}

DWORD acre__protection_to(acre_vm_protection protection) {
  static const DWORD protects[] = {[ACRE_VM_DEFAULT] = PAGE_NOACCESS,
                                   [ACRE_VM_NO_ACCESS] = PAGE_NOACCESS,
                                   [ACRE_VM_READ] = PAGE_READONLY,
                                   [ACRE_VM_READ_WRITE] = PAGE_READWRITE,
                                   [ACRE_VM_EXECUTE] = PAGE_EXECUTE,
                                   [ACRE_VM_EXECUTE_READ] = PAGE_EXECUTE_READ,
                                   [ACRE_VM_EXECUTE_READ_WRITE] = PAGE_EXECUTE_READWRITE};
  return protects[protection & 7] | ((protection & ACRE_VM_GUARD) != 0 ? PAGE_GUARD : 0);
}

/* ------------------------------------------------------------- reserve and commit */

static void *commit(void *address, size_t size, acre_vm_protection protection) {
  acre_result result = acre_vm_commit(address, size, protection);
  if (result == ACRE_E_WRONG_KIND) { /* all of a view is committed: it gets the protection. A placeholder is not */
    result = acre_vm_protect(address, size, protection, NULL);
    if (result != ACRE_OK) return acre__fail_null(ERROR_INVALID_ADDRESS);
  }
  if (result != ACRE_OK) return acre__fail_null(acre__win32_error(result));
  acre_vm_info info;
  return acre_vm_query(address, &info) == ACRE_OK ? info.base : address;
}

/* What MEM_RESET and its undo say is about whole pages inside the range, which may be none. */
static void *reset(void *address, size_t size, bool undo) {
  acre_result result = undo ? acre_vm_undo_reset(address, size) : acre_vm_reset(address, size);
  if (result == ACRE_E_CONTENT_LOST) return acre__fail_null(ERROR_NO_MORE_ITEMS);
  if (result == ACRE_E_WRONG_KIND) return acre__fail_null(ERROR_INVALID_ADDRESS);
  return result == ACRE_OK ? address : acre__fail_null(acre__win32_error(result));
}

static void *reserve(void *address, size_t size, DWORD type, acre_vm_protection protection, size_t alignment,
                     unsigned node) {
  unsigned flags = 0;
  if ((type & MEM_COMMIT) != 0) flags |= ACRE_VM_COMMIT;
  if ((type & MEM_TOP_DOWN) != 0 && address == NULL) flags |= ACRE_VM_TOP_DOWN;
  if ((type & MEM_WRITE_WATCH) != 0) flags |= ACRE_VM_TRACK_WRITES;
  if ((type & MEM_LARGE_PAGES) != 0) flags |= ACRE_VM_LARGE_PAGES;
  if ((type & MEM_RESERVE_PLACEHOLDER) != 0) {
    flags |= ACRE_VM_PLACEHOLDER;
    protection = ACRE_VM_DEFAULT; /* a placeholder has none */
  }
  if ((type & MEM_REPLACE_PLACEHOLDER) != 0) flags |= ACRE_VM_REPLACE;
  void *base;
  acre_result result = acre_vm_reserve(
      size,
      &(acre_vm_options){
          .address = address, .alignment = alignment, .flags = flags, .protection = protection, .node = node},
      &base);
  if (result == ACRE_OK) return base;
  if (result == ACRE_E_INVALID_SIZE && (type & MEM_REPLACE_PLACEHOLDER) != 0)
    result = ACRE_E_NOT_A_REGION; /* not as long */
  return acre__fail_null(acre__win32_error(result));
}

void *acre__virtual_alloc(void *address, size_t size, DWORD type, DWORD protect, size_t alignment, unsigned node) {
  const DWORD actions = MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_RESET_UNDO;
  const DWORD known = actions | MEM_TOP_DOWN | MEM_WRITE_WATCH | MEM_LARGE_PAGES | MEM_PHYSICAL |
                      MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER;
  acre_vm_protection protection;
  if (size == 0 || (type & ~known) != 0 || (type & actions) == 0) return acre__fail_null(ERROR_INVALID_PARAMETER);
  if (!acre__protection_from(protect, &protection)) return acre__fail_null(ERROR_INVALID_PARAMETER);
  uintptr_t highest = acre__figures()->highest_address;
  if ((uintptr_t)address > highest || size > highest - (uintptr_t)address)
    return acre__fail_null(ERROR_INVALID_PARAMETER);
  DWORD resets = type & (MEM_RESET | MEM_RESET_UNDO);
  if (resets != 0)
    return resets == type ? reset(address, size, resets == MEM_RESET_UNDO) : acre__fail_null(ERROR_INVALID_PARAMETER);
  if ((type & MEM_PHYSICAL) != 0)
    return acre__fail_null((type & ~MEM_TOP_DOWN) == (MEM_PHYSICAL | MEM_RESERVE) && protect == PAGE_READWRITE
                               ? ERROR_PRIVILEGE_NOT_HELD
                               : ERROR_INVALID_PARAMETER);
  if ((type & MEM_LARGE_PAGES) != 0 && (type & (MEM_RESERVE | MEM_COMMIT)) != (MEM_RESERVE | MEM_COMMIT))
    return acre__fail_null(ERROR_INVALID_PARAMETER);
  if (address == NULL) type |= MEM_RESERVE; /* a commit of no address reserves as well */
  if ((type & MEM_RESERVE) == 0) {
    if ((type & (MEM_WRITE_WATCH | MEM_RESERVE_PLACEHOLDER)) != 0) return acre__fail_null(ERROR_INVALID_PARAMETER);
    return commit(address, size, protection);
  }
  return reserve(address, size, type, protection, alignment, node);
}

/* Placeholders are for VirtualAlloc2 alone. `node`: counted from 1; 0: none. */
static void *allocate(void *address, size_t size, DWORD type, DWORD protect, unsigned node) {
  if ((type & (MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER)) != 0)
    return acre__fail_null(ERROR_INVALID_PARAMETER);
  return acre__virtual_alloc(address, size, type, protect, 0, node);
}

LPVOID VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protect) {
  return allocate(address, size, type, protect, 0);
}

LPVOID VirtualAllocEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protect) {
  return acre__is_this_process(process) ? allocate(address, size, type, protect, 0) : NULL;
}

LPVOID VirtualAllocExNuma(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protect, DWORD preferred) {
  if (!acre__is_this_process(process)) return NULL;
  return allocate(address, size, type, protect, preferred == (DWORD)-1 ? 0 : preferred + 1);
}

/* ------------------------------------------------------------- decommit and release */

/* Size 0 at a region's base means the region. */
static BOOL decommit(void *address, size_t size) {
  acre_vm_info info;
  if (size == 0) {
    acre_result result = acre_vm_query(address, &info);
    if (result != ACRE_OK) return acre__done(result);
    if (info.kind == ACRE_VM_KIND_NONE || info.region_base != info.base) return acre__fail(ERROR_INVALID_ADDRESS);
    size = info.region_size;
  }
  acre_result result = acre_vm_decommit(address, size);
  if (result == ACRE_E_SPANS_REGIONS) return acre__fail(ERROR_INVALID_PARAMETER); /* STATUS_UNABLE_TO_FREE_VM */
  return acre__done(result);
}

static BOOL release(void *address, size_t size, DWORD type) {
  if ((type & MEM_COALESCE_PLACEHOLDERS) != 0) return acre__done(acre_vm_join(address, size));
  if ((type & MEM_PRESERVE_PLACEHOLDER) != 0) {
    acre_vm_info info;
    acre_result result = acre_vm_query(address, &info);
    if (result != ACRE_OK) return acre__done(result);
    if (info.kind != ACRE_VM_KIND_PLACEHOLDER) return acre__done(acre_vm_release_to_placeholder(address));
    size_t offset = (size_t)((char *)address - (char *)info.region_base);
    if (offset != 0) result = acre_vm_split(info.region_base, offset);
    if (result == ACRE_OK && size < info.region_size - offset) result = acre_vm_split(address, size);
    return acre__done(result == ACRE_E_INVALID_ALIGNMENT ? ACRE_E_INVALID_ARGUMENT : result);
  }
  if (size != 0) return acre__fail(ERROR_INVALID_PARAMETER);
  uintptr_t page = (uintptr_t)address &
                   ~(uintptr_t)(acre__figures()->page_size - 1); /* any address in the region's first page will do */
  return acre__done(acre_vm_release((void *)page));
}

BOOL VirtualFree(LPVOID address, SIZE_T size, DWORD type) {
  const DWORD placeholders = MEM_COALESCE_PLACEHOLDERS | MEM_PRESERVE_PLACEHOLDER;
  if (type == MEM_DECOMMIT) return decommit(address, size);
  if ((type & ~placeholders) == MEM_RELEASE && (type & placeholders) != placeholders)
    return release(address, size, type);
  return acre__fail(ERROR_INVALID_PARAMETER);
}

BOOL VirtualFreeEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type) {
  return acre__is_this_process(process) && VirtualFree(address, size, type);
}

/* ------------------------------------------------------------- protect */

static bool is_copied_on_write(const void *address, acre_vm_info *info) {
  if (acre_vm_query(address, info) != ACRE_OK || info->kind != ACRE_VM_KIND_MAPPED) return false;
  return (acre__view_protect(info->region_base) & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)) != 0;
}

/* A writable page of a view that copies on write has a protection of its own name. */
static DWORD of_copied(DWORD protect) {
  DWORD base = protect & 0xff, more = protect & ~0xffu;
  if (base == PAGE_READWRITE) base = PAGE_WRITECOPY;
  if (base == PAGE_EXECUTE_READWRITE) base = PAGE_EXECUTE_WRITECOPY;
  return base | more;
}

/* Private memory has no copy on write: an error, if the pages have not a worse one. */
static DWORD error_of_copy(const char *address, size_t size) {
  acre_vm_info info;
  const char *end = address + size;
  do {
    if (acre_vm_query(address, &info) != ACRE_OK || info.state != ACRE_VM_COMMITTED) return ERROR_INVALID_ADDRESS;
    address = (const char *)info.base + info.size;
  } while (address < end);
  return ERROR_INVALID_PARAMETER;
}

BOOL VirtualProtect(LPVOID address, SIZE_T size, DWORD protect, PDWORD old) {
  acre_vm_protection protection, before;
  acre_vm_info info;
  if (!acre__protection_from_any(protect, &protection)) return acre__fail(ERROR_INVALID_PARAMETER);
  if (old == NULL) return acre__fail(ERROR_NOACCESS);
  bool copied = is_copied_on_write(address, &info);
  bool wants_copy = (protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)) != 0;
  if (wants_copy && !copied && info.kind != ACRE_VM_KIND_MAPPED) return acre__fail(error_of_copy(address, size));
  acre_result result = acre_vm_protect(address, size, protection, &before);
  if (result != ACRE_OK) return acre__done(result);
  *old = copied ? of_copied(acre__protection_to(before)) : acre__protection_to(before);
  return TRUE;
}

BOOL VirtualProtectEx(HANDLE process, LPVOID address, SIZE_T size, DWORD protect, PDWORD old) {
  return acre__is_this_process(process) && VirtualProtect(address, size, protect, old);
}

/* ------------------------------------------------------------- query */

static DWORD type_of(acre_vm_kind kind) {
  switch (kind) {
    case ACRE_VM_KIND_NONE: return 0;
    case ACRE_VM_KIND_MAPPED: return MEM_MAPPED;
    case ACRE_VM_KIND_IMAGE: return MEM_IMAGE;
    default: return MEM_PRIVATE;
  }
}

SIZE_T VirtualQuery(LPCVOID address, PMEMORY_BASIC_INFORMATION out, SIZE_T length) {
  acre_vm_info info;
  if (length < sizeof *out) {
    SetLastError(ERROR_BAD_LENGTH);
    return 0;
  }
  acre_result result = acre_vm_query(address, &info);
  if (result != ACRE_OK) {
    SetLastError(result == ACRE_E_INVALID_ADDRESS ? ERROR_INVALID_PARAMETER : acre__win32_error(result));
    return 0;
  }
  if (out == NULL) {
    SetLastError(ERROR_NOACCESS);
    return 0;
  }
  *out = (MEMORY_BASIC_INFORMATION){.BaseAddress = info.base, .RegionSize = info.size, .Type = type_of(info.kind)};
  if (info.kind == ACRE_VM_KIND_NONE) {
    out->State = MEM_FREE;
    out->Protect = PAGE_NOACCESS;
    return sizeof *out;
  }
  out->AllocationBase = info.region_base;
  out->AllocationProtect = acre__protection_to(info.region_protection);
  out->State = info.state == ACRE_VM_COMMITTED ? MEM_COMMIT : MEM_RESERVE;
  out->Protect = info.state == ACRE_VM_COMMITTED ? acre__protection_to(info.protection) : 0;
  DWORD mapped = info.kind == ACRE_VM_KIND_MAPPED ? acre__view_protect(info.region_base) : 0;
  if (mapped != 0) out->AllocationProtect = mapped;
  if ((mapped & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)) != 0 && out->Protect != 0)
    out->Protect = of_copied(out->Protect);
  return sizeof *out;
}

SIZE_T VirtualQueryEx(HANDLE process, LPCVOID address, PMEMORY_BASIC_INFORMATION out, SIZE_T length) {
  return acre__is_this_process(process) ? VirtualQuery(address, out, length) : 0;
}

/* ------------------------------------------------------------- lock */

/* Lock counts do not nest, as on Windows. Pages without access cannot be locked. */
BOOL VirtualLock(LPVOID address, SIZE_T size) {
  acre_result result = acre_vm_lock(address, size);
  return result == ACRE_E_ACCESS_DENIED || result == ACRE_E_NOT_COMMITTED ? acre__fail(ERROR_NOACCESS)
                                                                          : acre__done(result);
}

BOOL VirtualUnlock(LPVOID address, SIZE_T size) {
  return acre__done(acre_vm_unlock(address, size));
}
