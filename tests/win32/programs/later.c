/* SPDX-License-Identifier: MIT */
/* Functions that the headers for Windows here do not have, or that Wine does not do: placeholders, offer and reclaim, summaries. */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                    \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      printf("line %d: failed: %s, last error %u\n", __LINE__, #condition, GetLastError()); \
      exit(1);                                                                              \
    }                                                                                       \
  } while (0)
#define CHECK_ERROR(condition, error) CHECK((condition) && GetLastError() == (error))

static void placeholders(void) {
  const SIZE_T K64 = 65536;
  char *base = VirtualAlloc2(NULL, NULL, 4 * K64, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS, NULL, 0);
  CHECK(base != NULL);
  CHECK_ERROR(!VirtualAlloc(base, 4096, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
  CHECK(VirtualFree(base, K64, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER));
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, (DWORD)K64, NULL);
  char *view = MapViewOfFile3(section, GetCurrentProcess(), base, 0, K64, MEM_REPLACE_PLACEHOLDER, PAGE_READWRITE, NULL,
                              0);
  CHECK(view == base);
  view[5] = 9;
  char *memory = VirtualAlloc2(NULL, base + K64, 3 * K64, MEM_RESERVE | MEM_COMMIT | MEM_REPLACE_PLACEHOLDER,
                               PAGE_READWRITE, NULL, 0);
  CHECK(memory == base + K64);
  memory[0] = 1;
  CHECK(UnmapViewOfFile2(GetCurrentProcess(), view, MEM_PRESERVE_PLACEHOLDER));
  CHECK(VirtualFree(memory, 0, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER));
  CHECK(VirtualFree(base, 4 * K64, MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS));
  CHECK(VirtualFree(base, 0, MEM_RELEASE));
  CloseHandle(section);
}

static void bounds(void) {
  MEM_ADDRESS_REQUIREMENTS wishes = {(void *)0x200000000000, (void *)0x2fffffffffff, 1 << 20};
  MEM_EXTENDED_PARAMETER parameter = {0};
  parameter.Type = MemExtendedParameterAddressRequirements;
  parameter.Pointer = &wishes;
  char *memory = VirtualAlloc2(NULL, NULL, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, &parameter, 1);
  CHECK(memory != NULL && (ULONG_PTR)memory % (1 << 20) == 0);
  CHECK((ULONG_PTR)memory >= 0x200000000000 && (ULONG_PTR)memory + 65536 <= 0x300000000000);
  CHECK(VirtualFree(memory, 0, MEM_RELEASE));
  char *placeholder = VirtualAlloc2(NULL, NULL, 65536, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS, &parameter,
                                    1);
  CHECK(placeholder != NULL && (ULONG_PTR)placeholder % (1 << 20) == 0);
  CHECK((ULONG_PTR)placeholder >= 0x200000000000 && (ULONG_PTR)placeholder + 65536 <= 0x300000000000);
  CHECK(VirtualFree(placeholder, 0, MEM_RELEASE));
  wishes.Alignment = 12345;
  CHECK_ERROR(VirtualAlloc2(NULL, NULL, 65536, MEM_RESERVE, PAGE_READWRITE, &parameter, 1) == NULL,
              ERROR_INVALID_PARAMETER);
}

static void offers(void) {
  char *memory = VirtualAlloc(NULL, 8192, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  memory[0] = 1;
  memory[4096] = 2;
  CHECK(OfferVirtualMemory(memory, 8192, VmOfferPriorityNormal) == ERROR_SUCCESS);
  DWORD reclaimed = ReclaimVirtualMemory(memory, 8192);
  CHECK(reclaimed == ERROR_SUCCESS || reclaimed == ERROR_BUSY);
  CHECK(OfferVirtualMemory(memory, 100, VmOfferPriorityNormal) == ERROR_INVALID_PARAMETER);
  CHECK(OfferVirtualMemory(memory, 4096, (OFFER_PRIORITY)9) == ERROR_INVALID_PARAMETER);
  CHECK(DiscardVirtualMemory(memory, 4096) == ERROR_SUCCESS && memory[0] == 0);
  WIN32_MEMORY_RANGE_ENTRY range = {memory, 8192};
  CHECK(PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0));
  CHECK(VirtualFree(memory, 0, MEM_RELEASE));
}

static void rest(void) {
  HEAP_SUMMARY summary = {.cb = sizeof summary};
  HANDLE heap = HeapCreate(0, 0, 0), same;
  HeapAlloc(heap, 0, 1000);
  CHECK(HeapSummary(heap, 0, &summary) && summary.cbAllocated >= 1000 && summary.cbCommitted >= summary.cbAllocated);
  HeapDestroy(heap);
  HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
  DuplicateHandle(GetCurrentProcess(), event, GetCurrentProcess(), &same, 0, FALSE, DUPLICATE_SAME_ACCESS);
  CHECK(CompareObjectHandles(event, same) && !CompareObjectHandles(event, GetStdHandle(STD_OUTPUT_HANDLE)));
  ULONG_PTR pages = 4, numbers[4];
  CHECK_ERROR(!AllocateUserPhysicalPages(GetCurrentProcess(), &pages, numbers), ERROR_PRIVILEGE_NOT_HELD);
  CHECK_ERROR(!VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE), ERROR_PRIVILEGE_NOT_HELD);
}

int main(void) {
  placeholders();
  bounds();
  offers();
  rest();
  printf("all good\n");
  return 0;
}
