/* SPDX-License-Identifier: MIT */
/*
 * main.c - the main of programs that have a wmain (_tmain with _UNICODE). In the library it is found only where
 * a program has none of its own. C++ gives a wmain of another form than the
 * declared one a name of its own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "win32/text.h"

extern int wmain(int count, wchar_t **arguments, wchar_t **environment) __attribute__((weak));
extern int wmain_alone(void) __asm__("_Z5wmainv") __attribute__((weak));
extern int wmain_in_full(int count, wchar_t **arguments, wchar_t **environment) __asm__("_Z5wmainiPPwS0_")
    __attribute__((weak));
extern char **environ;

static wchar_t **widen(char **texts, int count) {
  wchar_t **wide = calloc((size_t)count + 1, sizeof *wide);
  for (int i = 0; wide != NULL && i < count; i++) {
    size_t size = strlen(texts[i]) + 1, length = acre__wide_from_utf8(texts[i], size, NULL, 0, NULL);
    wide[i] = calloc(length, sizeof **wide);
    if (wide[i] == NULL) abort();
    acre__wide_from_utf8(texts[i], size, wide[i], length, NULL);
  }
  if (wide == NULL) abort();
  return wide;
}

__attribute__((visibility("default"), weak)) int main(int count, char **arguments) {
  static wchar_t **volatile wide,
      **volatile environment; /* as long as the process, like those that they were made of */
  int variables = 0;
  while (environ[variables] != NULL) variables++;
  wide = widen(arguments, count);
  environment = widen(environ, variables);
  if (wmain != NULL) return wmain(count, wide, environment);
  if (wmain_in_full != NULL) return wmain_in_full(count, wide, environment);
  if (wmain_alone != NULL) return wmain_alone();
  fputs("acre: the program has neither main nor wmain\n", stderr);
  return 127;
}
