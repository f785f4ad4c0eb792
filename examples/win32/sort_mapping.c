/* SPDX-License-Identifier: MIT */
/* A file sorted through a mapping: no read and no write call touches its numbers. */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 200000 };

static int compare(const void *a, const void *b) {
  int first = *(const int *)a, second = *(const int *)b;
  return (first > second) - (first < second);
}

int main(void) {
  char folder[MAX_PATH], path[MAX_PATH];
  GetTempPathA(MAX_PATH, folder);
  GetTempFileNameA(folder, "srt", 0, path);
  HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                            FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
  HANDLE section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, COUNT * sizeof(int), NULL);
  int *numbers = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  if (numbers == NULL) return 1;
  unsigned value = 12345;
  for (int i = 0; i < COUNT; i++) numbers[i] = (int)((value = value * 1103515245u + 12345u) >> 8);
  qsort(numbers, COUNT, sizeof *numbers, compare);
  printf("flushed: %d\n", FlushViewOfFile(numbers, 0) && FlushFileBuffers(file));
  UnmapViewOfFile(numbers);
  CloseHandle(section);

  int before = -2147483647, sorted = 1, chunk[1000];
  DWORD got, count = 0;
  SetFilePointer(file, 0, NULL, FILE_BEGIN);
  while (ReadFile(file, chunk, sizeof chunk, &got, NULL) && got > 0)
    for (DWORD i = 0; i < got / sizeof(int); i++, count++) {
      sorted = sorted && chunk[i] >= before;
      before = chunk[i];
    }
  printf("%u numbers read back, in order: %s\n", count, sorted ? "yes" : "no");
  CloseHandle(file);
  printf("the file has gone: %s\n", GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES ? "yes" : "no");
  return 0;
}
