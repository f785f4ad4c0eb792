/* SPDX-License-Identifier: MIT */
/*
 * query.c - what is mapped where on Windows: VirtualQuery.
 *
 * It tells of a run from the page that is asked about, not from its first page
 * on: that is looked for from the start of the allocation, or from where the last answer ended.
 */
#include "win.h"

#include <string.h>

#include <psapi.h>

#include "base/math.h"

static acre_vm_protection protection_of(const MEMORY_BASIC_INFORMATION *info) {
  if (info->State != MEM_COMMIT) return ACRE_VM_NO_ACCESS;
  unsigned guard = (info->Protect & PAGE_GUARD) != 0 ? ACRE_VM_GUARD : 0;
  acre_vm_protection plain = ACRE_VM_NO_ACCESS;
  switch (info->Protect & 0xff) {
    case PAGE_READONLY: plain = ACRE_VM_READ; break;
    case PAGE_READWRITE:
    case PAGE_WRITECOPY: plain = ACRE_VM_READ_WRITE; break;
    case PAGE_EXECUTE: plain = ACRE_VM_EXECUTE; break;
    case PAGE_EXECUTE_READ: plain = ACRE_VM_EXECUTE_READ; break;
    case PAGE_EXECUTE_READWRITE:
    case PAGE_EXECUTE_WRITECOPY: plain = ACRE_VM_EXECUTE_READ_WRITE; break;
    default: break;
  }
  return (acre_vm_protection)((unsigned)plain | guard);
}

/* A heap of the system's begins with what its handle points to. */
static bool is_heap(const void *base) {
  enum { MANY = 64 };
  HANDLE heaps[MANY];
  DWORD count = GetProcessHeaps(MANY, heaps);
  for (DWORD i = 0; i < count && i < MANY; i++)
    if (heaps[i] == base) return true;
  return false;
}

static acre_vm_kind kind_of(const MEMORY_BASIC_INFORMATION *info) {
  ULONG_PTR low, high;
  if (info->Type == MEM_IMAGE) return ACRE_VM_KIND_IMAGE;
  if (info->Type == MEM_MAPPED) return ACRE_VM_KIND_MAPPED;
  GetCurrentThreadStackLimits(&low, &high);
  if ((uintptr_t)info->AllocationBase == low) return ACRE_VM_KIND_STACK;
  return is_heap(info->AllocationBase) ? ACRE_VM_KIND_HEAP : ACRE_VM_KIND_FOREIGN;
}

/* ------------------------------------------------------------- the file behind it */

/* "\Device\HarddiskVolume1\x" is "C:\x" where a letter stands for that device. */
static void to_letter(wchar_t *path) {
  wchar_t drive[] = L"A:", device[MAX_PATH];
  for (; drive[0] <= L'Z'; drive[0]++) {
    if (QueryDosDeviceW(drive, device, MAX_PATH) == 0) continue;
    size_t length = wcslen(device);
    if (_wcsnicmp(path, device, length) != 0 || path[length] != L'\\') continue;
    memmove(path + 2, path + length, (wcslen(path + length) + 1) * sizeof *path);
    path[0] = drive[0];
    path[1] = L':';
    return;
  }
}

static void name_file(struct acre__os_maps *maps, const MEMORY_BASIC_INFORMATION *info, struct acre__os_mapping *out) {
  wchar_t path[1024];
  DWORD length = K32GetMappedFileNameW(GetCurrentProcess(), info->AllocationBase, path, 1024);
  if (length == 0 || length >= 1024) return;
  path[length] = L'\0';
  to_letter(path);
  out->has_file = true;
  out->offset = UINT64_MAX; /* the system does not tell */
  out->name = maps->buffer;
  out->name_length = acre__min(acre__windows_narrow(path, maps->buffer, sizeof maps->buffer), sizeof maps->buffer - 1);
}

/* ------------------------------------------------------------- the reader */

acre_result acre__os_maps_open(struct acre__os_maps *maps) {
  maps->handle = 0;
  maps->last = 0;
  return ACRE_OK;
}

void acre__os_maps_close(struct acre__os_maps *maps) {
  (void)maps;
}

static bool look(const void *address, MEMORY_BASIC_INFORMATION *info) {
  return VirtualQuery(address, info, sizeof *info) == sizeof *info;
}

static uintptr_t end_of(const MEMORY_BASIC_INFORMATION *info) {
  return (uintptr_t)info->BaseAddress + info->RegionSize;
}

/* Whether two neighbouring runs of an allocation are told as one. (Reserved ones have no protection to tell.) */
static bool look_alike(const MEMORY_BASIC_INFORMATION *one, const MEMORY_BASIC_INFORMATION *other) {
  return one->AllocationBase == other->AllocationBase && one->State == other->State && one->Protect == other->Protect;
}

acre_result acre__os_maps_at(struct acre__os_maps *maps, uintptr_t address, struct acre__os_mapping *out) {
  MEMORY_BASIC_INFORMATION info, run;
  for (;; address = end_of(&info)) {
    if (!look((void *)address, &info)) return ACRE_E_NOT_FOUND;
    if (info.State != MEM_FREE) break;
  }
  uintptr_t start = (uintptr_t)info.AllocationBase;
  if (maps->last > start && maps->last <= (uintptr_t)info.BaseAddress) start = maps->last;
  for (uintptr_t at = start; at < (uintptr_t)info.BaseAddress; at = end_of(&run)) {
    if (!look((void *)at, &run)) return ACRE_E_NOT_FOUND;
    if (!look_alike(&run, &info)) start = end_of(&run);
  }
  *out = (struct acre__os_mapping){.start = start,
                                   .end = end_of(&info),
                                   .protection = protection_of(&info),
                                   .kind = kind_of(&info),
                                   .shared = info.Type == MEM_MAPPED && info.AllocationProtect != PAGE_WRITECOPY &&
                                             info.AllocationProtect != PAGE_EXECUTE_WRITECOPY};
  if (info.Type != MEM_PRIVATE) name_file(maps, &info, out);
  maps->last = out->end;
  return ACRE_OK;
}

size_t acre__os_mapping_count(void) {
  MEMORY_BASIC_INFORMATION info;
  size_t count = 0;
  for (uintptr_t at = 0; look((void *)at, &info); at = end_of(&info)) count += info.State != MEM_FREE;
  return count;
}
