/* SPDX-License-Identifier: MIT */
/*
 * print.c - printf and its kin with Windows's formats (include/win32/corecrt_stdio.h), and the _s functions.
 *
 *   wide format --> UTF-8 --+
 *   format -----------------+--> one engine --> UTF-8 --+--> stream
 *                                                       +--> bytes
 *                                                       +--> wide characters
 *
 * Numbers are printed by C's snprintf, one specification at a time, after Windows's sizes are
 * translated; texts here, as C would ask the locale about wide ones.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "win32/strsafe.h"
#include "win32/text.h"

/* ------------------------------------------------------------- what is printed */

/* Counts what has no room. */
struct output {
  char *bytes;
  size_t room, length;
  bool failed;
};

static void put(struct output *out, const char *bytes, size_t size) {
  if (out->length < out->room) {
    size_t fits = out->room - out->length;
    memcpy(out->bytes + out->length, bytes, size < fits ? size : fits);
  }
  out->length += size;
}

static void put_many(struct output *out, char byte, size_t count) {
  while (count-- > 0) put(out, &byte, 1);
}

/* ------------------------------------------------------------- specifications */

enum size { SIZE_INT, SIZE_CHAR, SIZE_SHORT, SIZE_LONG, SIZE_LONG_LONG, SIZE_POINTER, SIZE_LONG_DOUBLE };

struct specification {
  char flags[8];
  int width, precision; /* precision: -1, none */
  enum size size;
  bool bytes, wide; /* h, or l and w: of text */
  char conversion;
};

struct arguments {
  va_list list;
};

static const char *read_number(const char *at, struct arguments *arguments, int *out) {
  if (*at == '*') {
    *out = va_arg(arguments->list, int);
    return at + 1;
  }
  *out = 0;
  for (; *at >= '0' && *at <= '9'; at++)
    if (*out < 100000000) *out = *out * 10 + (*at - '0');
  return at;
}

static const char *read_size(const char *at, struct specification *out) {
  out->size = SIZE_INT;
  switch (*at) {
    case 'h':
      out->bytes = true;
      out->size = at[1] == 'h' ? SIZE_CHAR : SIZE_SHORT;
      return at + (at[1] == 'h' ? 2 : 1);
    case 'l':
      out->wide = true;
      out->size = at[1] == 'l' ? SIZE_LONG_LONG : SIZE_LONG;
      return at + (at[1] == 'l' ? 2 : 1);
    case 'w': out->wide = true; return at + 1;
    case 'L': out->size = SIZE_LONG_DOUBLE; return at + 1;
    case 'j': out->size = SIZE_LONG_LONG; return at + 1;
    case 'z':
    case 't': out->size = SIZE_POINTER; return at + 1;
    case 'I':
      if (strncmp(at, "I64", 3) == 0) {
        out->size = SIZE_LONG_LONG;
        return at + 3;
      }
      if (strncmp(at, "I32", 3) == 0) return at + 3;
      out->size = SIZE_POINTER;
      return at + 1;
    default: return at;
  }
}

static const char *read_specification(const char *at, struct arguments *arguments, struct specification *out) {
  size_t flags = 0;
  *out = (struct specification){.precision = -1};
  for (; *at != 0 && strchr("-+ #0", *at) != NULL; at++)
    if (flags < sizeof out->flags - 1 && strchr(out->flags, *at) == NULL) out->flags[flags++] = *at;
  at = read_number(at, arguments, &out->width);
  if (out->width < 0) {
    out->width = -out->width;
    if (flags < sizeof out->flags - 1) out->flags[flags] = '-';
  }
  if (*at == '.') {
    at = read_number(at + 1, arguments, &out->precision);
    if (out->precision < 0) out->precision = -1;
  }
  at = read_size(at, out);
  out->conversion = *at;
  return *at != 0 ? at + 1 : at;
}

/* ------------------------------------------------------------- conversions */

/* "%" + flags + width + precision + `end`. */
static void format_of(const struct specification *specification, const char *end, char out[64]) {
  int length = snprintf(out, 64, "%%%s", specification->flags);
  if (specification->width > 0) length += snprintf(out + length, 64 - (size_t)length, "%d", specification->width);
  if (specification->precision >= 0)
    length += snprintf(out + length, 64 - (size_t)length, ".%d", specification->precision);
  snprintf(out + length, 64 - (size_t)length, "%s", end);
}

/* Wide enough for most; a width or a precision may want more. */
#define PRINT_NUMBER(out, specification, end, value)                             \
  do {                                                                           \
    char format_[64], small_[512];                                               \
    format_of(specification, end, format_);                                      \
    int length_ = snprintf(small_, sizeof small_, format_, value);               \
    char *bytes_ = small_;                                                       \
    if (length_ >= (int)sizeof small_) {                                         \
      bytes_ = malloc((size_t)length_ + 1);                                      \
      if (bytes_ != NULL) snprintf(bytes_, (size_t)length_ + 1, format_, value); \
    }                                                                            \
    if (bytes_ == NULL || length_ < 0)                                           \
      (out)->failed = true;                                                      \
    else                                                                         \
      put(out, bytes_, (size_t)length_);                                         \
    if (bytes_ != small_) free(bytes_);                                          \
  } while (0)

static void print_integer(struct output *out, const struct specification *specification, struct arguments *arguments) {
  bool is_signed = specification->conversion == 'd' || specification->conversion == 'i';
  char end[4] = {'l', 'l', specification->conversion, 0};
  if (is_signed) {
    long long value;
    switch (specification->size) {
      case SIZE_CHAR: value = ((va_arg(arguments->list, int) & 0xff) ^ 0x80) - 0x80; break;
      case SIZE_SHORT: value = (short)va_arg(arguments->list, int); break;
      case SIZE_LONG_LONG: value = va_arg(arguments->list, long long); break;
      case SIZE_POINTER: value = va_arg(arguments->list, ptrdiff_t); break;
      default: value = va_arg(arguments->list, int);
    }
    PRINT_NUMBER(out, specification, end, value);
  } else {
    unsigned long long value;
    switch (specification->size) {
      case SIZE_CHAR: value = (unsigned char)va_arg(arguments->list, unsigned); break;
      case SIZE_SHORT: value = (unsigned short)va_arg(arguments->list, unsigned); break;
      case SIZE_LONG_LONG: value = va_arg(arguments->list, unsigned long long); break;
      case SIZE_POINTER: value = va_arg(arguments->list, size_t); break;
      default: value = va_arg(arguments->list, unsigned);
    }
    PRINT_NUMBER(out, specification, end, value);
  }
}

static void print_pointer(struct output *out, struct specification *specification, struct arguments *arguments) {
  unsigned long long value = (uintptr_t)va_arg(arguments->list, void *);
  specification->precision = 16;
  PRINT_NUMBER(out, specification, "llX", value);
}

static void print_double(struct output *out, const struct specification *specification, struct arguments *arguments) {
  char end[3] = {specification->conversion, 0, 0};
  if (specification->size == SIZE_LONG_DOUBLE) {
    end[0] = 'L';
    end[1] = specification->conversion;
    PRINT_NUMBER(out, specification, end, va_arg(arguments->list, long double));
  } else {
    PRINT_NUMBER(out, specification, end, va_arg(arguments->list, double));
  }
}

static size_t characters(const char *bytes, size_t size) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++) count += ((unsigned char)bytes[i] & 0xc0) != 0x80;
  return count;
}

static void print_padded(struct output *out, const struct specification *specification, const char *bytes,
                         size_t size) {
  size_t shown = characters(bytes, size), width = (size_t)specification->width;
  bool left = strchr(specification->flags, '-') != NULL;
  size_t pad = width > shown ? width - shown : 0;
  if (!left) put_many(out, ' ', pad);
  put(out, bytes, size);
  if (left) put_many(out, ' ', pad);
}

static void print_wide(struct output *out, const struct specification *specification, const wchar_t *text,
                       size_t length) {
  size_t size = acre__utf8_from_wide(text, length, NULL, 0, NULL);
  char small[512], *bytes = size <= sizeof small ? small : malloc(size);
  if (bytes == NULL) {
    out->failed = true;
    return;
  }
  acre__utf8_from_wide(text, length, bytes, size, NULL);
  print_padded(out, specification, bytes, size);
  if (bytes != small) free(bytes);
}

static bool is_wide(const struct specification *specification, bool wide_function) {
  bool capital = specification->conversion == 'S' || specification->conversion == 'C';
  if (specification->wide || specification->bytes) return specification->wide;
  return wide_function != capital;
}

static void print_text(struct output *out, const struct specification *specification, struct arguments *arguments,
                       bool wide) {
  const void *text = va_arg(arguments->list, const void *);
  size_t most = specification->precision >= 0 ? (size_t)specification->precision : SIZE_MAX;
  if (text == NULL)
    print_padded(out, specification, "(null)", most < 6 ? most : 6);
  else if (wide)
    print_wide(out, specification, text, most == SIZE_MAX ? wcslen(text) : wcsnlen(text, most));
  else
    print_padded(out, specification, text, most == SIZE_MAX ? strlen(text) : strnlen(text, most));
}

static void print_character(struct output *out, const struct specification *specification, struct arguments *arguments,
                            bool wide) {
  int value = va_arg(arguments->list, int);
  if (wide) {
    wchar_t character = (wchar_t)value;
    print_wide(out, specification, &character, 1);
  } else {
    char byte = (char)value;
    print_padded(out, specification, &byte, 1);
  }
}

/* ------------------------------------------------------------- the engine */

static void print_one(struct output *out, struct specification *specification, struct arguments *arguments, bool wide) {
  switch (specification->conversion) {
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X': print_integer(out, specification, arguments); break;
    case 'p': print_pointer(out, specification, arguments); break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A': print_double(out, specification, arguments); break;
    case 's':
    case 'S': print_text(out, specification, arguments, is_wide(specification, wide)); break;
    case 'c':
    case 'C': print_character(out, specification, arguments, is_wide(specification, wide)); break;
    case '%': put(out, "%", 1); break;
    case 'n': out->failed = true; break;
    case 0: break;
    default: put(out, &specification->conversion, 1);
  }
}

/* `wide`: %s is of wide text. */
static void run(struct output *out, const char *format, va_list list, bool wide) {
  struct arguments arguments;
  va_copy(arguments.list, list);
  while (*format != 0 && !out->failed) {
    const char *percent = strchr(format, '%');
    size_t plain = percent != NULL ? (size_t)(percent - format) : strlen(format);
    put(out, format, plain);
    format += plain;
    if (percent == NULL) break;
    struct specification specification;
    format = read_specification(format + 1, &arguments, &specification);
    print_one(out, &specification, &arguments, wide);
  }
  va_end(arguments.list);
  if (out->length > INT_MAX) out->failed = true;
  if (out->failed) errno = EINVAL;
}

/* All of it in memory: in `small`, or malloc's. NULL: it failed. */
static char *print_all(const char *format, va_list arguments, bool wide, char *small, size_t room, size_t *length) {
  struct output out = {.bytes = small, .room = room};
  run(&out, format, arguments, wide);
  char *bytes = small;
  if (!out.failed && out.length > room) {
    bytes = malloc(out.length);
    out = (struct output){.bytes = bytes, .room = out.length, .failed = bytes == NULL};
    if (bytes != NULL) run(&out, format, arguments, wide);
  }
  *length = out.length;
  if (!out.failed) return bytes;
  if (bytes != small) free(bytes);
  return NULL;
}

static int print_to_stream(FILE *stream, const char *format, va_list arguments, bool wide) {
  char small[1024];
  size_t length;
  char *bytes = print_all(format, arguments, wide, small, sizeof small, &length);
  if (bytes == NULL) return -1;
  bool good = fwrite(bytes, 1, length, stream) == length;
  int result = wide ? (int)characters(bytes, length) : (int)length;
  if (bytes != small) free(bytes);
  return good ? result : -1;
}

static int print_wide_to_stream(FILE *stream, const wchar_t *format, va_list arguments) {
  ACRE_WITH_TEXT(int, -1, format, print_to_stream(stream, text.bytes, arguments, true));
}

/* Bytes, cut to room - 1 and ended by a NUL, as C has it; the whole length. */
static int print_bytes(char *out, size_t room, const char *format, va_list arguments) {
  struct output output = {.bytes = out, .room = room > 0 ? room - 1 : 0};
  run(&output, format, arguments, false);
  if (room > 0) out[output.length < room ? output.length : room - 1] = 0;
  return output.failed ? -1 : (int)output.length;
}

/* Wide characters in the same way. */
static int print_characters(wchar_t *out, size_t room, const wchar_t *format, va_list arguments) {
  struct acre__text text;
  char small[1024];
  size_t length;
  if (!acre__text_from_wide(&text, format)) return -1;
  char *bytes = print_all(text.bytes, arguments, true, small, sizeof small, &length);
  acre__text_end(&text);
  if (bytes == NULL) return -1;
  size_t count = acre__wide_from_utf8(bytes, length, out, room > 0 ? room - 1 : 0, NULL);
  if (room > 0) out[count < room ? count : room - 1] = 0;
  if (bytes != small) free(bytes);
  return (int)count;
}

/* ------------------------------------------------------------- C's names */

/* Calls `call`, in which `arguments` are those after `last`. */
#define WITH_ARGUMENTS(last, call) \
  do {                             \
    va_list arguments;             \
    va_start(arguments, last);     \
    int result = call;             \
    va_end(arguments);             \
    return result;                 \
  } while (0)

int acre_win32_vfprintf(FILE *stream, const char *format, va_list arguments) {
  return print_to_stream(stream, format, arguments, false);
}
int acre_win32_vprintf(const char *format, va_list arguments) {
  return print_to_stream(stdout, format, arguments, false);
}
int acre_win32_fprintf(FILE *stream, const char *format, ...) {
  WITH_ARGUMENTS(format, print_to_stream(stream, format, arguments, false));
}
int acre_win32_printf(const char *format, ...) {
  WITH_ARGUMENTS(format, print_to_stream(stdout, format, arguments, false));
}
int printf_s(const char *format, ...) {
  WITH_ARGUMENTS(format, print_to_stream(stdout, format, arguments, false));
}
int acre_win32_vfwprintf(FILE *stream, const wchar_t *format, va_list arguments) {
  return print_wide_to_stream(stream, format, arguments);
}
int acre_win32_vwprintf(const wchar_t *format, va_list arguments) {
  return print_wide_to_stream(stdout, format, arguments);
}
int acre_win32_fwprintf(FILE *stream, const wchar_t *format, ...) {
  WITH_ARGUMENTS(format, print_wide_to_stream(stream, format, arguments));
}
int acre_win32_wprintf(const wchar_t *format, ...) {
  WITH_ARGUMENTS(format, print_wide_to_stream(stdout, format, arguments));
}
int wprintf_s(const wchar_t *format, ...) {
  WITH_ARGUMENTS(format, print_wide_to_stream(stdout, format, arguments));
}

int acre_win32_vsnprintf(char *out, size_t room, const char *format, va_list arguments) {
  return print_bytes(out, room, format, arguments);
}
int acre_win32_snprintf(char *out, size_t room, const char *format, ...) {
  WITH_ARGUMENTS(format, print_bytes(out, room, format, arguments));
}
int acre_win32_vsprintf(char *out, const char *format, va_list arguments) {
  return print_bytes(out, INT_MAX, format, arguments);
}
int acre_win32_sprintf(char *out, const char *format, ...) {
  WITH_ARGUMENTS(format, print_bytes(out, INT_MAX, format, arguments));
}

/* C's: -1 if it has no room. */
int acre_win32_vswprintf(wchar_t *out, size_t room, const wchar_t *format, va_list arguments) {
  int length = print_characters(out, room, format, arguments);
  return length >= 0 && (size_t)length < room ? length : -1;
}
int acre_win32_swprintf(wchar_t *out, size_t room, const wchar_t *format, ...) {
  WITH_ARGUMENTS(format, acre_win32_vswprintf(out, room, format, arguments));
}

/* ------------------------------------------------------------- Microsoft's names */

/* What is too long is cut, without a NUL, and -1. */
int _vsnprintf(char *out, size_t room, const char *format, va_list arguments) {
  struct output output = {.bytes = out, .room = room};
  run(&output, format, arguments, false);
  if (output.failed || output.length > room) return -1;
  if (output.length < room) out[output.length] = 0;
  return (int)output.length;
}
int _snprintf(char *out, size_t room, const char *format, ...) {
  WITH_ARGUMENTS(format, _vsnprintf(out, room, format, arguments));
}
int _vsnwprintf(wchar_t *out, size_t room, const wchar_t *format, va_list arguments) {
  int length = print_characters(out, room, format, arguments);
  return length >= 0 && (size_t)length < room ? length : -1;
}
int _snwprintf(wchar_t *out, size_t room, const wchar_t *format, ...) {
  WITH_ARGUMENTS(format, _vsnwprintf(out, room, format, arguments));
}
int _vswprintf(wchar_t *out, const wchar_t *format, va_list arguments) {
  return print_characters(out, INT_MAX, format, arguments);
}
int _swprintf(wchar_t *out, const wchar_t *format, ...) {
  WITH_ARGUMENTS(format, print_characters(out, INT_MAX, format, arguments));
}

/* The default of Windows's invalid parameter handler: the program ends. */
static _Noreturn void no_room(const char *function) {
  fprintf(stderr, "acre: %s: the buffer is too small\n", function);
  abort();
}

int sprintf_s(char *out, size_t room, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = print_bytes(out, room, format, arguments);
  va_end(arguments);
  if (length >= 0 && (size_t)length >= room) no_room("sprintf_s");
  return length;
}

int swprintf_s(wchar_t *out, size_t room, const wchar_t *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = print_characters(out, room, format, arguments);
  va_end(arguments);
  if (length >= 0 && (size_t)length >= room) no_room("swprintf_s");
  return length;
}

errno_t strcpy_s(char *to, size_t room, const char *from) {
  if (to == NULL || from == NULL || strlen(from) >= room) no_room("strcpy_s");
  strcpy(to, from);
  return 0;
}
errno_t strcat_s(char *to, size_t room, const char *from) {
  if (to == NULL || from == NULL || strlen(to) + strlen(from) >= room) no_room("strcat_s");
  strcat(to, from);
  return 0;
}
errno_t wcscpy_s(wchar_t *to, size_t room, const wchar_t *from) {
  if (to == NULL || from == NULL || wcslen(from) >= room) no_room("wcscpy_s");
  wcscpy(to, from);
  return 0;
}
errno_t wcscat_s(wchar_t *to, size_t room, const wchar_t *from) {
  if (to == NULL || from == NULL || wcslen(to) + wcslen(from) >= room) no_room("wcscat_s");
  wcscat(to, from);
  return 0;
}

/* ------------------------------------------------------------- texts to streams, files by wide names */

int acre_win32_fputws(const wchar_t *wide, FILE *stream) {
  ACRE_WITH_TEXT(int, -1, wide, fputs(text.bytes, stream) < 0 ? -1 : 0);
}
int _putws(const wchar_t *text) {
  return acre_win32_fputws(text, stdout) < 0 || fputc('\n', stdout) == EOF ? -1 : 0;
}
wint_t acre_win32_putwchar(wchar_t character) {
  wchar_t text[] = {character, 0};
  return acre_win32_fputws(text, stdout) < 0 ? WEOF : (wint_t)character;
}

FILE *_wfopen(const wchar_t *path, const wchar_t *mode) {
  ACRE_WITH_TEXTS(FILE *, NULL, path, mode, fopen(text.bytes, second.bytes));
}

errno_t fopen_s(FILE **out, const char *path, const char *mode) {
  *out = fopen(path, mode);
  return *out != NULL ? 0 : errno;
}

/* ------------------------------------------------------------- strsafe.h */

static HRESULT result_of(int length, size_t room) {
  if (room == 0 || room > STRSAFE_MAX_CCH) return STRSAFE_E_INVALID_PARAMETER;
  return length < 0 || (size_t)length >= room ? STRSAFE_E_INSUFFICIENT_BUFFER : S_OK;
}

HRESULT StringCchPrintfA(LPSTR out, SIZE_T room, LPCSTR format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = room > STRSAFE_MAX_CCH ? 0 : print_bytes(out, room, format, arguments);
  va_end(arguments);
  return result_of(length, room);
}
HRESULT StringCchPrintfW(LPWSTR out, SIZE_T room, LPCWSTR format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = room > STRSAFE_MAX_CCH ? 0 : print_characters(out, room, format, arguments);
  va_end(arguments);
  return result_of(length, room);
}

#define DEFINE_COPIES(suffix, pointer, constant, length_of, most_of)                                       \
  HRESULT StringCchCopy##suffix(pointer out, SIZE_T room, constant from) {                                 \
    if (room == 0 || room > STRSAFE_MAX_CCH) return STRSAFE_E_INVALID_PARAMETER;                           \
    size_t length = length_of(from), fits = length < room ? length : room - 1;                             \
    memcpy(out, from, fits * sizeof *out);                                                                 \
    out[fits] = 0;                                                                                         \
    return length < room ? S_OK : STRSAFE_E_INSUFFICIENT_BUFFER;                                           \
  }                                                                                                        \
  HRESULT StringCchCat##suffix(pointer out, SIZE_T room, constant from) {                                  \
    if (room == 0 || room > STRSAFE_MAX_CCH) return STRSAFE_E_INVALID_PARAMETER;                           \
    size_t has = most_of(out, room);                                                                       \
    return has == room ? STRSAFE_E_INVALID_PARAMETER : StringCchCopy##suffix(out + has, room - has, from); \
  }                                                                                                        \
  HRESULT StringCchLength##suffix(constant text, SIZE_T most, SIZE_T *length) {                            \
    if (text == NULL || most > STRSAFE_MAX_CCH) return STRSAFE_E_INVALID_PARAMETER;                        \
    size_t has = most_of(text, most);                                                                      \
    if (length != NULL) *length = has < most ? has : 0;                                                    \
    return has < most ? S_OK : STRSAFE_E_INVALID_PARAMETER;                                                \
  }
DEFINE_COPIES(A, LPSTR, LPCSTR, strlen, strnlen)
DEFINE_COPIES(W, LPWSTR, LPCWSTR, wcslen, wcsnlen)
