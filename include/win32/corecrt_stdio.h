/* SPDX-License-Identifier: MIT */
/*
 * corecrt_stdio.h - printf and its kin, as Windows's C library reads formats.
 *
 *   %ld %lu %lx     a LONG, ULONG or DWORD: 32 bits, as on Windows
 *   %I64d %Iu %I32d Microsoft's sizes; %lld, %zu, %jd, %td as in C
 *   %p              16 hexadecimal digits, upper case
 *   %s %c           text of the function's own kind: wide in wprintf; %hs always bytes, %ls and %ws wide, %S the other kind
 *   %n              refused: nothing is stored
 *
 * Bytes are UTF-8 whatever the locale is. Wide and other output go to the same
 * stream in any order (glibc's streams have one orientation for good).
 *
 * windows.h and tchar.h include this: printf means acre_win32_printf from then
 * on, in C++ std::printf too. ACRE_WIN32_PLAIN_STDIO leaves the names of C alone.
 * Results: characters written, -1 on an error; the _s functions end the program if there is no room, as
 * Windows's do; _snprintf -1 if the text was cut (without a NUL), snprintf and vsnprintf as in C.
 * Threads: as stdio's.
 */
#ifndef ACRE_WIN32_CORECRT_STDIO_H
#define ACRE_WIN32_CORECRT_STDIO_H

#ifdef __cplusplus
#include <cstdio>
#include <cwchar>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>

#include "minwindef.h"

ACRE_WIN32_BEGIN
typedef int errno_t;

WINBASEAPI int acre_win32_printf(const char *format, ...);
WINBASEAPI int acre_win32_fprintf(FILE *stream, const char *format, ...);
WINBASEAPI int acre_win32_sprintf(char *out, const char *format, ...);
WINBASEAPI int acre_win32_snprintf(char *out, size_t room, const char *format, ...);
WINBASEAPI int acre_win32_vprintf(const char *format, va_list arguments);
WINBASEAPI int acre_win32_vfprintf(FILE *stream, const char *format, va_list arguments);
WINBASEAPI int acre_win32_vsprintf(char *out, const char *format, va_list arguments);
WINBASEAPI int acre_win32_vsnprintf(char *out, size_t room, const char *format, va_list arguments);
WINBASEAPI int acre_win32_wprintf(const wchar_t *format, ...);
WINBASEAPI int acre_win32_fwprintf(FILE *stream, const wchar_t *format, ...);
WINBASEAPI int acre_win32_vwprintf(const wchar_t *format, va_list arguments);
WINBASEAPI int acre_win32_vfwprintf(FILE *stream, const wchar_t *format, va_list arguments);
WINBASEAPI int acre_win32_swprintf(wchar_t *out, size_t room, const wchar_t *format, ...);
WINBASEAPI int acre_win32_vswprintf(wchar_t *out, size_t room, const wchar_t *format, va_list arguments);
WINBASEAPI int acre_win32_fputws(const wchar_t *text, FILE *stream);
WINBASEAPI wint_t acre_win32_putwchar(wchar_t character);

WINBASEAPI int _snprintf(char *out, size_t room, const char *format, ...);
WINBASEAPI int _vsnprintf(char *out, size_t room, const char *format, va_list arguments);
WINBASEAPI int _swprintf(wchar_t *out, const wchar_t *format, ...);
WINBASEAPI int _vswprintf(wchar_t *out, const wchar_t *format, va_list arguments);
WINBASEAPI int _snwprintf(wchar_t *out, size_t room, const wchar_t *format, ...);
WINBASEAPI int _vsnwprintf(wchar_t *out, size_t room, const wchar_t *format, va_list arguments);
WINBASEAPI int sprintf_s(char *out, size_t room, const char *format, ...);
WINBASEAPI int swprintf_s(wchar_t *out, size_t room, const wchar_t *format, ...);
WINBASEAPI int printf_s(const char *format, ...);
WINBASEAPI int wprintf_s(const wchar_t *format, ...);
WINBASEAPI errno_t strcpy_s(char *to, size_t room, const char *from);
WINBASEAPI errno_t strcat_s(char *to, size_t room, const char *from);
WINBASEAPI errno_t wcscpy_s(wchar_t *to, size_t room, const wchar_t *from);
WINBASEAPI errno_t wcscat_s(wchar_t *to, size_t room, const wchar_t *from);
WINBASEAPI int _putws(const wchar_t *text);
WINBASEAPI FILE *_wfopen(const wchar_t *path, const wchar_t *mode);
WINBASEAPI errno_t fopen_s(FILE **out, const char *path, const char *mode);
ACRE_WIN32_END

#ifndef ACRE_WIN32_PLAIN_STDIO
#undef printf
#undef fprintf
#undef sprintf
#undef snprintf
#undef vprintf
#undef vfprintf
#undef vsprintf
#undef vsnprintf
#define printf(...) acre_win32_printf(__VA_ARGS__)
#define fprintf(...) acre_win32_fprintf(__VA_ARGS__)
#define sprintf(...) acre_win32_sprintf(__VA_ARGS__)
#define snprintf(...) acre_win32_snprintf(__VA_ARGS__)
#define vprintf(...) acre_win32_vprintf(__VA_ARGS__)
#define vfprintf(...) acre_win32_vfprintf(__VA_ARGS__)
#define vsprintf(...) acre_win32_vsprintf(__VA_ARGS__)
#define vsnprintf(...) acre_win32_vsnprintf(__VA_ARGS__)
#define wprintf(...) acre_win32_wprintf(__VA_ARGS__)
#define fwprintf(...) acre_win32_fwprintf(__VA_ARGS__)
#define vwprintf(...) acre_win32_vwprintf(__VA_ARGS__)
#define vfwprintf(...) acre_win32_vfwprintf(__VA_ARGS__)
#define swprintf(...) acre_win32_swprintf(__VA_ARGS__)
#define vswprintf(...) acre_win32_vswprintf(__VA_ARGS__)
#ifdef __cplusplus
namespace std {
using ::acre_win32_fprintf;
using ::acre_win32_fwprintf;
using ::acre_win32_printf;
using ::acre_win32_snprintf;
using ::acre_win32_sprintf;
using ::acre_win32_swprintf;
using ::acre_win32_vfprintf;
using ::acre_win32_vfwprintf;
using ::acre_win32_vprintf;
using ::acre_win32_vsnprintf;
using ::acre_win32_vsprintf;
using ::acre_win32_vswprintf;
using ::acre_win32_vwprintf;
using ::acre_win32_wprintf;
} // namespace std
#endif
#endif

#endif
