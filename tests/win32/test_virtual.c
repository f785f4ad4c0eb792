/* SPDX-License-Identifier: MIT */
/* VirtualAlloc, VirtualFree, VirtualProtect, VirtualQuery, VirtualLock: states, rounding, errors. */
#include "observe.h"

#define K64 0x10000

static void show_to(const char *what, const void *address, const char *base) {
  MEMORY_BASIC_INFORMATION info;
  memset(&info, 0xcc, sizeof info);
  SIZE_T got = VirtualQuery(address, &info, sizeof info);
  printf("%s | %s: got %d at %+lld of %+lld, first %x, size %llx, state %x, protect %x, type %x\n", observe_scene, what,
         (int)got, (long long)((char *)info.BaseAddress - base),
         info.AllocationBase != NULL ? (long long)((char *)info.AllocationBase - base) : -1LL,
         (unsigned)info.AllocationProtect, info.State == MEM_FREE ? 0 : (unsigned long long)info.RegionSize,
         (unsigned)info.State, (unsigned)info.Protect, (unsigned)info.Type);
}
#define SHOW(offset) show_to("query " #offset, base + (offset), base)

/* A place where 1 MiB is free, also behind it. */
static char *free_place(void) {
  char *place = VirtualAlloc(NULL, 4 << 20, MEM_RESERVE, PAGE_NOACCESS);
  VirtualFree(place, 0, MEM_RELEASE);
  return place;
}

static void reserve(void) {
  SCENE("reserve");
  char *base;
  TRY(base = VirtualAlloc(NULL, 100000, MEM_RESERVE, PAGE_READWRITE));
  VALUE((ULONG_PTR)base % K64);
  SHOW(0);
  SHOW(4096);
  SHOW(99999);
  SHOW(0x18000);
  TRY(VirtualAlloc(base, 4096, MEM_RESERVE, PAGE_READWRITE));
  TRY(VirtualAlloc(base + 0x10000, 4096, MEM_RESERVE, PAGE_READWRITE));
  TRY(VirtualAlloc(base + 0x18000, 4096, MEM_RESERVE, PAGE_READWRITE));
  TRY(VirtualFree(base, 4096, MEM_RELEASE));
  TRY(VirtualFree(base + 1, 0, MEM_RELEASE));
  TRY(VirtualFree(base + 4096, 0, MEM_RELEASE));
  TRY(VirtualFree(base, 0, MEM_RELEASE | MEM_DECOMMIT));
  TRY(VirtualFree(base, 0, 0));
  TRY(VirtualFree(base, 0, MEM_RESERVE));
  TRY(VirtualFree(base, 0, MEM_RELEASE));
  TRY(VirtualFree(base, 0, MEM_RELEASE));
  TRY(VirtualFree(NULL, 0, MEM_RELEASE));
  TRY(VirtualFree(NULL, 4096, MEM_DECOMMIT));

  SCENE("reserve at a place");
  char *place = free_place();
  TRY(base = VirtualAlloc(place + 0x1234, 0x100, MEM_RESERVE, PAGE_READONLY));
  VALUE(base - place);
  SHOW(0);
  SHOW(0x1000);
  SHOW(0x2000);
  TRY(VirtualFree(base, 0, MEM_RELEASE));
  TRY(base = VirtualAlloc(place + 0xffff, 2, MEM_RESERVE, PAGE_READWRITE));
  VALUE(base - place);
  SHOW(0);
  TRY(VirtualAlloc(place + 0x11000, 1, MEM_COMMIT, PAGE_READWRITE));
  TRY(VirtualAlloc(place + 0x10fff, 2, MEM_COMMIT, PAGE_READWRITE));
  TRY(VirtualFree(base, 0, MEM_RELEASE));

  SCENE("bad arguments");
  TRY(VirtualAlloc(NULL, 0, MEM_RESERVE, PAGE_READWRITE));
  TRY(VirtualAlloc(NULL, 4096, 0, PAGE_READWRITE));
  TRY(VirtualAlloc(NULL, 4096, MEM_TOP_DOWN, PAGE_READWRITE));
  TRY(VirtualAlloc(NULL, 4096, MEM_RESERVE, 0));
  TRY(VirtualAlloc(NULL, 4096, MEM_RESERVE, 3));
  TRY(VirtualAlloc(NULL, 4096, MEM_RESERVE, PAGE_READWRITE | PAGE_READONLY));
  TRY(VirtualAlloc(NULL, 4096, MEM_RESERVE, PAGE_WRITECOPY));
  TRY(VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_WRITECOPY));
  TRY(VirtualAlloc(place, 4096, MEM_COMMIT, PAGE_READWRITE));
  TRY(VirtualFree(place, 4096, MEM_DECOMMIT));
  TRY(VirtualFree(place, 0, MEM_DECOMMIT));
  TRY(VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_RESET, PAGE_READWRITE));
  TRY(VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_FREE, PAGE_READWRITE));
  TRY(VirtualAlloc(NULL, (SIZE_T)1 << 50, MEM_RESERVE, PAGE_READWRITE));
  TRY(VirtualAlloc(NULL, (SIZE_T)-1, MEM_RESERVE, PAGE_READWRITE));
  TRY(VirtualAlloc((void *)0x10000, (SIZE_T)-1, MEM_RESERVE, PAGE_READWRITE));
  TRY(VirtualAlloc((void *)(ULONG_PTR)0xffff800000000000, 4096, MEM_RESERVE, PAGE_READWRITE));
}

static void commit(void) {
  SCENE("commit");
  char *base = VirtualAlloc(NULL, 16 * 4096, MEM_RESERVE, PAGE_READWRITE);
  void *got;
  TRY(got = VirtualAlloc(base + 5000, 4096, MEM_COMMIT, PAGE_READWRITE));
  VALUE((char *)got - base);
  SHOW(0);
  SHOW(4096);
  SHOW(3 * 4096);
  VALUE(base[5000]);
  base[5000] = 77;
  TRY(VirtualAlloc(base, 4 * 4096, MEM_COMMIT, PAGE_READWRITE));
  VALUE(base[5000]);
  SHOW(0);
  TRY(VirtualAlloc(base, 2 * 4096, MEM_COMMIT, PAGE_READONLY));
  SHOW(0);
  SHOW(8192);
  VALUE(base[5000]);
  TRY(VirtualAlloc(base + 15 * 4096, 2 * 4096, MEM_COMMIT, PAGE_READWRITE));
  SHOW(15 * 4096);
  TRY(VirtualAlloc(base, 4096, MEM_COMMIT, PAGE_NOACCESS));
  SHOW(0);
  TRY(VirtualAlloc(base, 4096, MEM_COMMIT, PAGE_WRITECOPY));
  TRY(VirtualAlloc(base, 4096, MEM_COMMIT, 0));
  TRY(VirtualAlloc(base + 8 * 4096, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE));

  SCENE("decommit");
  TRY(VirtualFree(base + 4096, 4096, MEM_DECOMMIT));
  SHOW(0);
  SHOW(4096);
  SHOW(8192);
  TRY(VirtualFree(base + 4096, 4096, MEM_DECOMMIT));
  TRY(VirtualFree(base + 15 * 4096, 2 * 4096, MEM_DECOMMIT));
  TRY(VirtualFree(base + 4096, 0, MEM_DECOMMIT));
  TRY(VirtualAlloc(base + 4096, 1, MEM_COMMIT, PAGE_READWRITE));
  VALUE(base[5000]);
  TRY(VirtualFree(base + 4095, 2, MEM_DECOMMIT));
  SHOW(0);
  TRY(VirtualFree(base, 0, MEM_DECOMMIT));
  SHOW(0);
  TRY(VirtualFree(base, 0, MEM_RELEASE));

  SCENE("reserve and commit");
  TRY(base = VirtualAlloc(NULL, 5000, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE));
  SHOW(0);
  VALUE(base[8191]);
  TRY(VirtualFree(base, 0, MEM_RELEASE));
  TRY(base = VirtualAlloc(NULL, 5000, MEM_COMMIT, PAGE_READONLY));
  SHOW(0);
  TRY(VirtualFree(base, 0, MEM_RELEASE));
  TRY(base = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT | MEM_TOP_DOWN, PAGE_EXECUTE));
  SHOW(0);
  TRY(VirtualFree(base, 0, MEM_RELEASE));
}

static void protect(void) {
  static const DWORD all[] = {PAGE_NOACCESS,
                              PAGE_READONLY,
                              PAGE_READWRITE,
                              PAGE_WRITECOPY,
                              PAGE_EXECUTE,
                              PAGE_EXECUTE_READ,
                              PAGE_EXECUTE_READWRITE,
                              PAGE_EXECUTE_WRITECOPY,
                              0,
                              3,
                              PAGE_READWRITE | PAGE_GUARD,
                              PAGE_NOACCESS | PAGE_GUARD,
                              PAGE_GUARD,
                              0x1000 | PAGE_READWRITE};
  SCENE("protect");
  char *base = VirtualAlloc(NULL, 8 * 4096, MEM_RESERVE, PAGE_READONLY);
  DWORD old = 0;
  VirtualAlloc(base, 4 * 4096, MEM_COMMIT, PAGE_READWRITE);
  base[100] = 5;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    old = 0xabc;
    printf("%s | protection %x: ", observe_scene, (unsigned)all[i]);
    SetLastError(NO_LAST_ERROR);
    BOOL good = VirtualProtect(base, 4096, all[i], &old);
    printf("%d, error %d, old %x\n", (int)good, (int)GetLastError(), good ? (unsigned)old : 0);
    SHOW(0);
  }
  TRY(VirtualProtect(base, 4096, PAGE_READWRITE, &old));
  VALUE(base[100]);
  TRY(VirtualProtect(base, 4096, PAGE_READWRITE, NULL));
  TRY(VirtualProtect(base + 4095, 2, PAGE_READONLY, &old));
  VALUE(old);
  SHOW(0);
  SHOW(8192);
  TRY(VirtualProtect(base, 5 * 4096, PAGE_READWRITE, &old));
  TRY(VirtualProtect(base + 4 * 4096, 4096, PAGE_READWRITE, &old));
  TRY(VirtualProtect(base + 7 * 4096, 2 * 4096, PAGE_READWRITE, &old));
  TRY(VirtualProtect(free_place(), 4096, PAGE_READWRITE, &old));
  SHOW(0);
  TRY(VirtualFree(base, 0, MEM_RELEASE));
}

static void query(void) {
  SCENE("query");
  MEMORY_BASIC_INFORMATION info;
  char *base = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  SetLastError(NO_LAST_ERROR);
  VALUE(VirtualQuery(base, &info, sizeof info - 1));
  VALUE(GetLastError());
  VALUE(VirtualQuery(base, &info, sizeof info));
  VALUE(VirtualQuery(base, &info, sizeof info + 10));
  SetLastError(NO_LAST_ERROR);
  VALUE(VirtualQuery((void *)(ULONG_PTR)0xffff800000000000, &info, sizeof info));
  VALUE(GetLastError());
  VALUE(VirtualQuery((void *)query, &info, sizeof info));
  VALUE(info.State);
  VALUE(info.Type);
  int local = 0;
  VALUE(VirtualQuery(&local, &info, sizeof info));
  VALUE(info.State);
  VALUE(info.Protect);
  VALUE(info.Type);
  VALUE(VirtualQuery(NULL, &info, sizeof info));
  VALUE(info.State);
  VALUE(info.Protect);
  VALUE(info.AllocationProtect);
  VALUE(info.Type);
  IS(info.AllocationBase == NULL);
  VALUE(VirtualQueryEx(GetCurrentProcess(), base, &info, sizeof info));
  VALUE(info.RegionSize);
  VirtualFree(base, 0, MEM_RELEASE);
}

static void lock(void) {
  SCENE("lock");
  char *base = VirtualAlloc(NULL, 8 * 4096, MEM_RESERVE, PAGE_READWRITE);
  VirtualAlloc(base, 4 * 4096, MEM_COMMIT, PAGE_READWRITE);
  TRY(VirtualLock(base, 4096));
  TRY(VirtualLock(base + 100, 4096));
  TRY(VirtualUnlock(base, 2 * 4096));
  TRY(VirtualFree(base, 0, MEM_RELEASE));
}

static void ex_forms(void) {
  SCENE("the Ex forms");
  DWORD old = 0;
  char *base;
  TRY(base = VirtualAllocEx(GetCurrentProcess(), NULL, 8192, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
  TRY(VirtualProtectEx(GetCurrentProcess(), base, 4096, PAGE_READONLY, &old));
  VALUE(old);
  SHOW(0);
  TRY(VirtualFreeEx(GetCurrentProcess(), base, 4096, MEM_DECOMMIT));
  SHOW(0);
  TRY(VirtualFreeEx(GetCurrentProcess(), base, 0, MEM_RELEASE));
  TRY(VirtualAllocEx((HANDLE)(ULONG_PTR)0x1234560, NULL, 4096, MEM_RESERVE, PAGE_READWRITE));
  HANDLE self = OpenProcess(PROCESS_ALL_ACCESS, FALSE, GetCurrentProcessId());
  IS(self != NULL);
  TRY(base = VirtualAllocEx(self, NULL, 4096, MEM_RESERVE, PAGE_READWRITE));
  TRY(VirtualFreeEx(self, base, 0, MEM_RELEASE));
  TRY(CloseHandle(self));
}

static void guard(void) {
  SCENE("guard pages");
  char *base;
  DWORD old = 0;
  TRY(base = VirtualAlloc(NULL, 8192, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
  TRY(VirtualProtect(base, 4096, PAGE_READWRITE | PAGE_GUARD, &old));
  SHOW(0);
  TRY(VirtualProtect(base, 4096, PAGE_READONLY, &old));
  VALUE(old);
  TRY(VirtualAlloc(base + 4096, 4096, MEM_COMMIT, PAGE_READONLY | PAGE_GUARD));
  SHOW(4096);
  TRY(VirtualFree(base, 0, MEM_RELEASE));
  TRY(base = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD));
  SHOW(0);
  TRY(VirtualFree(base, 0, MEM_RELEASE));
}

static void reset(void) {
  SCENE("reset");
  char *base = VirtualAlloc(NULL, 8192, MEM_RESERVE, PAGE_READWRITE);
  VirtualAlloc(base, 4096, MEM_COMMIT, PAGE_READWRITE);
  base[1] = 3;
  TRY(VirtualAlloc(base, 4096, MEM_RESET, PAGE_READWRITE) == base);
  SHOW(0);
  TRY(VirtualAlloc(base, 4096, MEM_RESET, PAGE_NOACCESS) == base);
  TRY(VirtualAlloc(base, 4096, MEM_RESET | MEM_COMMIT, PAGE_READWRITE));
  TRY(VirtualFree(base, 0, MEM_RELEASE));
}

int main(void) {
  reserve();
  commit();
  protect();
  query();
  lock();
  ex_forms();
  guard();
  reset();
  return 0;
}
