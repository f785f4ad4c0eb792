/* SPDX-License-Identifier: MIT */
/* Threads, waiting, events, mutexes, semaphores, critical sections, slim locks, thread-local storage. */
#include "observe.h"

#include <process.h>

static LONG counter;

static DWORD WINAPI counts(LPVOID parameter) {
  for (int i = 0; i < 1000; i++) InterlockedIncrement(&counter);
  return (DWORD)(ULONG_PTR)parameter;
}

static DWORD WINAPI exits(LPVOID parameter) {
  (void)parameter;
  ExitThread(77);
  return 1;
}

static unsigned __stdcall extended(void *parameter) {
  *(int *)parameter = 5;
  return 6;
}

static void threads(void) {
  SCENE("threads");
  HANDLE all[4];
  DWORD id = 0, code = 0;
  for (int i = 0; i < 4; i++) all[i] = CreateThread(NULL, 0, counts, (LPVOID)(ULONG_PTR)(10 + i), 0, &id);
  IS(id != 0);
  VALUE(WaitForMultipleObjects(4, all, TRUE, INFINITE));
  VALUE(counter);
  for (int i = 0; i < 4; i++) {
    TRY(GetExitCodeThread(all[i], &code));
    VALUE(code);
    TRY(CloseHandle(all[i]));
  }
  HANDLE thread = CreateThread(NULL, 65536, exits, NULL, CREATE_SUSPENDED, NULL);
  VALUE(WaitForSingleObject(thread, 20));
  TRY(GetExitCodeThread(thread, &code));
  VALUE(code);
  VALUE(ResumeThread(thread));
  VALUE(WaitForSingleObject(thread, INFINITE));
  TRY(GetExitCodeThread(thread, &code));
  VALUE(code);
  VALUE(WaitForSingleObject(thread, 0));
  CloseHandle(thread);
  int value = 0;
  thread = (HANDLE)_beginthreadex(NULL, 0, extended, &value, 0, NULL);
  VALUE(WaitForSingleObject(thread, INFINITE));
  GetExitCodeThread(thread, &code);
  VALUE(code);
  VALUE(value);
  CloseHandle(thread);
  TRY(GetExitCodeThread(NULL, &code));
  IS(GetCurrentThreadId() == GetThreadId(GetCurrentThread()));
  IS(GetCurrentProcessId() == GetProcessId(GetCurrentProcess()));
  TRY(GetExitCodeProcess(GetCurrentProcess(), &code));
  VALUE(code);
}

static void waits(void) {
  SCENE("waits");
  SetLastError(NO_LAST_ERROR);
  VALUE(WaitForSingleObject(NULL, 0));
  VALUE(GetLastError());
  VALUE(WaitForMultipleObjects(0, NULL, FALSE, 0));
  VALUE(GetLastError());
  HANDLE events[3];
  for (int i = 0; i < 3; i++) events[i] = CreateEventA(NULL, i == 0, FALSE, NULL);
  VALUE(WaitForMultipleObjects(3, events, FALSE, 10));
  TRY(SetEvent(events[1]));
  VALUE(WaitForMultipleObjects(3, events, FALSE, INFINITE));
  VALUE(WaitForMultipleObjects(3, events, FALSE, 0));
  TRY(SetEvent(events[0]));
  TRY(SetEvent(events[2]));
  VALUE(WaitForMultipleObjects(3, events, TRUE, 10));
  TRY(SetEvent(events[1]));
  VALUE(WaitForMultipleObjects(3, events, TRUE, 10));
  VALUE(WaitForSingleObject(events[0], 0));
  VALUE(WaitForSingleObject(events[2], 0));
  TRY(ResetEvent(events[0]));
  VALUE(WaitForSingleObject(events[0], 0));
  for (int i = 0; i < 3; i++) CloseHandle(events[i]);
  TRY(SetEvent(events[0]));
  LARGE_INTEGER before, after, frequency;
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&before);
  Sleep(30);
  QueryPerformanceCounter(&after);
  IS((after.QuadPart - before.QuadPart) * 1000 / frequency.QuadPart >= 25);
  ULONGLONG ticks = GetTickCount64();
  IS(GetTickCount64() - ticks < 60000);
}

static void named(void) {
  SCENE("named objects");
  HANDLE one, two;
  char name[40];
  snprintf(name, sizeof name, "acre-event-%u", (unsigned)GetCurrentProcessId());
  TRY(one = CreateEventA(NULL, TRUE, TRUE, name));
  TRY(two = CreateEventA(NULL, FALSE, FALSE, name));
  VALUE(WaitForSingleObject(two, 0));
  TRY(CreateMutexA(NULL, FALSE, name));
  TRY(CloseHandle(two));
  TRY(two = OpenEventA(EVENT_ALL_ACCESS, FALSE, name));
  TRY(ResetEvent(two));
  VALUE(WaitForSingleObject(one, 0));
  TRY(CloseHandle(two));
  TRY(CloseHandle(one));
  TRY(OpenEventA(EVENT_ALL_ACCESS, FALSE, name));
}

/* The process's number is in a name, as those of Windows are seen by others; so it is not printed. */
static void name_forms(void) {
  SCENE("forms of names");
  static const char *const forms[] = {"%s",           "Local\\%s", "Global\\%s", "%s\\x",
                                      "Local\\%s\\x", "local\\%s", "%s/%%.",     ".%s"};
  char bare[40], name[80];
  snprintf(bare, sizeof bare, "acre-form-%u", (unsigned)GetCurrentProcessId());
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    HANDLE made, again, opened;
    snprintf(name, sizeof name, forms[i], bare);
    TRY(made = CreateEventA(NULL, TRUE, TRUE, name));
    TRY(again = CreateSemaphoreA(NULL, 0, 1, name));
    TRY(again = CreateEventA(NULL, TRUE, TRUE, name));
    TRY(opened = OpenEventA(EVENT_ALL_ACCESS, FALSE, bare));
    if (opened != NULL) CloseHandle(opened);
    if (again != NULL) CloseHandle(again);
    if (made != NULL) CloseHandle(made);
  }
  TRY(CreateEventA(NULL, TRUE, TRUE, ""));
  TRY(CreateEventA(NULL, TRUE, TRUE, ""));
  TRY(CreateMutexA(NULL, FALSE, ""));
  TRY(OpenEventA(EVENT_ALL_ACCESS, FALSE, ""));
  TRY(OpenEventA(EVENT_ALL_ACCESS, FALSE, NULL));
  TRY(CreateEventA(NULL, TRUE, TRUE, "Local\\"));
  TRY(OpenEventA(EVENT_ALL_ACCESS, FALSE, "Local\\"));
  TRY(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "Local\\"));
  TRY(OpenFileMappingA(FILE_MAP_READ, FALSE, "Local\\"));
  TRY(OpenFileMappingA(FILE_MAP_READ, FALSE, ""));
}

static DWORD WINAPI shares_name(LPVOID name) {
  DWORD failures = 0;
  for (int i = 0; i < 50000; i++) {
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, name);
    if (event == NULL || !SetEvent(event) || !CloseHandle(event)) failures++;
  }
  return failures;
}

static void named_by_two(void) {
  SCENE("a name that two threads make and give up");
  HANDLE all[2];
  DWORD code = 1;
  char name[40];
  snprintf(name, sizeof name, "acre-shared-%u", (unsigned)GetCurrentProcessId());
  for (int i = 0; i < 2; i++) all[i] = CreateThread(NULL, 0, shares_name, name, 0, NULL);
  for (int i = 0; i < 2; i++) {
    WaitForSingleObject(all[i], INFINITE);
    GetExitCodeThread(all[i], &code);
    VALUE(code);
    CloseHandle(all[i]);
  }
  TRY(OpenEventA(EVENT_ALL_ACCESS, FALSE, name));
}

static DWORD WINAPI leaves_mutex(LPVOID mutex) {
  WaitForSingleObject(mutex, INFINITE);
  return 0;
}

static void mutexes(void) {
  SCENE("mutexes");
  HANDLE mutex;
  TRY(mutex = CreateMutexA(NULL, TRUE, NULL));
  VALUE(WaitForSingleObject(mutex, 0));
  TRY(ReleaseMutex(mutex));
  TRY(ReleaseMutex(mutex));
  TRY(ReleaseMutex(mutex));
  HANDLE thread = CreateThread(NULL, 0, leaves_mutex, mutex, 0, NULL);
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
  VALUE(WaitForSingleObject(mutex, 1000));
  VALUE(WaitForSingleObject(mutex, 0));
  TRY(ReleaseMutex(mutex));
  TRY(ReleaseMutex(mutex));
  TRY(CloseHandle(mutex));

  SCENE("semaphores");
  HANDLE semaphore;
  LONG before = -1;
  TRY(semaphore = CreateSemaphoreA(NULL, 1, 3, NULL));
  VALUE(WaitForSingleObject(semaphore, 0));
  VALUE(WaitForSingleObject(semaphore, 0));
  TRY(ReleaseSemaphore(semaphore, 2, &before));
  VALUE(before);
  TRY(ReleaseSemaphore(semaphore, 2, &before));
  TRY(ReleaseSemaphore(semaphore, 1, &before));
  VALUE(before);
  TRY(ReleaseSemaphore(semaphore, 0, &before));
  TRY(CreateSemaphoreA(NULL, 4, 3, NULL));
  TRY(CreateSemaphoreA(NULL, 0, 0, NULL));
  TRY(SetEvent(semaphore));
  TRY(CloseHandle(semaphore));
}

static CRITICAL_SECTION section;
static SRWLOCK slim = SRWLOCK_INIT;
static CONDITION_VARIABLE condition = CONDITION_VARIABLE_INIT;
static int protected_count, ready;

static DWORD WINAPI uses_locks(LPVOID parameter) {
  (void)parameter;
  for (int i = 0; i < 500; i++) {
    EnterCriticalSection(&section);
    EnterCriticalSection(&section);
    protected_count++;
    LeaveCriticalSection(&section);
    LeaveCriticalSection(&section);
    AcquireSRWLockExclusive(&slim);
    protected_count++;
    ReleaseSRWLockExclusive(&slim);
    AcquireSRWLockShared(&slim);
    ReleaseSRWLockShared(&slim);
  }
  return 0;
}

static DWORD WINAPI takes_section(LPVOID parameter) {
  (void)parameter;
  return (DWORD)TryEnterCriticalSection(&section);
}

static DWORD WINAPI makes_ready(LPVOID parameter) {
  (void)parameter;
  EnterCriticalSection(&section);
  ready = 1;
  LeaveCriticalSection(&section);
  WakeConditionVariable(&condition);
  return 0;
}

static DWORD in_other_thread(LPTHREAD_START_ROUTINE routine) {
  DWORD code;
  HANDLE thread = CreateThread(NULL, 0, routine, NULL, 0, NULL);
  WaitForSingleObject(thread, INFINITE);
  GetExitCodeThread(thread, &code);
  CloseHandle(thread);
  return code;
}

static BOOL WINAPI makes_once(PINIT_ONCE once, PVOID parameter, PVOID *context) {
  (void)once;
  (*(int *)parameter)++;
  *context = (PVOID)(ULONG_PTR)0x1000;
  return TRUE;
}

static void locks(void) {
  SCENE("critical sections and slim locks");
  InitializeCriticalSection(&section);
  EnterCriticalSection(&section);
  TRY(TryEnterCriticalSection(&section));
  VALUE(in_other_thread(takes_section));
  LeaveCriticalSection(&section);
  VALUE(in_other_thread(takes_section));
  LeaveCriticalSection(&section);
  HANDLE all[3];
  for (int i = 0; i < 3; i++) {
    EnterCriticalSection(&section);
    AcquireSRWLockExclusive(&slim);
    all[i] = CreateThread(NULL, 0, uses_locks, NULL, 0, NULL);
    ReleaseSRWLockExclusive(&slim);
    LeaveCriticalSection(&section);
    WaitForSingleObject(all[i], INFINITE);
    CloseHandle(all[i]);
  }
  VALUE(protected_count);
  TRY(TryAcquireSRWLockShared(&slim));
  TRY(TryAcquireSRWLockShared(&slim));
  IS(TryAcquireSRWLockExclusive(&slim));
  ReleaseSRWLockShared(&slim);
  ReleaseSRWLockShared(&slim);
  IS(TryAcquireSRWLockExclusive(&slim));
  IS(TryAcquireSRWLockShared(&slim));
  ReleaseSRWLockExclusive(&slim);
  DeleteCriticalSection(&section);

  SCENE("conditions");
  InitializeCriticalSectionAndSpinCount(&section, 100);
  EnterCriticalSection(&section);
  TRY(SleepConditionVariableCS(&condition, &section, 10));
  HANDLE thread = CreateThread(NULL, 0, makes_ready, NULL, 0, NULL);
  while (!ready) SleepConditionVariableCS(&condition, &section, INFINITE);
  VALUE(ready);
  LeaveCriticalSection(&section);
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
  DeleteCriticalSection(&section);

  SCENE("once");
  static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
  int made = 0;
  PVOID context = NULL;
  TRY(InitOnceExecuteOnce(&once, makes_once, &made, &context));
  VALUE((ULONG_PTR)context);
  TRY(InitOnceExecuteOnce(&once, makes_once, &made, &context));
  VALUE(made);
  VALUE((ULONG_PTR)context);
}

static DWORD tls_index;
static DWORD WINAPI uses_tls(LPVOID parameter) {
  (void)parameter;
  DWORD before = TlsGetValue(tls_index) == NULL;
  TlsSetValue(tls_index, (LPVOID)(ULONG_PTR)5);
  return before && TlsGetValue(tls_index) == (LPVOID)(ULONG_PTR)5;
}

static void storage(void) {
  SCENE("thread-local storage");
  tls_index = TlsAlloc();
  IS(tls_index != TLS_OUT_OF_INDEXES);
  TRY_QUIETLY(TlsGetValue(tls_index) == NULL);
  TRY(TlsSetValue(tls_index, (LPVOID)(ULONG_PTR)3));
  VALUE(in_other_thread(uses_tls));
  VALUE((ULONG_PTR)TlsGetValue(tls_index));
  TRY(TlsFree(tls_index));
  DWORD again = TlsAlloc();
  VALUE((ULONG_PTR)TlsGetValue(again));
  TRY(TlsFree(again));
  TRY(TlsFree(5000));
  TRY(TlsSetValue(5000, NULL));
}

static void interlocked(void) {
  SCENE("interlocked");
  LONG value = 5;
  LONG64 wide = 1;
  PVOID pointer = &value;
  VALUE(InterlockedIncrement(&value));
  VALUE(InterlockedDecrement(&value));
  VALUE(InterlockedExchange(&value, 9));
  VALUE(InterlockedExchangeAdd(&value, 3));
  VALUE(InterlockedCompareExchange(&value, 20, 12));
  VALUE(InterlockedCompareExchange(&value, 30, 12));
  VALUE(InterlockedAnd(&value, 4));
  VALUE(InterlockedOr(&value, 3));
  VALUE(InterlockedXor(&value, 1));
  VALUE(value);
  VALUE(InterlockedIncrement64(&wide));
  VALUE(InterlockedExchangeAdd64(&wide, (LONG64)1 << 40));
  VALUE(wide);
  IS(InterlockedExchangePointer(&pointer, NULL) == &value);
  IS(InterlockedCompareExchangePointer(&pointer, &wide, NULL) == NULL);
  IS(pointer == &wide);
  VALUE(InterlockedBitTestAndSet(&value, 3));
  VALUE(InterlockedBitTestAndReset(&value, 3));
}

int main(void) {
  threads();
  waits();
  named();
  name_forms();
  named_by_two();
  mutexes();
  locks();
  storage();
  interlocked();
  return 0;
}
