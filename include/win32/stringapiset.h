/* SPDX-License-Identifier: MIT */
/* stringapiset.h - bytes to wide characters and back. */
#ifndef ACRE_WIN32_STRINGAPISET_H
#define ACRE_WIN32_STRINGAPISET_H

#include "winnt.h"

ACRE_WIN32_BEGIN

#define CP_ACP 0
#define CP_OEMCP 1
#define CP_THREAD_ACP 3
#define CP_UTF8 65001
#define MB_PRECOMPOSED 0x00000001
#define MB_ERR_INVALID_CHARS 0x00000008
#define WC_ERR_INVALID_CHARS 0x00000080

WINBASEAPI int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCCH bytes, int size, LPWSTR out, int room);
WINBASEAPI int WINAPI WideCharToMultiByte(UINT page, DWORD flags, LPCWCH text, int length, LPSTR out, int room,
                                          LPCCH substitute, LPBOOL substituted);

ACRE_WIN32_END

#endif
