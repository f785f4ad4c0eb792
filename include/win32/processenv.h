/* SPDX-License-Identifier: MIT */
/* processenv.h - what the process was started with. */
#ifndef ACRE_WIN32_PROCESSENV_H
#define ACRE_WIN32_PROCESSENV_H

#include "winnt.h"

ACRE_WIN32_BEGIN

#define STD_INPUT_HANDLE ((DWORD)-10)
#define STD_OUTPUT_HANDLE ((DWORD)-11)
#define STD_ERROR_HANDLE ((DWORD)-12)

WINBASEAPI LPSTR WINAPI GetCommandLineA(void);
WINBASEAPI LPWSTR WINAPI GetCommandLineW(void);
WINBASEAPI HANDLE WINAPI GetStdHandle(DWORD which);
WINBASEAPI DWORD WINAPI GetEnvironmentVariableA(LPCSTR name, LPSTR out, DWORD size);
WINBASEAPI DWORD WINAPI GetEnvironmentVariableW(LPCWSTR name, LPWSTR out, DWORD size);
WINBASEAPI DWORD WINAPI GetCurrentDirectoryA(DWORD size, LPSTR out);
WINBASEAPI DWORD WINAPI GetCurrentDirectoryW(DWORD size, LPWSTR out);

#define GetCommandLine ACRE_WIN32_AW(GetCommandLine)
#define GetEnvironmentVariable ACRE_WIN32_AW(GetEnvironmentVariable)
#define GetCurrentDirectory ACRE_WIN32_AW(GetCurrentDirectory)

ACRE_WIN32_END

#endif
