/* SPDX-License-Identifier: MIT */
/* What the other tests do not call: wide forms, 64-bit atomics, environment, modules, error modes, offer and reclaim ... */
#include "observe.h"

#include <process.h>
#include <psapi.h>

static void wide_files(void) {
  SCENE("wide files");
  WCHAR folder[MAX_PATH], path[MAX_PATH], other[MAX_PATH];
  GetTempPathW(MAX_PATH, folder);
  GetTempFileNameW(folder, L"w", 0, path);
  wcscpy(other, path);
  wcscat(other, L".\u4e2d");
  VALUE(GetFileAttributesW(path) & FILE_ATTRIBUTE_DIRECTORY);
  TRY(SetFileAttributesW(path, FILE_ATTRIBUTE_NORMAL));
  TRY_QUIETLY(CopyFileW(path, other, TRUE));
  TRY(DeleteFileW(path));
  TRY(MoveFileW(other, path));
  TRY(MoveFileExW(path, other, MOVEFILE_REPLACE_EXISTING));
  TRY(DeleteFileW(other));
  TRY(CreateDirectoryW(other, NULL));
  TRY(RemoveDirectoryW(other));
  TRY(RemoveDirectoryW(other));
}

static void names(void) {
  SCENE("environment and module");
  char text[MAX_PATH];
  WCHAR wide[MAX_PATH];
  SetLastError(NO_LAST_ERROR);
  VALUE(GetEnvironmentVariableA("ACRE_NO_SUCH_VARIABLE", text, sizeof text));
  VALUE(GetLastError());
  VALUE(GetEnvironmentVariableW(L"ACRE_NO_SUCH_VARIABLE", wide, MAX_PATH));
  IS(GetEnvironmentVariableA("PATH", NULL, 0) > 1);
  DWORD length = GetCurrentDirectoryA(sizeof text, text);
  IS(length > 0 && length == strlen(text));
  VALUE(GetCurrentDirectoryA(1, text) - length);
  IS(GetCurrentDirectoryW(MAX_PATH, wide) == length);
  length = GetModuleFileNameA(NULL, text, sizeof text);
  IS(length > 0 && strstr(text, "test_rest") != NULL);
  IS(GetModuleFileNameW(NULL, wide, MAX_PATH) == length && wcsstr(wide, L"test_rest") != NULL);
  SetLastError(NO_LAST_ERROR);
  VALUE(GetModuleFileNameA(NULL, text, 5));
  VALUE(GetLastError());
  IS(text[4] == 0);
  IS(GetModuleHandleA(NULL) != NULL && GetModuleHandleW(NULL) == GetModuleHandleA(NULL));
  TRY(GetModuleHandleA("no-such-module"));
  IS(strstr(GetCommandLineA(), "test_rest") != NULL);
  IS(wcsstr(GetCommandLineW(), L"test_rest") != NULL);
  IS(GetStdHandle(STD_OUTPUT_HANDLE) != NULL && GetStdHandle(STD_OUTPUT_HANDLE) != INVALID_HANDLE_VALUE);
  TRY(GetStdHandle(5) != INVALID_HANDLE_VALUE);
}

static void atomics(void) {
  SCENE("interlocked, 64 bits");
  LONG64 value = 5;
  LONG narrow = 7;
  VALUE(InterlockedDecrement64(&value));
  VALUE(InterlockedExchange64(&value, 9));
  VALUE(InterlockedCompareExchange64(&value, 20, 9));
  VALUE(InterlockedAnd64(&value, 4));
  VALUE(InterlockedOr64(&value, 3));
  VALUE(InterlockedXor64(&value, 1));
  VALUE(InterlockedAdd64(&value, 100));
  VALUE(InterlockedAdd(&narrow, 3));
}

static void modes(void) {
  SCENE("modes");
  SetErrorMode(0);
  VALUE(SetErrorMode(SEM_FAILCRITICALERRORS));
  VALUE(GetErrorMode());
  VALUE(SetErrorMode(0));
  TRY(SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL));
  VALUE(GetThreadPriority(GetCurrentThread()));
  VALUE(IsDebuggerPresent());
  OutputDebugStringA("to nobody");
  OutputDebugStringW(L"to nobody");
  SwitchToThread();
  VALUE(SleepEx(1, FALSE));
  SYSTEMTIME parts;
  GetLocalTime(&parts);
  IS(parts.wYear >= 2024);
  FILETIME now;
  GetSystemTimePreciseAsFileTime(&now);
  IS(now.dwHighDateTime > 30000000);
  DWORD ticks = GetTickCount();
  IS(GetTickCount() - ticks < 60000);
}

static void memory(void) {
  SCENE("memory");
  char *base;
  TRY(base = VirtualAllocExNuma(GetCurrentProcess(), NULL, 8192, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, 0));
  IS(base[5000] == 0);
  TRY(VirtualFree(base, 0, MEM_RELEASE));
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, NULL);
  TRY(base = MapViewOfFileExNuma(section, FILE_MAP_WRITE, 0, 0, 0, NULL, 0));
  TRY(UnmapViewOfFileEx(base, 0));
  CloseHandle(section);
  SIZE_T low, high;
  DWORD flags;
  TRY(GetProcessWorkingSetSizeEx(GetCurrentProcess(), &low, &high, &flags));
  TRY(SetProcessWorkingSetSizeEx(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1, 0));
  IS(EmptyWorkingSet(GetCurrentProcess()) != 0);
  WCHAR wide[] = L"text";
  VALUE(IsBadStringPtrW(wide, 10));
  VALUE(IsBadStringPtrW(NULL, 10));
  HANDLE heap = HeapCreate(0, 0, 0);
  HeapAlloc(heap, 0, 100);
  IS(HeapCompact(heap, 0) > 0);
  HeapDestroy(heap);
}

static SRWLOCK slim;
static CONDITION_VARIABLE condition;
static int ready;

static DWORD WINAPI makes_ready(LPVOID parameter) {
  (void)parameter;
  AcquireSRWLockExclusive(&slim);
  ready = 1;
  ReleaseSRWLockExclusive(&slim);
  WakeAllConditionVariable(&condition);
  return 0;
}

static void __cdecl plain(void *parameter) {
  InterlockedIncrement((LONG *)parameter);
  _endthread();
}

static void waiting(void) {
  SCENE("waiting");
  InitializeSRWLock(&slim);
  InitializeConditionVariable(&condition);
  AcquireSRWLockExclusive(&slim);
  TRY(SleepConditionVariableSRW(&condition, &slim, 5, 0));
  HANDLE thread = CreateThread(NULL, 0, makes_ready, NULL, 0, NULL);
  while (!ready) SleepConditionVariableSRW(&condition, &slim, INFINITE, 0);
  ReleaseSRWLockExclusive(&slim);
  VALUE(WaitForSingleObjectEx(thread, INFINITE, FALSE));
  VALUE(WaitForMultipleObjectsEx(1, &thread, FALSE, 0, FALSE));
  CloseHandle(thread);
  HANDLE event = CreateEventW(NULL, TRUE, TRUE, L"acre-rest"), same;
  TRY(same = OpenEventW(EVENT_ALL_ACCESS, FALSE, L"acre-rest"));
  VALUE(WaitForSingleObject(same, 0));
  CloseHandle(same);
  CloseHandle(event);
  TRY(event = CreateMutexW(NULL, FALSE, NULL));
  CloseHandle(event);
  TRY(event = CreateSemaphoreW(NULL, 0, 1, NULL));
  CloseHandle(event);
  CRITICAL_SECTION section;
  TRY(InitializeCriticalSectionEx(&section, 10, 0));
  DeleteCriticalSection(&section);
  LONG count = 0;
  IS(_beginthread(plain, 0, &count) != (uintptr_t)-1);
  while (InterlockedCompareExchange(&count, 1, 1) == 0) Sleep(1);
  VALUE(count);
}

static void text(void) {
  SCENE("text");
  WCHAR wide[40] = L"", message[100];
  VALUE(lstrcmpW(L"a", L"a"));
  lstrcpyW(wide, L"one");
  lstrcatW(wide, L"two");
  VALUE(wcscmp(wide, L"onetwo"));
  DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY, L"<%1> %2!d!", 0, 0,
                                message, 100, (va_list *)(DWORD_PTR[]){(DWORD_PTR)L"wide", 3});
  VALUE(length);
  VALUE(wcscmp(message, L"<wide> 3"));
  char bytes[20];
  VALUE(_snprintf(bytes, 4, "%s", "abc"));
  VALUE(_snprintf(bytes, 3, "%s", "abcdef"));
  VALUE(_snwprintf(wide, 10, L"%d", 12345));
  VALUE(_snwprintf(wide, 3, L"%d", 12345));
}

int main(void) {
  wide_files();
  names();
  atomics();
  modes();
  memory();
  waiting();
  text();
  return 0;
}
