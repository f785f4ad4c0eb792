/* SPDX-License-Identifier: MIT */
/*
 * windows.c - what the harness asks the system for, on Windows (and as linux.c beside it).
 *
 * Whether memory can be accessed is found out by the system's own access
 * (ReadProcessMemory); whether it can be written, by a store where the system says that one is allowed.
 */
#include "harness.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <psapi.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* ------------------------------------------------------------- access without a signal */

bool test_can_read(const void *address) {
  char byte;
  SIZE_T got = 0;
  MEMORY_BASIC_INFORMATION info;
  if (VirtualQuery(address, &info, sizeof info) != sizeof info || info.State != MEM_COMMIT) return false;
  if ((info.Protect & (PAGE_GUARD | PAGE_NOACCESS | PAGE_EXECUTE)) != 0) return false;
  return ReadProcessMemory(GetCurrentProcess(), address, &byte, 1, &got) && got == 1;
}

static bool is_writable(DWORD protection) {
  const DWORD writable = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
  return (protection & PAGE_GUARD) == 0 && (protection & writable) != 0;
}

enum test_access test_access(void *address) {
  MEMORY_BASIC_INFORMATION info;
  if (!test_can_read(address)) return TEST_NO_ACCESS;
  if (VirtualQuery(address, &info, sizeof info) != sizeof info || !is_writable(info.Protect)) return TEST_READABLE;
  (void)__atomic_fetch_or((char *)address, 0, __ATOMIC_RELAXED);
  return TEST_WRITABLE;
}

bool test_can_write(void *address) {
  return test_access(address) == TEST_WRITABLE;
}

bool test_system_write(void *address) {
  static const char byte = TEST_SYSTEM_BYTE;
  SIZE_T got = 0;
  return ReadProcessMemory(GetCurrentProcess(), &byte, address, 1, &got) && got == 1;
}

bool test_can_write_each(void *const *addresses, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!test_can_write(addresses[i])) return false;
  return true;
}

/* ------------------------------------------------------------- children */

int test_in_child(void (*fn)(void *context), void *context) {
  (void)fn, (void)context;
  test_skip("there is no fork on this system");
}

bool test_can_fork(void) {
  return false;
}

static void CALLBACK end_now(void *seconds, BOOLEAN unused) {
  (void)unused;
  fprintf(stderr, "the test has not ended after %u seconds\n", *(unsigned *)seconds);
  ExitProcess(1);
}

void test_end_after(unsigned seconds) {
  static unsigned patience;
  HANDLE timer;
  patience = seconds;
  if (!CreateTimerQueueTimer(&timer, NULL, end_now, &patience, seconds * 1000, 0, 0)) abort();
}

bool test_died_by(int status, int number) {
  (void)status, (void)number;
  return false;
}

/* ------------------------------------------------------------- the system's figures */

size_t test_resident_bytes(void) {
  PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
  return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters) ? counters.WorkingSetSize : 0;
}

bool test_is_resident(const void *address) {
  PSAPI_WORKING_SET_EX_INFORMATION info = {.VirtualAddress = (void *)(uintptr_t)address};
  CHECK(K32QueryWorkingSetEx(GetCurrentProcess(), &info, sizeof info));
  return info.VirtualAttributes.Valid;
}

/* Wine has a byte for each page that is reserved, and they count. */
bool test_resident_is_own(void) {
  return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") == NULL;
}

size_t test_mapping_count(void) {
  MEMORY_BASIC_INFORMATION info;
  size_t count = 0;
  for (char *at = NULL; VirtualQuery(at, &info, sizeof info) == sizeof info; at += info.RegionSize)
    count += info.State != MEM_FREE;
  return count;
}

/* ------------------------------------------------------------- environment, files, time */

size_t test_page_size(void) {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}

void test_sleep(unsigned milliseconds) {
  Sleep(milliseconds);
}

void test_set_environment(const char *name, const char *value) {
  CHECK(SetEnvironmentVariableA(name, value) || value == NULL);
}

void test_make_directory(char path[TEST_PATH]) {
  char place[TEST_PATH / 2];
  static unsigned number;
  DWORD length = GetTempPathA(sizeof place, place);
  do {
    snprintf(path, TEST_PATH, "%sacre-test-%lu-%u", place, GetCurrentProcessId(), ++number);
    if (length != 0 && length < sizeof place && CreateDirectoryA(path, NULL)) return;
  } while (GetLastError() == ERROR_ALREADY_EXISTS); /* left by a program that was stopped */
  fprintf(stderr, "%s: error %lu\n", path, GetLastError());
  abort();
}

/* Without folders in it. */
void test_remove_directory(const char *path) {
  wchar_t directory[TEST_PATH], name[2 * TEST_PATH + MAX_PATH];
  WIN32_FIND_DATAW found;
  CHECK(MultiByteToWideChar(CP_UTF8, 0, path, -1, directory, TEST_PATH) > 0);
  swprintf(name, sizeof name / sizeof *name, L"%ls\\*", directory);
  HANDLE search = FindFirstFileW(name, &found);
  for (BOOL more = search != INVALID_HANDLE_VALUE; more; more = FindNextFileW(search, &found)) {
    if (wcscmp(found.cFileName, L".") == 0 || wcscmp(found.cFileName, L"..") == 0) continue;
    swprintf(name, sizeof name / sizeof *name, L"%ls\\%ls", directory, found.cFileName);
    SetFileAttributesW(name, FILE_ATTRIBUTE_NORMAL);
    CHECK(DeleteFileW(name));
  }
  if (search != INVALID_HANDLE_VALUE) FindClose(search);
  CHECK(RemoveDirectoryW(directory));
}

void test_make_file(char path[TEST_PATH]) {
  char place[MAX_PATH];
  DWORD length = GetTempPathA(sizeof place, place);
  if (length != 0 && length < TEST_PATH / 2 && GetTempFileNameA(place, "acr", 0, path) != 0) return;
  fprintf(stderr, "no temporary file: error %lu\n", GetLastError());
  abort();
}

intptr_t test_open_file(const char *path) {
  HANDLE handle = CreateFileA(path, GENERIC_READ | GENERIC_WRITE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
  REQUIRE(handle != INVALID_HANDLE_VALUE);
  return (intptr_t)handle;
}

void test_close_file(intptr_t handle) {
  CHECK(CloseHandle((HANDLE)handle));
}

size_t test_open_handles(void) {
  DWORD count = 0;
  return GetProcessHandleCount(GetCurrentProcess(), &count) ? count : 0;
}

uint64_t test_bytes_on_disk(const char *path) {
  DWORD high = 0, low = GetCompressedFileSizeA(path, &high);
  return (uint64_t)high << 32 | low;
}

/* ------------------------------------------------------------- memory, time */

void *test_take_memory(size_t size) {
  return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

/* It begins where the granule does. */
void *test_take_memory_at(void *place, size_t size) {
  return VirtualAlloc(place, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void test_give_memory(void *memory, size_t size) {
  (void)size;
  CHECK(VirtualFree(memory, 0, MEM_RELEASE));
}

static uint64_t microseconds(FILETIME time) {
  return ((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime) / 10;
}

uint64_t test_processor_time(void) {
  FILETIME start, end, kernel, user;
  REQUIRE(GetProcessTimes(GetCurrentProcess(), &start, &end, &kernel, &user));
  return microseconds(kernel) + microseconds(user);
}
