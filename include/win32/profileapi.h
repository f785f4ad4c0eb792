/* SPDX-License-Identifier: MIT */
/* profileapi.h - the performance counter. */
#ifndef ACRE_WIN32_PROFILEAPI_H
#define ACRE_WIN32_PROFILEAPI_H

#include "winnt.h"

ACRE_WIN32_BEGIN

WINBASEAPI BOOL WINAPI QueryPerformanceCounter(LARGE_INTEGER *out);
WINBASEAPI BOOL WINAPI QueryPerformanceFrequency(LARGE_INTEGER *out);

ACRE_WIN32_END

#endif
