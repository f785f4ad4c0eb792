/* SPDX-License-Identifier: MIT */
/*
 * The program, its streams and terminals on Windows (see system.h).
 *
 * Arguments come as UTF-16, so main is wmain here, and are UTF-8 from then on.
 */
#include "win.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tool.h"

const bool system_has_run = false;

/* '*' in an argument is that character: the command takes one file. */
int _dowildcard = 0;

static char *narrow(const wchar_t *text) {
  int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
  char *out = size > 0 ? malloc((size_t)size) : NULL;
  if (out == NULL) abort();
  WideCharToMultiByte(CP_UTF8, 0, text, -1, out, size, NULL, NULL);
  return out;
}

int wmain(int argc, wchar_t **wide) {
  char **argv = calloc((size_t)argc + 1, sizeof *argv);
  if (argv == NULL) abort();
  for (int i = 0; i < argc; i++) argv[i] = narrow(wide[i]);
  return tool_main(argc, argv);
}

static UINT console_before;

static void restore_console(void) {
  SetConsoleOutputCP(console_before);
}

void system_prepare_streams(void) {
  console_before = GetConsoleOutputCP();
  bool is_shown = system_is_terminal(1) || system_is_terminal(2);
  if (is_shown && console_before != CP_UTF8 && SetConsoleOutputCP(CP_UTF8)) atexit(restore_console);
  for (int fd = 0; fd <= 2; fd++)
    if (_get_osfhandle(fd) < 0 && _open("NUL", fd == 0 ? _O_RDONLY : _O_WRONLY) > 2) return;
}

bool system_executable(char *out, size_t room) {
  wchar_t path[SYSTEM_PATH];
  DWORD length = GetModuleFileNameW(NULL, path, SYSTEM_PATH);
  if (length == 0) return win_fail();
  if (length < SYSTEM_PATH) return win_narrow_path(path, out, room);
  errno = ENAMETOOLONG;
  return false;
}

unsigned system_process(void) {
  return GetCurrentProcessId();
}

/* ------------------------------------------------------------- another of this program */

/* Adds an argument so that it is read as one: backslashes count double before a quotation mark. */
static bool add_argument(wchar_t *line, size_t room, const wchar_t *argument) {
  size_t at = wcslen(line), backslashes = 0;
  if (at + 2 * wcslen(argument) + 4 > room) return false;
  if (at > 0) line[at++] = L' ';
  line[at++] = L'"';
  for (; *argument != L'\0'; argument++) {
    for (size_t i = 0; *argument == L'"' && i <= backslashes; i++) line[at++] = L'\\';
    backslashes = *argument == L'\\' ? backslashes + 1 : 0;
    line[at++] = *argument;
  }
  while (backslashes-- > 0) line[at++] = L'\\';
  line[at++] = L'"';
  line[at] = L'\0';
  return true;
}

int system_run_self(const char *const *arguments) {
  static wchar_t program[SYSTEM_PATH], argument[SYSTEM_PATH], line[4 * SYSTEM_PATH];
  STARTUPINFOW startup = {.cb = sizeof startup};
  PROCESS_INFORMATION process;
  DWORD length = GetModuleFileNameW(NULL, program, SYSTEM_PATH), status;
  if (length == 0 || length >= SYSTEM_PATH) return -1;
  wcscpy(line, L"acre");
  for (; *arguments != NULL; arguments++)
    if (!win_widen(*arguments, argument) || !add_argument(line, 4 * SYSTEM_PATH, argument)) return -1;
  fflush(stdout);
  if (!CreateProcessW(program, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) {
    win_fail();
    return -1;
  }
  bool ended = WaitForSingleObject(process.hProcess, INFINITE) == WAIT_OBJECT_0 &&
               GetExitCodeProcess(process.hProcess, &status) && status <= INT32_MAX;
  CloseHandle(process.hThread);
  CloseHandle(process.hProcess);
  return ended ? (int)status : -1;
}

/* ------------------------------------------------------------- terminals */

/* A console: any other device is no terminal, though the C library takes it for one. */
bool system_is_terminal(int fd) {
  DWORD mode;
  intptr_t handle = _get_osfhandle(fd);
  return handle >= 0 && GetConsoleMode((HANDLE)handle, &mode);
}

bool system_can_paint(int fd) {
  DWORD mode;
  HANDLE handle = (HANDLE)_get_osfhandle(fd);
  return system_is_terminal(fd) && GetConsoleMode(handle, &mode) &&
         SetConsoleMode(handle, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}
