/* SPDX-License-Identifier: MIT */
/*
 * thread.c - park, unpark, threads and their end, fences on Windows.
 *
 * There is no fork, so what is registered around it is never called; and no
 * signals, so there is nothing to hold back: an exception comes to the thread whose instruction raised it.
 */
#include "win.h"

#include "base/lock.h"

/* ------------------------------------------------------------- park */

static void wait_on(_Atomic uint32_t *word, uint32_t expected, DWORD milliseconds) {
  DWORD error = GetLastError();
  (void)WaitOnAddress((volatile void *)word, &expected, sizeof expected, milliseconds);
  SetLastError(error);
}

void acre__park(_Atomic uint32_t *word, uint32_t expected) {
  wait_on(word, expected, INFINITE);
}

void acre__park_for(_Atomic uint32_t *word, uint32_t expected, uint64_t milliseconds) {
  wait_on(word, expected, milliseconds < INFINITE ? (DWORD)milliseconds : INFINITE - 1);
}

void acre__unpark(_Atomic uint32_t *word) {
  WakeByAddressSingle((void *)word);
}

void acre__unpark_all(_Atomic uint32_t *word) {
  WakeByAddressAll((void *)word);
}

/* ------------------------------------------------------------- signals, fork */

uint64_t acre__signals_block(void) {
  return 0;
}

void acre__signals_restore(uint64_t before) {
  (void)before;
}

acre_result acre__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  (void)before, (void)parent, (void)child;
  return ACRE_OK;
}

/* ------------------------------------------------------------- threads */

static DWORD WINAPI begin_thread(void *context) {
  struct acre__os_thread *thread = context;
  thread->run(thread->context);
  return 0;
}

acre_result acre__os_thread_start(struct acre__os_thread *thread) {
  HANDLE handle = CreateThread(NULL, 0, begin_thread, thread, 0, NULL);
  if (handle == NULL) return ACRE_E_NO_MEMORY;
  thread->handle = (uintptr_t)handle;
  return ACRE_OK;
}

void acre__os_thread_join(struct acre__os_thread *thread) {
  (void)WaitForSingleObject((HANDLE)thread->handle, INFINITE);
  CloseHandle((HANDLE)thread->handle);
}

/* ------------------------------------------------------------- the end of a thread */

/* Fiber-local storage, because it has a callback at a thread's end in programs and libraries alike. */
static struct {
  struct acre__lock lock;
  bool made;
  DWORD slot;
  void (*call)(void);
} at_exit;

static void WINAPI thread_ends(void *wanted) {
  if (wanted != NULL) at_exit.call();
}

acre_result acre__os_at_thread_exit(void (*call)(void)) {
  acre__lock(&at_exit.lock);
  if (!at_exit.made) {
    at_exit.call = call;
    at_exit.slot = FlsAlloc(thread_ends);
    at_exit.made = at_exit.slot != FLS_OUT_OF_INDEXES;
  }
  bool made = at_exit.made;
  acre__unlock(&at_exit.lock);
  return made ? ACRE_OK : ACRE_E_NO_MEMORY;
}

acre_result acre__os_want_thread_exit(void) {
  return FlsSetValue(at_exit.slot, &at_exit) ? ACRE_OK : ACRE_E_NO_MEMORY;
}

/* ------------------------------------------------------------- fences */

/* Wine has the function, up to version 10 at least, and it does nothing: what stands on it would lose a store now and then. */
acre_result acre__os_fence_prepare(void) {
  HMODULE library = GetModuleHandleW(L"ntdll.dll");
  bool is_wine = library != NULL && GetProcAddress(library, "wine_get_version") != NULL;
  return is_wine ? ACRE_E_NOT_SUPPORTED : ACRE_OK;
}

void acre__os_fence_threads(void) {
  FlushProcessWriteBuffers();
}
