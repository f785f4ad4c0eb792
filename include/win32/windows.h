/* SPDX-License-Identifier: MIT */
/*
 * windows.h - the Win32 names over Acre: what programs for Windows's memory
 * functions include.
 *
 *   cc program.c $(pkg-config --cflags --libs acre-win32)
 *
 * The headers beside this one are the parts that Microsoft's documentation
 * names; each function's declaration stands in the part that its page names.
 * What each does here, and what it refuses: docs/win32-conformance.md.
 *
 *   windows.h
 *     minwindef.h   types: BOOL, DWORD, HANDLE ...         tchar.h     _T, _tmain, _tprintf (not included here)
 *     winnt.h       page states, protections, structures    process.h   _beginthreadex      (not included here)
 *     winerror.h    error codes                             psapi.h     GetMappedFileName   (not included here)
 *     excpt.h       __try, __except, __finally              strsafe.h   StringCchPrintf     (not included here)
 *     ...api.h      functions
 *
 * LLP64 on LP64: LONG, ULONG and DWORD have 32 bits, as on Windows; pointers,
 * SIZE_T and the ..._PTR types 64. WCHAR is the platform's wchar_t (32 bits
 * on Linux), text in bytes is UTF-8 whatever the locale is.
 * printf and its kin read their formats as Windows does (corecrt_stdio.h).
 *
 * C++: include it from the program's source files and not from headers that
 * libstdc++ could include in turn; excpt.h tells why.
 */
#ifndef ACRE_WIN32_WINDOWS_H
#define ACRE_WIN32_WINDOWS_H

#include "corecrt_stdio.h"
#include "minwindef.h"
#include "winerror.h"
#include "winnt.h"

#include "excpt.h"

#include "debugapi.h"
#include "errhandlingapi.h"
#include "fileapi.h"
#include "handleapi.h"
#include "heapapi.h"
#include "interlockedapi.h"
#include "libloaderapi.h"
#include "memoryapi.h"
#include "processenv.h"
#include "processthreadsapi.h"
#include "profileapi.h"
#include "stringapiset.h"
#include "synchapi.h"
#include "sysinfoapi.h"
#include "winbase.h"

#endif
