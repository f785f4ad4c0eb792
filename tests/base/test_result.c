/* SPDX-License-Identifier: MIT */
/* Every result has a name and a sentence, and they are the right ones. */
#include <ctype.h>
#include <string.h>

#include "harness.h"

enum { LAST = ACRE_E_MAPPED };

TEST(names_are_those_of_the_header) {
  CHECK(strcmp(acre_result_name(ACRE_OK), "ACRE_OK") == 0);
  CHECK(strcmp(acre_result_name(ACRE_E_INVALID_ARGUMENT), "ACRE_E_INVALID_ARGUMENT") == 0);
  CHECK(strcmp(acre_result_name(ACRE_E_NOT_COMMITTED), "ACRE_E_NOT_COMMITTED") == 0);
  CHECK(strcmp(acre_result_name(ACRE_E_MAPPING_LIMIT), "ACRE_E_MAPPING_LIMIT") == 0);
  CHECK(strcmp(acre_result_name(ACRE_E_NO_SPACE), "ACRE_E_NO_SPACE") == 0);
  CHECK(strcmp(acre_result_name(ACRE_E_UNEXPECTED), "ACRE_E_UNEXPECTED") == 0);
}

TEST(every_result_has_its_name_and_sentence) {
  for (int i = 0; i <= LAST; i++) {
    const char *name = acre_result_name((acre_result)i), *text = acre_result_text((acre_result)i);
    REQUIRE(name != NULL && text != NULL);
    CHECK(i == 0 || strncmp(name, "ACRE_E_", 7) == 0);
    CHECK(strcmp(name, "ACRE_E_?") != 0);
    CHECK(isupper((unsigned char)text[0]) && strlen(text) > 5);
    CHECK(text[strlen(text) - 1] != '.');
    CHECK(strchr(text, '\n') == NULL);
    for (int j = 0; j < i; j++) {
      CHECK(strcmp(name, acre_result_name((acre_result)j)) != 0);
      CHECK(strcmp(text, acre_result_text((acre_result)j)) != 0);
    }
  }
}

TEST(numbers_that_are_none) {
  CHECK(strcmp(acre_result_name((acre_result)(LAST + 1)), "ACRE_E_?") == 0);
  CHECK(strcmp(acre_result_name((acre_result)-1), "ACRE_E_?") == 0);
  CHECK(strcmp(acre_result_name((acre_result)0x7fffffff), "ACRE_E_?") == 0);
  CHECK(strlen(acre_result_text((acre_result)(LAST + 1))) > 5);
  CHECK(strlen(acre_result_text((acre_result)-1)) > 5);
}

TEST(limits_name_the_way_out) {
  CHECK(strstr(acre_result_text(ACRE_E_MAPPING_LIMIT), "vm.max_map_count") != NULL);
  CHECK(strstr(acre_result_text(ACRE_E_MAPPING_LIMIT), "sysctl") != NULL);
  CHECK(strstr(acre_result_text(ACRE_E_LOCK_LIMIT), "RLIMIT_MEMLOCK") != NULL);
}

TEST(the_version_is_the_headers) {
  char expected[32];
  snprintf(expected, sizeof expected, "%d.%d.%d", ACRE_VERSION_MAJOR, ACRE_VERSION_MINOR, ACRE_VERSION_PATCH);
  CHECK(strcmp(acre_version(), expected) == 0);
}
