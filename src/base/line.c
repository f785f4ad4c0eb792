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

void acre__line_of_assertion(char *text, size_t size, const char *condition, const char *file, int line_number) {
  struct acre__line line = acre__line_in(text, size);
  acre__line_add(&line, "acre: ");
  acre__line_add(&line, file);
  acre__line_add(&line, ":");
  acre__line_add_number(&line, (unsigned)line_number, 10);
  acre__line_add(&line, ": this must hold and does not: ");
  acre__line_add(&line, condition);
  acre__line_add(&line, "\n");
}
