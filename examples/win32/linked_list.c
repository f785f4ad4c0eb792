/* SPDX-License-Identifier: MIT */
/* A linked list in a heap of its own: freed by one call and not by a walk over its nodes. */
#include <windows.h>

#include <stdio.h>

typedef struct NODE {
  struct NODE *next;
  int value;
} NODE;

int main(void) {
  HANDLE heap = HeapCreate(0, 0, 0);
  NODE *list = NULL;
  for (int i = 1; i <= 100000; i++) {
    NODE *node = HeapAlloc(heap, 0, sizeof *node);
    if (node == NULL) return 1;
    node->value = i;
    node->next = list;
    list = node;
  }
  long long sum = 0;
  int count = 0;
  for (NODE *node = list; node != NULL; node = node->next) {
    sum += node->value;
    count++;
  }
  printf("%d nodes, whose sum is %I64d\n", count, sum);

  PROCESS_HEAP_ENTRY entry;
  int busy = 0;
  entry.lpData = NULL;
  HeapLock(heap);
  while (HeapWalk(heap, &entry))
    if ((entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0 && entry.cbData == sizeof(NODE)) busy++;
  HeapUnlock(heap);
  printf("the heap has %d such blocks\n", busy);
  printf("all gone: %s\n", HeapDestroy(heap) ? "yes" : "no");
  return 0;
}
