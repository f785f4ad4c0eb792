/* SPDX-License-Identifier: MIT */
/* handles.c - see handles.h. */
#include "win32/handles.h"

#include <stdlib.h>

#include "win32/locks.h"

struct entry {
  struct acre__object *object; /* NULL: free */
  DWORD flags;                 /* HANDLE_FLAG_... */
  size_t next;                 /* of the free ones, by index + 1 */
};

static struct {
  struct entry *entries;
  size_t count, room, free; /* free: index + 1 of the first free entry */
} table;

static void lock(void) {
  acre__take(ACRE_LOCK_HANDLES);
}

static void unlock(void) {
  acre__give(ACRE_LOCK_HANDLES);
}

/* ------------------------------------------------------------- the table, with its lock */

static struct entry *entry_of(HANDLE handle) {
  uintptr_t value = (uintptr_t)handle;
  /* The lowest two bits are the program's to use (Microsoft: "Kernel Objects"). */
  size_t index = value / 4 - 1;
  if (value < 4 || index >= table.count || table.entries[index].object == NULL) return NULL;
  return &table.entries[index];
}

static HANDLE add(struct acre__object *object) {
  size_t index = table.free - 1;
  if (table.free != 0) {
    table.free = table.entries[index].next;
  } else {
    if (table.count == table.room) {
      size_t room = table.room == 0 ? 64 : table.room * 2;
      struct entry *entries = realloc(table.entries, room * sizeof *entries);
      if (entries == NULL) return NULL;
      table.entries = entries;
      table.room = room;
    }
    index = table.count++;
  }
  table.entries[index] = (struct entry){.object = object};
  object->handles++;
  return (HANDLE)((index + 1) * 4);
}

/* ------------------------------------------------------------- objects */

void acre__object_retain(struct acre__object *object) {
  atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
}

void acre__object_release(struct acre__object *object) {
  if (atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) == 1) object->destroy(object);
}

HANDLE acre__handle_add(struct acre__object *object) {
  acre__object_retain(object);
  lock();
  HANDLE handle = add(object);
  unlock();
  if (handle != NULL) return handle;
  acre__object_release(object);
  return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
}

HANDLE acre__handle_make(struct acre__object *object) {
  atomic_init(&object->references, 1);
  HANDLE handle = acre__handle_add(object);
  acre__object_release(object);
  return handle;
}

struct acre__object *acre__object_of(HANDLE handle, unsigned kinds) {
  if (handle == GetCurrentThread() && (kinds & ACRE_KIND_THREAD) != 0) return acre__current_thread();
  lock();
  struct entry *entry = entry_of(handle);
  struct acre__object *object = entry != NULL && ((unsigned)entry->object->kind & kinds) != 0 ? entry->object : NULL;
  if (object != NULL) acre__object_retain(object);
  unlock();
  return object != NULL ? object : acre__fail_null(ERROR_INVALID_HANDLE);
}

/* ------------------------------------------------------------- Windows's functions */

BOOL CloseHandle(HANDLE handle) {
  if (handle == GetCurrentProcess() || handle == GetCurrentThread()) return TRUE;
  lock();
  struct entry *entry = entry_of(handle);
  if (entry == NULL || (entry->flags & HANDLE_FLAG_PROTECT_FROM_CLOSE) != 0) {
    unlock();
    return acre__fail(ERROR_INVALID_HANDLE);
  }
  struct acre__object *object = entry->object;
  bool last = --object->handles == 0;
  *entry = (struct entry){.next = table.free};
  table.free = (size_t)(entry - table.entries) + 1;
  unlock();
  if (last && object->unhandled != NULL) object->unhandled(object);
  acre__object_release(object);
  return TRUE;
}

static void destroy_process(struct acre__object *object) {
  free(object);
}

static struct acre__object *process_object(void) {
  struct acre__object *object = calloc(1, sizeof *object);
  if (object == NULL) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  object->kind = ACRE_KIND_PROCESS;
  object->destroy = destroy_process;
  return object;
}

HANDLE OpenProcess(DWORD access, BOOL inherit, DWORD process) {
  (void)access, (void)inherit;
  /* Of another process nothing could be done with the handle. */
  if (process != GetCurrentProcessId())
    return acre__fail_null(process == 0 ? ERROR_INVALID_PARAMETER : ERROR_ACCESS_DENIED);
  struct acre__object *object = process_object();
  return object != NULL ? acre__handle_make(object) : NULL;
}

BOOL DuplicateHandle(HANDLE from_process, HANDLE handle, HANDLE to_process, LPHANDLE out, DWORD access, BOOL inherit,
                     DWORD options) {
  (void)access, (void)inherit; /* rights are those of the first handle */
  if (!acre__is_this_process(from_process) || !acre__is_this_process(to_process)) return FALSE;
  HANDLE made = NULL;
  if (handle == GetCurrentProcess()) {
    made = OpenProcess(PROCESS_ALL_ACCESS, FALSE, GetCurrentProcessId());
  } else {
    struct acre__object *object = acre__object_of(handle, ACRE_KIND_ANY);
    if (object == NULL) return FALSE;
    if (out != NULL) made = acre__handle_add(object);
    acre__object_release(object);
    if ((options & DUPLICATE_CLOSE_SOURCE) != 0) CloseHandle(handle);
  }
  if (out != NULL) *out = made;
  return made != NULL || out == NULL;
}

BOOL GetHandleInformation(HANDLE handle, LPDWORD flags) {
  lock();
  struct entry *entry = entry_of(handle);
  if (entry != NULL) *flags = entry->flags;
  unlock();
  return entry != NULL ? TRUE : acre__fail(ERROR_INVALID_HANDLE);
}

BOOL SetHandleInformation(HANDLE handle, DWORD mask, DWORD flags) {
  const DWORD known = HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE;
  if ((mask & ~known) != 0) return acre__fail(ERROR_INVALID_PARAMETER);
  lock();
  struct entry *entry = entry_of(handle);
  if (entry != NULL) entry->flags = (entry->flags & ~mask) | (flags & mask);
  unlock();
  return entry != NULL ? TRUE : acre__fail(ERROR_INVALID_HANDLE);
}

BOOL CompareObjectHandles(HANDLE first, HANDLE second) {
  lock();
  struct entry *a = entry_of(first), *b = entry_of(second);
  bool same = a != NULL && b != NULL && a->object == b->object;
  unlock();
  return same || (first == second && first == GetCurrentProcess());
}

bool acre__is_this_process(HANDLE process) {
  if (process == GetCurrentProcess()) return true;
  struct acre__object *object = acre__object_of(process, ACRE_KIND_PROCESS);
  if (object == NULL) return false;
  acre__object_release(object);
  return true;
}
