/* SPDX-License-Identifier: MIT */
/* Page size and allocation granularity: what a program asks before it reserves anything. */
#include <windows.h>

#include <stdio.h>

int main(void) {
  SYSTEM_INFO system;
  MEMORY_BASIC_INFORMATION info;
  GetSystemInfo(&system);
  printf("The page size is %u bytes.\n", system.dwPageSize);
  printf("Every allocation starts on a multiple of %u bytes.\n", system.dwAllocationGranularity);

  char *memory = VirtualAlloc(NULL, 1, MEM_RESERVE, PAGE_READWRITE);
  VirtualQuery(memory, &info, sizeof info);
  printf("One reserved byte is %lu bytes of address space", (unsigned long)info.RegionSize);
  printf(" that start on such a multiple: %s.\n",
         (ULONG_PTR)memory % system.dwAllocationGranularity == 0 ? "yes" : "no");
  printf("State %s, ", info.State == MEM_RESERVE ? "MEM_RESERVE" : "?");
  VirtualAlloc(memory, 1, MEM_COMMIT, PAGE_READWRITE);
  VirtualQuery(memory, &info, sizeof info);
  printf("then %s, ", info.State == MEM_COMMIT ? "MEM_COMMIT" : "?");
  VirtualFree(memory, 0, MEM_RELEASE);
  VirtualQuery(memory, &info, sizeof info);
  printf("then %s.\n", info.State == MEM_FREE ? "MEM_FREE" : "?");
  return 0;
}
