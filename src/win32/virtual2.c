/* SPDX-License-Identifier: MIT */
/* virtual2.c - the later functions for private memory: write watch, VirtualAlloc2, offer and reclaim, prefetch; AWE, which is refused. */
#include <stdlib.h>

#include "win32/virtual.h"

/* ------------------------------------------------------------- write watch */

UINT GetWriteWatch(DWORD flags, PVOID base, SIZE_T size, PVOID *addresses, ULONG_PTR *count, PULONG granularity) {
  const UINT failed = (UINT)~0u;
  if (count == NULL || granularity == NULL) {
    SetLastError(ERROR_NOACCESS);
    return failed;
  }
  if ((flags & ~(DWORD)WRITE_WATCH_FLAG_RESET) != 0 || *count == 0 || addresses == NULL || size == 0) {
    SetLastError(ERROR_INVALID_PARAMETER);
    return failed;
  }
  size_t room = *count;
  acre_result result = acre_vm_written_pages(
      base, size, (flags & WRITE_WATCH_FLAG_RESET) != 0 ? ACRE_VM_WRITTEN_RESET : 0, addresses, &room);
  if (result != ACRE_OK && result != ACRE_E_MORE) {
    SetLastError(ERROR_INVALID_PARAMETER);
    return failed;
  }
  *count = room;
  *granularity = (ULONG)acre__figures()->page_size;
  return 0;
}

UINT ResetWriteWatch(LPVOID base, SIZE_T size) {
  if (size != 0 && acre_vm_reset_written(base, size) == ACRE_OK) return 0;
  SetLastError(ERROR_INVALID_PARAMETER);
  return (UINT)~0u;
}

/* ------------------------------------------------------------- VirtualAlloc2 */

struct wishes {
  size_t alignment;
  unsigned node;
  MEM_ADDRESS_REQUIREMENTS bounds;
  bool has_bounds;
};

static bool read_parameters(const MEM_EXTENDED_PARAMETER *parameters, ULONG count, struct wishes *out) {
  const struct acre__figures *system = acre__figures();
  *out = (struct wishes){0};
  if (count != 0 && parameters == NULL) return false;
  for (ULONG i = 0; i < count; i++) {
    switch ((int)parameters[i].Type) {
      case MemExtendedParameterAddressRequirements: {
        const MEM_ADDRESS_REQUIREMENTS *wanted = parameters[i].Pointer;
        if (out->has_bounds || wanted == NULL) return false;
        size_t alignment = wanted->Alignment, low = (size_t)wanted->LowestStartingAddress;
        size_t high = (size_t)wanted->HighestEndingAddress;
        if ((alignment & (alignment - 1)) != 0 || (alignment != 0 && alignment < system->granularity)) return false;
        if (low % system->granularity != 0) return false;
        if (high != 0 && ((high + 1) % system->page_size != 0 || high <= low || high > system->highest_address))
          return false;
        out->alignment = alignment;
        out->bounds = *wanted;
        out->has_bounds = true;
        break;
      }
      case MemExtendedParameterNumaNode: out->node = parameters[i].ULong + 1; break;
      case MemExtendedParameterAttributeFlags:
        if (parameters[i].ULong64 != 0) return false;
        break;
      default: return false;
    }
  }
  return true;
}

/* A place for `size` bytes within bounds: what is free there is looked for, and tried until it can be had. */
struct search {
  const struct wishes *wishes;
  size_t size;
  DWORD type, protect;
  void *found;
};

static bool try_free(const acre_vm_info *info, void *context) {
  struct search *search = context;
  const MEM_ADDRESS_REQUIREMENTS *bounds = &search->wishes->bounds;
  if (info->kind != ACRE_VM_KIND_NONE) return true;
  uintptr_t unit = search->wishes->alignment != 0 ? search->wishes->alignment : acre__figures()->granularity;
  uintptr_t low = (uintptr_t)info->base, end = low + info->size;
  uintptr_t most = bounds->HighestEndingAddress != NULL ? (uintptr_t)bounds->HighestEndingAddress + 1 : UINTPTR_MAX;
  if (low < (uintptr_t)bounds->LowestStartingAddress) low = (uintptr_t)bounds->LowestStartingAddress;
  if (end > most) end = most;
  low = (low + unit - 1) & ~(unit - 1);
  if (low == 0) low = unit;
  if (low >= end || end - low < search->size) return true;
  if ((search->type & MEM_TOP_DOWN) != 0) low = (end - search->size) & ~(unit - 1);
  search->found = acre__virtual_alloc((void *)low, search->size, search->type, search->protect,
                                      search->wishes->alignment, search->wishes->node);
  return search->found == NULL;
}

PVOID VirtualAlloc2(HANDLE process, PVOID base, SIZE_T size, ULONG type, ULONG protect,
                    MEM_EXTENDED_PARAMETER *parameters, ULONG count) {
  struct wishes wishes;
  if (process != NULL && !acre__is_this_process(process)) return NULL;
  if (!read_parameters(parameters, count, &wishes)) return acre__fail_null(ERROR_INVALID_PARAMETER);
  if (base != NULL && wishes.has_bounds) return acre__fail_null(ERROR_INVALID_PARAMETER);
  if ((type & MEM_RESERVE_PLACEHOLDER) != 0 &&
      (protect != PAGE_NOACCESS || (type & ~(ULONG)MEM_TOP_DOWN) != (MEM_RESERVE | MEM_RESERVE_PLACEHOLDER)))
    return acre__fail_null(ERROR_INVALID_PARAMETER);
  bool bounded = wishes.bounds.LowestStartingAddress != NULL || wishes.bounds.HighestEndingAddress != NULL;
  if (!bounded || (type & MEM_RESERVE) == 0)
    return acre__virtual_alloc(base, size, type, protect, wishes.alignment, wishes.node);
  size_t page = acre__figures()->page_size;
  struct search search = {&wishes, (size + page - 1) & ~(page - 1), type, protect, NULL};
  SetLastError(ERROR_NOT_ENOUGH_MEMORY);
  (void)acre_vm_walk(try_free, &search);
  return search.found;
}

/* ------------------------------------------------------------- offer, reclaim, discard, prefetch */

static bool is_whole_pages(const void *address, size_t size) {
  return size != 0 && ((uintptr_t)address | size) % acre__figures()->page_size == 0;
}

static DWORD status_of(const void *address, size_t size, acre_result result) {
  if (!is_whole_pages(address, size)) return ERROR_INVALID_PARAMETER;
  return acre__win32_error(result);
}

DWORD OfferVirtualMemory(PVOID address, SIZE_T size, OFFER_PRIORITY priority) {
  if (priority < VmOfferPriorityVeryLow || priority > VmOfferPriorityNormal) return ERROR_INVALID_PARAMETER;
  return status_of(address, size, is_whole_pages(address, size) ? acre_vm_offer(address, size) : ACRE_OK);
}

/* ERROR_BUSY: the content is gone. */
DWORD ReclaimVirtualMemory(void const *address, SIZE_T size) {
  acre_result result = is_whole_pages(address, size) ? acre_vm_reclaim((void *)(uintptr_t)address, size) : ACRE_OK;
  return result == ACRE_E_CONTENT_LOST ? ERROR_BUSY : status_of(address, size, result);
}

DWORD DiscardVirtualMemory(PVOID address, SIZE_T size) {
  return status_of(address, size, is_whole_pages(address, size) ? acre_vm_discard(address, size) : ACRE_OK);
}

BOOL PrefetchVirtualMemory(HANDLE process, ULONG_PTR count, PWIN32_MEMORY_RANGE_ENTRY ranges, ULONG flags) {
  if (!acre__is_this_process(process)) return FALSE;
  if (count == 0 || ranges == NULL || flags != 0) return acre__fail(ERROR_INVALID_PARAMETER);
  for (ULONG_PTR i = 0; i < count; i++)
    (void)acre_vm_prefetch(ranges[i].VirtualAddress,
                           ranges[i].NumberOfBytes); /* a hint: what cannot be is passed over */
  return TRUE;
}

/* ------------------------------------------------------------- AWE */

/* Windows's parameters, none of which is written. NOLINTBEGIN(readability-non-const-parameter) */
BOOL AllocateUserPhysicalPages(HANDLE process, PULONG_PTR count, PULONG_PTR pages) {
  (void)process, (void)count, (void)pages;
  return acre__fail(ERROR_PRIVILEGE_NOT_HELD);
}

BOOL FreeUserPhysicalPages(HANDLE process, PULONG_PTR count, PULONG_PTR pages) {
  (void)process, (void)count, (void)pages;
  return acre__fail(ERROR_PRIVILEGE_NOT_HELD);
}

BOOL MapUserPhysicalPages(PVOID address, ULONG_PTR count, PULONG_PTR pages) {
  (void)address, (void)count, (void)pages;
  return acre__fail(ERROR_PRIVILEGE_NOT_HELD);
}

/* NOLINTEND(readability-non-const-parameter) */
