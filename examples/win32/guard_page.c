/* SPDX-License-Identifier: MIT */
/* A guard page: the first access is told, the second one goes through. */
#include <windows.h>

#include <stdio.h>

static __attribute__((noinline)) void touch(char *page) {
  *(volatile char *)page = 1;
}

static int is_guard(DWORD code) {
  return code == STATUS_GUARD_PAGE_VIOLATION ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

int main(void) {
  MEMORY_BASIC_INFORMATION info;
  char *page = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
  for (int attempt = 1; attempt <= 3; attempt++) {
    volatile int told = 0;
    VirtualQuery(page, &info, sizeof info);
    __try {
      touch(page);
    } __except (is_guard(GetExceptionCode())) {
      told = 1;
    }
    printf("attempt %d: protection %x, %s\n", attempt, info.Protect, told ? "STATUS_GUARD_PAGE_VIOLATION" : "allowed");
    if (attempt == 2) {
      DWORD old;
      VirtualProtect(page, 4096, PAGE_READWRITE | PAGE_GUARD, &old);
      printf("guarded again; it was %x\n", old);
    }
  }
  VirtualFree(page, 0, MEM_RELEASE);
  return 0;
}
