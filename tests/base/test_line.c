/* SPDX-License-Identifier: MIT */
#include "base/line.h"

#include <string.h>

#include "harness.h"

TEST(text_and_numbers) {
  char text[100];
  struct acre__line line = acre__line_in(text, sizeof text);
  CHECK(strcmp(text, "") == 0);
  acre__line_add(&line, "at 0x");
  acre__line_add_number(&line, 0xdeadbeef, 16);
  acre__line_add(&line, ": ");
  acre__line_add_number(&line, 0, 10);
  acre__line_add(&line, " of ");
  acre__line_add_number(&line, UINT64_MAX, 10);
  CHECK(strcmp(text, "at 0xdeadbeef: 0 of 18446744073709551615") == 0);
  CHECK_EQ(line.length, strlen(text));
  line = acre__line_in(text, sizeof text);
  acre__line_add_number(&line, UINT64_MAX, 2);
  CHECK_EQ(strlen(text), 64);
}

TEST(what_does_not_fit_is_counted) {
  char text[8] = "xxxxxxx";
  struct acre__line line = acre__line_in(text, 5);
  acre__line_add(&line, "abc");
  CHECK(strcmp(text, "abc") == 0);
  acre__line_add(&line, "defg");
  CHECK(strcmp(text, "abcd") == 0);
  acre__line_add_number(&line, 12345, 10);
  CHECK(strcmp(text, "abcd") == 0);
  CHECK_EQ(line.length, 12);
  CHECK(text[5] == 'x' && text[6] == 'x');

  line = acre__line_in(NULL, 0);
  acre__line_add(&line, "nothing is written");
  CHECK_EQ(line.length, 18);
}
