/* SPDX-License-Identifier: MIT */
/* handleapi.h - handles. */
#ifndef ACRE_WIN32_HANDLEAPI_H
#define ACRE_WIN32_HANDLEAPI_H

#include "winnt.h"

ACRE_WIN32_BEGIN

#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)
#define HANDLE_FLAG_INHERIT 0x00000001
#define HANDLE_FLAG_PROTECT_FROM_CLOSE 0x00000002

WINBASEAPI BOOL WINAPI CloseHandle(HANDLE handle);
WINBASEAPI BOOL WINAPI DuplicateHandle(HANDLE from_process, HANDLE handle, HANDLE to_process, LPHANDLE out,
                                       DWORD access, BOOL inherit, DWORD options);
WINBASEAPI BOOL WINAPI GetHandleInformation(HANDLE handle, LPDWORD flags);
WINBASEAPI BOOL WINAPI SetHandleInformation(HANDLE handle, DWORD mask, DWORD flags);
WINBASEAPI BOOL WINAPI CompareObjectHandles(HANDLE first, HANDLE second);

ACRE_WIN32_END

#endif
