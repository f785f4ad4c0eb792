/* SPDX-License-Identifier: MIT */
/* CreateFileMapping, OpenFileMapping, MapViewOfFile, UnmapViewOfFile, FlushViewOfFile. */
#include "observe.h"

static char path[MAX_PATH];

static HANDLE open_file(DWORD access, DWORD disposition) {
  return CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, disposition, 0, NULL);
}

static void show(const char *what, const char *address, const char *base) {
  MEMORY_BASIC_INFORMATION info;
  VirtualQuery(address, &info, sizeof info);
  printf("%s | %s: at %+lld of %+lld, first %x, size %llx, state %x, protect %x, type %x\n", observe_scene, what,
         (long long)((char *)info.BaseAddress - base), (long long)((char *)info.AllocationBase - base),
         (unsigned)info.AllocationProtect, (unsigned long long)info.RegionSize, (unsigned)info.State,
         (unsigned)info.Protect, (unsigned)info.Type);
}

static void anonymous(void) {
  HANDLE section;
  char *view, *other;
  SCENE("a section of memory");
  TRY(section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 100000, NULL));
  TRY(view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
  VALUE((ULONG_PTR)view % 65536);
  show("whole", view, view);
  VALUE(view[99999]);
  view[65536] = 42;
  TRY(other = MapViewOfFile(section, FILE_MAP_READ, 0, 65536, 100));
  show("part", other, other);
  VALUE(other[0]);
  view[65537] = 43;
  VALUE(other[1]);
  TRY(UnmapViewOfFile(other));
  TRY(MapViewOfFile(section, FILE_MAP_READ, 0, 4096, 0));
  TRY(MapViewOfFile(section, FILE_MAP_READ, 0, 1, 0));
  TRY(MapViewOfFile(section, FILE_MAP_READ, 0, 65536, 65536));
  TRY(MapViewOfFile(section, FILE_MAP_READ, 0, 131072, 0));
  TRY(MapViewOfFile(section, FILE_MAP_READ, 1, 0, 0));
  TRY(MapViewOfFile(section, FILE_MAP_READ, 0, 0, 200000));
  TRY(other = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 1));
  show("one byte", other, other);
  TRY(UnmapViewOfFile(other));
  TRY(other = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0));
  show("copy", other, other);
  VALUE(other[65536]);
  other[65536] = 1;
  VALUE(view[65536]);
  VALUE(other[65536]);
  TRY(UnmapViewOfFile(other));
  TRY(other = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0));
  show("all access", other, other);
  TRY(CloseHandle(section));
  VALUE(other[65536]);
  TRY(UnmapViewOfFile(other + 70000));
  TRY(UnmapViewOfFile(view));
  TRY(UnmapViewOfFile(view));
  TRY(UnmapViewOfFile(NULL));
  TRY(MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0));
  char *memory = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  TRY(UnmapViewOfFile(memory));
  VirtualFree(memory, 0, MEM_RELEASE);

  SCENE("bad arguments");
  TRY(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 0, NULL));
  TRY(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_NOACCESS, 0, 4096, NULL));
  TRY(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, 0, 0, 4096, NULL));
  TRY(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE, 0, 4096, NULL));
  TRY(CreateFileMappingA((HANDLE)(ULONG_PTR)0x7654320, NULL, PAGE_READWRITE, 0, 4096, NULL));
  TRY(CreateFileMappingA(NULL, NULL, PAGE_READWRITE, 0, 4096, NULL));
  TRY(MapViewOfFile((HANDLE)(ULONG_PTR)0x7654320, FILE_MAP_READ, 0, 0, 0));
  TRY(MapViewOfFile(NULL, FILE_MAP_READ, 0, 0, 0));

  SCENE("protections of sections");
  static const DWORD protections[] = {PAGE_READONLY,     PAGE_READWRITE,         PAGE_WRITECOPY,
                                      PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY};
  static const DWORD accesses[] = {FILE_MAP_READ,
                                   FILE_MAP_WRITE,
                                   FILE_MAP_COPY,
                                   FILE_MAP_READ | FILE_MAP_EXECUTE,
                                   FILE_MAP_WRITE | FILE_MAP_EXECUTE,
                                   FILE_MAP_READ | FILE_MAP_WRITE,
                                   FILE_MAP_READ | FILE_MAP_COPY};
  for (int i = 0; i < 6; i++) {
    section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protections[i], 0, 4096, NULL);
    for (int j = 0; j < 7; j++) {
      SetLastError(NO_LAST_ERROR);
      view = section != NULL ? MapViewOfFile(section, accesses[j], 0, 0, 0) : NULL;
      printf("%s | section %x, view %x: %s, error %d\n", observe_scene, (unsigned)protections[i], (unsigned)accesses[j],
             view != NULL ? "mapped" : "not mapped", (int)GetLastError());
      if (view != NULL) {
        show("query", view, view);
        UnmapViewOfFile(view);
      }
    }
    CloseHandle(section);
  }
}

static void protect_views(void) {
  SCENE("protecting a view");
  DWORD old = 0;
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 8192, NULL);
  char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  TRY(VirtualProtect(view, 4096, PAGE_READONLY, &old));
  VALUE(old);
  show("first page", view, view);
  TRY(VirtualProtect(view, 4096, PAGE_NOACCESS, &old));
  TRY(VirtualProtect(view, 4096, PAGE_READWRITE, &old));
  VALUE(old);
  TRY(VirtualAlloc(view, 4096, MEM_COMMIT, PAGE_READWRITE) == view);
  TRY(VirtualFree(view, 0, MEM_RELEASE));
  TRY(UnmapViewOfFile(view));
  view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
  TRY(VirtualProtect(view, 4096, PAGE_NOACCESS, &old));
  VALUE(old);
  TRY(VirtualProtect(view, 4096, PAGE_READONLY, &old));
  TRY(UnmapViewOfFile(view));
  CloseHandle(section);
}

static void at_address(void) {
  SCENE("at an address");
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, NULL);
  char *place = VirtualAlloc(NULL, 1 << 20, MEM_RESERVE, PAGE_NOACCESS), *view;
  TRY(MapViewOfFileEx(section, FILE_MAP_WRITE, 0, 0, 0, place));
  VirtualFree(place, 0, MEM_RELEASE);
  TRY(view = MapViewOfFileEx(section, FILE_MAP_WRITE, 0, 0, 0, place + 65536));
  IS(view == place + 65536);
  TRY(MapViewOfFileEx(section, FILE_MAP_WRITE, 0, 0, 0, place + 65536));
  TRY(UnmapViewOfFile(view));
  CloseHandle(section);
}

static void reserved(void) {
  SCENE("SEC_RESERVE");
  HANDLE section;
  char *view, *other;
  TRY(section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE, 0, 1 << 20, NULL));
  TRY(view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
  TRY(other = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
  show("before", view, view);
  TRY(VirtualAlloc(view + 4096, 8192, MEM_COMMIT, PAGE_READWRITE) == view + 4096);
  show("0", view, view);
  show("1", view + 4096, view);
  show("3", view + 3 * 4096, view);
  show("1 of the other", other + 4096, other);
  view[5000] = 9;
  VALUE(other[5000]);
  TRY(VirtualFree(view + 4096, 4096, MEM_DECOMMIT));
  TRY(UnmapViewOfFile(view));
  TRY(UnmapViewOfFile(other));
  TRY(CloseHandle(section));
  TRY(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE | SEC_COMMIT, 0, 4096, NULL));
}

static void files(void) {
  SCENE("a section of a file");
  HANDLE file, section;
  char *view;
  LARGE_INTEGER size;
  DWORD got;
  make_file(path, 10000);
  file = open_file(GENERIC_READ | GENERIC_WRITE, OPEN_EXISTING);
  TRY(section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL));
  TRY(view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
  show("view", view, view);
  VALUE((unsigned char)view[9999]);
  VALUE(view[10000]);
  view[0] = 'X';
  TRY(FlushViewOfFile(view, 0));
  TRY(FlushViewOfFile(view + 100, 50));
  TRY(FlushFileBuffers(file));
  char byte = 0;
  TRY(ReadFile(file, &byte, 1, &got, NULL));
  VALUE(byte);
  SetFilePointer(file, 100, NULL, FILE_BEGIN);
  TRY(SetEndOfFile(file));
  TRY(UnmapViewOfFile(view));
  TRY(CloseHandle(section));
  TRY(SetEndOfFile(file));
  TRY(GetFileSizeEx(file, &size));
  VALUE(size.QuadPart);
  TRY(FlushViewOfFile(view, 0));

  SCENE("a section that is longer than its file");
  TRY(section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 20000, NULL));
  TRY(GetFileSizeEx(file, &size));
  VALUE(size.QuadPart);
  TRY(view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0));
  VALUE(view[0]);
  VALUE((unsigned char)view[99]);
  VALUE(view[100]);
  VALUE(view[19999]);
  TRY(UnmapViewOfFile(view));
  CloseHandle(section);
  CloseHandle(file);
  file = open_file(GENERIC_READ, OPEN_EXISTING);
  TRY(CreateFileMappingA(file, NULL, PAGE_READONLY, 0, 20001, NULL));
  TRY(CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL));
  TRY(CreateFileMappingA(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL));
  TRY(section = CreateFileMappingA(file, NULL, PAGE_WRITECOPY, 0, 0, NULL));
  TRY(MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
  TRY(view = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0));
  view[5] = 1;
  VALUE(view[5]);
  TRY(UnmapViewOfFile(view));
  CloseHandle(section);
  TRY(section = CreateFileMappingA(file, NULL, PAGE_READONLY, 0, 100, NULL));
  TRY(view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0));
  show("a part of the file", view, view);
  TRY(MapViewOfFile(section, FILE_MAP_READ, 0, 0, 101));
  TRY(UnmapViewOfFile(view));
  TRY(CloseHandle(section));
  TRY(CloseHandle(file));

  SCENE("a file that is open for writing alone");
  file = open_file(GENERIC_WRITE, OPEN_EXISTING);
  TRY(CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL));
  TRY(CreateFileMappingA(file, NULL, PAGE_READONLY, 0, 0, NULL));
  CloseHandle(file);

  SCENE("an empty file");
  file = open_file(GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS);
  TRY(CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL));
  TRY(CreateFileMappingA(file, NULL, PAGE_READONLY, 0, 0, NULL));
  TRY(section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 5000, NULL));
  TRY(GetFileSizeEx(file, &size));
  VALUE(size.QuadPart);
  TRY(CloseHandle(section));
  TRY(CloseHandle(file));
  TRY(DeleteFileA(path));
}

static void names(void) {
  HANDLE one, two;
  char *view, *other, name[64];
  SCENE("names");
  snprintf(name, sizeof name, "acre-test-%u", (unsigned)GetCurrentProcessId());
  TRY(OpenFileMappingA(FILE_MAP_READ, FALSE, name));
  TRY(OpenFileMappingA(FILE_MAP_READ, FALSE, NULL));
  TRY(one = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 70000, name));
  TRY(two = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 999999, name));
  IS(one != two);
  TRY(view = MapViewOfFile(one, FILE_MAP_WRITE, 0, 0, 0));
  TRY(other = MapViewOfFile(two, FILE_MAP_WRITE, 0, 0, 0));
  show("the second's view", other, other);
  VALUE(other[69999]);
  strcpy(view + 65536, "shared");
  VALUE(strcmp(other + 65536, "shared"));
  TRY(UnmapViewOfFile(other));
  TRY(CloseHandle(two));
  TRY(two = OpenFileMappingA(FILE_MAP_READ, FALSE, name));
  TRY(MapViewOfFile(two, FILE_MAP_WRITE, 0, 0, 0));
  TRY(other = MapViewOfFile(two, FILE_MAP_READ, 0, 65536, 0));
  VALUE(strcmp(other, "shared"));
  TRY(UnmapViewOfFile(other));
  TRY(CloseHandle(two));
  TRY(CloseHandle(one));
  TRY(OpenFileMappingA(FILE_MAP_READ, FALSE, name));
  VALUE(strcmp(view + 65536, "shared"));
  TRY(one = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, name));
  TRY(other = MapViewOfFile(one, FILE_MAP_WRITE, 0, 0, 0));
  VALUE(other[0]);
  show("a new section", other, other);
  TRY(UnmapViewOfFile(other));
  TRY(UnmapViewOfFile(view));
  TRY(CloseHandle(one));

  SCENE("names and their folders");
  char local[80], upper[80];
  snprintf(local, sizeof local, "Local\\%s", name);
  snprintf(upper, sizeof upper, "%s", name);
  upper[0] = 'A';
  TRY(one = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, local));
  TRY(two = OpenFileMappingA(FILE_MAP_READ, FALSE, name));
  TRY(CloseHandle(two));
  TRY(OpenFileMappingA(FILE_MAP_READ, FALSE, upper));
  TRY(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "no\\such\\folder"));
  TRY(CloseHandle(one));
  TRY(one = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "with/slash and space"));
  TRY(two = OpenFileMappingA(FILE_MAP_WRITE, FALSE, "with/slash and space"));
  TRY(CloseHandle(two));
  TRY(CloseHandle(one));
  TRY(one = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, ""));
  TRY(CloseHandle(one));

  SCENE("a name for a file's section");
  make_file(path, 5000);
  HANDLE file = open_file(GENERIC_READ | GENERIC_WRITE, OPEN_EXISTING);
  TRY(one = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, name));
  CloseHandle(file);
  TRY(two = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name));
  TRY(view = MapViewOfFile(two, FILE_MAP_WRITE, 0, 0, 0));
  show("its view", view, view);
  VALUE((unsigned char)view[200]);
  view[200] = 77;
  TRY(other = MapViewOfFile(one, FILE_MAP_READ, 0, 0, 0));
  VALUE(other[200]);
  TRY(UnmapViewOfFile(view));
  TRY(UnmapViewOfFile(other));
  TRY(CloseHandle(two));
  TRY(CloseHandle(one));
  TRY(OpenFileMappingA(FILE_MAP_READ, FALSE, name));
  TRY(DeleteFileA(path));
}

static void wide(void) {
  HANDLE section, other;
  SCENE("wide names");
  TRY(section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, L"acre-wide-\u00e9\u4e2d"));
  TRY(other = OpenFileMappingW(FILE_MAP_READ, FALSE, L"acre-wide-\u00e9\u4e2d"));
  TRY(CloseHandle(other));
  TRY(CloseHandle(section));
  TRY(OpenFileMappingW(FILE_MAP_READ, FALSE, L"acre-wide-\u00e9\u4e2d"));
}

int main(void) {
  anonymous();
  protect_views();
  at_address();
  reserved();
  files();
  names();
  wide();
  return 0;
}
