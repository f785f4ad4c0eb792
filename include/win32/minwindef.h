/* SPDX-License-Identifier: MIT */
/*
 * minwindef.h - Windows's names of types, and the keywords of its compilers that
 * programs use. (windef.h and basetsd.h are the same.)
 */
#ifndef ACRE_WIN32_MINWINDEF_H
#define ACRE_WIN32_MINWINDEF_H

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#ifdef __cplusplus
#define ACRE_WIN32_BEGIN extern "C" {
#define ACRE_WIN32_END }
#else
#define ACRE_WIN32_BEGIN
#define ACRE_WIN32_END
#endif

/* What a function of the face is declared with. */
#define WINBASEAPI extern __attribute__((visibility("default")))
#define ACRE_WIN32_AW_(a, b) a##b
#define ACRE_WIN32_AW_PASTE(a, b) ACRE_WIN32_AW_(a, b)
#ifdef UNICODE
#define ACRE_WIN32_AW(name) ACRE_WIN32_AW_(name, W)
#else
#define ACRE_WIN32_AW(name) ACRE_WIN32_AW_(name, A)
#endif

/* ------------------------------------------------------------- keywords */

#define WINAPI
#define APIENTRY WINAPI
#define CALLBACK
#define WINAPIV
#define NTAPI
#define CDECL
#define __cdecl
#define _cdecl
#define __stdcall
#define _stdcall
#define __fastcall
#define __forceinline inline __attribute__((always_inline))
#define FORCEINLINE static __forceinline
#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long long
#define _int64 long long
#define FAR
#define NEAR
#define CONST const
#define IN
#define OUT
#define OPTIONAL
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#define DECLSPEC_NORETURN __attribute__((noreturn))
#define DECLSPEC_ALIGN(bytes) __attribute__((aligned(bytes)))

#if !defined(_MSC_EXTENSIONS) && !defined(__declspec) /* clang knows it itself with -fms-extensions */
#define __declspec(what) ACRE_WIN32_DECLSPEC_##what
#define ACRE_WIN32_DECLSPEC_thread __thread
#define ACRE_WIN32_DECLSPEC_align(bytes) __attribute__((aligned(bytes)))
#define ACRE_WIN32_DECLSPEC_noinline __attribute__((noinline))
#define ACRE_WIN32_DECLSPEC_noreturn __attribute__((noreturn))
#define ACRE_WIN32_DECLSPEC_nothrow __attribute__((nothrow))
#define ACRE_WIN32_DECLSPEC_deprecated __attribute__((deprecated))
#define ACRE_WIN32_DECLSPEC_dllexport __attribute__((visibility("default")))
#define ACRE_WIN32_DECLSPEC_dllimport
#define ACRE_WIN32_DECLSPEC_restrict __attribute__((malloc))
#define ACRE_WIN32_DECLSPEC_selectany __attribute__((weak))
#endif

/* Annotations of parameters say nothing to these compilers. */
#ifndef _In_
#define _In_
#define _In_opt_
#define _In_z_
#define _In_opt_z_
#define _In_reads_(count)
#define _In_reads_bytes_(count)
#define _In_reads_opt_(count)
#define _Inout_
#define _Inout_opt_
#define _Out_
#define _Out_opt_
#define _Out_writes_(count)
#define _Out_writes_bytes_(count)
#define _Outptr_
#define _Reserved_
#define _Ret_maybenull_
#define _Success_(condition)
#endif

/* ------------------------------------------------------------- types */

typedef int BOOL, *PBOOL, *LPBOOL;
typedef unsigned char BYTE, *PBYTE, *LPBYTE, UCHAR, *PUCHAR, BOOLEAN, *PBOOLEAN;
typedef char CHAR, *PCHAR, *LPCH, *PCH, *NPSTR, *LPSTR, *PSTR, CCHAR;
typedef const char *LPCSTR, *PCSTR, *LPCCH;
typedef wchar_t WCHAR, *PWCHAR, *LPWCH, *PWCH, *NWPSTR, *LPWSTR, *PWSTR;
typedef const wchar_t *LPCWSTR, *PCWSTR, *LPCWCH;
typedef short SHORT, *PSHORT;
typedef unsigned short USHORT, *PUSHORT, WORD, *PWORD, *LPWORD, ATOM;
typedef int INT, *PINT, *LPINT, INT32, *PINT32, LONG32, *PLONG32;
typedef unsigned int UINT, *PUINT, UINT32, *PUINT32, ULONG32, *PULONG32, DWORD32, *PDWORD32;
typedef int LONG, *PLONG, *LPLONG, HRESULT, NTSTATUS, *PNTSTATUS;
typedef unsigned int ULONG, *PULONG, DWORD, *PDWORD, *LPDWORD;
typedef float FLOAT, *PFLOAT;
typedef double DOUBLE;
typedef signed char INT8, *PINT8;
typedef short INT16, *PINT16;
typedef unsigned char UINT8, *PUINT8;
typedef unsigned short UINT16, *PUINT16;
typedef long long LONGLONG, *PLONGLONG, LONG64, *PLONG64, INT64, *PINT64;
typedef unsigned long long ULONGLONG, *PULONGLONG, DWORDLONG, *PDWORDLONG, ULONG64, *PULONG64, DWORD64, *PDWORD64,
    UINT64, *PUINT64;
typedef intptr_t INT_PTR, *PINT_PTR, LONG_PTR, *PLONG_PTR, SSIZE_T, *PSSIZE_T, LPARAM, LRESULT;
typedef uintptr_t UINT_PTR, *PUINT_PTR, ULONG_PTR, *PULONG_PTR, DWORD_PTR, *PDWORD_PTR, WPARAM, KAFFINITY, *PKAFFINITY;
typedef size_t SIZE_T, *PSIZE_T;
typedef void *PVOID, *LPVOID, *HANDLE, **PHANDLE, **LPHANDLE, *HLOCAL, *HGLOBAL, *HMODULE, *HINSTANCE, *HWND, *PVOID64;
typedef const void *LPCVOID, *PCVOID;
typedef HANDLE GLOBALHANDLE, LOCALHANDLE;
typedef intptr_t (*FARPROC)(void);
typedef intptr_t (*PROC)(void);
#ifndef VOID
#define VOID void
#endif

#ifdef UNICODE
typedef WCHAR TCHAR, *PTCHAR, TBYTE, *PTBYTE;
typedef LPWSTR LPTSTR, PTSTR, LPTCH, PTCH;
typedef LPCWSTR LPCTSTR, PCTSTR;
#define __TEXT(quote) L##quote
#else
typedef char TCHAR, *PTCHAR;
typedef unsigned char TBYTE, *PTBYTE;
typedef LPSTR LPTSTR, PTSTR, LPTCH, PTCH;
typedef LPCSTR LPCTSTR, PCTSTR;
#define __TEXT(quote) quote
#endif
#define TEXT(quote) __TEXT(quote)

typedef union _LARGE_INTEGER {
  __extension__ struct {
    DWORD LowPart;
    LONG HighPart;
  };
  struct {
    DWORD LowPart;
    LONG HighPart;
  } u;
  LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
  __extension__ struct {
    DWORD LowPart;
    DWORD HighPart;
  };
  struct {
    DWORD LowPart;
    DWORD HighPart;
  } u;
  ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _FILETIME {
  DWORD dwLowDateTime;
  DWORD dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;

/* ------------------------------------------------------------- values */

#ifndef FALSE
#define FALSE 0
#endif
#ifndef TRUE
#define TRUE 1
#endif
#define MAX_PATH 260
#define MAXDWORD 0xffffffffU
#define MAXULONG 0xffffffffU
#define MAXLONG 0x7fffffff
#define MAXSIZE_T (~(SIZE_T)0)
#define MAXULONG_PTR (~(ULONG_PTR)0)

#define MAKEWORD(low, high) ((WORD)(((BYTE)(DWORD_PTR)(low)) | ((WORD)((BYTE)(DWORD_PTR)(high))) << 8))
#define MAKELONG(low, high) ((LONG)(((WORD)(DWORD_PTR)(low)) | ((DWORD)((WORD)(DWORD_PTR)(high))) << 16))
#define LOWORD(value) ((WORD)((DWORD_PTR)(value)&0xffff))
#define HIWORD(value) ((WORD)(((DWORD_PTR)(value) >> 16) & 0xffff))
#define LOBYTE(value) ((BYTE)((DWORD_PTR)(value)&0xff))
#define HIBYTE(value) ((BYTE)(((DWORD_PTR)(value) >> 8) & 0xff))
#define Int32x32To64(a, b) ((LONGLONG)(LONG)(a) * (LONGLONG)(LONG)(b))
#define UInt32x32To64(a, b) ((ULONGLONG)(DWORD)(a) * (ULONGLONG)(DWORD)(b))
#define PtrToUlong(pointer) ((ULONG)(ULONG_PTR)(pointer))
#define UlongToPtr(value) ((void *)(ULONG_PTR)(ULONG)(value))
#define PtrToLong(pointer) ((LONG)(LONG_PTR)(pointer))
#define LongToPtr(value) ((void *)(LONG_PTR)(LONG)(value))
#define HandleToUlong(handle) ((ULONG)(ULONG_PTR)(handle))

#if !defined(NOMINMAX) && !defined(__cplusplus)
#ifndef max
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
#endif

#endif
