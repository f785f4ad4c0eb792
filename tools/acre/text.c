/* SPDX-License-Identifier: MIT */
/* Numbers as people write them, and how wide a text is on a terminal (see text.h). */
#include "text.h"

#include <stdbool.h>
#include <string.h>

#include "system/system.h"

struct text text_size(uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  struct text out;
  unsigned unit = 0;
  /* From 1023.95 on, one decimal would round up to 1024.0: that is the next unit's 1.00. */
  while (unit < 6 && (double)bytes / (double)(UINT64_C(1) << (10 * unit)) >= 1023.95) unit++;
  uint64_t whole = bytes >> (10 * unit);
  if (whole << (10 * unit) == bytes)
    snprintf(out.s, sizeof out.s, "%llu %s", (unsigned long long)whole, units[unit]);
  else
    snprintf(out.s, sizeof out.s, "%.*f %s", whole < 10 ? 2 : 1, (double)bytes / (double)(UINT64_C(1) << (10 * unit)),
             units[unit]);
  return out;
}

struct text text_count(uint64_t number) {
  struct text out;
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
  char *to = out.s;
  for (int i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) *to++ = ',';
    *to++ = digits[i];
  }
  *to = '\0';
  return out;
}

struct text text_duration(double seconds) {
  struct text out;
  if (seconds < 1e-3)
    snprintf(out.s, sizeof out.s, "%.1f us", seconds * 1e6);
  else if (seconds < 1)
    snprintf(out.s, sizeof out.s, "%.1f ms", seconds * 1e3);
  else
    snprintf(out.s, sizeof out.s, "%.2f s", seconds);
  return out;
}

struct text text_rate(double bytes_per_second) {
  struct text out = text_size(bytes_per_second < 1e18 ? (uint64_t)bytes_per_second : 0);
  size_t length = strlen(out.s);
  snprintf(out.s + length, sizeof out.s - length, "/s");
  return out;
}

static enum text_parse parse_digits(const char *text, uint64_t *out, const char **rest) {
  uint64_t number = 0;
  bool too_large = false;
  const char *c = text;
  for (; *c >= '0' && *c <= '9'; c++) {
    unsigned digit = (unsigned)(*c - '0');
    if (number > (UINT64_MAX - digit) / 10) too_large = true;
    number = number * 10 + digit;
  }
  if (c == text) return TEXT_NOT_A_NUMBER;
  *rest = c;
  *out = number;
  return too_large ? TEXT_TOO_LARGE : TEXT_PARSED;
}

enum text_parse text_parse_count(const char *text, uint64_t *out) {
  const char *rest = NULL;
  enum text_parse result = parse_digits(text, out, &rest);
  if (result != TEXT_NOT_A_NUMBER && *rest != '\0') return TEXT_NOT_A_NUMBER;
  return result;
}

enum text_parse text_parse_size(const char *text, uint64_t *out) {
  static const char letters[] = "KMGT";
  uint64_t number;
  const char *rest = NULL;
  enum text_parse result = parse_digits(text, &number, &rest);
  if (result == TEXT_NOT_A_NUMBER) return result;
  unsigned shift = 0;
  if (*rest != '\0') {
    const char *letter = strchr(letters, *rest);
    if (letter == NULL) return TEXT_NOT_A_NUMBER;
    shift = 10 * (unsigned)(letter - letters + 1);
    rest++;
    if (*rest != '\0' && strcmp(rest, "i") != 0 && strcmp(rest, "iB") != 0) return TEXT_NOT_A_NUMBER;
  }
  if (result == TEXT_TOO_LARGE || number > UINT64_MAX >> shift) return TEXT_TOO_LARGE;
  *out = number << shift;
  return TEXT_PARSED;
}

/* Columns of the first `length` bytes. */
static size_t width_of(const char *text, size_t length) {
  size_t columns = 0, width;
  for (size_t bytes; length > 0 && (bytes = system_character(text, length, &width)) != 0; length -= bytes) {
    columns += width;
    text += bytes;
  }
  return columns;
}

size_t text_width(const char *text) {
  return width_of(text, strlen(text));
}

static void print_spaces(FILE *out, size_t count) {
  while (count-- > 0) putc(' ', out);
}

void text_print_left(FILE *out, const char *text, size_t width) {
  size_t taken = text_width(text);
  fputs(text, out);
  if (taken < width) print_spaces(out, width - taken);
}

void text_print_right(FILE *out, const char *text, size_t width) {
  size_t taken = text_width(text);
  if (taken < width) print_spaces(out, width - taken);
  fputs(text, out);
}

void text_print_paragraph(FILE *out, const char *text, size_t indent, size_t columns) {
  size_t column = 0;
  for (const char *word = text; *word != '\0';) {
    size_t length = strcspn(word, " ");
    size_t width = width_of(word, length);
    if (column == 0) {
      print_spaces(out, indent);
      column = indent;
    } else if (column + 1 + width > columns) {
      putc('\n', out);
      print_spaces(out, indent);
      column = indent;
    } else {
      putc(' ', out);
      column++;
    }
    fwrite(word, 1, length, out);
    column += width;
    word += length;
    word += strspn(word, " ");
  }
  putc('\n', out);
}
