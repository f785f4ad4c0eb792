/* SPDX-License-Identifier: MIT */
/*
 * sort_key.h - how a file's content is ordered, and keys as byte strings.
 *
 * Whatever the key of a record is (numbers of any type, bytes, a line, the number in a
 * line), it has a byte string such that memcmp orders the strings as the keys are to be
 * ordered, reverse and NaNs included. The string is never stored: eight bytes
 * of it are made at a time, as a number.
 *
 *   record       [ ... | f32 -1.5 | ... | b10 "abc       " ]     --key 4:f32,12:b10
 *   key string   [ sign turned, high byte first | a b c ... ]
 *   pieces       depth 0: 8 bytes               depth 8: 6 bytes and zeros
 */
#ifndef ACRE_TOOL_SORT_KEY_H
#define ACRE_TOOL_SORT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sort_type {
  SORT_I8,
  SORT_I16,
  SORT_I32,
  SORT_I64,
  SORT_U8,
  SORT_U16,
  SORT_U32,
  SORT_U64,
  SORT_F32,
  SORT_F64,
  SORT_BYTES /* as memcmp orders them; of keys alone */
};

enum sort_form { SORT_NUMBERS, SORT_RECORDS, SORT_LINES };

enum { SORT_KEYS = 16 };

struct sort_key {
  enum sort_type type;
  size_t offset, length; /* in the record, in bytes */
};

/* What is sorted, and how. NaNs come last, with `reverse` as without. */
struct sort_order {
  enum sort_form form;
  bool reverse;
  bool big_endian; /* numbers and keys */
  size_t record;   /* bytes of a number, or of a record; of lines 1 */
  unsigned keys;   /* of numbers one, of lines none */
  struct sort_key key[SORT_KEYS];
  size_t key_length; /* of all keys together */
  bool numeric;      /* lines: by the number that they begin with, as sort -n */
  bool unique;       /* lines: the first of those alike */
};

/* A record and a piece of its key. */
struct sort_item {
  uint64_t index; /* the offset of the record */
  uint64_t piece;
};

/* "i8" to "f64", or "b" and a number of bytes. *length: bytes. False: it is none. */
bool sort_type_read(const char *text, enum sort_type *type, size_t *length);

/* The eight bytes of the key string from `depth` on, zeros behind its end. *ends: the string has no more bytes behind them. */
uint64_t sort_key_piece(const struct sort_order *order, const char *record, const char *end, size_t depth, bool *ends);

/*
 * Compares whole keys, for lines also what remains when the keys are alike: negative, 0, positive. `end` is that of the data. With `unique`
 * lines alike are 0.
 */
int sort_key_compare(const struct sort_order *order, const char *a, const char *b, const char *end);

#ifdef __cplusplus
}
#endif

#endif
