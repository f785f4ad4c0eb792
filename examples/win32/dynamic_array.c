/* SPDX-License-Identifier: MIT */
/*
 * A dynamic array by exception: 64 MiB are reserved, and a page is committed when it is touched. What is reserved behind
 * its end stays so, and shows what goes beyond.
 */
#include <windows.h>

#include <stdio.h>

enum { MOST = 64 << 20 };

static int *array;
static int committed;

static int commit_page(struct _EXCEPTION_POINTERS *exception) {
  const EXCEPTION_RECORD *record = exception->ExceptionRecord;
  char *address = (char *)record->ExceptionInformation[1];
  if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  if (address < (char *)array || address >= (char *)array + MOST) return EXCEPTION_CONTINUE_SEARCH;
  if (VirtualAlloc(address, sizeof(int), MEM_COMMIT, PAGE_READWRITE) == NULL) return EXCEPTION_EXECUTE_HANDLER;
  committed++;
  return EXCEPTION_CONTINUE_EXECUTION;
}

static __attribute__((noinline)) void set(int *place, int value) {
  *place = value;
}

static int fill(int from, int to, int step) {
  __try {
    for (int i = from; i < to; i += step) set(&array[i], i);
  } __except (commit_page(GetExceptionInformation())) {
    return 0;
  }
  return 1;
}

int main(void) {
  array = VirtualAlloc(NULL, MOST + 65536, MEM_RESERVE, PAGE_READWRITE);
  int *first = array;
  if (!fill(0, 100000, 1)) return 1;
  printf("100,000 numbers took %d pages.\n", committed);
  if (!fill(10000000, 10000001, 1)) return 1;
  printf("The ten-millionth took one more: %d.\n", committed);
  printf("%d %d %d, and the array has not moved: %s.\n", array[0], array[99999], array[10000000],
         array == first ? "yes" : "no");
  __try {
    set(&array[MOST / (int)sizeof(int)], 1);
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    printf("Behind its end nothing is committed.\n");
  }
  VirtualFree(array, 0, MEM_RELEASE);
  return 0;
}
