/* SPDX-License-Identifier: MIT */
#include "base/line.h"

struct acre__line acre__line_in(char *text, size_t size) {
  if (size != 0) *text = '\0';
  return (struct acre__line){.text = text, .size = size};
}

void acre__line_add(struct acre__line *line, const char *text) {
  for (; *text != '\0'; text++, line->length++) {
    if (line->length + 1 >= line->size) continue;
    line->text[line->length] = *text;
    line->text[line->length + 1] = '\0';
  }
}

void acre__line_add_number(struct acre__line *line, uint64_t number, unsigned base) {
  char digits[65];
  char *first = digits + sizeof digits - 1;
  *first = '\0';
  do *--first = "0123456789abcdef"[number % base];
  while ((number /= base) != 0);
  acre__line_add(line, first);
}
