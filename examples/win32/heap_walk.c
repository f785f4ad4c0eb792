/* SPDX-License-Identifier: MIT */
/* Walking a heap: its regions, and its blocks in use with their sizes. */
#include <windows.h>

#include <stdio.h>

int main(void) {
  HANDLE heap = HeapCreate(0, 0, 0);
  void *blocks[6];
  for (int i = 0; i < 6; i++) blocks[i] = HeapAlloc(heap, 0, (SIZE_T)100 << i);
  HeapFree(heap, 0, blocks[2]);
  HeapFree(heap, 0, blocks[4]);
  if (!HeapLock(heap)) return 1;
  PROCESS_HEAP_ENTRY entry;
  DWORD sizes[6] = {0}, busy = 0;
  int regions = 0;
  entry.lpData = NULL;
  while (HeapWalk(heap, &entry)) {
    if ((entry.wFlags & PROCESS_HEAP_REGION) != 0) regions++;
    if ((entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) == 0) continue;
    busy++;
    for (int i = 0; i < 6; i++)
      if (entry.lpData == blocks[i]) sizes[i] = entry.cbData;
  }
  printf("the walk ended with %s\n", GetLastError() == ERROR_NO_MORE_ITEMS ? "ERROR_NO_MORE_ITEMS" : "an error");
  HeapUnlock(heap);
  printf("at least one region: %s; %u blocks in use:", regions > 0 ? "yes" : "no", busy);
  for (int i = 0; i < 6; i++)
    if (sizes[i] != 0) printf(" %u", sizes[i]);
  printf(" bytes\n");
  HeapDestroy(heap);
  return 0;
}
