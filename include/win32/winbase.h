/* SPDX-License-Identifier: MIT */
/* winbase.h - blocks by handle (Local..., Global...), text of errors, file flags, what is older than the other parts. */
#ifndef ACRE_WIN32_WINBASE_H
#define ACRE_WIN32_WINBASE_H

#include "winnt.h"

ACRE_WIN32_BEGIN

#include "minwinbase.h"
#include "sysinfoapi.h"

#define FILE_BEGIN 0
#define FILE_CURRENT 1
#define FILE_END 2
#define FILE_FLAG_WRITE_THROUGH 0x80000000
#define FILE_FLAG_OVERLAPPED 0x40000000
#define FILE_FLAG_NO_BUFFERING 0x20000000
#define FILE_FLAG_RANDOM_ACCESS 0x10000000
#define FILE_FLAG_SEQUENTIAL_SCAN 0x08000000
#define FILE_FLAG_DELETE_ON_CLOSE 0x04000000
#define FILE_FLAG_BACKUP_SEMANTICS 0x02000000
#define FILE_FLAG_POSIX_SEMANTICS 0x01000000
#define FILE_TYPE_UNKNOWN 0x0000
#define FILE_TYPE_DISK 0x0001
#define FILE_TYPE_CHAR 0x0002
#define FILE_TYPE_PIPE 0x0003
#define MOVEFILE_REPLACE_EXISTING 0x00000001

#define GMEM_FIXED 0x0000
#define GMEM_MOVEABLE 0x0002
#define GMEM_NOCOMPACT 0x0010
#define GMEM_NODISCARD 0x0020
#define GMEM_ZEROINIT 0x0040
#define GMEM_MODIFY 0x0080
#define GMEM_DISCARDABLE 0x0100
#define GMEM_SHARE 0x2000
#define GMEM_DDESHARE 0x2000
#define GMEM_VALID_FLAGS 0x7f72
#define GMEM_INVALID_HANDLE 0x8000
#define GHND (GMEM_MOVEABLE | GMEM_ZEROINIT)
#define GPTR (GMEM_FIXED | GMEM_ZEROINIT)
#define GMEM_DISCARDED 0x4000
#define GMEM_LOCKCOUNT 0x00ff

#define FORMAT_MESSAGE_ALLOCATE_BUFFER 0x00000100
#define FORMAT_MESSAGE_IGNORE_INSERTS 0x00000200
#define FORMAT_MESSAGE_FROM_STRING 0x00000400
#define FORMAT_MESSAGE_FROM_HMODULE 0x00000800
#define FORMAT_MESSAGE_FROM_SYSTEM 0x00001000
#define FORMAT_MESSAGE_ARGUMENT_ARRAY 0x00002000
#define FORMAT_MESSAGE_MAX_WIDTH_MASK 0x000000ff

WINBASEAPI HLOCAL WINAPI LocalAlloc(UINT flags, SIZE_T size);
WINBASEAPI HLOCAL WINAPI LocalReAlloc(HLOCAL memory, SIZE_T size, UINT flags);
WINBASEAPI LPVOID WINAPI LocalLock(HLOCAL memory);
WINBASEAPI BOOL WINAPI LocalUnlock(HLOCAL memory);
WINBASEAPI HLOCAL WINAPI LocalHandle(LPCVOID pointer);
WINBASEAPI SIZE_T WINAPI LocalSize(HLOCAL memory);
WINBASEAPI UINT WINAPI LocalFlags(HLOCAL memory);
WINBASEAPI HLOCAL WINAPI LocalFree(HLOCAL memory);
WINBASEAPI HGLOBAL WINAPI GlobalAlloc(UINT flags, SIZE_T size);
WINBASEAPI HGLOBAL WINAPI GlobalReAlloc(HGLOBAL memory, SIZE_T size, UINT flags);
WINBASEAPI LPVOID WINAPI GlobalLock(HGLOBAL memory);
WINBASEAPI BOOL WINAPI GlobalUnlock(HGLOBAL memory);
WINBASEAPI HGLOBAL WINAPI GlobalHandle(LPCVOID pointer);
WINBASEAPI SIZE_T WINAPI GlobalSize(HGLOBAL memory);
WINBASEAPI UINT WINAPI GlobalFlags(HGLOBAL memory);
WINBASEAPI HGLOBAL WINAPI GlobalFree(HGLOBAL memory);
#define LocalDiscard(memory) LocalReAlloc((memory), 0, LMEM_MOVEABLE)
#define GlobalDiscard(memory) GlobalReAlloc((memory), 0, GMEM_MOVEABLE)

WINBASEAPI void WINAPI GlobalMemoryStatus(LPMEMORYSTATUS out);
WINBASEAPI BOOL WINAPI GetProcessWorkingSetSize(HANDLE process, PSIZE_T minimum, PSIZE_T maximum);
WINBASEAPI BOOL WINAPI SetProcessWorkingSetSize(HANDLE process, SIZE_T minimum, SIZE_T maximum);
WINBASEAPI LPVOID WINAPI MapViewOfFileExNuma(HANDLE section, DWORD access, DWORD offset_high, DWORD offset_low,
                                             SIZE_T size, LPVOID base, DWORD preferred);

WINBASEAPI DWORD WINAPI FormatMessageA(DWORD flags, LPCVOID source, DWORD message, DWORD language, LPSTR out,
                                       DWORD size, va_list *arguments);
WINBASEAPI DWORD WINAPI FormatMessageW(DWORD flags, LPCVOID source, DWORD message, DWORD language, LPWSTR out,
                                       DWORD size, va_list *arguments);

WINBASEAPI BOOL WINAPI MoveFileA(LPCSTR from, LPCSTR to);
WINBASEAPI BOOL WINAPI MoveFileW(LPCWSTR from, LPCWSTR to);
WINBASEAPI BOOL WINAPI MoveFileExA(LPCSTR from, LPCSTR to, DWORD flags);
WINBASEAPI BOOL WINAPI MoveFileExW(LPCWSTR from, LPCWSTR to, DWORD flags);
WINBASEAPI BOOL WINAPI CopyFileA(LPCSTR from, LPCSTR to, BOOL keep);
WINBASEAPI BOOL WINAPI CopyFileW(LPCWSTR from, LPCWSTR to, BOOL keep);

WINBASEAPI BOOL WINAPI IsBadReadPtr(const void *address, UINT_PTR size);
WINBASEAPI BOOL WINAPI IsBadWritePtr(LPVOID address, UINT_PTR size);
WINBASEAPI BOOL WINAPI IsBadCodePtr(FARPROC address);
WINBASEAPI BOOL WINAPI IsBadStringPtrA(LPCSTR address, UINT_PTR most);
WINBASEAPI BOOL WINAPI IsBadStringPtrW(LPCWSTR address, UINT_PTR most);

WINBASEAPI int WINAPI lstrlenA(LPCSTR text);
WINBASEAPI int WINAPI lstrlenW(LPCWSTR text);
WINBASEAPI int WINAPI lstrcmpA(LPCSTR a, LPCSTR b);
WINBASEAPI int WINAPI lstrcmpW(LPCWSTR a, LPCWSTR b);
WINBASEAPI LPSTR WINAPI lstrcpyA(LPSTR to, LPCSTR from);
WINBASEAPI LPWSTR WINAPI lstrcpyW(LPWSTR to, LPCWSTR from);
WINBASEAPI LPSTR WINAPI lstrcatA(LPSTR to, LPCSTR from);
WINBASEAPI LPWSTR WINAPI lstrcatW(LPWSTR to, LPCWSTR from);

#define ZeroMemory RtlZeroMemory
#define CopyMemory RtlCopyMemory
#define MoveMemory RtlMoveMemory
#define FillMemory RtlFillMemory
static __forceinline PVOID SecureZeroMemory(PVOID address, SIZE_T size) {
  memset(address, 0, size);
  __asm__ volatile("" : : "r"(address) : "memory"); /* the zeros are looked at: they cannot be left out */
  return address;
}

#define FormatMessage ACRE_WIN32_AW(FormatMessage)
#define MoveFile ACRE_WIN32_AW(MoveFile)
#define MoveFileEx ACRE_WIN32_AW(MoveFileEx)
#define CopyFile ACRE_WIN32_AW(CopyFile)
#define IsBadStringPtr ACRE_WIN32_AW(IsBadStringPtr)
#define lstrlen ACRE_WIN32_AW(lstrlen)
#define lstrcmp ACRE_WIN32_AW(lstrcmp)
#define lstrcpy ACRE_WIN32_AW(lstrcpy)
#define lstrcat ACRE_WIN32_AW(lstrcat)

ACRE_WIN32_END

#endif
