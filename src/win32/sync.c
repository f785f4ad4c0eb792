/* SPDX-License-Identifier: MIT */
/*
 * sync.c - critical sections, slim locks, conditions and run-once: structures
 * in the program's memory, whose words threads sleep on (futex). None of them needs to be ended.
 */
#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "win32/win32.h"

typedef atomic_uint word;

/* The kernel's numbers: its headers do not come with every C library. */
enum { WAIT_PRIVATE = 0 | 128, WAKE_PRIVATE = 1 | 128 };

/* False: the time is over. */
static bool sleep_on(word *place, unsigned value, DWORD milliseconds) {
  struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
  long result = syscall(SYS_futex, place, WAIT_PRIVATE, value, milliseconds == INFINITE ? NULL : &time);
  return result == 0 || errno != ETIMEDOUT;
}

static void wake(word *place, int count) {
  syscall(SYS_futex, place, WAKE_PRIVATE, count);
}

/* ------------------------------------------------------------- critical sections */

/* The lock's word: free, held, held and somebody sleeps. */
enum { FREE = 0, HELD = 1, CONTENDED = 2 };

static word *word_of(LPCRITICAL_SECTION section) {
  return (word *)(void *)&section->LockSemaphore;
}

static HANDLE me(void) {
  return (HANDLE)(ULONG_PTR)GetCurrentThreadId();
}

/* The owner is compared by who may be it: no other thread ever writes the caller's number. */
static HANDLE owner_of(LPCRITICAL_SECTION section) {
  return __atomic_load_n(&section->OwningThread, __ATOMIC_RELAXED);
}

static void own(LPCRITICAL_SECTION section, HANDLE owner) {
  __atomic_store_n(&section->OwningThread, owner, __ATOMIC_RELAXED);
}

BOOL InitializeCriticalSectionEx(LPCRITICAL_SECTION section, DWORD spins, DWORD flags) {
  (void)flags;
  *section = (CRITICAL_SECTION){.LockCount = -1, .SpinCount = spins & 0xffffff};
  return TRUE;
}

BOOL InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION section, DWORD spins) {
  return InitializeCriticalSectionEx(section, spins, 0);
}

void InitializeCriticalSection(LPCRITICAL_SECTION section) {
  InitializeCriticalSectionEx(section, 0, 0);
}

void DeleteCriticalSection(LPCRITICAL_SECTION section) {
  *section = (CRITICAL_SECTION){.LockCount = -1};
}

BOOL TryEnterCriticalSection(LPCRITICAL_SECTION section) {
  HANDLE self = me();
  if (owner_of(section) != self) {
    unsigned expected = FREE;
    if (!atomic_compare_exchange_strong(word_of(section), &expected, HELD)) return FALSE;
    own(section, self);
  }
  section->RecursionCount++;
  return TRUE;
}

void EnterCriticalSection(LPCRITICAL_SECTION section) {
  if (TryEnterCriticalSection(section)) return;
  word *lock = word_of(section);
  for (ULONG_PTR i = 0; i < section->SpinCount; i++) {
    if (TryEnterCriticalSection(section)) return;
    YieldProcessor();
  }
  while (atomic_exchange(lock, CONTENDED) != FREE) sleep_on(lock, CONTENDED, INFINITE);
  own(section, me());
  section->RecursionCount++;
}

void LeaveCriticalSection(LPCRITICAL_SECTION section) {
  if (--section->RecursionCount > 0) return;
  own(section, NULL);
  if (atomic_exchange(word_of(section), FREE) == CONTENDED) wake(word_of(section), 1);
}

/* ------------------------------------------------------------- slim locks */

/* The first word: how many share it, or EXCLUSIVE; the second: how many sleep. */
static const unsigned EXCLUSIVE = 0xffffffff;

static word *words_of(PSRWLOCK lock) {
  return (word *)(void *)&lock->Ptr;
}

static bool try_shared(word *lock) {
  unsigned value = atomic_load(lock);
  while (value != EXCLUSIVE)
    if (atomic_compare_exchange_weak(lock, &value, value + 1)) return true;
  return false;
}

static bool try_exclusive(word *lock) {
  unsigned expected = 0;
  return atomic_compare_exchange_strong(lock, &expected, EXCLUSIVE);
}

static void acquire(word *lock, bool (*try)(word *)) {
  while (!try(lock)) {
    unsigned seen = atomic_load(lock);
    atomic_fetch_add(lock + 1, 1);
    if (seen != 0) sleep_on(lock, seen, INFINITE);
    atomic_fetch_sub(lock + 1, 1);
  }
}

static void release(word *lock, unsigned now) {
  if (now == 0 && atomic_load(lock + 1) != 0) wake(lock, INT_MAX);
}

void InitializeSRWLock(PSRWLOCK lock) {
  lock->Ptr = NULL;
}

void AcquireSRWLockExclusive(PSRWLOCK lock) {
  acquire(words_of(lock), try_exclusive);
}

void AcquireSRWLockShared(PSRWLOCK lock) {
  acquire(words_of(lock), try_shared);
}

void ReleaseSRWLockExclusive(PSRWLOCK lock) {
  atomic_store(words_of(lock), 0);
  release(words_of(lock), 0);
}

void ReleaseSRWLockShared(PSRWLOCK lock) {
  release(words_of(lock), atomic_fetch_sub(words_of(lock), 1) - 1);
}

BOOLEAN TryAcquireSRWLockExclusive(PSRWLOCK lock) {
  return try_exclusive(words_of(lock));
}

BOOLEAN TryAcquireSRWLockShared(PSRWLOCK lock) {
  return try_shared(words_of(lock));
}

/* ------------------------------------------------------------- conditions: a count of wakes */

static word *count_of(PCONDITION_VARIABLE variable) {
  return (word *)(void *)&variable->Ptr;
}

void InitializeConditionVariable(PCONDITION_VARIABLE variable) {
  variable->Ptr = NULL;
}

void WakeConditionVariable(PCONDITION_VARIABLE variable) {
  atomic_fetch_add(count_of(variable), 1);
  wake(count_of(variable), 1);
}

void WakeAllConditionVariable(PCONDITION_VARIABLE variable) {
  atomic_fetch_add(count_of(variable), 1);
  wake(count_of(variable), INT_MAX);
}

BOOL SleepConditionVariableCS(PCONDITION_VARIABLE variable, PCRITICAL_SECTION section, DWORD milliseconds) {
  unsigned seen = atomic_load(count_of(variable));
  LeaveCriticalSection(section);
  bool in_time = sleep_on(count_of(variable), seen, milliseconds);
  EnterCriticalSection(section);
  return in_time ? TRUE : acre__fail(ERROR_TIMEOUT);
}

BOOL SleepConditionVariableSRW(PCONDITION_VARIABLE variable, PSRWLOCK lock, DWORD milliseconds, ULONG flags) {
  bool shared = (flags & CONDITION_VARIABLE_LOCKMODE_SHARED) != 0;
  unsigned seen = atomic_load(count_of(variable));
  if (shared)
    ReleaseSRWLockShared(lock);
  else
    ReleaseSRWLockExclusive(lock);
  bool in_time = sleep_on(count_of(variable), seen, milliseconds);
  if (shared)
    AcquireSRWLockShared(lock);
  else
    AcquireSRWLockExclusive(lock);
  return in_time ? TRUE : acre__fail(ERROR_TIMEOUT);
}

/* ------------------------------------------------------------- once */

enum { NOT_RUN = 0, RUNS = 1, HAS_RUN = 2 };

/* The context's lowest two bits are Windows's for its own use, so it is kept beside the state there too. */
BOOL InitOnceExecuteOnce(PINIT_ONCE once, PINIT_ONCE_FN function, PVOID parameter, LPVOID *context) {
  word *state = (word *)(void *)&once->Ptr;
  for (;;) {
    unsigned expected = NOT_RUN;
    if (atomic_compare_exchange_strong(state, &expected, RUNS)) break;
    if ((expected & 3) == HAS_RUN) {
      if (context != NULL)
        *context = (void *)((uintptr_t)__atomic_load_n(&once->Ptr, __ATOMIC_ACQUIRE) & ~(uintptr_t)3);
      return TRUE;
    }
    sleep_on(state, RUNS, INFINITE);
  }
  void *made = NULL;
  BOOL good = function(once, parameter, &made);
  __atomic_store_n(&once->Ptr, (void *)(good ? (uintptr_t)made | HAS_RUN : NOT_RUN), __ATOMIC_RELEASE);
  wake(state, INT_MAX);
  if (good && context != NULL) *context = made;
  return good;
}
