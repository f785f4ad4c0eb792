/* SPDX-License-Identifier: MIT */
/* Languages and characters on Linux (see system.h): the C library's locales. */
#define _XOPEN_SOURCE 700
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "system/system.h"

void system_use_locale(bool utf8) {
  setlocale(LC_CTYPE, "");
  if (utf8 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

const char *system_locale(void) {
  return NULL;
}

/* What is no character of the locale counts one column a byte. */
size_t system_character(const char *text, size_t length, size_t *columns) {
  mbstate_t state = {0};
  wchar_t c;
  *columns = 1;
  size_t bytes = mbrtowc(&c, text, length, &state);
  if (bytes > length) return 1;
  int width = wcwidth(c);
  *columns = width > 0 ? (size_t)width : 0;
  return bytes;
}
