/* SPDX-License-Identifier: MIT */
/* Keys as byte strings that memcmp orders (see sort_key.h). */
#include "sort_key.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- types */

static const struct type {
  char name[4];
  unsigned char length;
} types[] = {[SORT_I8] = {"i8", 1},   [SORT_I16] = {"i16", 2}, [SORT_I32] = {"i32", 4}, [SORT_I64] = {"i64", 8},
             [SORT_U8] = {"u8", 1},   [SORT_U16] = {"u16", 2}, [SORT_U32] = {"u32", 4}, [SORT_U64] = {"u64", 8},
             [SORT_F32] = {"f32", 4}, [SORT_F64] = {"f64", 8}};

bool sort_type_read(const char *text, enum sort_type *type, size_t *length) {
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (strcmp(text, types[i].name) != 0) continue;
    *type = (enum sort_type)i;
    *length = types[i].length;
    return true;
  }
  if (text[0] != 'b' || text[1] < '1' || text[1] > '9' || strlen(text) > 10) return false;
  char *rest;
  *length = strtoul(text + 1, &rest, 10);
  *type = SORT_BYTES;
  return *rest == '\0';
}

/* ------------------------------------------------------------- numbers */

/* The bits of a number, and the highest of them. */
struct bits {
  uint64_t number, sign;
};

static struct bits bits_of(const struct sort_order *order, size_t length, const char *at) {
  uint16_t two;
  uint32_t four;
  uint64_t eight;
  bool swaps = order->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
  switch (length) {
    case 1: return (struct bits){(unsigned char)*at, UINT64_C(1) << 7};
    case 2: memcpy(&two, at, 2); return (struct bits){swaps ? __builtin_bswap16(two) : two, UINT64_C(1) << 15};
    case 4: memcpy(&four, at, 4); return (struct bits){swaps ? __builtin_bswap32(four) : four, UINT64_C(1) << 31};
    default: memcpy(&eight, at, 8); return (struct bits){swaps ? __builtin_bswap64(eight) : eight, UINT64_C(1) << 63};
  }
}

/* The number as one that orders without a sign: so long as the type, in the low bytes. Never of bytes, which are none. */
static uint64_t number_as_unsigned(const struct sort_order *order, enum sort_type type, const char *at) {
  struct bits bits = bits_of(order, type == SORT_BYTES ? 1 : types[type].length, at);
  uint64_t number = bits.number, sign = bits.sign, all = sign | (sign - 1);
  bool is_float = type == SORT_F32 || type == SORT_F64;
  if (is_float) {
    uint64_t infinity = type == SORT_F32 ? UINT64_C(0x7f800000) : UINT64_C(0x7ff0000000000000);
    if ((number & ~sign) > infinity) return all; /* a NaN; the highest number of others is less, in either direction */
    number = (number & sign) != 0 ? ~number & all : number | sign;
  } else if (type <= SORT_I64) {
    number ^= sign;
  }
  return order->reverse ? ~number & all : number;
}

static unsigned char key_byte(const struct sort_order *order, const struct sort_key *key, const char *record,
                              size_t place) {
  const char *at = record + key->offset;
  if (key->type == SORT_BYTES) return (unsigned char)(order->reverse ? ~at[place] : at[place]);
  return (unsigned char)(number_as_unsigned(order, key->type, at) >> (8 * (key->length - 1 - place)));
}

static uint64_t load_bytes(const char *at, size_t count) {
  unsigned char bytes[8] = {0};
  memcpy(bytes, at, count < 8 ? count : 8);
  uint64_t out = 0;
  for (int i = 0; i < 8; i++) out = out << 8 | bytes[i]; /* compilers make it one load and a swap */
  return out;
}

static uint64_t record_piece(const struct sort_order *order, const char *record, size_t depth, bool *ends) {
  *ends = depth + 8 >= order->key_length;
  const struct sort_key *key = order->key, *end = order->key + order->keys;
  while (key < end && depth >= key->length) depth -= key++->length;
  if (key == end) return 0;
  size_t rest = key->length - depth;
  if (key->type == SORT_BYTES && (rest >= 8 || key + 1 == end)) { /* the usual keys, at once */
    uint64_t piece = load_bytes(record + key->offset + depth, rest);
    if (!order->reverse) return piece;
    return rest >= 8 ? ~piece : ~piece & ~(UINT64_MAX >> (8 * rest));
  }
  if (key->length == 8 && depth == 0) return number_as_unsigned(order, key->type, record + key->offset);
  uint64_t piece = 0;
  unsigned filled = 0;
  for (; key < end && filled < 8; key++, depth = 0)
    for (; depth < key->length && filled < 8; depth++, filled++)
      piece = piece << 8 | key_byte(order, key, record, depth);
  return piece << (8 * (8 - filled));
}

/* ------------------------------------------------------------- lines */

static size_t line_length(const char *line, const char *end) {
  const char *newline = memchr(line, '\n', (size_t)(end - line));
  return (size_t)((newline != NULL ? newline : end) - line);
}

static uint64_t line_piece(const struct sort_order *order, const char *line, const char *end, size_t depth,
                           bool *ends) {
  const char *from = line + depth;
  size_t room = (size_t)(end - from);
  uint64_t piece = load_bytes(from, room);
  /* Where the first newline is: the byte that becomes 0, found without a branch for each. */
  uint64_t turned = piece ^ UINT64_C(0x0a0a0a0a0a0a0a0a);
  uint64_t found = (turned - UINT64_C(0x0101010101010101)) & ~turned & UINT64_C(0x8080808080808080);
  if (room >= 8 && found == 0) {
    *ends = false;
  } else {
    size_t length = line_length(from, from + (room < 8 ? room : 8));
    piece = length == 0 ? 0 : piece & ~(length < 8 ? UINT64_MAX >> (8 * length) : 0);
    *ends = true;
  }
  return order->reverse ? ~piece : piece;
}

/*
 * The number that a line begins with, as sort -n reads it: blanks, a minus, digits, a
 * point, digits. Its string: a byte for negative, zero or positive; how
 * many digits are before the point, in four bytes; the digits, without zeros at either end.
 */
struct decimal {
  const char *whole, *fraction;
  size_t wholes, fractions;
  bool negative;
};

static bool is_digit(const char *at, const char *end) {
  return at < end && *at >= '0' && *at <= '9';
}

static struct decimal read_decimal(const char *at, const char *end) {
  struct decimal out = {.negative = false};
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  if (at < end && *at == '-') {
    out.negative = true;
    at++;
  }
  while (at < end && *at == '0') at++;
  out.whole = at;
  while (is_digit(at, end)) at++;
  out.wholes = (size_t)(at - out.whole);
  if (at < end && *at == '.') at++;
  out.fraction = at;
  while (is_digit(at, end)) at++;
  while (at > out.fraction && at[-1] == '0') at--;
  out.fractions = (size_t)(at - out.fraction);
  return out;
}

static uint64_t decimal_piece(const struct sort_order *order, const char *line, const char *end, size_t depth,
                              bool *ends) {
  struct decimal number = read_decimal(line, end);
  bool is_zero = number.wholes == 0 && number.fractions == 0, negative = number.negative && !is_zero;
  size_t length = 5 + number.wholes + number.fractions;
  uint64_t piece = 0;
  for (size_t i = depth; i < depth + 8; i++) {
    unsigned char byte = 0;
    if (i == 0)
      byte = is_zero || negative ? 1 : 2;
    else if (i < 5)
      byte = (unsigned char)(number.wholes >> (8 * (4 - i)));
    else if (i < 5 + number.wholes)
      byte = (unsigned char)number.whole[i - 5];
    else if (i < length)
      byte = (unsigned char)number.fraction[i - 5 - number.wholes];
    /* All of a negative number is turned, and so is less than 1, what zero begins with. */
    piece = piece << 8 | (unsigned char)(negative ? ~byte & (i == 0 ? 0 : 0xff) : byte);
  }
  *ends = depth + 8 >= length;
  return order->reverse ? ~piece : piece;
}

/* ------------------------------------------------------------- any */

uint64_t sort_key_piece(const struct sort_order *order, const char *record, const char *end, size_t depth, bool *ends) {
  if (order->form != SORT_LINES) return record_piece(order, record, depth, ends);
  return order->numeric ? decimal_piece(order, record, end, depth, ends) : line_piece(order, record, end, depth, ends);
}

static int compare_lines(const char *a, const char *b, const char *end) {
  size_t first = line_length(a, end), second = line_length(b, end);
  int out = memcmp(a, b, first < second ? first : second);
  return out != 0 ? out : (first > second) - (first < second);
}

int sort_key_compare(const struct sort_order *order, const char *a, const char *b, const char *end) {
  int out = 0;
  if (order->form == SORT_LINES && !order->numeric) {
    out = compare_lines(a, b, end);
    return order->reverse ? -out : out;
  }
  for (size_t depth = 0;; depth += 8) {
    bool a_ends, b_ends;
    uint64_t first = sort_key_piece(order, a, end, depth, &a_ends),
             second = sort_key_piece(order, b, end, depth, &b_ends);
    if (first != second) return first < second ? -1 : 1;
    if (a_ends && b_ends) break;
  }
  if (order->form == SORT_LINES && !order->unique) out = compare_lines(a, b, end);
  return order->reverse ? -out : out;
}
