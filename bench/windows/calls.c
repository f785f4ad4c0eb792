/* SPDX-License-Identifier: MIT */
/* What Win32 calls cost: one plain program, built with Acre and for Windows. native.c does the same with Acre's own calls. */
#include <windows.h>

#include "measure.h"

static double now(void) {
  static double frequency;
  LARGE_INTEGER count;
  if (frequency == 0) {
    QueryPerformanceFrequency(&count);
    frequency = (double)count.QuadPart;
  }
  QueryPerformanceCounter(&count);
  return (double)count.QuadPart / frequency * 1e9;
}

static char *base;
static HANDLE heap, section;

static void alloc_free(int count) {
  while (count-- > 0) {
    void *memory = VirtualAlloc(NULL, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    VirtualFree(memory, 0, MEM_RELEASE);
  }
}

static void commit_decommit(int count) {
  while (count-- > 0) {
    VirtualAlloc(base + 4096, 4096, MEM_COMMIT, PAGE_READWRITE);
    VirtualFree(base + 4096, 4096, MEM_DECOMMIT);
  }
}

static void query(int count) {
  MEMORY_BASIC_INFORMATION info;
  while (count-- > 0) VirtualQuery(base + 8192, &info, sizeof info);
}

static void heap_blocks(int count) {
  void *blocks[64];
  for (; count > 0; count -= 64) {
    for (int i = 0; i < 64; i++) blocks[i] = HeapAlloc(heap, 0, 32);
    for (int i = 0; i < 64; i++) HeapFree(heap, 0, blocks[i]);
  }
}

static DWORD WINAPI heap_thread(LPVOID count) {
  heap_blocks((int)(ULONG_PTR)count);
  return 0;
}

static void heap_two_threads(int count) {
  HANDLE threads[2];
  for (int i = 0; i < 2; i++) threads[i] = CreateThread(NULL, 0, heap_thread, (LPVOID)(ULONG_PTR)count, 0, NULL);
  WaitForMultipleObjects(2, threads, TRUE, INFINITE);
  for (int i = 0; i < 2; i++) CloseHandle(threads[i]);
}

static void create_destroy(int count) {
  while (count-- > 0) HeapDestroy(HeapCreate(0, 0, 0));
}

static void map_unmap(int count) {
  while (count-- > 0) UnmapViewOfFile(MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
}

static void create_section(int count) {
  while (count-- > 0) CloseHandle(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, NULL));
}

int main(void) {
  base = VirtualAlloc(NULL, 1 << 20, MEM_RESERVE, PAGE_READWRITE);
  VirtualAlloc(base, 4096, MEM_COMMIT, PAGE_READWRITE);
  heap = HeapCreate(0, 0, 0);
  section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, NULL);
  measure_all();
  return 0;
}
