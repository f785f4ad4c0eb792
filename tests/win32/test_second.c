/* SPDX-License-Identifier: MIT */
/* Write watch, VirtualAlloc2 and placeholders, offer and reclaim, working sets, mapped file names, IsBad...Ptr; figures. */
#include "observe.h"

#include <psapi.h>

static void write_watch(void) {
  SCENE("write watch");
  PVOID pages[64];
  ULONG_PTR count = 64;
  DWORD granularity = 0;
  char *base;
  TRY(base = VirtualAlloc(NULL, 32 * 4096, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE));
  VALUE(GetWriteWatch(0, base, 32 * 4096, pages, &count, &granularity));
  VALUE(count);
  VALUE(granularity);
  base[0] = 1;
  base[5 * 4096 + 7] = 2;
  base[31 * 4096] = 3;
  count = 64;
  VALUE(GetWriteWatch(0, base, 32 * 4096, pages, &count, &granularity));
  VALUE(count);
  for (ULONG_PTR i = 0; i < count; i++) VALUE((char *)pages[i] - base);
  count = 2;
  VALUE(GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 32 * 4096, pages, &count, &granularity));
  VALUE(count);
  count = 64;
  VALUE(GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 32 * 4096, pages, &count, &granularity));
  VALUE(count);
  VALUE((char *)pages[0] - base);
  base[3 * 4096] = 1;
  VALUE(ResetWriteWatch(base, 32 * 4096));
  count = 64;
  VALUE(GetWriteWatch(0, base, 32 * 4096, pages, &count, &granularity));
  VALUE(count);
  base[4 * 4096] = 1;
  base[9 * 4096] = 1;
  count = 64;
  VALUE(GetWriteWatch(0, base + 5 * 4096, 10 * 4096, pages, &count, &granularity));
  VALUE(count);
  VALUE((char *)pages[0] - base);
  count = 0;
  VALUE(GetWriteWatch(0, base, 4096, pages, &count, &granularity));
  count = 64;
  VALUE(GetWriteWatch(7, base, 4096, pages, &count, &granularity));
  TRY(VirtualFree(base, 0, MEM_RELEASE));
  base = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  count = 64;
  VALUE(GetWriteWatch(0, base, 4096, pages, &count, &granularity));
  VALUE(ResetWriteWatch(base, 4096));
  VirtualFree(base, 0, MEM_RELEASE);
}

static void bad_pointers(void) {
  SCENE("bad pointers");
  char *base = VirtualAlloc(NULL, 3 * 4096, MEM_RESERVE, PAGE_READWRITE);
  VirtualAlloc(base, 4096, MEM_COMMIT, PAGE_READWRITE);
  VirtualAlloc(base + 4096, 4096, MEM_COMMIT, PAGE_READONLY);
  strcpy(base + 4090, "abc");
  VALUE(IsBadReadPtr(base, 4096));
  VALUE(IsBadReadPtr(base, 8192));
  VALUE(IsBadReadPtr(base, 8193));
  VALUE(IsBadReadPtr(base + 8192, 1));
  VALUE(IsBadReadPtr(base + 8192, 0));
  VALUE(IsBadReadPtr(NULL, 1));
  VALUE(IsBadReadPtr(NULL, 0));
  VALUE(IsBadWritePtr(base, 4096));
  VALUE(IsBadWritePtr(base, 4097));
  VALUE(IsBadWritePtr(base + 4096, 1));
  VALUE(IsBadStringPtrA(base + 4090, 100));
  VALUE(IsBadStringPtrA(base + 8191, 1));
  VALUE(IsBadStringPtrA(base + 8192, 1));
  VALUE(IsBadStringPtrA(NULL, 1));
  memset(base, 1, 4096);
  WCHAR *end = (WCHAR *)(base + 4096);
  VALUE(IsBadStringPtrW(end - 20, 20));
  VALUE(IsBadStringPtrW(end - 20, 40));
  char *second = VirtualAlloc(NULL, 3 * 4096, MEM_RESERVE, PAGE_READWRITE);
  memset(VirtualAlloc(second, 2 * 4096, MEM_COMMIT, PAGE_READWRITE), 1, 2 * 4096);
  end = (WCHAR *)(second + 2 * 4096);
  VALUE(IsBadStringPtrW(end - 1500, 1500));
  VALUE(IsBadStringPtrW(end - 1500, 1501));
  VALUE(IsBadStringPtrW((WCHAR *)(second + 1), 10000));
  VALUE(IsBadStringPtrW((WCHAR *)((char *)end - 1), 1));
  VirtualFree(second, 0, MEM_RELEASE);
  VALUE(IsBadCodePtr((FARPROC)(ULONG_PTR)bad_pointers));
  VirtualFree(base, 0, MEM_RELEASE);
}

static void figures(void) {
  SCENE("figures");
  SYSTEM_INFO system;
  GetSystemInfo(&system);
  VALUE(system.dwPageSize);
  VALUE(system.dwAllocationGranularity);
  VALUE(system.wProcessorArchitecture);
  VALUE(system.dwProcessorType);
  IS(system.dwNumberOfProcessors >= 1);
  IS(system.dwActiveProcessorMask & 1);
  VALUE((ULONG_PTR)system.lpMinimumApplicationAddress);
  IS((ULONG_PTR)system.lpMaximumApplicationAddress > (ULONG_PTR)1 << 40);
  SYSTEM_INFO native;
  GetNativeSystemInfo(&native);
  IS(native.dwPageSize == system.dwPageSize);
  MEMORYSTATUSEX status = {.dwLength = sizeof status};
  TRY(GlobalMemoryStatusEx(&status));
  VALUE(status.dwLength);
  IS(status.dwMemoryLoad <= 100);
  IS(status.ullAvailPhys <= status.ullTotalPhys);
  IS(status.ullAvailPageFile <= status.ullTotalPageFile);
  IS(status.ullAvailVirtual <= status.ullTotalVirtual);
  VALUE(status.ullAvailExtendedVirtual);
  status.dwLength = 10;
  TRY(GlobalMemoryStatusEx(&status));
  MEMORYSTATUS old;
  GlobalMemoryStatus(&old);
  VALUE(old.dwLength);
  IS(old.dwTotalPhys > 0);
  PROCESS_MEMORY_COUNTERS counters;
  TRY(GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters));
  VALUE(counters.cb);
  IS(counters.WorkingSetSize > 0);
  TRY(GetProcessMemoryInfo(GetCurrentProcess(), &counters, 10));
  SIZE_T minimum, maximum;
  TRY(GetProcessWorkingSetSize(GetCurrentProcess(), &minimum, &maximum));
  IS(minimum <= maximum);
  TRY(SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1));
  LARGE_INTEGER frequency, first, second;
  TRY(QueryPerformanceFrequency(&frequency));
  IS(frequency.QuadPart >= 1000000);
  QueryPerformanceCounter(&first);
  QueryPerformanceCounter(&second);
  IS(second.QuadPart >= first.QuadPart);
  FILETIME now;
  GetSystemTimeAsFileTime(&now);
  IS(now.dwHighDateTime > 30000000);
  SYSTEMTIME parts;
  GetSystemTime(&parts);
  IS(parts.wYear >= 2024 && parts.wMonth >= 1 && parts.wMonth <= 12);
}

static void resident(void) {
  SCENE("resident pages");
  char *base = VirtualAlloc(NULL, 4 * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  base[4096] = 1;
  PSAPI_WORKING_SET_EX_INFORMATION entries[3];
  memset(entries, 0xff, sizeof entries);
  entries[0].VirtualAddress = base + 4096;
  entries[1].VirtualAddress = base + 2 * 4096;
  entries[2].VirtualAddress = (PVOID)(ULONG_PTR)0x10;
  TRY(QueryWorkingSetEx(GetCurrentProcess(), entries, sizeof entries));
  VALUE(entries[0].VirtualAttributes.Valid);
  VALUE(entries[1].VirtualAttributes.Valid);
  VALUE(entries[2].VirtualAttributes.Valid);
  VirtualFree(base, 0, MEM_RELEASE);
}

static void mapped_names(void) {
  SCENE("mapped file names");
  char path[MAX_PATH], name[1024];
  make_file(path, 100);
  HANDLE file = CreateFileA(path, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
  HANDLE section = CreateFileMappingA(file, NULL, PAGE_READONLY, 0, 0, NULL);
  void *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
  DWORD length;
  TRY_QUIETLY(length = GetMappedFileNameA(GetCurrentProcess(), view, name, sizeof name));
  IS(length == strlen(name));
  const char *own = path + strlen(path), *found = name + strlen(name);
  int same = 0;
  while (own > path && found > name && own[-1] != '\\' && own[-1] != '/' && *--own == *--found) same++;
  IS(same >= 8);
  void *memory = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  IS(GetMappedFileNameA(GetCurrentProcess(), memory, name, sizeof name) == 0);
  VirtualFree(memory, 0, MEM_RELEASE);
  UnmapViewOfFile(view);
  CloseHandle(section);
  CloseHandle(file);
  DeleteFileA(path);
}

static void text(void) {
  SCENE("text");
  WCHAR wide[20];
  char bytes[20];
  VALUE(MultiByteToWideChar(CP_UTF8, 0, "abc", -1, wide, 20));
  VALUE(wide[2]);
  VALUE(MultiByteToWideChar(CP_UTF8, 0, "abc", -1, NULL, 0));
  VALUE(MultiByteToWideChar(CP_UTF8, 0, "abc", 2, wide, 20));
  TRY(MultiByteToWideChar(CP_UTF8, 0, "abc", -1, wide, 3));
  TRY(MultiByteToWideChar(CP_UTF8, 0, "abc", 0, wide, 3));
  VALUE(MultiByteToWideChar(CP_UTF8, 0, "\xc3\xa9\xe4\xb8\xad", -1, wide, 20));
  VALUE(wide[0]);
  VALUE(wide[1]);
  TRY(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "a\xff", -1, wide, 20));
  VALUE(MultiByteToWideChar(CP_UTF8, 0,
                            "a\xff"
                            "b",
                            -1, wide, 20));
  VALUE(wide[1]);
  VALUE(WideCharToMultiByte(CP_UTF8, 0, L"\u00e9x", -1, bytes, 20, NULL, NULL));
  VALUE((unsigned char)bytes[1]);
  TRY(WideCharToMultiByte(CP_UTF8, 0, L"\u00e9x", -1, bytes, 2, NULL, NULL));
  VALUE(lstrlenA("four"));
  VALUE(lstrlenA(NULL));
  VALUE(lstrlenW(L"five!"));
  VALUE(lstrcmpA("a", "a"));
  observe_text("lstrcpy, lstrcat", lstrcatA(lstrcpyA(bytes, "one"), "two"));

  SCENE("FormatMessage");
  char message[100];
  DWORD_PTR arguments[] = {(DWORD_PTR) "text", 42};
  DWORD length;
  TRY_QUIETLY(length = FormatMessageA(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY,
                                      "[%1] %2!d! %2!05x! %% %1!10s!|%nend%0 no", 0, 0, message, sizeof message,
                                      (va_list *)arguments));
  VALUE(length);
  for (char *at = message; *at; at++)
    if (*at == '\r' || *at == '\n') *at = '~';
  observe_text("message", message);
  TRY_QUIETLY(length = FormatMessageA(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_IGNORE_INSERTS, "%1 stays %2!d!", 0,
                                      0, message, sizeof message, NULL));
  observe_text("message", message);
  TRY(FormatMessageA(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_IGNORE_INSERTS, "too long", 0, 0, message, 4, NULL));
  TRY(FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM, NULL, 0x12345678, 0, message, sizeof message, NULL));
  char *made = NULL;
  IS(FormatMessageA(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                    ERROR_ACCESS_DENIED, 0, (LPSTR)&made, 0, NULL) > 5);
  IS(made != NULL && strlen(made) > 5 && strcmp(made + strlen(made) - 2, "\r\n") == 0);
  IS(LocalFree(made) == NULL);
}

int main(void) {
  write_watch();
  bad_pointers();
  figures();
  resident();
  mapped_names();
  text();
  return 0;
}
