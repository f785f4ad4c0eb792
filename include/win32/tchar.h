/* SPDX-License-Identifier: MIT */
/*
 * tchar.h - text that is bytes or wide characters, as the program is built (_UNICODE).
 *
 * _tmain is main, or wmain: the library has a main that calls it, with the
 * arguments as wide characters.
 */
#ifndef ACRE_WIN32_TCHAR_H
#define ACRE_WIN32_TCHAR_H

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wctype.h>

#include "corecrt_stdio.h"
#include "minwindef.h"

#if defined(_UNICODE) || defined(UNICODE)
#define ACRE_WIN32_T(bytes, wide) wide
#define _T(quote) L##quote
#define _TEXT(quote) L##quote
typedef wchar_t _TCHAR, _TSCHAR, _TUCHAR, _TXCHAR, _TINT;
#else
#define ACRE_WIN32_T(bytes, wide) bytes
#define _T(quote) quote
#define _TEXT(quote) quote
typedef char _TCHAR;
typedef signed char _TSCHAR;
typedef unsigned char _TUCHAR;
typedef char _TXCHAR;
typedef int _TINT;
#endif

#define _tmain ACRE_WIN32_T(main, wmain)
#if defined(_UNICODE) || defined(UNICODE)
#ifdef __cplusplus
extern "C" int wmain(int count, wchar_t **arguments);
#endif
#endif

#define _tprintf ACRE_WIN32_T(printf, wprintf)
#define _ftprintf ACRE_WIN32_T(fprintf, fwprintf)
#define _stprintf ACRE_WIN32_T(sprintf, _swprintf)
#define _sntprintf ACRE_WIN32_T(_snprintf, _snwprintf)
#define _stprintf_s ACRE_WIN32_T(sprintf_s, swprintf_s)
#define _vtprintf ACRE_WIN32_T(vprintf, vwprintf)
#define _vftprintf ACRE_WIN32_T(vfprintf, vfwprintf)
#define _vstprintf ACRE_WIN32_T(vsprintf, _vswprintf)
#define _vsntprintf ACRE_WIN32_T(_vsnprintf, _vsnwprintf)
#define _putts ACRE_WIN32_T(puts, _putws)
#define _fputts ACRE_WIN32_T(fputs, acre_win32_fputws)
#define _puttchar ACRE_WIN32_T(putchar, acre_win32_putwchar)

#define _tcslen ACRE_WIN32_T(strlen, wcslen)
#define _tcsnlen ACRE_WIN32_T(strnlen, wcsnlen)
#define _tcscpy ACRE_WIN32_T(strcpy, wcscpy)
#define _tcsncpy ACRE_WIN32_T(strncpy, wcsncpy)
#define _tcscat ACRE_WIN32_T(strcat, wcscat)
#define _tcsncat ACRE_WIN32_T(strncat, wcsncat)
#define _tcscmp ACRE_WIN32_T(strcmp, wcscmp)
#define _tcsncmp ACRE_WIN32_T(strncmp, wcsncmp)
#define _tcsicmp ACRE_WIN32_T(strcasecmp, wcscasecmp)
#define _tcsnicmp ACRE_WIN32_T(strncasecmp, wcsncasecmp)
#define _tcschr ACRE_WIN32_T(strchr, wcschr)
#define _tcsrchr ACRE_WIN32_T(strrchr, wcsrchr)
#define _tcsstr ACRE_WIN32_T(strstr, wcsstr)
#define _tcsspn ACRE_WIN32_T(strspn, wcsspn)
#define _tcscspn ACRE_WIN32_T(strcspn, wcscspn)
#define _tcspbrk ACRE_WIN32_T(strpbrk, wcspbrk)
#define _tcsdup ACRE_WIN32_T(strdup, wcsdup)
#define _tcscpy_s ACRE_WIN32_T(strcpy_s, wcscpy_s)
#define _tcscat_s ACRE_WIN32_T(strcat_s, wcscat_s)
#define _tcstol ACRE_WIN32_T(strtol, wcstol)
#define _tcstoul ACRE_WIN32_T(strtoul, wcstoul)
#define _tcstod ACRE_WIN32_T(strtod, wcstod)
#define _ttoi ACRE_WIN32_T(atoi, acre_win32_wtoi)
#define _ttol ACRE_WIN32_T(atoi, acre_win32_wtoi)
#define _istdigit ACRE_WIN32_T(isdigit, iswdigit)
#define _istspace ACRE_WIN32_T(isspace, iswspace)
#define _istalpha ACRE_WIN32_T(isalpha, iswalpha)
#define _istalnum ACRE_WIN32_T(isalnum, iswalnum)
#define _totupper ACRE_WIN32_T(toupper, towupper)
#define _totlower ACRE_WIN32_T(tolower, towlower)
#define _tfopen ACRE_WIN32_T(fopen, _wfopen)

static __attribute__((unused)) inline int acre_win32_wtoi(const wchar_t *text) {
  return (int)wcstol(text, NULL, 10);
}

#endif
