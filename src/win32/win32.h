/* SPDX-License-Identifier: MIT */
/*
 * win32.h - what the files of the Win32 face share.
 *
 *   program --> Win32 name --> public function of Acre --> last error
 *
 * The face renames: it translates flags, checks what Windows checks, calls one
 * of Acre's public functions and says how it went in Windows's words. It is a
 * library of its own, that stands on Acre as every program does.
 *
 *   virtual.c     VirtualAlloc ...           exceptions.c  __try, RaiseException, vectored handlers
 *   virtual2.c    write watch, offer ...     frames.c      guarded blocks, and how code leaves them
 *   sections.c    sections, by name too      machine.c     registers, and what is written per processor
 *   views.c       views                      threads.c     threads, thread-local storage
 *   heaps.c       heaps                      waits.c       events, mutexes, semaphores, waiting
 *   walk.c        HeapWalk ...               sync.c        critical sections, slim locks, conditions
 *   blocks.c      Local..., Global...        print.c       printf as Windows reads formats
 *   files.c       files                      system.c      figures of the system, time
 *   paths.c       files by name              process.c     the process itself; IsBad...Ptr
 *   handles.c     handles and objects        working_set.c what is resident
 *   errors.c      last error, results        messages.c    FormatMessage
 *   locks.c       all locks, for fork        names.c       names of objects
 *   text.c        UTF-8, wide characters     shared.c      states that processes share
 *   main.c        the main of programs with a wmain
 */
#ifndef ACRE_WIN32_INTERNAL_H
#define ACRE_WIN32_INTERNAL_H

#include <acre/acre.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "win32/windows.h"

/* The Win32 error of a result. */
DWORD acre__win32_error(acre_result result);

/* Sets the last error. Each returns what a function that failed returns. */
static inline BOOL acre__fail(DWORD error) {
  SetLastError(error);
  return FALSE;
}
static inline void *acre__fail_null(DWORD error) {
  SetLastError(error);
  return NULL;
}

/* TRUE, or FALSE with the last error of the result. */
static inline BOOL acre__done(acre_result result) {
  return result == ACRE_OK ? TRUE : acre__fail(acre__win32_error(result));
}

/* True: it is this process. The last error says what else it is. */
bool acre__is_this_process(HANDLE process);

/* What of the system never changes. */
struct acre__figures {
  size_t page_size, granularity;
  uintptr_t highest_address;
};
const struct acre__figures *acre__figures(void);

static inline uint64_t acre__join(DWORD high, DWORD low) {
  return (uint64_t)high << 32 | low;
}

#endif
