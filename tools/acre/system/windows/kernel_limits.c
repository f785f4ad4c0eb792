/* SPDX-License-Identifier: MIT */
/* What the process may still take on Windows, and what the kernel gives of itself (see kernel.h). */
#include "kernel.h"

#include "win.h"

#include <psapi.h>

static uint64_t working_set(void) {
  PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
  return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters) ? counters.WorkingSetSize : 0;
}

/* Without a job's limits it is what the system has. */
uint64_t kernel_headroom(uint64_t available) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
  PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
  if (!QueryInformationJobObject(NULL, JobObjectExtendedLimitInformation, &limits, sizeof limits, NULL) ||
      (limits.BasicLimitInformation.LimitFlags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) == 0 ||
      !K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters))
    return available;
  uint64_t limit = limits.ProcessMemoryLimit, used = counters.PagefileUsage, left = limit > used ? limit - used : 0;
  return left < available ? left : available;
}

size_t kernel_page_size(void) {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}

bool kernel_mapping_limit(uint64_t *out) {
  (void)out;
  return false;
}

/* ------------------------------------------------------------- what a reservation costs */

/*
 * Windows keeps a few bytes for a reservation of any size. Wine notes the state of
 * each page in the process: so what is reserved shows in its working set.
 */
uint64_t kernel_reservation_cost(uint64_t size) {
  enum { PROBE = 1 << 30 };
  static uint64_t per_probe = UINT64_MAX; /* not known yet */
  if (per_probe == UINT64_MAX) {
    uint64_t before = working_set();
    void *probe = VirtualAlloc(NULL, PROBE, MEM_RESERVE, PAGE_READWRITE);
    uint64_t after = working_set(), least = PROBE / kernel_page_size() / 2;
    if (probe != NULL) VirtualFree(probe, 0, MEM_RELEASE);
    per_probe = after >= before + least ? after - before : 0;
  }
  return (size + PROBE - 1) / PROBE * per_probe;
}

uint64_t kernel_space_limit(void) {
  const uint64_t much = UINT64_C(64) << 30;
  return kernel_reservation_cost(much) > 0 ? much : UINT64_MAX;
}

/* ------------------------------------------------------------- what the kernel gives of itself */

bool kernel_keeps_out(void *wish, const void *base, size_t size) {
  const char *start = base, *got = VirtualAlloc(wish, 1, MEM_RESERVE, PAGE_NOACCESS);
  if (got == NULL) return GetLastError() == ERROR_INVALID_ADDRESS;
  VirtualFree((void *)got, 0, MEM_RELEASE);
  return got < start || got >= start + size;
}

unsigned kernel_promises(size_t size, unsigned times) {
  enum { MOST = 16 };
  void *pieces[MOST];
  unsigned granted = 0;
  while (granted < times && granted < MOST) {
    pieces[granted] = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (pieces[granted] == NULL) break;
    granted++;
  }
  for (unsigned i = 0; i < granted; i++) VirtualFree(pieces[i], 0, MEM_RELEASE);
  return granted;
}

bool kernel_is_careful(int overcommit) {
  (void)overcommit;
  return true;
}

/* Unlocking pages that are not locked takes them out of the working set. */
void kernel_drop(void *base, size_t size) {
  (void)VirtualUnlock(base, size);
}
