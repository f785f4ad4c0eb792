/* SPDX-License-Identifier: MIT */
/* LocalAlloc, GlobalAlloc and their kin: fixed, moveable, discarded; locks, flags, errors. */
#include "observe.h"

#define ERROR_OF(call) (SetLastError(NO_LAST_ERROR), (void)(call), (int)GetLastError())

static void local_fixed(void) {
  SCENE("local, fixed");
  HLOCAL memory, moved;
  TRY(memory = LocalAlloc(LMEM_FIXED, 100));
  VALUE(LocalSize(memory));
  VALUE(LocalFlags(memory));
  IS(LocalLock(memory) == memory);
  TRY_QUIETLY(LocalUnlock(memory));
  VALUE(LocalFlags(memory));
  IS(LocalHandle(memory) == memory);
  memset(memory, 5, 100);
  TRY(moved = LocalReAlloc(memory, 50000, LMEM_MOVEABLE));
  VALUE(LocalSize(moved));
  VALUE(((char *)moved)[99]);
  TRY(moved = LocalReAlloc(moved, 60000, LMEM_MOVEABLE | LMEM_ZEROINIT));
  VALUE(((char *)moved)[59999]);
  TRY(LocalReAlloc(moved, 100 << 20, 0));
  TRY(LocalReAlloc(moved, 0, LMEM_MODIFY | LMEM_MOVEABLE) == moved);
  IS(LocalFree(moved) == NULL);
  IS(LocalFree(NULL) == NULL);
  TRY(memory = LocalAlloc(LPTR, 1000));
  VALUE(((char *)memory)[999]);
  IS(LocalFree(memory) == NULL);
  TRY(memory = LocalAlloc(LMEM_FIXED, 0));
  VALUE(LocalSize(memory));
  IS(LocalFree(memory) == NULL);
}

static void local_moveable(void) {
  SCENE("local, moveable");
  HLOCAL memory;
  char *bytes;
  TRY(memory = LocalAlloc(LMEM_MOVEABLE, 100));
  VALUE(LocalSize(memory));
  VALUE(LocalFlags(memory));
  TRY(bytes = LocalLock(memory));
  IS((void *)bytes != (void *)memory);
  VALUE((ULONG_PTR)bytes % 16);
  VALUE(LocalFlags(memory));
  TRY(LocalLock(memory) == bytes);
  VALUE(LocalFlags(memory) & LMEM_LOCKCOUNT);
  IS(LocalHandle(bytes) == memory);
  memset(bytes, 3, 100);
  TRY(LocalUnlock(memory));
  TRY(LocalUnlock(memory));
  TRY(LocalUnlock(memory));
  TRY(LocalReAlloc(memory, 70000, 0) == memory);
  VALUE(LocalSize(memory));
  bytes = LocalLock(memory);
  VALUE(bytes[99]);
  LocalUnlock(memory);
  TRY(LocalReAlloc(memory, 80000, LMEM_MOVEABLE | LMEM_ZEROINIT) == memory);
  bytes = LocalLock(memory);
  VALUE(bytes[79999]);
  LocalUnlock(memory);
  IS(LocalFree(memory) == NULL);
  SetLastError(NO_LAST_ERROR);
  VALUE(LocalFlags(memory));
  VALUE(GetLastError());
  TRY(LocalLock(memory));
  TRY(LocalUnlock(memory));
  VALUE(LocalSize(memory));
  TRY(LocalReAlloc(memory, 10, LMEM_MOVEABLE));

  SCENE("local, zeroed");
  TRY(memory = LocalAlloc(LHND, 500));
  bytes = LocalLock(memory);
  VALUE(bytes[499]);
  LocalUnlock(memory);
  LocalFree(memory);
}

static void local_discarded(void) {
  SCENE("local, discarded");
  HLOCAL memory;
  TRY(memory = LocalAlloc(LMEM_MOVEABLE, 0));
  VALUE(LocalFlags(memory));
  VALUE(LocalSize(memory));
  TRY(LocalLock(memory));
  TRY(LocalReAlloc(memory, 100, 0) == memory);
  VALUE(LocalFlags(memory));
  VALUE(LocalSize(memory));
  TRY(LocalLock(memory));
  TRY(LocalUnlock(memory));
  TRY(LocalReAlloc(memory, 0, LMEM_MOVEABLE) == memory);
  VALUE(LocalFlags(memory));
  VALUE(LocalSize(memory));
  TRY(LocalReAlloc(memory, 50, LMEM_MOVEABLE) == memory);
  VALUE(LocalFlags(memory));
  TRY(LocalReAlloc(memory, 0, LMEM_MODIFY | LMEM_DISCARDABLE) == memory);
  VALUE(LocalFlags(memory));
  TRY(LocalReAlloc(memory, 0, LMEM_MODIFY));
  TRY(LocalDiscard(memory) == memory);
  VALUE(LocalFlags(memory));
  IS(LocalFree(memory) == NULL);
  TRY(memory = LocalAlloc(LMEM_MOVEABLE | LMEM_DISCARDABLE, 100));
  VALUE(LocalFlags(memory));
  IS(LocalFree(memory) == NULL);
}

static void global(void) {
  SCENE("global, fixed");
  HGLOBAL memory;
  char *bytes;
  TRY(memory = GlobalAlloc(GMEM_FIXED, 100));
  VALUE(GlobalSize(memory));
  VALUE(GlobalFlags(memory));
  IS(GlobalLock(memory) == memory);
  TRY_QUIETLY(GlobalUnlock(memory));
  TRY_QUIETLY(GlobalUnlock(memory));
  IS(GlobalHandle(memory) == memory);
  TRY(memory = GlobalReAlloc(memory, 5000, GMEM_MOVEABLE));
  VALUE(GlobalSize(memory));
  IS(GlobalFree(memory) == NULL);
  TRY(memory = GlobalAlloc(GPTR, 100));
  VALUE(((char *)memory)[99]);
  IS(GlobalFree(memory) == NULL);

  SCENE("global, moveable");
  TRY(memory = GlobalAlloc(GHND, 3000));
  VALUE(GlobalFlags(memory));
  TRY(bytes = GlobalLock(memory));
  VALUE(bytes[2999]);
  VALUE(GlobalFlags(memory));
  IS(GlobalHandle(bytes) == memory);
  TRY(GlobalLock(memory) == bytes);
  TRY(GlobalUnlock(memory));
  TRY(GlobalUnlock(memory));
  TRY(GlobalUnlock(memory));
  VALUE(GlobalSize(memory));
  TRY(GlobalReAlloc(memory, 9000, GMEM_MOVEABLE) == memory);
  VALUE(GlobalSize(memory));
  TRY(GlobalReAlloc(memory, 0, GMEM_MOVEABLE) == memory);
  VALUE(GlobalFlags(memory));
  TRY(GlobalLock(memory));
  TRY(GlobalReAlloc(memory, 10, GMEM_MOVEABLE) == memory);
  VALUE(GlobalFlags(memory));
  IS(GlobalFree(memory) == NULL);
  TRY(memory = GlobalAlloc(GMEM_MOVEABLE | GMEM_DISCARDABLE, 10));
  VALUE(GlobalFlags(memory));
  IS(GlobalFree(memory) == NULL);
  TRY(memory = GlobalAlloc(GMEM_MOVEABLE | GMEM_SHARE, 10));
  VALUE(GlobalFlags(memory));
  for (int i = 0; i < 300; i++) GlobalLock(memory);
  VALUE(GlobalFlags(memory) & GMEM_LOCKCOUNT);
  IS(GlobalFree(memory) == NULL);
  IS(GlobalFree(NULL) == NULL);
  TRY(GlobalLock(NULL));
  VALUE(GlobalSize(NULL));
  VALUE(ERROR_OF(GlobalHandle(NULL)));
  TRY(GlobalAlloc(GMEM_FIXED, (SIZE_T)-1));
  TRY(GlobalAlloc(GMEM_MOVEABLE, (SIZE_T)-100));

  SCENE("many");
  HGLOBAL many[500];
  int wrong = 0;
  for (int i = 0; i < 500; i++) {
    many[i] = GlobalAlloc(i % 2 ? GMEM_MOVEABLE : GMEM_FIXED, (SIZE_T)i + 1);
    memset(GlobalLock(many[i]), i & 127, (size_t)i + 1);
    GlobalUnlock(many[i]);
  }
  for (int i = 0; i < 500; i++) {
    char *found = GlobalLock(many[i]);
    wrong += GlobalSize(many[i]) != (SIZE_T)i + 1 || found[i] != (i & 127);
    GlobalUnlock(many[i]);
    wrong += GlobalFree(many[i]) != NULL;
  }
  VALUE(wrong);
}

int main(void) {
  local_fixed();
  local_moveable();
  local_discarded();
  global();
  return 0;
}
