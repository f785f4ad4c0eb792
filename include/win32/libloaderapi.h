/* SPDX-License-Identifier: MIT */
/* libloaderapi.h - the program itself as a module. */
#ifndef ACRE_WIN32_LIBLOADERAPI_H
#define ACRE_WIN32_LIBLOADERAPI_H

#include "winnt.h"

ACRE_WIN32_BEGIN

WINBASEAPI HMODULE WINAPI GetModuleHandleA(LPCSTR name);
WINBASEAPI HMODULE WINAPI GetModuleHandleW(LPCWSTR name);
WINBASEAPI DWORD WINAPI GetModuleFileNameA(HMODULE module, LPSTR out, DWORD size);
WINBASEAPI DWORD WINAPI GetModuleFileNameW(HMODULE module, LPWSTR out, DWORD size);

#define GetModuleHandle ACRE_WIN32_AW(GetModuleHandle)
#define GetModuleFileName ACRE_WIN32_AW(GetModuleFileName)

ACRE_WIN32_END

#endif
