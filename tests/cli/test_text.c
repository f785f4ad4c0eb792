/* SPDX-License-Identifier: MIT */
/* Parts of the command by themselves: numbers as text, JSON's escapes, sums of numbers, the sort. */
#define _XOPEN_SOURCE 700
#include "../../tools/acre/json.c"
#include "../../tools/acre/sort_kernel_libc.c"
#include "../../tools/acre/text.c"
#include "harness.h"

#include <stdlib.h>

#define CHECK_TEXT(a, b) ((strcmp(a, b) == 0) ? (void)0 : test_fail(__FILE__, __LINE__, "'%s' is not '%s'", a, b))

TEST(sizes_are_written_exactly_or_with_a_point) {
  CHECK_TEXT(text_size(0).s, "0 B");
  CHECK_TEXT(text_size(1023).s, "1023 B");
  CHECK_TEXT(text_size(1024).s, "1 KiB");
  CHECK_TEXT(text_size(1536).s, "1.50 KiB");
  CHECK_TEXT(text_size(UINT64_C(10) << 20).s, "10 MiB");
  CHECK_TEXT(text_size((UINT64_C(1) << 40) - 1).s, "1.00 TiB");
  CHECK_TEXT(text_size(UINT64_C(64) << 40).s, "64 TiB");
  CHECK_TEXT(text_size(UINT64_MAX).s, "16.0 EiB");
}

TEST(counts_are_grouped) {
  CHECK_TEXT(text_count(0).s, "0");
  CHECK_TEXT(text_count(999).s, "999");
  CHECK_TEXT(text_count(1000).s, "1,000");
  CHECK_TEXT(text_count(1234567).s, "1,234,567");
  CHECK_TEXT(text_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
}

TEST(sizes_are_parsed) {
  static const struct {
    const char *text;
    uint64_t size;
  } good[] = {{"0", 0},
              {"8", 8},
              {"1K", 1024},
              {"64Ki", 65536},
              {"64KiB", 65536},
              {"512M", UINT64_C(512) << 20},
              {"2G", UINT64_C(2) << 30},
              {"3TiB", UINT64_C(3) << 40},
              {"18446744073709551615", UINT64_MAX},
              {"000000000000000000000000008", 8}};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    uint64_t size = 1;
    CHECK_EQ(text_parse_size(good[i].text, &size), TEXT_PARSED);
    CHECK_EQ(size, good[i].size);
  }
  static const char *const bad[] = {"", "K", "-1", "+1", " 1", "1 ", "1k", "1KB", "1Kib", "1KiBx", "1.5G", "0x8", "1E"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    uint64_t size;
    if (text_parse_size(bad[i], &size) != TEXT_NOT_A_NUMBER) test_fail(__FILE__, __LINE__, "'%s' passes", bad[i]);
  }
  uint64_t size;
  CHECK_EQ(text_parse_size("18446744073709551616", &size), TEXT_TOO_LARGE);
  CHECK_EQ(text_parse_size("16777216T", &size), TEXT_TOO_LARGE);
  CHECK_EQ(text_parse_size("16777215T", &size), TEXT_PARSED);
}

/* What write_string makes of a text. */
static void check_json(const char *text, const char *wanted) {
  char written[128] = "";
  FILE *out = tmpfile();
  REQUIRE(out != NULL);
  write_string(out, text);
  rewind(out);
  written[fread(written, 1, sizeof written - 1, out)] = '\0';
  fclose(out);
  CHECK_TEXT(written, wanted);
}

TEST(json_escapes_what_it_must) {
  check_json("plain", "\"plain\"");
  check_json("a\"b\\c", "\"a\\\"b\\\\c\"");
  check_json("\n\t\x01\x1f\x7f", "\"\\n\\t\\u0001\\u001f\\u007f\"");
  check_json("\xec\x97\x90\xec\x9d\xb4\xec\xbb\xa4", "\"\xec\x97\x90\xec\x9d\xb4\xec\xbb\xa4\"");
  check_json("\xf0\x9f\x8c\xb3", "\"\xf0\x9f\x8c\xb3\"");
}

TEST(json_replaces_what_is_not_utf8) {
  check_json("\xff", "\"\\ufffd\"");
  check_json("a\x80z", "\"a\\ufffdz\"");
  check_json("\xc0\xaf", "\"\\ufffd\\ufffd\"");                       /* overlong */
  check_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");            /* a surrogate */
  check_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* past U+10FFFF */
  check_json("\xec\x97", "\"\\ufffd\\ufffd\"");                       /* cut short */
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Numbers that differ in all bits, in few values, in the low or high bits alone, or not at all. */
static uint64_t number_of_shape(unsigned shape) {
  uint64_t random = test_random();
  switch (shape) {
    case 0: return random;
    case 1: return random % 3;
    case 2: return random & 0xffff;
    case 3: return random & UINT64_C(0xff000000000000ff);
    default: return 7;
  }
}

TEST(the_radix_sort_sorts) {
  static uint64_t numbers[20000], wanted[20000];
  static const size_t counts[] = {0, 1, 2, 47, 48, 49, 257, 5000, 20000};
  for (unsigned shape = 0; shape < 5; shape++)
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
      for (size_t i = 0; i < counts[c]; i++) numbers[i] = wanted[i] = number_of_shape(shape);
      sort_kernel_numbers(numbers, counts[c], sizeof numbers[0]);
      qsort(wanted, counts[c], sizeof wanted[0], compare);
      CHECK_EQ(memcmp(numbers, wanted, counts[c] * sizeof numbers[0]), 0);
    }
}
