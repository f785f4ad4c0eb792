/* SPDX-License-Identifier: MIT */
/* fileapi.h - files. */
#ifndef ACRE_WIN32_FILEAPI_H
#define ACRE_WIN32_FILEAPI_H

#include "winnt.h"

ACRE_WIN32_BEGIN

#include "minwinbase.h"

#define CREATE_NEW 1
#define CREATE_ALWAYS 2
#define OPEN_EXISTING 3
#define OPEN_ALWAYS 4
#define TRUNCATE_EXISTING 5

#define INVALID_FILE_SIZE ((DWORD)0xffffffff)
#define INVALID_SET_FILE_POINTER ((DWORD)-1)
#define INVALID_FILE_ATTRIBUTES ((DWORD)-1)

WINBASEAPI HANDLE WINAPI CreateFileW(LPCWSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                                     DWORD disposition, DWORD flags, HANDLE like);
WINBASEAPI HANDLE WINAPI CreateFileA(LPCSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                                     DWORD disposition, DWORD flags, HANDLE like);
WINBASEAPI BOOL WINAPI ReadFile(HANDLE file, LPVOID buffer, DWORD size, LPDWORD done, LPOVERLAPPED overlapped);
WINBASEAPI BOOL WINAPI WriteFile(HANDLE file, LPCVOID buffer, DWORD size, LPDWORD done, LPOVERLAPPED overlapped);
WINBASEAPI DWORD WINAPI GetFileSize(HANDLE file, LPDWORD high);
WINBASEAPI BOOL WINAPI GetFileSizeEx(HANDLE file, PLARGE_INTEGER out);
WINBASEAPI DWORD WINAPI SetFilePointer(HANDLE file, LONG distance, PLONG high, DWORD method);
WINBASEAPI BOOL WINAPI SetFilePointerEx(HANDLE file, LARGE_INTEGER distance, PLARGE_INTEGER position, DWORD method);
WINBASEAPI BOOL WINAPI SetEndOfFile(HANDLE file);
WINBASEAPI BOOL WINAPI FlushFileBuffers(HANDLE file);
WINBASEAPI DWORD WINAPI GetFileType(HANDLE file);
WINBASEAPI BOOL WINAPI DeleteFileW(LPCWSTR path);
WINBASEAPI BOOL WINAPI DeleteFileA(LPCSTR path);
WINBASEAPI DWORD WINAPI GetFileAttributesW(LPCWSTR path);
WINBASEAPI DWORD WINAPI GetFileAttributesA(LPCSTR path);
WINBASEAPI BOOL WINAPI SetFileAttributesW(LPCWSTR path, DWORD attributes);
WINBASEAPI BOOL WINAPI SetFileAttributesA(LPCSTR path, DWORD attributes);
WINBASEAPI BOOL WINAPI CreateDirectoryW(LPCWSTR path, LPSECURITY_ATTRIBUTES security);
WINBASEAPI BOOL WINAPI CreateDirectoryA(LPCSTR path, LPSECURITY_ATTRIBUTES security);
WINBASEAPI BOOL WINAPI RemoveDirectoryW(LPCWSTR path);
WINBASEAPI BOOL WINAPI RemoveDirectoryA(LPCSTR path);
WINBASEAPI DWORD WINAPI GetTempPathW(DWORD size, LPWSTR out);
WINBASEAPI DWORD WINAPI GetTempPathA(DWORD size, LPSTR out);
WINBASEAPI UINT WINAPI GetTempFileNameW(LPCWSTR directory, LPCWSTR prefix, UINT unique, LPWSTR out);
WINBASEAPI UINT WINAPI GetTempFileNameA(LPCSTR directory, LPCSTR prefix, UINT unique, LPSTR out);

#define CreateFile ACRE_WIN32_AW(CreateFile)
#define DeleteFile ACRE_WIN32_AW(DeleteFile)
#define GetFileAttributes ACRE_WIN32_AW(GetFileAttributes)
#define SetFileAttributes ACRE_WIN32_AW(SetFileAttributes)
#define CreateDirectory ACRE_WIN32_AW(CreateDirectory)
#define RemoveDirectory ACRE_WIN32_AW(RemoveDirectory)
#define GetTempPath ACRE_WIN32_AW(GetTempPath)
#define GetTempFileName ACRE_WIN32_AW(GetTempFileName)

ACRE_WIN32_END

#endif
