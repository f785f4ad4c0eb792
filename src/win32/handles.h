/* SPDX-License-Identifier: MIT */
/*
 * handles.h - handles, and the objects that they stand for.
 *
 *   HANDLE = 4 * (index + 1)      entries[index] --> object [ kind | handles | references ]
 *
 * An object has handles, and may have other users besides (a wait, a thread that
 * runs): each is a reference. With its last handle gone, `unhandled` is
 * called (a name dies then); with the last reference, `destroy`.
 *
 * Pseudo handles: -1 is this process, and also INVALID_HANDLE_VALUE; -2 this thread.
 *
 * Lock: ACRE_LOCK_HANDLES, held for a moment by every function here.
 */
#ifndef ACRE_WIN32_HANDLES_H
#define ACRE_WIN32_HANDLES_H

#include "win32/win32.h"

enum acre__kind {
  ACRE_KIND_FILE = 1 << 0,
  ACRE_KIND_SECTION = 1 << 1,
  ACRE_KIND_THREAD = 1 << 2,
  ACRE_KIND_EVENT = 1 << 3,
  ACRE_KIND_MUTEX = 1 << 4,
  ACRE_KIND_SEMAPHORE = 1 << 5,
  ACRE_KIND_PROCESS = 1 << 6, /* this one, by OpenProcess or DuplicateHandle */
  ACRE_KIND_WAITABLE = ACRE_KIND_THREAD | ACRE_KIND_EVENT | ACRE_KIND_MUTEX | ACRE_KIND_SEMAPHORE | ACRE_KIND_PROCESS,
  ACRE_KIND_ANY = ~0
};

struct acre__object {
  enum acre__kind kind;
  unsigned handles;                               /* lock */
  atomic_uint references;                         /* its handles, and other users */
  void (*unhandled)(struct acre__object *object); /* may be NULL */
  void (*destroy)(struct acre__object *object);
};

/* Makes a handle for the object, which has no other user yet but the caller: on failure it is destroyed. */
HANDLE acre__handle_make(struct acre__object *object);

/* A further handle for an object to which the caller has a reference, which stays the caller's. NULL: no memory. */
HANDLE acre__handle_add(struct acre__object *object);

/*
 * The object of a handle, of one of the kinds, with a reference for the caller
 * (acre__object_release). NULL, with ERROR_INVALID_HANDLE: there is none.
 */
struct acre__object *acre__object_of(HANDLE handle, unsigned kinds);
void acre__object_retain(struct acre__object *object);
void acre__object_release(struct acre__object *object);

/* The object of the calling thread and of the process, for their pseudo handles; with a reference for the caller. */
struct acre__object *acre__current_thread(void);

#endif
