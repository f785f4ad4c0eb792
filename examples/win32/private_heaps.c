/* SPDX-License-Identifier: MIT */
/* Private heaps: one for each sort of block, one with a maximum, and an end in one call. */
#include <windows.h>

#include <stdio.h>

int main(void) {
  HANDLE names = HeapCreate(0, 0, 0), small = HeapCreate(HEAP_NO_SERIALIZE, 0, 1 << 20);
  char *texts[1000];
  int blocks = 0;
  for (int i = 0; i < 1000; i++) {
    texts[i] = HeapAlloc(names, HEAP_ZERO_MEMORY, 32);
    snprintf(texts[i], 32, "block %d", i);
  }
  printf("%s ... %s, each of %lu bytes\n", texts[0], texts[999], (unsigned long)HeapSize(names, 0, texts[0]));
  texts[0] = HeapReAlloc(names, 0, texts[0], 5000);
  printf("grown to %lu bytes: %s\n", (unsigned long)HeapSize(names, 0, texts[0]), texts[0]);
  while (HeapAlloc(small, 0, 50000) != NULL) blocks++;
  printf("a heap of 1 MiB has room for more than 15 blocks of 50,000 bytes, and for no more than 21: %s\n",
         blocks > 15 && blocks < 22 ? "yes" : "no");
  printf("the other heap does not mind: %s\n", HeapAlloc(names, 0, 50000) != NULL ? "yes" : "no");
  printf("valid: %d\n", HeapValidate(names, 0, NULL));
  printf("destroyed: %d %d\n", HeapDestroy(names), HeapDestroy(small));
  return 0;
}
