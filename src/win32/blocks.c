/* SPDX-License-Identifier: MIT */
/*
 * blocks.c - LocalAlloc and GlobalAlloc: blocks of the process heap, fixed or by handle.
 *
 *   fixed      handle = the block
 *   moveable   handle = entry + 8 --> entry [ block | locks | flags ]
 *                                              |
 *              GlobalLock's pointer = block + 16, where  block [ entry | mark | the program's bytes ... ]
 *
 * Blocks start on multiples of 16, so a handle that is 8 more is of an entry
 * (Windows's own handles look so). The two families differ in three errors alone.
 */
#include <stdlib.h>

#include "win32/heaps.h"
#include "win32/locks.h"

enum { HEAD = 16, MOST_LOCKS = 255 };
static const uintptr_t MARK = (uintptr_t)0x6d6f766561626c65; /* "moveable" */

struct entry {
  char *block; /* NULL: discarded */
  uintptr_t mark;
  struct entry *next; /* of the free ones */
  unsigned locks;
  bool discardable, shared, used;
};

enum { ENTRIES = 64 };
struct entries {
  struct entries *next;
  _Alignas(16) struct entry entries[ENTRIES];
};

static struct entries *all;
static struct entry *free_entries;

/* ------------------------------------------------------------- entries, with the lock */

static void add_entries(struct entries *more) {
  more->next = all;
  all = more;
  for (int i = 0; i < ENTRIES; i++) {
    more->entries[i].next = free_entries;
    free_entries = &more->entries[i];
  }
}

static void end_entry(struct entry *entry) {
  *entry = (struct entry){.next = free_entries};
  free_entries = entry;
}

static HANDLE handle_of(struct entry *entry) {
  return (char *)entry + 8;
}

/* NULL: it is no handle of a moveable block. */
static struct entry *entry_of(HANDLE handle) {
  uintptr_t address = (uintptr_t)handle;
  if (address % 16 != 8) return NULL;
  for (struct entries *some = all; some != NULL; some = some->next) {
    uintptr_t first = (uintptr_t)some->entries, at = address - 8 - first;
    if (address - 8 < first || at >= sizeof some->entries || at % sizeof(struct entry) != 0) continue;
    struct entry *entry = &some->entries[at / sizeof(struct entry)];
    return entry->used ? entry : NULL;
  }
  return NULL;
}

/* ------------------------------------------------------------- entries and blocks, without the lock */

static struct entry *new_entry(void) {
  for (;;) {
    acre__take(ACRE_LOCK_BLOCKS);
    struct entry *entry = free_entries;
    if (entry != NULL) {
      free_entries = entry->next;
      *entry = (struct entry){.mark = MARK, .used = true};
    }
    acre__give(ACRE_LOCK_BLOCKS);
    if (entry != NULL) return entry;
    struct entries *more = aligned_alloc(16, sizeof *more);
    if (more == NULL) return NULL;
    memset(more, 0, sizeof *more);
    acre__take(ACRE_LOCK_BLOCKS);
    add_entries(more);
    acre__give(ACRE_LOCK_BLOCKS);
  }
}

static bool is_fixed(HANDLE handle) {
  return handle != NULL && (uintptr_t)handle % 16 == 0 && acre_heap_of(handle) == acre_process_heap();
}

/* A block for the entry; NULL: no memory. */
static char *new_block(struct entry *entry, size_t size, bool zero) {
  char *block = size <= SIZE_MAX - HEAD ? HeapAlloc(GetProcessHeap(), zero ? HEAP_ZERO_MEMORY : 0, size + HEAD) : NULL;
  if (block != NULL) memcpy(block, (uintptr_t[2]){(uintptr_t)entry, MARK}, HEAD);
  return block;
}

/* The handle of the entry that has these bytes; NULL: there is none. */
static HANDLE handle_at(const void *pointer) {
  const char *block = (const char *)pointer - HEAD;
  uintptr_t head[2];
  if (pointer == NULL || (uintptr_t)pointer % 16 != 0 || acre_heap_of(block) != acre_process_heap()) return NULL;
  memcpy(head, block, HEAD);
  if (head[1] != MARK) return NULL;
  acre__take(ACRE_LOCK_BLOCKS);
  const struct entry *entry = entry_of((HANDLE)(head[0] + 8));
  bool found = entry != NULL && entry->block == block;
  acre__give(ACRE_LOCK_BLOCKS);
  return found ? (HANDLE)(head[0] + 8) : NULL;
}

/* ------------------------------------------------------------- what both families do */

static HANDLE allocate(UINT flags, SIZE_T size) {
  bool zero = (flags & LMEM_ZEROINIT) != 0;
  if ((flags & LMEM_MOVEABLE) == 0) return HeapAlloc(GetProcessHeap(), zero ? HEAP_ZERO_MEMORY : 0, size);
  struct entry *entry = new_entry();
  char *block = entry != NULL && size != 0 ? new_block(entry, size, zero) : NULL;
  bool good = entry != NULL && (size == 0 || block != NULL);
  acre__take(ACRE_LOCK_BLOCKS);
  if (good) {
    entry->block = block;
    entry->discardable = (flags & LMEM_DISCARDABLE) != 0;
    entry->shared = (flags & GMEM_SHARE) != 0;
  } else if (entry != NULL) {
    end_entry(entry);
  }
  acre__give(ACRE_LOCK_BLOCKS);
  return good ? handle_of(entry) : acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
}

static HANDLE reallocate_fixed(HANDLE memory, SIZE_T size, UINT flags) {
  if ((flags & LMEM_MODIFY) != 0) return memory;
  DWORD how = (flags & LMEM_ZEROINIT) != 0 ? HEAP_ZERO_MEMORY : 0;
  if ((flags & LMEM_MOVEABLE) == 0) how |= HEAP_REALLOC_IN_PLACE_ONLY;
  return HeapReAlloc(GetProcessHeap(), how, memory, size);
}

/* The block that takes the place of `block` (NULL: the entry has none). A locked one must not move, unless it is said to. */
static char *resize(struct entry *entry, char *block, bool locked, SIZE_T size, UINT flags) {
  if (block == NULL) return new_block(entry, size, (flags & LMEM_ZEROINIT) != 0);
  DWORD how = (flags & LMEM_ZEROINIT) != 0 ? HEAP_ZERO_MEMORY : 0;
  if (locked && (flags & LMEM_MOVEABLE) == 0) how |= HEAP_REALLOC_IN_PLACE_ONLY;
  return size <= SIZE_MAX - HEAD ? HeapReAlloc(GetProcessHeap(), how, block, size + HEAD) : NULL;
}

static HANDLE reallocate(HANDLE memory, SIZE_T size, UINT flags) {
  if (is_fixed(memory)) return reallocate_fixed(memory, size, flags);
  acre__take(ACRE_LOCK_BLOCKS);
  struct entry *entry = entry_of(memory);
  char *block = entry != NULL ? entry->block : NULL, *ended = NULL;
  bool locked = entry != NULL && entry->locks > 0, modifies = (flags & LMEM_MODIFY) != 0;
  bool discards = !modifies && size == 0, refused = discards && locked && (flags & LMEM_MOVEABLE) == 0;
  if (entry != NULL && modifies && (flags & LMEM_DISCARDABLE) != 0) entry->discardable = true;
  if (entry != NULL && discards && !refused) {
    ended = entry->block;
    entry->block = NULL;
    entry->locks = 0;
  }
  acre__give(ACRE_LOCK_BLOCKS);
  if (entry == NULL) return acre__fail_null(ERROR_INVALID_HANDLE);
  if (refused) return acre__fail_null(ERROR_INVALID_PARAMETER);
  if (discards) HeapFree(GetProcessHeap(), 0, ended);
  if (modifies || discards) return memory;
  char *moved = resize(entry, block, locked, size, flags);
  if (moved == NULL) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  acre__take(ACRE_LOCK_BLOCKS);
  entry->block = moved;
  acre__give(ACRE_LOCK_BLOCKS);
  return memory;
}

static LPVOID lock_block(HANDLE memory) {
  if (memory == NULL || is_fixed(memory)) return memory; /* nothing is set for NULL */
  DWORD error = ERROR_SUCCESS;
  char *bytes = NULL;
  acre__take(ACRE_LOCK_BLOCKS);
  struct entry *entry = entry_of(memory);
  if (entry == NULL) {
    error = ERROR_INVALID_HANDLE;
  } else if (entry->block == NULL) {
    error = ERROR_DISCARDED;
  } else {
    if (entry->locks < MOST_LOCKS) entry->locks++;
    bytes = entry->block + HEAD;
  }
  acre__give(ACRE_LOCK_BLOCKS);
  return error == ERROR_SUCCESS ? bytes : acre__fail_null(error);
}

/* TRUE: it is still locked. FALSE and NO_ERROR: it is not any more. `of_fixed`: what is said of a fixed block. */
static BOOL unlock_block(HANDLE memory, BOOL of_fixed) {
  DWORD error = NO_ERROR;
  BOOL locked = FALSE;
  if (is_fixed(memory)) return of_fixed ? TRUE : acre__fail(ERROR_NOT_LOCKED);
  acre__take(ACRE_LOCK_BLOCKS);
  struct entry *entry = entry_of(memory);
  if (entry == NULL)
    error = ERROR_INVALID_HANDLE;
  else if (entry->locks == 0)
    error = ERROR_NOT_LOCKED;
  else
    locked = --entry->locks > 0;
  acre__give(ACRE_LOCK_BLOCKS);
  return locked ? TRUE : acre__fail(error);
}

static HANDLE handle_around(LPCVOID pointer) {
  if (pointer == NULL) return acre__fail_null(ERROR_INVALID_PARAMETER);
  HANDLE handle = handle_at(pointer), same = (HANDLE)(uintptr_t)pointer;
  if (handle != NULL) return handle;
  acre__take(ACRE_LOCK_BLOCKS);
  bool found = entry_of(same) != NULL;
  acre__give(ACRE_LOCK_BLOCKS);
  return found || is_fixed(same) ? same : acre__fail_null(ERROR_INVALID_HANDLE);
}

static SIZE_T size_of(HANDLE memory) {
  if (is_fixed(memory)) return acre_heap_size_exact(memory);
  acre__take(ACRE_LOCK_BLOCKS);
  const struct entry *entry = entry_of(memory);
  const char *block = entry != NULL ? entry->block : NULL;
  acre__give(ACRE_LOCK_BLOCKS);
  if (entry == NULL) return (SIZE_T)acre__fail(ERROR_INVALID_HANDLE);
  return block != NULL ? acre_heap_size_exact(block) - HEAD : 0;
}

static UINT flags_of(HANDLE memory, UINT discardable, UINT shared) {
  if (is_fixed(memory)) return 0;
  acre__take(ACRE_LOCK_BLOCKS);
  const struct entry *entry = entry_of(memory);
  UINT flags = LMEM_INVALID_HANDLE;
  if (entry != NULL)
    flags = entry->locks | (entry->discardable ? discardable : 0) | (entry->shared ? shared : 0) |
            (entry->block == NULL ? LMEM_DISCARDED : 0);
  acre__give(ACRE_LOCK_BLOCKS);
  if (entry == NULL) SetLastError(ERROR_INVALID_HANDLE);
  return flags;
}

static HANDLE free_block(HANDLE memory) {
  if (memory == NULL) return NULL;
  HANDLE around = handle_at(memory); /* the pointer that a lock has given will do */
  if (around == NULL && is_fixed(memory)) {
    HeapFree(GetProcessHeap(), 0, memory);
    return NULL;
  }
  acre__take(ACRE_LOCK_BLOCKS);
  struct entry *entry = entry_of(around != NULL ? around : memory);
  char *block = entry != NULL ? entry->block : NULL;
  if (entry != NULL) end_entry(entry);
  acre__give(ACRE_LOCK_BLOCKS);
  if (entry == NULL) {
    SetLastError(ERROR_INVALID_HANDLE);
    return memory;
  }
  HeapFree(GetProcessHeap(), 0, block);
  return NULL;
}

/* ------------------------------------------------------------- the two families */

HLOCAL LocalAlloc(UINT flags, SIZE_T size) {
  return allocate(flags, size);
}
HGLOBAL GlobalAlloc(UINT flags, SIZE_T size) {
  return allocate(flags, size);
}
HLOCAL LocalReAlloc(HLOCAL memory, SIZE_T size, UINT flags) {
  return reallocate(memory, size, flags);
}
HGLOBAL GlobalReAlloc(HGLOBAL memory, SIZE_T size, UINT flags) {
  return reallocate(memory, size, flags);
}
LPVOID LocalLock(HLOCAL memory) {
  return lock_block(memory);
}
LPVOID GlobalLock(HGLOBAL memory) {
  return lock_block(memory);
}
BOOL LocalUnlock(HLOCAL memory) {
  return unlock_block(memory, FALSE);
}
BOOL GlobalUnlock(HGLOBAL memory) {
  return unlock_block(memory, TRUE);
}
HLOCAL LocalHandle(LPCVOID pointer) {
  return handle_around(pointer);
}
HGLOBAL GlobalHandle(LPCVOID pointer) {
  return handle_around(pointer);
}
SIZE_T LocalSize(HLOCAL memory) {
  return size_of(memory);
}
SIZE_T GlobalSize(HGLOBAL memory) {
  return size_of(memory);
}
UINT LocalFlags(HLOCAL memory) {
  return flags_of(memory, LMEM_DISCARDABLE, 0);
}
UINT GlobalFlags(HGLOBAL memory) {
  return flags_of(memory, GMEM_DISCARDABLE, GMEM_SHARE);
}
HLOCAL LocalFree(HLOCAL memory) {
  return free_block(memory);
}
HGLOBAL GlobalFree(HGLOBAL memory) {
  return free_block(memory);
}
