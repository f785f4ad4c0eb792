/* SPDX-License-Identifier: MIT */
/*
 * text.h - UTF-8 and wide characters: what W functions are given and return.
 *
 * Wide characters are the platform's (UTF-32 on Linux). What is not valid
 * becomes U+FFFD, as Windows does it. A text that W functions pass on is converted on the
 * stack where it is short (struct acre__text), else in malloc's memory.
 */
#ifndef ACRE_WIN32_TEXT_H
#define ACRE_WIN32_TEXT_H

#include "win32/win32.h"

/*
 * Converts `size` bytes to at most `room` wide characters and returns how many
 * there are in all; *valid (may be NULL) tells whether all were valid.
 */
size_t acre__wide_from_utf8(const char *bytes, size_t size, wchar_t *out, size_t room, bool *valid);
size_t acre__utf8_from_wide(const wchar_t *text, size_t length, char *out, size_t room, bool *valid);

/* A wide text as UTF-8. */
struct acre__text {
  char *bytes; /* NULL for NULL */
  char place[300];
};

/* False: no memory, and the last error says so. */
bool acre__text_from_wide(struct acre__text *text, const wchar_t *wide);
void acre__text_end(struct acre__text *text);

/* Returns what `call`, an A function's call with `text.bytes`, returns; or `failure`, where there is no memory for the text. */
#define ACRE_WITH_TEXT(type, failure, wide, call)             \
  do {                                                        \
    struct acre__text text;                                   \
    if (!acre__text_from_wide(&text, wide)) return (failure); \
    type result = call;                                       \
    acre__text_end(&text);                                    \
    return result;                                            \
  } while (0)

/* The same with two texts: `text.bytes` and `second.bytes`. */
#define ACRE_WITH_TEXTS(type, failure, wide, second_wide, call)                  \
  do {                                                                           \
    struct acre__text text, second;                                              \
    if (!acre__text_from_wide(&text, wide)) return (failure);                    \
    type result = acre__text_from_wide(&second, second_wide) ? call : (failure); \
    acre__text_end(&second);                                                     \
    acre__text_end(&text);                                                       \
    return result;                                                               \
  } while (0)

/*
 * Stores what W and A functions with a buffer return: the text's length, if it and
 * a NUL have room; else how much room they need (and ERROR_INSUFFICIENT_BUFFER is not set).
 */
DWORD acre__give_bytes(const char *text, char *out, DWORD room);
DWORD acre__give_wide(const char *text, wchar_t *out, DWORD room);

#endif
