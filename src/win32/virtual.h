/* SPDX-License-Identifier: MIT */
/*
 * virtual.h - page protections in both languages.
 *
 * Two of Windows's modifiers have no counterpart, as a program cannot set a
 * page's caching on Linux: PAGE_NOCACHE and PAGE_WRITECOMBINE are checked and have no effect.
 */
#ifndef ACRE_WIN32_VIRTUAL_H
#define ACRE_WIN32_VIRTUAL_H

#include "win32/win32.h"

/* False: Windows takes no such protection for private memory. */
bool acre__protection_from(DWORD protect, acre_vm_protection *out);

/* Of views too: the protections that copy on write are those that write. */
bool acre__protection_from_any(DWORD protect, acre_vm_protection *out);

DWORD acre__protection_to(acre_vm_protection protection);

/*
 * With what a view was mapped, as PAGE_...; 0 if no view of the face's begins
 * at this address. Views that copy on write have PAGE_WRITECOPY where Acre says read-write.
 */
DWORD acre__view_protect(const void *base);

/* Reserves (and commits), perhaps for a placeholder, a node, an alignment; NULL with the last error. */
void *acre__virtual_alloc(void *address, size_t size, DWORD type, DWORD protect, size_t alignment, unsigned node);

#endif
