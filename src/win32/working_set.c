/* SPDX-License-Identifier: MIT */
/* working_set.c - what of the process is resident, what it has used, which files are mapped. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "win32/psapi.h"
#include "win32/text.h"
#include "win32/virtual.h"

/* ------------------------------------------------------------- figures */

/* A figure of /proc/self/status, in bytes; 0: it is not there. */
static void read_status(char *text, size_t size) {
  int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd >= 0 ? read(fd, text, size - 1) : 0;
  if (fd >= 0) close(fd);
  text[length > 0 ? length : 0] = 0;
}

static uint64_t status_figure(const char *text, const char *name) {
  const char *at = strstr(text, name);
  unsigned long long kibibytes = 0;
  if (at != NULL) sscanf(at + strlen(name), ": %llu", &kibibytes);
  return kibibytes << 10;
}

BOOL GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS out, DWORD size) {
  struct rusage usage;
  acre_system system;
  if (!acre__is_this_process(process)) return FALSE;
  if (out == NULL || size < sizeof *out) return acre__fail(ERROR_INSUFFICIENT_BUFFER);
  char status[8192];
  read_status(status, sizeof status);
  getrusage(RUSAGE_SELF, &usage);
  acre_system_info(&system);
  PROCESS_MEMORY_COUNTERS_EX all = {.cb = size < sizeof all ? (DWORD)sizeof *out : (DWORD)sizeof all,
                                    .PageFaultCount = (DWORD)(usage.ru_minflt + usage.ru_majflt),
                                    .PeakWorkingSetSize = status_figure(status, "VmHWM"),
                                    .WorkingSetSize = status_figure(status, "VmRSS"),
                                    .PagefileUsage = status_figure(status, "VmData"),
                                    .PeakPagefileUsage = system.commit_peak};
  all.PrivateUsage = all.PagefileUsage;
  if (all.PeakPagefileUsage < all.PagefileUsage) all.PeakPagefileUsage = all.PagefileUsage;
  memcpy(out, &all, all.cb);
  return TRUE;
}

/* Linux has no such bounds; what a program sets it reads back. */
static _Atomic(SIZE_T) bounds[2] = {200 << 10, 1380 << 10};

BOOL GetProcessWorkingSetSizeEx(HANDLE process, PSIZE_T minimum, PSIZE_T maximum, PDWORD flags) {
  if (!acre__is_this_process(process)) return FALSE;
  if (minimum == NULL || maximum == NULL) return acre__fail(ERROR_NOACCESS);
  *minimum = bounds[0];
  *maximum = bounds[1];
  if (flags != NULL) *flags = 0;
  return TRUE;
}

BOOL GetProcessWorkingSetSize(HANDLE process, PSIZE_T minimum, PSIZE_T maximum) {
  return GetProcessWorkingSetSizeEx(process, minimum, maximum, NULL);
}

static bool page_out(const acre_vm_info *info, void *context) {
  (void)context;
  bool own = info->kind == ACRE_VM_KIND_PRIVATE || info->kind == ACRE_VM_KIND_MAPPED;
  if (own && info->state == ACRE_VM_COMMITTED) (void)acre_vm_page_out(info->base, info->size);
  return true;
}

BOOL EmptyWorkingSet(HANDLE process) {
  if (!acre__is_this_process(process)) return FALSE;
  return acre__done(acre_vm_walk(page_out, NULL));
}

BOOL SetProcessWorkingSetSizeEx(HANDLE process, SIZE_T minimum, SIZE_T maximum, DWORD flags) {
  const SIZE_T empty = (SIZE_T)-1;
  (void)flags;
  if (!acre__is_this_process(process)) return FALSE;
  if (minimum == empty && maximum == empty) return EmptyWorkingSet(process);
  if (minimum > maximum || maximum == 0) return acre__fail(ERROR_INVALID_PARAMETER);
  bounds[0] = minimum;
  bounds[1] = maximum;
  return TRUE;
}

BOOL SetProcessWorkingSetSize(HANDLE process, SIZE_T minimum, SIZE_T maximum) {
  return SetProcessWorkingSetSizeEx(process, minimum, maximum, 0);
}

/* ------------------------------------------------------------- pages */

static void describe(PSAPI_WORKING_SET_EX_INFORMATION *entry, size_t page_size) {
  unsigned char resident = 0;
  acre_vm_info info;
  void *page = (void *)((uintptr_t)entry->VirtualAddress & ~(uintptr_t)(page_size - 1));
  entry->VirtualAttributes.Flags = 0;
  if (acre_vm_query(page, &info) != ACRE_OK || info.state != ACRE_VM_COMMITTED) return;
  if (mincore(page, page_size, &resident) != 0 || (resident & 1) == 0) return;
  bool shared = info.kind == ACRE_VM_KIND_MAPPED || info.kind == ACRE_VM_KIND_IMAGE;
  entry->VirtualAttributes.Valid = 1;
  entry->VirtualAttributes.ShareCount = shared ? 1 : 0;
  entry->VirtualAttributes.Shared = shared;
  entry->VirtualAttributes.Win32Protection = acre__protection_to(info.protection) & 0x7ff;
  entry->VirtualAttributes.LargePage = info.large_pages == ACRE_VM_LARGE_PAGES_EXPLICIT;
}

BOOL QueryWorkingSetEx(HANDLE process, PVOID entries, DWORD size) {
  PSAPI_WORKING_SET_EX_INFORMATION *all = entries;
  if (!acre__is_this_process(process)) return FALSE;
  if (size < sizeof *all) return acre__fail(ERROR_BAD_LENGTH);
  for (size_t i = 0; i < size / sizeof *all; i++) describe(&all[i], acre__figures()->page_size);
  return TRUE;
}

/* ------------------------------------------------------------- files */

static bool mapped_path(HANDLE process, const void *address, char path[PATH_MAX]) {
  size_t length;
  if (!acre__is_this_process(process)) return false;
  if (acre_vm_query_file(address, NULL, path, PATH_MAX, &length) != ACRE_OK) return acre__fail(ERROR_FILE_INVALID);
  return true;
}

/* The path as the system has it; on Windows a device's path. */
DWORD GetMappedFileNameA(HANDLE process, LPVOID address, LPSTR out, DWORD size) {
  char path[PATH_MAX];
  if (!mapped_path(process, address, path)) return 0;
  DWORD length = acre__give_bytes(path, out, size);
  return length < size ? length : (DWORD)acre__fail(ERROR_INSUFFICIENT_BUFFER);
}

DWORD GetMappedFileNameW(HANDLE process, LPVOID address, LPWSTR out, DWORD size) {
  char path[PATH_MAX];
  if (!mapped_path(process, address, path)) return 0;
  DWORD length = acre__give_wide(path, out, size);
  return length < size ? length : (DWORD)acre__fail(ERROR_INSUFFICIENT_BUFFER);
}
