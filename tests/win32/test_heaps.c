/* SPDX-License-Identifier: MIT */
/* HeapCreate, HeapAlloc, HeapReAlloc, HeapFree, HeapSize, HeapWalk, HeapValidate, HeapLock ... */
#include "observe.h"

static void blocks(void) {
  SCENE("blocks");
  HANDLE heap;
  char *block, *other;
  TRY(heap = HeapCreate(0, 0, 0));
  TRY(block = HeapAlloc(heap, 0, 100));
  VALUE((ULONG_PTR)block % 16);
  VALUE(HeapSize(heap, 0, block));
  memset(block, 7, 100);
  TRY(block = HeapReAlloc(heap, 0, block, 1000));
  VALUE(HeapSize(heap, 0, block));
  VALUE(block[99]);
  TRY(block = HeapReAlloc(heap, HEAP_ZERO_MEMORY, block, 5000));
  VALUE(block[99]);
  int zeros = 0;
  for (int i = 1000; i < 5000; i++) zeros += block[i] == 0;
  VALUE(zeros);
  TRY(block = HeapReAlloc(heap, 0, block, 10));
  VALUE(HeapSize(heap, 0, block));
  VALUE(block[9]);
  TRY(HeapFree(heap, 0, block));
  TRY(block = HeapAlloc(heap, HEAP_ZERO_MEMORY, 3000));
  zeros = 0;
  for (int i = 0; i < 3000; i++) zeros += block[i] == 0;
  VALUE(zeros);
  TRY(HeapValidate(heap, 0, block));
  TRY(HeapValidate(heap, 0, NULL));
  TRY(HeapFree(heap, 0, block));
  TRY(block = HeapAlloc(heap, 0, 0));
  VALUE(HeapSize(heap, 0, block));
  TRY(other = HeapAlloc(heap, 0, 0));
  IS(block != other);
  TRY(block = HeapReAlloc(heap, 0, block, 0));
  VALUE(HeapSize(heap, 0, block));
  TRY(HeapFree(heap, 0, block));
  TRY(HeapFree(heap, 0, NULL));
  TRY(HeapReAlloc(heap, 0, NULL, 10));
  TRY(HeapAlloc(heap, 0, (SIZE_T)-1));
  TRY(HeapAlloc(heap, 0, (SIZE_T)1 << 62));
  TRY(HeapReAlloc(heap, 0, other, (SIZE_T)-1));
  VALUE(HeapSize(heap, 0, other));
  TRY(HeapDestroy(heap));

  SCENE("sizes");
  heap = HeapCreate(0, 0, 0);
  static const SIZE_T sizes[] = {0,    1,    7,     8,     15,    16,    17,    24,     31,     32,      33,     47,
                                 48,   63,   64,    100,   127,   128,   255,   256,    1000,   1023,    1024,   4095,
                                 4096, 4097, 10000, 32767, 65535, 65536, 65537, 100000, 524288, 1000000, 5000000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *made = HeapAlloc(heap, 0, sizes[i]);
    VALUE(HeapSize(heap, 0, made));
    if (sizes[i] > 0) made[sizes[i] - 1] = 1;
    HeapFree(heap, 0, made);
  }
  TRY(HeapDestroy(heap));
}

static void in_place(void) {
  SCENE("in place");
  HANDLE heap = HeapCreate(0, 0, 0);
  char *block = HeapAlloc(heap, 0, 1000), *same;
  TRY((same = HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, 500)) == block);
  VALUE(HeapSize(heap, 0, block));
  TRY(HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, 100 << 20));
  VALUE(HeapSize(heap, 0, block));
  TRY(HeapDestroy(heap));
}

static void fixed_size(void) {
  SCENE("a heap of fixed size");
  HANDLE heap;
  TRY(heap = HeapCreate(0, 4096, 1 << 20));
  void *block;
  TRY(block = HeapAlloc(heap, 0, 100000));
  VALUE(HeapSize(heap, 0, block));
  TRY(HeapAlloc(heap, 0, 2 << 20));
  TRY(HeapAlloc(heap, 0, 100));
  int count = 0;
  while (HeapAlloc(heap, 0, 10000) != NULL) count++;
  IS(count > 60 && count < 110);
  TRY(HeapFree(heap, 0, block));
  TRY(HeapAlloc(heap, 0, 20000));
  TRY(HeapDestroy(heap));
  TRY(heap = HeapCreate(0, 0, 16 << 20));
  TRY(HeapAlloc(heap, 0, 2 << 20));
  TRY(HeapAlloc(heap, 0, 500000));
  TRY(HeapDestroy(heap));
  TRY(heap = HeapCreate(0, 1 << 20, 4096));
  TRY(HeapDestroy(heap));
  TRY(heap = HeapCreate(HEAP_NO_SERIALIZE, 0, 0));
  TRY(HeapAlloc(heap, 0, 100));
  TRY(HeapAlloc(heap, HEAP_NO_SERIALIZE, 100));
  TRY(HeapDestroy(heap));
  TRY(heap = HeapCreate(HEAP_CREATE_ENABLE_EXECUTE, 0, 0));
  TRY(block = HeapAlloc(heap, 0, 100));
  MEMORY_BASIC_INFORMATION info;
  VirtualQuery(block, &info, sizeof info);
  VALUE(info.Protect);
  TRY(HeapDestroy(heap));
  VirtualQuery(block, &info, sizeof info);
  VALUE(info.State);
}

static void bad_use(void) {
  SCENE("bad use");
  HANDLE heap = HeapCreate(0, 0, 0), second = HeapCreate(0, 0, 0);
  static char outside[64] __attribute__((aligned(16)));
  char *block = HeapAlloc(heap, 0, 100), *other = HeapAlloc(second, 0, 100);
  SetLastError(NO_LAST_ERROR);
  VALUE((long long)HeapSize(heap, 0, outside + 32));
  VALUE(GetLastError());
  TRY(HeapFree(heap, 0, outside + 32));
  TRY(HeapReAlloc(heap, 0, outside + 32, 10));
  TRY(HeapValidate(heap, 0, outside + 32));
  TRY(HeapValidate(heap, 0, other));
  TRY(HeapFree(heap, 0, block));
  TRY(HeapValidate(heap, 0, block));
  TRY(HeapFree(second, 0, other));
  TRY(HeapDestroy(second));
  TRY(HeapDestroy(heap));
  static char none[4096] __attribute__((aligned(4096)));
  TRY(HeapDestroy(none));
  TRY(HeapDestroy(GetProcessHeap()));
  TRY(HeapFree(GetProcessHeap(), 0, HeapAlloc(GetProcessHeap(), 0, 10)));
}

static void locks(void) {
  SCENE("locks");
  HANDLE heap = HeapCreate(0, 0, 0);
  TRY(HeapLock(heap));
  TRY(HeapLock(heap));
  TRY(HeapAlloc(heap, 0, 10));
  TRY(HeapUnlock(heap));
  TRY(HeapUnlock(heap));
  TRY(HeapDestroy(heap));
  TRY(HeapLock(GetProcessHeap()));
  TRY(HeapUnlock(GetProcessHeap()));
}

static void walk(void) {
  SCENE("walk");
  HANDLE heap = HeapCreate(0, 0, 0);
  void *blocks_[20];
  for (int i = 0; i < 20; i++) blocks_[i] = HeapAlloc(heap, 0, 100 + (SIZE_T)i);
  for (int i = 0; i < 20; i += 2) HeapFree(heap, 0, blocks_[i]);
  PROCESS_HEAP_ENTRY entry;
  int busy = 0, regions = 0, sum = 0, wrong = 0;
  entry.lpData = NULL;
  TRY(HeapLock(heap));
  SetLastError(NO_LAST_ERROR);
  while (HeapWalk(heap, &entry)) {
    if ((entry.wFlags & PROCESS_HEAP_REGION) != 0) {
      regions++;
      wrong += entry.Region.lpFirstBlock == NULL || entry.Region.lpLastBlock <= entry.Region.lpFirstBlock;
    } else if ((entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0) {
      int known = 0;
      for (int i = 1; i < 20; i += 2) known += entry.lpData == blocks_[i] && entry.cbData == (DWORD)(100 + i);
      wrong += known != 1;
      busy++;
      sum += (int)entry.cbData;
    }
  }
  VALUE(GetLastError());
  TRY(HeapUnlock(heap));
  VALUE(busy);
  VALUE(sum);
  VALUE(wrong);
  IS(regions >= 1);
  entry.lpData = NULL;
  TRY(HeapWalk(heap, &entry));
  VALUE((entry.wFlags & PROCESS_HEAP_REGION) != 0);
  TRY(HeapDestroy(heap));
}

static void settings(void) {
  SCENE("settings");
  HANDLE heap = HeapCreate(0, 0, 0);
  ULONG value = 2;
  SIZE_T needed = 0;
  TRY(HeapSetInformation(heap, HeapCompatibilityInformation, &value, sizeof value));
  TRY(HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0));
  TRY(HeapQueryInformation(heap, HeapCompatibilityInformation, &value, sizeof value, &needed));
  VALUE(value);
  VALUE(needed);
  TRY(HeapQueryInformation(heap, HeapCompatibilityInformation, &value, 2, &needed));
  VALUE(needed);
  TRY(HeapDestroy(heap));

  SCENE("heaps of the process");
  HANDLE all[64];
  DWORD count = GetProcessHeaps(64, all);
  int found = 0;
  for (DWORD i = 0; i < count; i++) found += all[i] == GetProcessHeap();
  VALUE(found);
  heap = HeapCreate(0, 0, 0);
  VALUE(GetProcessHeaps(0, NULL) - count);
  DWORD again = GetProcessHeaps(64, all);
  found = 0;
  for (DWORD i = 0; i < again; i++) found += all[i] == heap;
  VALUE(found);
  HeapDestroy(heap);
  VALUE(GetProcessHeaps(64, all) - count);
  char *block;
  TRY(block = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 50));
  VALUE(HeapSize(GetProcessHeap(), 0, block));
  VALUE(block[49]);
  TRY(HeapFree(GetProcessHeap(), 0, block));
  TRY(HeapValidate(GetProcessHeap(), 0, NULL));
}

int main(void) {
  blocks();
  in_place();
  fixed_size();
  bad_use();
  locks();
  walk();
  settings();
  return 0;
}
