/* SPDX-License-Identifier: MIT */
/* text.c - see text.h; and MultiByteToWideChar, WideCharToMultiByte. All code pages are UTF-8. */
#include "win32/text.h"

#include <stdlib.h>

enum { REPLACEMENT = 0xfffd };

/* ------------------------------------------------------------- one character */

/* Decodes one character; what is no UTF-8 is one byte of REPLACEMENT. Returns the bytes that it took. */
static size_t decode(const unsigned char *bytes, size_t size, uint32_t *out, bool *valid) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned first = bytes[0];
  size_t length = first < 0x80 ? 1 : first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 1) {
    *out = first;
    return 1;
  }
  uint32_t value = length == 0 || first >= 0xf5 ? 0 : first & (0xffu >> (length + 1));
  bool good = value != 0 || first == 0xe0 || first == 0xf0;
  good = good && length != 0 && length <= size;
  for (size_t i = 1; good && i < length; i++) {
    good = (bytes[i] & 0xc0) == 0x80;
    value = value << 6 | (bytes[i] & 0x3f);
  }
  good = good && value >= least[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  *valid = *valid && good;
  *out = good ? value : REPLACEMENT;
  return good ? length : 1;
}

static size_t encode(uint32_t value, char out[4], bool *valid) {
  if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    value = REPLACEMENT;
    *valid = false;
  }
  if (value < 0x80) {
    out[0] = (char)value;
    return 1;
  }
  size_t length = value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
  for (size_t i = length; --i > 0; value >>= 6) out[i] = (char)(0x80 | (value & 0x3f));
  out[0] = (char)((0xf00u >> length & 0xf0) | value);
  return length;
}

/* ------------------------------------------------------------- texts */

size_t acre__wide_from_utf8(const char *bytes, size_t size, wchar_t *out, size_t room, bool *valid) {
  bool all = true;
  size_t count = 0;
  for (size_t at = 0; at < size; count++) {
    uint32_t value;
    at += decode((const unsigned char *)bytes + at, size - at, &value, &all);
    if (count < room) out[count] = (wchar_t)value;
  }
  if (valid != NULL) *valid = all;
  return count;
}

size_t acre__utf8_from_wide(const wchar_t *text, size_t length, char *out, size_t room, bool *valid) {
  bool all = true;
  size_t size = 0;
  for (size_t i = 0; i < length; i++) {
    char bytes[4];
    size_t more = encode((uint32_t)text[i], bytes, &all);
    if (size <= room && more <= room - size) memcpy(out + size, bytes, more);
    size += more;
  }
  if (valid != NULL) *valid = all;
  return size;
}

bool acre__text_from_wide(struct acre__text *text, const wchar_t *wide) {
  text->bytes = NULL;
  if (wide == NULL) return true;
  size_t length = wcslen(wide) + 1; /* the NUL as well */
  size_t size = acre__utf8_from_wide(wide, length, text->place, sizeof text->place, NULL);
  text->bytes = size <= sizeof text->place ? text->place : malloc(size);
  if (text->bytes == NULL) return acre__fail(ERROR_NOT_ENOUGH_MEMORY);
  if (size > sizeof text->place) acre__utf8_from_wide(wide, length, text->bytes, size, NULL);
  return true;
}

void acre__text_end(struct acre__text *text) {
  if (text->bytes != text->place) free(text->bytes);
}

DWORD acre__give_bytes(const char *text, char *out, DWORD room) {
  size_t length = strlen(text);
  if (out == NULL || length >= room) return (DWORD)length + 1;
  memcpy(out, text, length + 1);
  return (DWORD)length;
}

DWORD acre__give_wide(const char *text, wchar_t *out, DWORD room) {
  size_t size = strlen(text), length = acre__wide_from_utf8(text, size, NULL, 0, NULL);
  if (out == NULL || length >= room) return (DWORD)length + 1;
  acre__wide_from_utf8(text, size + 1, out, length + 1, NULL);
  return (DWORD)length;
}

/* ------------------------------------------------------------- Windows's conversions */

static int deliver(size_t count, int room, bool valid, bool strict) {
  if (strict && !valid) return acre__fail(ERROR_NO_UNICODE_TRANSLATION);
  if (count > INT_MAX) return acre__fail(ERROR_INVALID_PARAMETER);
  if (room != 0 && count > (size_t)room) return acre__fail(ERROR_INSUFFICIENT_BUFFER);
  return (int)count;
}

int MultiByteToWideChar(UINT page, DWORD flags, LPCCH bytes, int size, LPWSTR out, int room) {
  (void)page;
  bool valid;
  if (bytes == NULL || size == 0 || size < -1 || room < 0 || (room > 0 && out == NULL))
    return acre__fail(ERROR_INVALID_PARAMETER);
  size_t all = size < 0 ? strlen(bytes) + 1 : (size_t)size;
  size_t count = acre__wide_from_utf8(bytes, all, out, (size_t)room, &valid);
  return deliver(count, room, valid, (flags & MB_ERR_INVALID_CHARS) != 0);
}

int WideCharToMultiByte(UINT page, DWORD flags, LPCWCH text, int length, LPSTR out, int room, LPCCH substitute,
                        LPBOOL substituted) {
  bool valid;
  if (text == NULL || length == 0 || length < -1 || room < 0 || (room > 0 && out == NULL))
    return acre__fail(ERROR_INVALID_PARAMETER);
  if (page == CP_UTF8 && (substitute != NULL || substituted != NULL)) return acre__fail(ERROR_INVALID_PARAMETER);
  size_t all = length < 0 ? wcslen(text) + 1 : (size_t)length;
  size_t count = acre__utf8_from_wide(text, all, out, (size_t)room, &valid);
  if (substituted != NULL) *substituted = !valid;
  return deliver(count, room, valid, (flags & WC_ERR_INVALID_CHARS) != 0);
}

/* ------------------------------------------------------------- lstr... */

/* NULL is an empty text, and a copy to it is none. */
int lstrlenA(LPCSTR text) {
  return text != NULL ? (int)strlen(text) : 0;
}
int lstrlenW(LPCWSTR text) {
  return text != NULL ? (int)wcslen(text) : 0;
}
int lstrcmpA(LPCSTR a, LPCSTR b) {
  return a == NULL || b == NULL ? (a != NULL) - (b != NULL) : strcmp(a, b);
}
int lstrcmpW(LPCWSTR a, LPCWSTR b) {
  return a == NULL || b == NULL ? (a != NULL) - (b != NULL) : wcscmp(a, b);
}
LPSTR lstrcpyA(LPSTR to, LPCSTR from) {
  return to != NULL && from != NULL ? strcpy(to, from) : NULL;
}
LPWSTR lstrcpyW(LPWSTR to, LPCWSTR from) {
  return to != NULL && from != NULL ? wcscpy(to, from) : NULL;
}
LPSTR lstrcatA(LPSTR to, LPCSTR from) {
  return to != NULL && from != NULL ? strcat(to, from) : NULL;
}
LPWSTR lstrcatW(LPWSTR to, LPCWSTR from) {
  return to != NULL && from != NULL ? wcscat(to, from) : NULL;
}
