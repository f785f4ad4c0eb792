/* SPDX-License-Identifier: MIT */
/* Numbers as people write them, and how wide a text is on a terminal. */
#ifndef ACRE_TOOL_TEXT_H
#define ACRE_TOOL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A short text, returned by value: text_size(n).s is good to the end of the expression. */
struct text {
  char s[48];
};

struct text text_size(uint64_t bytes);     /* "64 KiB", "1.5 GiB", "0 B" */
struct text text_count(uint64_t number);   /* "34,359,738,336" */
struct text text_duration(double seconds); /* "8.1 us", "1.25 s" */
struct text text_rate(double bytes_per_second);

enum text_parse { TEXT_PARSED, TEXT_NOT_A_NUMBER, TEXT_TOO_LARGE };

/* A size: digits and nothing, or K, M, G or T, or Ki, KiB and so on; all are powers of 1024. */
enum text_parse text_parse_size(const char *text, uint64_t *out);

/* A number: digits alone. */
enum text_parse text_parse_count(const char *text, uint64_t *out);

/* Columns that the text takes on a terminal: a Korean syllable takes two. */
size_t text_width(const char *text);

/* Prints the text and then, or before it, spaces up to `width` columns. */
void text_print_left(FILE *out, const char *text, size_t width);
void text_print_right(FILE *out, const char *text, size_t width);

/* Prints the text as a paragraph, broken at spaces, `indent` columns from the left, in at most `columns`. */
void text_print_paragraph(FILE *out, const char *text, size_t indent, size_t columns);

#endif
