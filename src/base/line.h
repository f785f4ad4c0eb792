/* SPDX-License-Identifier: MIT */
/*
 * line.h - a line of text and numbers, put together where neither malloc nor
 * stdio may be called: in a fault handler, in a failed assertion, in a heap.
 *
 *   text   [a c r e :   0 x 7 f \0 . . . ]
 *                              ^ length      ^ size
 *
 * What does not fit is left out, and still counted: length tells how long the whole would be.
 */
#ifndef ACRE_BASE_LINE_H
#define ACRE_BASE_LINE_H

#include <stddef.h>
#include <stdint.h>

struct acre__line {
  char *text;  /* ends with a NUL, if size is not 0 */
  size_t size; /* of the room, the NUL included */
  size_t length;
};

/* An empty line in `size` bytes at `text`, which may be NULL if size is 0. */
struct acre__line acre__line_in(char *text, size_t size);

void acre__line_add(struct acre__line *line, const char *text);

/* In digits of base 2 to 16. */
void acre__line_add_number(struct acre__line *line, uint64_t number, unsigned base);

/* What a failed assertion says, as a whole line. */
void acre__line_of_assertion(char *text, size_t size, const char *condition, const char *file, int line);

#endif
