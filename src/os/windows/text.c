/* SPDX-License-Identifier: MIT */
/* text.c - names and paths between UTF-8, as everywhere above, and UTF-16, as the system wants them. */
#include "win.h"

bool acre__windows_widen(const char *text, wchar_t *out, size_t size) {
  return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, out, (int)size) > 0;
}

size_t acre__windows_narrow(const wchar_t *text, char *out, size_t size) {
  int whole = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
  if (whole <= 0) {
    if (size > 0) out[0] = '\0';
    return 0;
  }
  if (size == 0) return (size_t)whole - 1;
  if ((size_t)whole <= size) {
    WideCharToMultiByte(CP_UTF8, 0, text, -1, out, (int)size, NULL, NULL);
    return (size_t)whole - 1;
  }
  /* Cut: character by character, as far as there is room. */
  size_t length = 0;
  for (const wchar_t *at = text; *at != L'\0';) {
    int units = at[0] >= 0xd800 && at[0] < 0xdc00 && at[1] != L'\0' ? 2 : 1;
    char bytes[8];
    int count = WideCharToMultiByte(CP_UTF8, 0, at, units, bytes, sizeof bytes, NULL, NULL);
    if (count <= 0 || length + (size_t)count >= size) break;
    for (int i = 0; i < count; i++) out[length++] = bytes[i];
    at += units;
  }
  out[length] = '\0';
  return (size_t)whole - 1;
}
