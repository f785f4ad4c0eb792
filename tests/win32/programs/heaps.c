/* SPDX-License-Identifier: MIT */
/*
 * What heaps do that Wine does otherwise or cannot be shown to do: exceptions in place of errors; handles of heaps that
 * are no more; blocks that other threads free; walks of a heap that ends.
 */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) {                                      \
      printf("line %d: failed: %s\n", __LINE__, #condition); \
      exit(1);                                               \
    }                                                        \
  } while (0)

/* The block, or NULL and the exception's code. */
static void *alloc(HANDLE heap, DWORD flags, SIZE_T size, DWORD *code) {
  void *volatile block = NULL;
  *code = 0;
  __try {
    block = HeapAlloc(heap, flags, size);
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    *code = GetExceptionCode();
  }
  return block;
}

static void exceptions(void) {
  DWORD code;
  HANDLE raises = HeapCreate(HEAP_GENERATE_EXCEPTIONS, 0, 1 << 20), plain = HeapCreate(0, 0, 1 << 20);
  CHECK(alloc(raises, 0, 100, &code) != NULL && code == 0);
  CHECK(alloc(raises, HEAP_ZERO_MEMORY, 100, &code) != NULL && code == 0);
  CHECK(alloc(raises, 0, 2 << 20, &code) == NULL && code == STATUS_NO_MEMORY);
  CHECK(alloc(raises, HEAP_ZERO_MEMORY, 2 << 20, &code) == NULL && code == STATUS_NO_MEMORY);
  CHECK(alloc(plain, 0, 2 << 20, &code) == NULL && code == 0 && GetLastError() == ERROR_NOT_ENOUGH_MEMORY);
  CHECK(alloc(plain, HEAP_GENERATE_EXCEPTIONS, 2 << 20, &code) == NULL && code == STATUS_NO_MEMORY);
  CHECK(alloc(plain, HEAP_GENERATE_EXCEPTIONS, 100, &code) != NULL && code == 0);
  /* Small blocks, until there is no more room. */
  int count = 0;
  while (alloc(raises, 0, 100, &code) != NULL) count++;
  CHECK(count > 1000 && code == STATUS_NO_MEMORY);
  while (alloc(plain, 0, 100, &code) != NULL) continue;
  CHECK(code == 0 && GetLastError() == ERROR_NOT_ENOUGH_MEMORY);
  CHECK(HeapDestroy(raises) && HeapDestroy(plain));
}

static void is_no_heap(HANDLE heap) {
  PROCESS_HEAP_ENTRY entry = {0};
  SetLastError(0);
  CHECK(!HeapDestroy(heap) && GetLastError() == ERROR_INVALID_HANDLE);
  CHECK(!HeapLock(heap) && !HeapUnlock(heap) && !HeapValidate(heap, 0, NULL));
  CHECK(!HeapWalk(heap, &entry) && GetLastError() == ERROR_INVALID_HANDLE);
}

static void handles(void) {
  int local = 0;
  HANDLE heap = HeapCreate(0, 0, 0), executes = HeapCreate(HEAP_CREATE_ENABLE_EXECUTE, 0, 0);
  char *block = HeapAlloc(heap, 0, 100), *code = HeapAlloc(executes, 0, 100);
  is_no_heap(NULL);
  is_no_heap(&local);
  is_no_heap((HANDLE)(ULONG_PTR)0x12345);
  is_no_heap(block);
  is_no_heap((char *)heap + 16);
  CHECK(HeapDestroy(heap));
  is_no_heap(heap);
  CHECK(!HeapFree(heap, 0, block) && GetLastError() == ERROR_INVALID_PARAMETER);
  MEMORY_BASIC_INFORMATION info;
  CHECK(VirtualQuery(code, &info, sizeof info) != 0 && info.State == MEM_COMMIT);
  CHECK(HeapDestroy(executes));
  CHECK(VirtualQuery(code, &info, sizeof info) != 0 && info.State == MEM_FREE);
  is_no_heap(executes);
  HANDLE single = HeapCreate(HEAP_NO_SERIALIZE, 0, 0);
  CHECK(!HeapLock(single) && GetLastError() == ERROR_INVALID_HANDLE);
  CHECK(HeapDestroy(single));
}

enum { BLOCKS = 5000 };
static void *blocks[BLOCKS];

static DWORD WINAPI free_them(LPVOID heap) {
  for (SIZE_T i = 0; i < BLOCKS; i++) {
    CHECK(HeapSize(heap, 0, blocks[i]) == i % 700);
    CHECK(HeapFree(heap, 0, blocks[i]));
  }
  return 0;
}

static void other_threads(void) {
  HANDLE heap = HeapCreate(0, 0, 0);
  for (int round = 0; round < 5; round++) {
    for (SIZE_T i = 0; i < BLOCKS; i++) {
      blocks[i] = HeapAlloc(heap, 0, i % 700);
      memset(blocks[i], 0xff, i % 700);
    }
    HANDLE thread = CreateThread(NULL, 0, free_them, heap, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
  }
  CHECK(HeapValidate(heap, 0, NULL));
  CHECK(HeapDestroy(heap));
}

/* The heap's place is the next one's, which is not walked. */
static void walks(void) {
  PROCESS_HEAP_ENTRY entry = {0};
  HANDLE heap = HeapCreate(0, 0, 0);
  CHECK(HeapAlloc(heap, 0, 100) != NULL && HeapWalk(heap, &entry));
  CHECK(HeapDestroy(heap));
  heap = HeapCreate(0, 0, 0);
  CHECK(!HeapWalk(heap, &entry) && GetLastError() == ERROR_INVALID_PARAMETER);
  CHECK(HeapDestroy(heap));
}

int main(void) {
  for (int i = 0; i < 3; i++) {
    exceptions();
    handles();
    other_threads();
    walks();
  }
  printf("all good\n");
  return 0;
}
