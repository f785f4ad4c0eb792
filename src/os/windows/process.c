/* SPDX-License-Identifier: MIT */
/* process.c - system figures, environment, the last words on Windows. */
#include "win.h"

#include <string.h>

#include "base/compiler.h"
#include "base/line.h"
#include "base/math.h"

struct acre__windows_switches acre__windows_switches;

/* ------------------------------------------------------------- figures */

/* GetVersionEx tells programs what their manifest knows; this tells what runs. */
static void name_kernel(char *out, size_t size) {
  typedef LONG(WINAPI * version_function)(OSVERSIONINFOW *);
  struct acre__line line = acre__line_in(out, size);
  acre__line_add(&line, "Windows");
  HMODULE library = GetModuleHandleW(L"ntdll.dll");
  FARPROC function = library != NULL ? GetProcAddress(library, "RtlGetVersion") : NULL;
  OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof version};
  if (function == NULL || ((version_function)(void *)function)(&version) != 0) return;
  const DWORD numbers[] = {version.dwMajorVersion, version.dwMinorVersion, version.dwBuildNumber};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    acre__line_add(&line, i == 0 ? " " : ".");
    acre__line_add_number(&line, numbers[i], 10);
  }
}

void acre__os_probe_first(struct acre__os_system *out) {
  SYSTEM_INFO info;
  memset(out, 0, sizeof *out);
  GetSystemInfo(&info);
  out->page_size = info.dwPageSize;
  out->granularity = info.dwAllocationGranularity;
  out->map_granularity = acre__windows_has_placeholders() ? info.dwPageSize : info.dwAllocationGranularity;
  out->overcommit_mode = -1;
}

void acre__os_probe(struct acre__os_system *out) {
  SYSTEM_INFO info;
  MEMORYSTATUSEX status = {.dwLength = sizeof status};
  ULONG highest_node = 0;
  acre__os_probe_first(out);
  GetSystemInfo(&info);
  out->lowest_address = acre__align_up((uintptr_t)info.lpMinimumApplicationAddress, out->granularity);
  out->highest_address = (uintptr_t)info.lpMaximumApplicationAddress;
  out->processors = info.dwNumberOfProcessors;
  out->mapping_limit = SIZE_MAX;
  out->can_query_directly = true;
  out->nodes = GetNumaHighestNodeNumber(&highest_node) ? (unsigned)highest_node + 1 : 1;
  name_kernel(out->kernel, sizeof out->kernel);
  if (!GlobalMemoryStatusEx(&status)) return;
  out->physical_memory = status.ullTotalPhys;
  out->available_memory = status.ullAvailPhys;
  out->swap = status.ullTotalPageFile > status.ullTotalPhys ? status.ullTotalPageFile - status.ullTotalPhys : 0;
}

size_t acre__os_address_space_limit(void) {
  return SIZE_MAX;
}

/* There is one way each. */
void acre__os_force(bool query_without_ioctl, bool populate_by_touch) {
  (void)query_without_ioctl, (void)populate_by_touch;
}

void acre__os_force_single_calls(bool single) {
  (void)single;
}

void acre__os_force_plain_files(bool plain) {
  (void)plain;
}

void acre__os_force_plain_reservations(bool plain) {
  acre__windows_switches.no_placeholders = plain;
}

/* ------------------------------------------------------------- environment and last words */

size_t acre__os_environment(const char *name, char *out, size_t size) {
  wchar_t wide_name[128], value[ACRE_WINDOWS_PATH];
  if (size > 0) out[0] = '\0';
  if (!acre__windows_widen(name, wide_name, sizeof wide_name / sizeof *wide_name)) return 0;
  DWORD length = GetEnvironmentVariableW(wide_name, value, ACRE_WINDOWS_PATH);
  if (length == 0 || length >= ACRE_WINDOWS_PATH) return 0;
  return acre__windows_narrow(value, out, size);
}

void acre__os_say(const char *text) {
  DWORD error = GetLastError(), written;
  (void)WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &written, NULL);
  SetLastError(error);
}

_Noreturn void acre__os_die(const char *text) {
  enum { AS_ABORT = 3 };
  acre__os_end(text, AS_ABORT);
}

_Noreturn void acre__assert_failed(const char *condition, const char *file, int line) {
  char text[512];
  acre__line_of_assertion(text, sizeof text, condition, file, line);
  acre__os_die(text);
}

_Noreturn void acre__os_end(const char *text, int status) {
  acre__os_say(text);
  for (;;) (void)TerminateProcess(GetCurrentProcess(), (UINT)status);
}
