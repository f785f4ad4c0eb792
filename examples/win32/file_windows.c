/* SPDX-License-Identifier: MIT */
/* A large file through a small window: views of 1 MiB, whose offsets are multiples of the granularity. */
#include <windows.h>

#include <stdio.h>

enum { WINDOW = 1 << 20 };

int main(void) {
  char folder[MAX_PATH], path[MAX_PATH];
  GetTempPathA(MAX_PATH, folder);
  GetTempFileNameA(folder, "big", 0, path);
  HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE,
                            NULL);
  const ULONGLONG size = 20ull * WINDOW + 12345;
  HANDLE section = CreateFileMappingA(file, NULL, PAGE_READWRITE, (DWORD)(size >> 32), (DWORD)size, NULL);
  if (section == NULL) return 1;
  int views = 0;
  ULONGLONG sum = 0;
  for (int pass = 0; pass < 2; pass++)
    for (ULONGLONG at = 0; at < size; at += WINDOW, views++) {
      SIZE_T length = size - at < WINDOW ? (SIZE_T)(size - at) : WINDOW;
      unsigned char *view = MapViewOfFile(section, FILE_MAP_WRITE, (DWORD)(at >> 32), (DWORD)at, length);
      if (view == NULL) return 2;
      for (SIZE_T i = 0; i < length; i += 4096) {
        if (pass == 0)
          view[i] = (unsigned char)((at + i) / 4096);
        else
          sum += view[i];
      }
      UnmapViewOfFile(view);
    }
  printf("%d views, sum %I64u\n", views, sum);
  printf("an offset of 4096 is no multiple of 64 KiB: ");
  void *view = MapViewOfFile(section, FILE_MAP_READ, 0, 4096, 0);
  printf("%s\n", view == NULL && GetLastError() == ERROR_MAPPED_ALIGNMENT ? "ERROR_MAPPED_ALIGNMENT" : "?");
  LARGE_INTEGER length;
  GetFileSizeEx(file, &length);
  printf("the file has %I64d bytes\n", length.QuadPart);
  CloseHandle(section);
  CloseHandle(file);
  return 0;
}
