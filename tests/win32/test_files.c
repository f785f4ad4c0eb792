/* SPDX-License-Identifier: MIT */
/* CreateFile and its share modes, reading, writing, sizes, positions, paths, temporary names; handles. */
#include "observe.h"

static char path[MAX_PATH], other[MAX_PATH + 8];

static HANDLE opened(DWORD access, DWORD shares, DWORD disposition) {
  return CreateFileA(path, access, shares, NULL, disposition, FILE_ATTRIBUTE_NORMAL, NULL);
}

static HANDLE open_and_tell(DWORD access, DWORD shares, DWORD disposition) {
  char what[80];
  SetLastError(NO_LAST_ERROR);
  HANDLE file = opened(access, shares, disposition);
  DWORD error = GetLastError();
  snprintf(what, sizeof what, "open %x, share %x, disposition %d", (unsigned)access, (unsigned)shares,
           (int)disposition);
  SetLastError(error);
  observe_result(what, file != INVALID_HANDLE_VALUE);
  return file;
}
#define OPEN(access, shares, disposition) (file = open_and_tell(access, shares, disposition))
#define OPEN_AND_CLOSE(access, shares, disposition)      \
  do {                                                   \
    HANDLE file;                                         \
    OPEN(access, shares, disposition);                   \
    if (file != INVALID_HANDLE_VALUE) CloseHandle(file); \
  } while (0)

static void dispositions(void) {
  HANDLE file;
  SCENE("dispositions");
  make_file(path, 100);
  DeleteFileA(path);
  OPEN_AND_CLOSE(GENERIC_READ, 0, OPEN_EXISTING);
  OPEN_AND_CLOSE(GENERIC_READ | GENERIC_WRITE, 0, TRUNCATE_EXISTING);
  OPEN_AND_CLOSE(GENERIC_READ | GENERIC_WRITE, 0, CREATE_NEW);
  OPEN_AND_CLOSE(GENERIC_READ | GENERIC_WRITE, 0, CREATE_NEW);
  OPEN_AND_CLOSE(GENERIC_READ | GENERIC_WRITE, 0, CREATE_ALWAYS);
  OPEN_AND_CLOSE(GENERIC_READ | GENERIC_WRITE, 0, OPEN_ALWAYS);
  OPEN_AND_CLOSE(GENERIC_READ, 0, OPEN_EXISTING);
  OPEN_AND_CLOSE(GENERIC_READ, 0, TRUNCATE_EXISTING);
  OPEN_AND_CLOSE(GENERIC_WRITE, 0, TRUNCATE_EXISTING);
  OPEN_AND_CLOSE(GENERIC_READ, 0, 0);
  OPEN_AND_CLOSE(GENERIC_READ, 0, 6);
  TRY(DeleteFileA(path));
  TRY(DeleteFileA(path));
  OPEN_AND_CLOSE(GENERIC_READ | GENERIC_WRITE, 0, OPEN_ALWAYS);
  DeleteFileA(path);
  OPEN_AND_CLOSE(GENERIC_READ | GENERIC_WRITE, 0, CREATE_ALWAYS);
  DeleteFileA(path);
  OPEN_AND_CLOSE(GENERIC_READ, 0, OPEN_ALWAYS);
  OPEN(GENERIC_READ, 0, OPEN_EXISTING);
  CloseHandle(file);
  DeleteFileA(path);
  snprintf(other, sizeof other, "%s/x", path);
  TRY(CreateFileA(other, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) != INVALID_HANDLE_VALUE);
  TRY(CreateFileA("", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) != INVALID_HANDLE_VALUE);
  TRY(CreateFileA("no-such-folder/no-such-file", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) !=
      INVALID_HANDLE_VALUE);
  TRY(CreateFileA(".", GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL) != INVALID_HANDLE_VALUE);
  TRY(CreateFileA(".", GENERIC_READ, FILE_SHARE_READ, NULL, CREATE_NEW, 0, NULL) != INVALID_HANDLE_VALUE);
}

static void shares(void) {
  static const DWORD accesses[] = {GENERIC_READ, GENERIC_WRITE, GENERIC_READ | GENERIC_WRITE};
  static const DWORD modes[] = {0, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE};
  SCENE("share modes");
  make_file(path, 100);
  for (int a = 0; a < 3; a++)
    for (int s = 0; s < 4; s++) {
      HANDLE first = opened(accesses[a], modes[s], OPEN_EXISTING);
      for (int b = 0; b < 3; b++)
        for (int t = 0; t < 4; t++) {
          SetLastError(NO_LAST_ERROR);
          HANDLE second = opened(accesses[b], modes[t], OPEN_EXISTING);
          printf("%s | first %x, %x; second %x, %x: %s\n", observe_scene, (unsigned)accesses[a], (unsigned)modes[s],
                 (unsigned)accesses[b], (unsigned)modes[t],
                 second != INVALID_HANDLE_VALUE              ? "opened"
                 : GetLastError() == ERROR_SHARING_VIOLATION ? "shared not"
                                                             : "failed");
          if (second != INVALID_HANDLE_VALUE) CloseHandle(second);
        }
      CloseHandle(first);
    }
  TRY(DeleteFileA(path));
}

static void reading(void) {
  HANDLE file;
  char buffer[300];
  DWORD done = 99;
  SCENE("reading and writing");
  make_file(path, 1000);
  OPEN(GENERIC_READ | GENERIC_WRITE, 0, OPEN_EXISTING);
  TRY(ReadFile(file, buffer, 256, &done, NULL));
  VALUE(done);
  VALUE((unsigned char)buffer[255]);
  VALUE(SetFilePointer(file, 990, NULL, FILE_BEGIN));
  TRY(ReadFile(file, buffer, 256, &done, NULL));
  VALUE(done);
  TRY(ReadFile(file, buffer, 256, &done, NULL));
  VALUE(done);
  TRY(WriteFile(file, "end", 3, &done, NULL));
  VALUE(done);
  VALUE(GetFileSize(file, NULL));
  VALUE(SetFilePointer(file, -3, NULL, FILE_END));
  TRY(ReadFile(file, buffer, 3, &done, NULL));
  VALUE(memcmp(buffer, "end", 3));
  VALUE(SetFilePointer(file, 10, NULL, FILE_CURRENT));
  SetLastError(NO_LAST_ERROR);
  VALUE(SetFilePointer(file, -2000, NULL, FILE_CURRENT));
  VALUE(GetLastError());
  SetLastError(NO_LAST_ERROR);
  VALUE(SetFilePointer(file, 0, NULL, 7));
  VALUE(GetLastError());
  LONG high = 1;
  VALUE(SetFilePointer(file, 5, &high, FILE_BEGIN));
  VALUE(high);
  LARGE_INTEGER distance, position;
  distance.QuadPart = 500;
  TRY(SetFilePointerEx(file, distance, &position, FILE_BEGIN));
  VALUE(position.QuadPart);
  distance.QuadPart = -501;
  TRY(SetFilePointerEx(file, distance, &position, FILE_CURRENT));
  TRY(SetEndOfFile(file));
  VALUE(GetFileSize(file, NULL));
  distance.QuadPart = 3000;
  SetFilePointerEx(file, distance, NULL, FILE_BEGIN);
  TRY(SetEndOfFile(file));
  TRY(GetFileSizeEx(file, &position));
  VALUE(position.QuadPart);
  TRY(FlushFileBuffers(file));
  VALUE(GetFileType(file));
  OVERLAPPED at;
  memset(&at, 0, sizeof at);
  at.Offset = 100;
  TRY(ReadFile(file, buffer, 10, &done, &at));
  VALUE((unsigned char)buffer[0]);
  at.Offset = 5000;
  TRY(ReadFile(file, buffer, 10, &done, &at));
  VALUE(done);
  CloseHandle(file);
  OPEN(GENERIC_READ, 0, OPEN_EXISTING);
  TRY(WriteFile(file, "x", 1, &done, NULL));
  VALUE(done);
  TRY(SetEndOfFile(file));
  TRY(FlushFileBuffers(file));
  CloseHandle(file);
  TRY(ReadFile(file, buffer, 1, &done, NULL));
  OPEN(GENERIC_WRITE, 0, OPEN_EXISTING);
  TRY(ReadFile(file, buffer, 1, &done, NULL));
  TRY(WriteFile(file, "y", 1, &done, NULL));
  CloseHandle(file);
  OPEN(FILE_APPEND_DATA, 0, OPEN_EXISTING);
  TRY(WriteFile(file, "tail", 4, &done, NULL));
  VALUE(GetFileSize(file, NULL));
  CloseHandle(file);
  VALUE(GetFileSize(file, NULL));
  DeleteFileA(path);
}

static void paths(void) {
  HANDLE file;
  char folder[MAX_PATH];
  SCENE("paths");
  make_file(path, 10);
  VALUE(GetFileAttributesA(path) & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_READONLY));
  TRY(SetFileAttributesA(path, FILE_ATTRIBUTE_READONLY));
  VALUE(GetFileAttributesA(path) & FILE_ATTRIBUTE_READONLY);
  OPEN_AND_CLOSE(GENERIC_READ, 0, OPEN_EXISTING);
  TRY(DeleteFileA(path));
  TRY(SetFileAttributesA(path, FILE_ATTRIBUTE_NORMAL));
  snprintf(other, sizeof other, "%s.2", path);
  TRY(MoveFileA(path, other));
  TRY(MoveFileA(path, other));
  TRY_QUIETLY(CopyFileA(other, path, TRUE));
  TRY_QUIETLY(CopyFileA(other, path, TRUE));
  TRY_QUIETLY(CopyFileA(other, path, FALSE));
  TRY(MoveFileA(path, other));
  TRY(MoveFileExA(path, other, MOVEFILE_REPLACE_EXISTING));
  SetLastError(NO_LAST_ERROR);
  VALUE(GetFileAttributesA(path));
  VALUE(GetLastError());
  TRY(DeleteFileA(other));
  snprintf(folder, sizeof folder, "%s.d", path);
  TRY(CreateDirectoryA(folder, NULL));
  TRY(CreateDirectoryA(folder, NULL));
  VALUE(GetFileAttributesA(folder) & FILE_ATTRIBUTE_DIRECTORY);
  TRY(DeleteFileA(folder));
  snprintf(other, sizeof other, "%s/f", folder);
  file = CreateFileA(other, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE, NULL);
  IS(file != INVALID_HANDLE_VALUE);
  TRY(RemoveDirectoryA(folder));
  TRY(CloseHandle(file));
  SetLastError(NO_LAST_ERROR);
  VALUE(GetFileAttributesA(other));
  VALUE(GetLastError());
  TRY(RemoveDirectoryA(folder));
  TRY(RemoveDirectoryA(folder));

  SCENE("temporary files");
  char place[MAX_PATH], first[MAX_PATH], second[MAX_PATH];
  DWORD length = GetTempPathA(MAX_PATH, place);
  IS(length == strlen(place));
  IS(place[length - 1] == '\\' || place[length - 1] == '/');
  VALUE(GetTempPathA(1, second) - length);
  IS(GetTempFileNameA(place, "acre", 0, first) != 0);
  IS(GetTempFileNameA(place, "acre", 0, second) != 0);
  IS(strcmp(first, second) != 0);
  VALUE(GetFileAttributesA(first) != INVALID_FILE_ATTRIBUTES);
  VALUE(strlen(first) - length >= 8);
  IS(strcmp(first + strlen(first) - 4, ".tmp") == 0);
  DeleteFileA(first);
  DeleteFileA(second);
  VALUE(GetTempFileNameA(place, "x", 0x12ab, first));
  IS(strcmp(first + length, "x12ab.tmp") == 0 || strcmp(first + length, "x12AB.tmp") == 0);
  VALUE(GetFileAttributesA(first) == INVALID_FILE_ATTRIBUTES);
  SetLastError(NO_LAST_ERROR);
  VALUE(GetTempFileNameA("no-such-folder", "x", 0, first));
  VALUE(GetLastError());

  SCENE("wide paths");
  WCHAR wide[MAX_PATH], made[MAX_PATH];
  IS(GetTempPathW(MAX_PATH, wide) != 0);
  IS(GetTempFileNameW(wide, L"\u00e9\u4e2d", 0, made) != 0);
  file = CreateFileW(made, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  IS(file != INVALID_HANDLE_VALUE);
  TRY(CloseHandle(file));
  TRY(DeleteFileW(made));
  TRY(DeleteFileW(made));
}

static void handles(void) {
  HANDLE file, copy;
  DWORD flags, done;
  SCENE("handles");
  make_file(path, 50);
  OPEN(GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING);
  TRY(DuplicateHandle(GetCurrentProcess(), file, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
  IS(copy != file);
  char buffer[10];
  SetFilePointer(file, 7, NULL, FILE_BEGIN);
  TRY(ReadFile(copy, buffer, 1, &done, NULL));
  VALUE(buffer[0]);
  TRY(CloseHandle(file));
  TRY(CloseHandle(file));
  TRY(ReadFile(copy, buffer, 1, &done, NULL));
  VALUE(buffer[0]);
  TRY(SetHandleInformation(copy, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT));
  TRY(GetHandleInformation(copy, &flags));
  VALUE(flags);
  TRY(DuplicateHandle(GetCurrentProcess(), copy, GetCurrentProcess(), &file, 0, FALSE,
                      DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE));
  TRY(ReadFile(file, buffer, 1, &done, NULL));
  TRY(CloseHandle(file));
  TRY(CloseHandle(NULL));
  TRY(CloseHandle((HANDLE)(ULONG_PTR)0x1234568));
  TRY(CloseHandle(GetCurrentProcess()));
  TRY(CloseHandle(GetCurrentThread()));
  TRY(DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &copy, 0, FALSE,
                      DUPLICATE_SAME_ACCESS));
  VALUE(GetThreadId(copy) == GetCurrentThreadId());
  TRY(CloseHandle(copy));
  TRY(GetHandleInformation((HANDLE)(ULONG_PTR)0x1234568, &flags));
  DeleteFileA(path);
}

int main(void) {
  dispositions();
  shares();
  reading();
  paths();
  handles();
  return 0;
}
