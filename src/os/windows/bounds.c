/* SPDX-License-Identifier: MIT */
/* bounds.c - how much memory the program may have on Windows: RAM and paging files, and what its job sets. */
#include "win.h"

#include "base/math.h"

static uint64_t job_bound(void) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
  uint64_t bound = UINT64_MAX;
  if (!QueryInformationJobObject(NULL, JobObjectExtendedLimitInformation, &limits, sizeof limits, NULL)) return bound;
  DWORD flags = limits.BasicLimitInformation.LimitFlags;
  if ((flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) != 0) bound = limits.ProcessMemoryLimit;
  if ((flags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0) bound = acre__min(bound, limits.JobMemoryLimit);
  return bound;
}

void acre__os_bounds_read(struct acre__os_bounds *bounds) {
  MEMORYSTATUSEX status = {.dwLength = sizeof status};
  bounds->searched = true;
  bounds->group = job_bound();
  if (!GlobalMemoryStatusEx(&status)) return;
  bounds->ram = status.ullTotalPhys;
  bounds->swap = status.ullTotalPageFile > status.ullTotalPhys ? status.ullTotalPageFile - status.ullTotalPhys : 0;
}

uint64_t acre__os_clock_ms(void) {
  return GetTickCount64();
}
