/* SPDX-License-Identifier: MIT */
/* system.c - figures of the system, and the time. */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "win32/win32.h"

/* ------------------------------------------------------------- figures */

static struct acre__figures figures;

static void read_figures(void) {
  acre_system system;
  acre_system_info(&system);
  figures = (struct acre__figures){system.page_size, system.allocation_granularity, system.highest_address};
}

const struct acre__figures *acre__figures(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, read_figures);
  return &figures;
}

void GetSystemInfo(LPSYSTEM_INFO out) {
  acre_system system;
  acre_system_info(&system);
  unsigned processors = system.processors == 0 ? 1 : system.processors;
  *out = (SYSTEM_INFO){.dwPageSize = (DWORD)system.page_size,
                       .lpMinimumApplicationAddress = (LPVOID)system.lowest_address,
                       .lpMaximumApplicationAddress = (LPVOID)system.highest_address,
                       .dwActiveProcessorMask = processors >= 64 ? ~(DWORD_PTR)0 : ((DWORD_PTR)1 << processors) - 1,
                       .dwNumberOfProcessors = processors,
                       .dwAllocationGranularity = (DWORD)system.allocation_granularity};
#if defined(__x86_64__)
  out->wProcessorArchitecture = PROCESSOR_ARCHITECTURE_AMD64;
  out->dwProcessorType = PROCESSOR_AMD_X8664;
#else
  out->wProcessorArchitecture = PROCESSOR_ARCHITECTURE_ARM64;
#endif
}

void GetNativeSystemInfo(LPSYSTEM_INFO out) {
  GetSystemInfo(out);
}

BOOL GlobalMemoryStatusEx(LPMEMORYSTATUSEX out) {
  acre_system system;
  if (out == NULL || out->dwLength != sizeof *out) return acre__fail(ERROR_INVALID_PARAMETER);
  acre_system_info(&system);
  uint64_t all = system.physical_memory, free = system.available_memory < all ? system.available_memory : all;
  uint64_t limit = system.commit_limit != UINT64_MAX ? system.commit_limit : all + system.swap;
  uint64_t space = system.highest_address - system.lowest_address + 1;
  *out = (MEMORYSTATUSEX){
      .dwLength = sizeof *out,
      .dwMemoryLoad = all != 0 ? (DWORD)((all - free) * 100 / all) : 0,
      .ullTotalPhys = all,
      .ullAvailPhys = free,
      .ullTotalPageFile = limit,
      .ullAvailPageFile = limit - (system.commit_charge < limit ? system.commit_charge : limit),
      .ullTotalVirtual = space,
      .ullAvailVirtual = space - (system.reserved_bytes < space ? system.reserved_bytes : space),
  };
  return TRUE;
}

void GlobalMemoryStatus(LPMEMORYSTATUS out) {
  MEMORYSTATUSEX status = {.dwLength = sizeof status};
  GlobalMemoryStatusEx(&status);
  *out = (MEMORYSTATUS){.dwLength = sizeof *out,
                        .dwMemoryLoad = status.dwMemoryLoad,
                        .dwTotalPhys = status.ullTotalPhys,
                        .dwAvailPhys = status.ullAvailPhys,
                        .dwTotalPageFile = status.ullTotalPageFile,
                        .dwAvailPageFile = status.ullAvailPageFile,
                        .dwTotalVirtual = status.ullTotalVirtual,
                        .dwAvailVirtual = status.ullAvailVirtual};
}

SIZE_T GetLargePageMinimum(void) {
  acre_system system;
  acre_system_info(&system);
  return system.large_page_size;
}

/* ------------------------------------------------------------- time */

static uint64_t nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

ULONGLONG GetTickCount64(void) {
  return nanoseconds(CLOCK_BOOTTIME) / 1000000;
}

DWORD GetTickCount(void) {
  return (DWORD)GetTickCount64();
}

BOOL QueryPerformanceFrequency(LARGE_INTEGER *out) {
  out->QuadPart = 1000000000;
  return TRUE;
}

BOOL QueryPerformanceCounter(LARGE_INTEGER *out) {
  out->QuadPart = (LONGLONG)nanoseconds(CLOCK_MONOTONIC);
  return TRUE;
}

/* In units of 100 ns since 1601. */
void GetSystemTimePreciseAsFileTime(LPFILETIME out) {
  const uint64_t until_1970 = UINT64_C(116444736000000000);
  uint64_t time = nanoseconds(CLOCK_REALTIME) / 100 + until_1970;
  *out = (FILETIME){.dwLowDateTime = (DWORD)time, .dwHighDateTime = (DWORD)(time >> 32)};
}

void GetSystemTimeAsFileTime(LPFILETIME out) {
  GetSystemTimePreciseAsFileTime(out);
}

static void give_time(LPSYSTEMTIME out, struct tm *(*split)(const time_t *, struct tm *)) {
  struct timespec now;
  struct tm parts;
  clock_gettime(CLOCK_REALTIME, &now);
  split(&now.tv_sec, &parts);
  *out = (SYSTEMTIME){.wYear = (WORD)(parts.tm_year + 1900),
                      .wMonth = (WORD)(parts.tm_mon + 1),
                      .wDayOfWeek = (WORD)parts.tm_wday,
                      .wDay = (WORD)parts.tm_mday,
                      .wHour = (WORD)parts.tm_hour,
                      .wMinute = (WORD)parts.tm_min,
                      .wSecond = (WORD)parts.tm_sec,
                      .wMilliseconds = (WORD)(now.tv_nsec / 1000000)};
}

void GetSystemTime(LPSYSTEMTIME out) {
  give_time(out, gmtime_r);
}

void GetLocalTime(LPSYSTEMTIME out) {
  give_time(out, localtime_r);
}
