/* SPDX-License-Identifier: MIT */
/* Write watch: which pages were written since the last look. */
#include <windows.h>

#include <stdio.h>

enum { PAGES = 256, PAGE = 4096 };

static void look(char *memory, DWORD flags) {
  PVOID written[PAGES];
  ULONG_PTR count = PAGES;
  DWORD granularity;
  if (GetWriteWatch(flags, memory, PAGES * PAGE, written, &count, &granularity) != 0) {
    printf("GetWriteWatch failed\n");
    return;
  }
  printf("%d written:", (int)count);
  for (ULONG_PTR i = 0; i < count; i++) printf(" %d", (int)(((char *)written[i] - memory) / (int)granularity));
  printf("\n");
}

int main(void) {
  char *memory = VirtualAlloc(NULL, PAGES * PAGE, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
  if (memory == NULL) return 1;
  look(memory, 0);
  for (int i = 0; i < PAGES; i += 50) memory[i * PAGE] = 1;
  look(memory, WRITE_WATCH_FLAG_RESET);
  look(memory, 0);
  memory[7 * PAGE + 100] = 1;
  volatile char byte = memory[9 * PAGE]; /* reading is no writing */
  (void)byte;
  look(memory, 0);
  ResetWriteWatch(memory, PAGES * PAGE);
  look(memory, 0);
  VirtualFree(memory, 0, MEM_RELEASE);
  return 0;
}
