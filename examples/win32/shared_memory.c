/* SPDX-License-Identifier: MIT */
/* Named memory that two processes share: the program starts itself once more. */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct SHARED {
  LONG number;
  char text[100];
} SHARED;

static int second_process(const char *name) {
  HANDLE section = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name);
  if (section == NULL) return 2;
  SHARED *shared = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  if (shared == NULL) return 3;
  printf("The second process reads: %s\n", shared->text);
  fflush(stdout);
  strcpy(shared->text, "an answer from the second");
  InterlockedExchangeAdd(&shared->number, 5);
  UnmapViewOfFile(shared);
  CloseHandle(section);
  return 0;
}

int main(int argc, char **argv) {
  char name[64], self[MAX_PATH], command[MAX_PATH + 80];
  if (argc > 1) return second_process(argv[1]);
  snprintf(name, sizeof name, "acre-example-%u", GetCurrentProcessId());
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(SHARED), name);
  SHARED *shared = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  if (shared == NULL) return 1;
  strcpy(shared->text, "a question from the first");
  shared->number = 37;
  GetModuleFileNameA(NULL, self, MAX_PATH);
  snprintf(command, sizeof command, "\"%s\" %s", self, name);
  int status = system(command);
  printf("It ended with %d. The first process reads: %s, and %d\n", status, shared->text, (int)shared->number);
  UnmapViewOfFile(shared);
  CloseHandle(section);
  section = OpenFileMappingA(FILE_MAP_READ, FALSE, name);
  printf("The name has gone with its last handle: %s\n",
         section == NULL && GetLastError() == ERROR_FILE_NOT_FOUND ? "yes" : "no");
  return 0;
}
