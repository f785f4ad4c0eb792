/* SPDX-License-Identifier: MIT */
/* process.c - the process itself: identity, command line, environment, end; and whether memory can be used. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "win32/text.h"

/* ------------------------------------------------------------- identity and end */

HANDLE GetCurrentProcess(void) {
  return (HANDLE)(LONG_PTR)-1;
}

DWORD GetCurrentProcessId(void) {
  return (DWORD)getpid();
}

DWORD GetProcessId(HANDLE process) {
  return acre__is_this_process(process) ? GetCurrentProcessId() : 0;
}

/* Linux keeps 8 bits of it. */
void ExitProcess(UINT code) {
  exit((int)code);
}

BOOL TerminateProcess(HANDLE process, UINT code) {
  if (!acre__is_this_process(process)) return FALSE;
  _exit((int)code);
}

BOOL GetExitCodeProcess(HANDLE process, LPDWORD code) {
  if (!acre__is_this_process(process)) return FALSE;
  *code = STILL_ACTIVE;
  return TRUE;
}

/* ------------------------------------------------------------- command line */

static struct {
  pthread_once_t once;
  char *bytes;
  wchar_t *wide;
} command = {.once = PTHREAD_ONCE_INIT};

static char *read_all(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  char *bytes = NULL;
  size_t room = 0;
  *size = 0;
  for (ssize_t got = 1; fd >= 0 && got > 0; *size += (size_t)got) {
    if (room - *size < 2) {
      char *more = realloc(bytes, room = room * 2 + 4096);
      if (more == NULL) break;
      bytes = more;
    }
    got = read(fd, bytes + *size, room - *size - 1);
    if (got < 0) got = 0;
  }
  if (fd >= 0) close(fd);
  return bytes;
}

static bool wants_quotes(const char *argument) {
  return *argument == 0 || strpbrk(argument, " \t\"") != NULL;
}

/* By the rules that Windows's C library splits it with: backslashes count double before a quote. */
static char *quote(char *to, const char *argument) {
  size_t slashes = 0;
  *to++ = '"';
  for (; *argument != 0; argument++) {
    if (*argument == '"')
      for (size_t i = 0; i <= slashes; i++) *to++ = '\\';
    slashes = *argument == '\\' ? slashes + 1 : 0;
    *to++ = *argument;
  }
  for (size_t i = 0; i < slashes; i++) *to++ = '\\';
  *to++ = '"';
  return to;
}

static void make_command_line(void) {
  size_t size;
  char *arguments = read_all("/proc/self/cmdline", &size);
  char *line = malloc(2 * size + 3 * (size + 1) + 1), *end = line;
  for (size_t at = 0; line != NULL && at < size; at += strlen(arguments + at) + 1) {
    if (at != 0) *end++ = ' ';
    end = wants_quotes(arguments + at) ? quote(end, arguments + at) : stpcpy(end, arguments + at);
  }
  free(arguments);
  if (line == NULL) return;
  *end = 0;
  command.wide = malloc((size_t)(end - line + 1) * sizeof *command.wide);
  if (command.wide != NULL) acre__give_wide(line, command.wide, (DWORD)(end - line + 1));
  command.bytes = line;
}

LPSTR GetCommandLineA(void) {
  static char none[] = "";
  pthread_once(&command.once, make_command_line);
  return command.bytes != NULL ? command.bytes : none;
}

LPWSTR GetCommandLineW(void) {
  static wchar_t none[] = L"";
  pthread_once(&command.once, make_command_line);
  return command.wide != NULL ? command.wide : none;
}

/* ------------------------------------------------------------- environment and module */

static const char *environment(const char *name) {
  const char *value = name != NULL ? getenv(name) : NULL;
  return value != NULL ? value : acre__fail_null(ERROR_ENVVAR_NOT_FOUND);
}

DWORD GetEnvironmentVariableA(LPCSTR name, LPSTR out, DWORD size) {
  const char *value = environment(name);
  return value != NULL ? acre__give_bytes(value, out, size) : 0;
}

static DWORD give_wide_variable(const char *name, wchar_t *out, DWORD size) {
  const char *value = environment(name);
  return value != NULL ? acre__give_wide(value, out, size) : 0;
}

DWORD GetEnvironmentVariableW(LPCWSTR name, LPWSTR out, DWORD size) {
  ACRE_WITH_TEXT(DWORD, 0, name, give_wide_variable(text.bytes, out, size));
}

/* The program is the only module; its handle is where it was loaded. */
static HMODULE module(const char *name) {
  char self[PATH_MAX];
  if (name != NULL) {
    const char *own = GetModuleFileNameA(NULL, self, sizeof self) != 0 ? strrchr(self, '/') : NULL;
    if (own == NULL || (strcmp(own + 1, name) != 0 && strcmp(self, name) != 0))
      return acre__fail_null(ERROR_MOD_NOT_FOUND);
  }
  extern const char __ehdr_start[] __attribute__((weak, visibility("hidden")));
  acre_vm_info info;
  extern int main(int, char **) __attribute__((weak));
  const void *inside = main != NULL ? (const void *)(uintptr_t)main : (const void *)__ehdr_start;
  return acre_vm_query(inside, &info) == ACRE_OK ? info.region_base : NULL;
}

HMODULE GetModuleHandleA(LPCSTR name) {
  return module(name);
}

HMODULE GetModuleHandleW(LPCWSTR name) {
  ACRE_WITH_TEXT(HMODULE, NULL, name, module(text.bytes));
}

static bool program_path(char out[PATH_MAX]) {
  ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);
  if (length <= 0) return acre__fail(ERROR_MOD_NOT_FOUND);
  out[length] = 0;
  return true;
}

/* A path that has no room is cut. */
DWORD GetModuleFileNameA(HMODULE handle, LPSTR out, DWORD size) {
  char path[PATH_MAX];
  (void)handle;
  if (!program_path(path)) return 0;
  DWORD length = acre__give_bytes(path, out, size);
  if (length < size) return length;
  if (size != 0) {
    memcpy(out, path, size - 1);
    out[size - 1] = 0;
  }
  SetLastError(ERROR_INSUFFICIENT_BUFFER);
  return size;
}

DWORD GetModuleFileNameW(HMODULE handle, LPWSTR out, DWORD size) {
  char path[PATH_MAX];
  (void)handle;
  if (!program_path(path)) return 0;
  DWORD length = acre__give_wide(path, out, size);
  if (length < size) return length;
  if (size != 0) {
    acre__wide_from_utf8(path, strlen(path), out, size - 1, NULL);
    out[size - 1] = 0;
  }
  SetLastError(ERROR_INSUFFICIENT_BUFFER);
  return size;
}

/* ------------------------------------------------------------- debuggers */

/* Where no debugger reads it, the text goes nowhere; and none here does. */
void OutputDebugStringA(LPCSTR text) {
  (void)text;
}

void OutputDebugStringW(LPCWSTR text) {
  (void)text;
}

BOOL IsDebuggerPresent(void) {
  size_t size;
  char *status = read_all("/proc/self/status", &size);
  if (status == NULL) return FALSE;
  status[size] = 0;
  const char *tracer = strstr(status, "TracerPid:");
  BOOL present = tracer != NULL && atoi(tracer + strlen("TracerPid:")) != 0;
  free(status);
  return present;
}

void DebugBreak(void) {
#if defined(__x86_64__)
  __asm__ volatile("int3");
#else
  __asm__ volatile("brk #0xf000");
#endif
}

/* ------------------------------------------------------------- memory that may be bad */

/* Where the kernel does not read for us (a container may forbid it), the protection tells. */
static bool can_read(uintptr_t at, const acre_vm_info *info) {
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)at, 1};
  ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
  if (got == 1 || (errno != EPERM && errno != ENOSYS)) return got == 1;
  bool readable = info->protection != ACRE_VM_NO_ACCESS && info->protection != ACRE_VM_EXECUTE;
  return info->state == ACRE_VM_COMMITTED && readable && (info->protection & ACRE_VM_GUARD) == 0;
}

/*
 * The kernel reads one byte of each page in our place and says whether it could: no
 * signal, whoever has a handler for it. Whether a page could be written, its
 * protection tells, as a write would be one that other threads see.
 */
static bool can_access(const void *address, size_t size, bool writes) {
  size_t page_size = acre__figures()->page_size;
  uintptr_t at = (uintptr_t)address, last = at + size - 1;
  if (size == 0) return true;
  if (at == 0 || last < at) return false;
  for (;;) {
    acre_vm_info info;
    if (acre_vm_query((void *)at, &info) != ACRE_OK || !can_read(at, &info)) return false;
    if (writes) {
      if (info.state != ACRE_VM_COMMITTED) return false;
      if (info.protection != ACRE_VM_READ_WRITE && info.protection != ACRE_VM_EXECUTE_READ_WRITE) return false;
    }
    uintptr_t page = at & ~(uintptr_t)(page_size - 1);
    if (last - page < page_size) return true;
    at = page + page_size;
  }
}

BOOL IsBadReadPtr(const void *address, UINT_PTR size) {
  return !can_access(address, size, false);
}

BOOL IsBadWritePtr(LPVOID address, UINT_PTR size) {
  return !can_access(address, size, true);
}

BOOL IsBadCodePtr(FARPROC address) {
  return !can_access((const void *)(uintptr_t)address, 1, false);
}

/* Asks once a page. A wide character that is not aligned may lie in two. */
BOOL IsBadStringPtrA(LPCSTR address, UINT_PTR most) {
  const uintptr_t in_page = acre__figures()->page_size - 1;
  for (UINT_PTR i = 0; i < most; i++) {
    if ((i == 0 || ((uintptr_t)(address + i) & in_page) == 0) && !can_access(address + i, 1, false)) return TRUE;
    if (address[i] == 0) break;
  }
  return FALSE;
}

BOOL IsBadStringPtrW(LPCWSTR address, UINT_PTR most) {
  const uintptr_t in_page = acre__figures()->page_size - 1;
  const char *at = (const char *)address;
  WCHAR one;
  for (UINT_PTR i = 0; i < most; i++, at += sizeof one) {
    uintptr_t last = (uintptr_t)at + sizeof one - 1;
    if ((i == 0 || (last & in_page) < sizeof one) && !can_access(at, sizeof one, false)) return TRUE;
    memcpy(&one, at, sizeof one);
    if (one == 0) break;
  }
  return FALSE;
}
