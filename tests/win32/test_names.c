/* SPDX-License-Identifier: MIT */
/*
 * Events, mutexes and semaphores that two processes find by name.
 *
 * The other process is this program again: PROGRAM ROLE NAME. It prints nothing: what it found is its exit status, of which
 * Linux keeps 8 bits (WAIT_TIMEOUT is 2).
 */
#include "observe.h"

#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { PATIENCE = 20000, ROUNDS = 300 };

static char program[MAX_PATH], name[60], other[60], third[60];

static void make_names(const char *base) {
  snprintf(name, sizeof name, "%s", base);
  snprintf(other, sizeof other, "%s-other", base);
  snprintf(third, sizeof third, "Local\\%s-third", base);
}

/* ------------------------------------------------------------- processes */

#ifdef _WIN32

typedef HANDLE process;

static process start(const char *role) {
  char line[2 * MAX_PATH];
  STARTUPINFOA startup = {.cb = sizeof startup};
  PROCESS_INFORMATION made = {0};
  snprintf(line, sizeof line, "\"%s\" %s %s", program, role, name);
  CreateProcessA(program, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &made);
  CloseHandle(made.hThread);
  return made.hProcess;
}

static int end_of(process child) {
  DWORD code = 0xff;
  WaitForSingleObject(child, INFINITE);
  GetExitCodeProcess(child, &code);
  CloseHandle(child);
  return (int)(code & 0xff);
}

#else

typedef pid_t process;

static process start(const char *role) {
  pid_t child = fork();
  if (child == 0) {
    execl(program, program, role, name, (char *)NULL);
    _exit(0xff);
  }
  return child;
}

static int end_of(process child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 0xff;
}

#endif

/* ------------------------------------------------------------- the other process */

static DWORD count_up(void) {
  HANDLE mutex = CreateMutexA(NULL, FALSE, name);
  HANDLE section = OpenFileMappingA(FILE_MAP_WRITE, FALSE, other);
  volatile LONG *count = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  for (int i = 0; i < ROUNDS; i++) {
    if (WaitForSingleObject(mutex, PATIENCE) != WAIT_OBJECT_0) return 1;
    LONG before = *count;
    if (i % 16 == 0) Sleep(0);
    *count = before + 1;
    if (!ReleaseMutex(mutex)) return 2;
  }
  UnmapViewOfFile((LPCVOID)count);
  CloseHandle(section);
  CloseHandle(mutex);
  return 0;
}

static DWORD play(const char *role) {
  HANDLE all[2];
  if (strcmp(role, "sets") == 0) {
    HANDLE event = OpenEventA(EVENT_ALL_ACCESS, FALSE, name);
    return event != NULL && SetEvent(event) ? 0 : GetLastError();
  }
  if (strcmp(role, "opens") == 0) return OpenEventA(EVENT_ALL_ACCESS, FALSE, name) != NULL ? 0 : GetLastError();
  if (strcmp(role, "waits") == 0) {
    all[0] = OpenEventA(EVENT_ALL_ACCESS, FALSE, name);
    all[1] = OpenSemaphoreA(SEMAPHORE_ALL_ACCESS, FALSE, other);
    return WaitForMultipleObjects(2, all, TRUE, PATIENCE);
  }
  if (strcmp(role, "tries") == 0) return WaitForSingleObject(OpenMutexA(MUTEX_ALL_ACCESS, FALSE, name), 0);
  if (strcmp(role, "stays") == 0) {
    if (WaitForSingleObject(CreateMutexA(NULL, FALSE, name), PATIENCE) != WAIT_OBJECT_0) return 1;
    SetEvent(OpenEventA(EVENT_ALL_ACCESS, FALSE, other));
    WaitForSingleObject(OpenEventA(EVENT_ALL_ACCESS, FALSE, third), PATIENCE);
    TerminateProcess(GetCurrentProcess(), 9);
  }
  if (strcmp(role, "mixes") == 0) {
    SetLastError(0);
    CreateSemaphoreA(NULL, 0, 1, name);
    DWORD first = GetLastError();
    CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, name);
    DWORD second = GetLastError();
    CreateEventA(NULL, TRUE, TRUE, other);
    return first * 36 + second * 6 + GetLastError() - 6;
  }
  return strcmp(role, "counts") == 0 ? count_up() : 99;
}

/* ------------------------------------------------------------- what is observed */

static void events(void) {
  HANDLE event, again;
  SCENE("an event of two processes");
  TRY(event = CreateEventA(NULL, FALSE, FALSE, name));
  process child = start("sets");
  VALUE(WaitForSingleObject(event, PATIENCE));
  VALUE(end_of(child));
  VALUE(WaitForSingleObject(event, 0));
  VALUE(end_of(start("sets")));
  TRY(again = CreateEventA(NULL, TRUE, FALSE, name));
  VALUE(WaitForSingleObject(again, 0));
  VALUE(WaitForSingleObject(again, 0));
  VALUE(end_of(start("opens")));
  TRY(CloseHandle(again));
  VALUE(end_of(start("opens")));
  TRY(CloseHandle(event));
  VALUE(end_of(start("opens")));
}

static DWORD WINAPI sets_later(LPVOID event) {
  Sleep(50);
  SetEvent(event);
  return 0;
}

static void many(void) {
  HANDLE event, semaphore, all[3];
  LONG before = -1;
  SCENE("waits for several");
  TRY(event = CreateEventA(NULL, FALSE, FALSE, name));
  TRY(semaphore = CreateSemaphoreA(NULL, 0, 5, other));
  process child = start("waits");
  SetEvent(event);
  Sleep(100);
  TRY(ReleaseSemaphore(semaphore, 2, &before));
  VALUE(before);
  VALUE(end_of(child));
  VALUE(WaitForSingleObject(event, 0));
  VALUE(WaitForSingleObject(semaphore, 0));
  VALUE(WaitForSingleObject(semaphore, 0));

  SCENE("with others that have no name");
  all[0] = event;
  all[1] = CreateEventA(NULL, FALSE, FALSE, NULL);
  all[2] = CreateThread(NULL, 0, sets_later, all[1], 0, NULL);
  VALUE(WaitForMultipleObjects(2, all, FALSE, PATIENCE));
  VALUE(WaitForMultipleObjects(2, all, FALSE, 20));
  VALUE(WaitForMultipleObjects(3, all, FALSE, PATIENCE));
  child = start("sets");
  VALUE(WaitForMultipleObjects(2, all, FALSE, PATIENCE));
  VALUE(end_of(child));
  for (int i = 0; i < 3; i++) CloseHandle(all[i]);
  CloseHandle(semaphore);
}

static DWORD WINAPI takes(LPVOID mutex) {
  return WaitForSingleObject(mutex, PATIENCE);
}

static void mutexes(void) {
  HANDLE mutex, owned, may_end;
  SCENE("a mutex of two processes");
  TRY(mutex = CreateMutexA(NULL, TRUE, name));
  VALUE(end_of(start("tries")));
  TRY(ReleaseMutex(mutex));
  VALUE(end_of(start("tries")));
  VALUE(WaitForSingleObject(mutex, PATIENCE));
  TRY(ReleaseMutex(mutex));
  TRY(ReleaseMutex(mutex));

  SCENE("whose owner is terminated");
  TRY(owned = CreateEventA(NULL, FALSE, FALSE, other));
  TRY(may_end = CreateEventA(NULL, FALSE, FALSE, third));
  process child = start("stays");
  VALUE(WaitForSingleObject(owned, PATIENCE));
  VALUE(WaitForSingleObject(mutex, 20));
  TRY(ReleaseMutex(mutex));
  SetEvent(may_end);
  VALUE(end_of(child));
  VALUE(WaitForSingleObject(mutex, PATIENCE));
  TRY(ReleaseMutex(mutex));
  VALUE(WaitForSingleObject(mutex, 0));
  TRY(ReleaseMutex(mutex));
  CloseHandle(owned);
  CloseHandle(may_end);
  CloseHandle(mutex);

  SCENE("whose thread ends");
  TRY(mutex = CreateMutexA(NULL, FALSE, third));
  HANDLE thread = CreateThread(NULL, 0, takes, mutex, 0, NULL);
  VALUE(WaitForSingleObject(thread, INFINITE));
  CloseHandle(thread);
  VALUE(WaitForSingleObject(mutex, PATIENCE));
  TRY(ReleaseMutex(mutex));
  TRY(CloseHandle(mutex));
}

static void counts(void) {
  HANDLE mutex, section;
  SCENE("three processes that count");
  TRY(mutex = CreateMutexA(NULL, FALSE, name));
  TRY(section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, other));
  volatile LONG *count = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  process first = start("counts"), second = start("counts");
  VALUE(count_up());
  VALUE(end_of(first));
  VALUE(end_of(second));
  VALUE(*count);
  UnmapViewOfFile((LPCVOID)count);
  CloseHandle(section);
  CloseHandle(mutex);
}

static void kinds(void) {
  HANDLE event, section;
  SCENE("names of another kind");
  TRY(event = CreateEventA(NULL, FALSE, FALSE, name));
  TRY(section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, other));
  TRY(CreateMutexA(NULL, FALSE, name));
  TRY(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, name));
  TRY(OpenFileMappingA(FILE_MAP_READ, FALSE, name));
  TRY(OpenEventA(EVENT_ALL_ACCESS, FALSE, other));
  TRY(CreateSemaphoreA(NULL, 0, 1, other));
  TRY(OpenMutexA(MUTEX_ALL_ACCESS, FALSE, name));
  TRY(OpenMutexA(MUTEX_ALL_ACCESS, FALSE, third));
  TRY(OpenMutexW(MUTEX_ALL_ACCESS, FALSE, NULL));
  TRY(OpenSemaphoreA(SEMAPHORE_ALL_ACCESS, FALSE, other));
  TRY(OpenSemaphoreA(SEMAPHORE_ALL_ACCESS, FALSE, third));
  TRY(OpenSemaphoreW(SEMAPHORE_ALL_ACCESS, FALSE, NULL));
  VALUE(end_of(start("mixes")));
  CloseHandle(section);
  CloseHandle(event);
}

int main(int count, char **arguments) {
  GetModuleFileNameA(NULL, program, sizeof program);
  if (count == 3) {
    make_names(arguments[2]);
    ExitProcess(play(arguments[1]));
  }
  char base[40];
  snprintf(base, sizeof base, "acre-names-%u", (unsigned)GetCurrentProcessId());
  make_names(base);
  events();
  many();
  mutexes();
  counts();
  kinds();
  return 0;
}
