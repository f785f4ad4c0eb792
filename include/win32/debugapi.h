/* SPDX-License-Identifier: MIT */
/* debugapi.h - what a program says to a debugger. */
#ifndef ACRE_WIN32_DEBUGAPI_H
#define ACRE_WIN32_DEBUGAPI_H

#include "winnt.h"

ACRE_WIN32_BEGIN

WINBASEAPI void WINAPI OutputDebugStringA(LPCSTR text);
WINBASEAPI void WINAPI OutputDebugStringW(LPCWSTR text);
WINBASEAPI BOOL WINAPI IsDebuggerPresent(void);
WINBASEAPI void WINAPI DebugBreak(void);

#define OutputDebugString ACRE_WIN32_AW(OutputDebugString)

ACRE_WIN32_END

#endif
