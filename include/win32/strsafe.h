/* SPDX-License-Identifier: MIT */
/* strsafe.h - text in buffers of known size: what is too long is cut, and said to be. */
#ifndef ACRE_WIN32_STRSAFE_H
#define ACRE_WIN32_STRSAFE_H

#include "corecrt_stdio.h"
#include "winerror.h"

#define STRSAFE_MAX_CCH 2147483647
#define STRSAFE_E_INSUFFICIENT_BUFFER ((HRESULT)0x8007007a)
#define STRSAFE_E_INVALID_PARAMETER ((HRESULT)0x80070057)

ACRE_WIN32_BEGIN

WINBASEAPI HRESULT WINAPI StringCchPrintfA(LPSTR out, SIZE_T room, LPCSTR format, ...);
WINBASEAPI HRESULT WINAPI StringCchPrintfW(LPWSTR out, SIZE_T room, LPCWSTR format, ...);
WINBASEAPI HRESULT WINAPI StringCchCopyA(LPSTR out, SIZE_T room, LPCSTR from);
WINBASEAPI HRESULT WINAPI StringCchCopyW(LPWSTR out, SIZE_T room, LPCWSTR from);
WINBASEAPI HRESULT WINAPI StringCchCatA(LPSTR out, SIZE_T room, LPCSTR from);
WINBASEAPI HRESULT WINAPI StringCchCatW(LPWSTR out, SIZE_T room, LPCWSTR from);
WINBASEAPI HRESULT WINAPI StringCchLengthA(LPCSTR text, SIZE_T most, SIZE_T *length);
WINBASEAPI HRESULT WINAPI StringCchLengthW(LPCWSTR text, SIZE_T most, SIZE_T *length);

ACRE_WIN32_END

#define StringCchPrintf ACRE_WIN32_AW(StringCchPrintf)
#define StringCchCopy ACRE_WIN32_AW(StringCchCopy)
#define StringCchCat ACRE_WIN32_AW(StringCchCat)
#define StringCchLength ACRE_WIN32_AW(StringCchLength)

#endif
