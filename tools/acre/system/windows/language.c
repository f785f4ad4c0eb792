/* SPDX-License-Identifier: MIT */
/*
 * Languages and characters on Windows (see system.h), where all texts are UTF-8.
 *
 * Which characters take two columns, or none, is not to be asked there: the
 * ranges below are those of East Asian scripts, and of marks over a character.
 */
#include "win.h"

#include <string.h>

void system_use_locale(bool utf8) {
  (void)utf8;
}

const char *system_locale(void) {
  static char name[LOCALE_NAME_MAX_LENGTH];
  wchar_t wide[LOCALE_NAME_MAX_LENGTH];
  if (GetUserDefaultLocaleName(wide, LOCALE_NAME_MAX_LENGTH) == 0) return NULL;
  if (WideCharToMultiByte(CP_UTF8, 0, wide, -1, name, sizeof name, NULL, NULL) <= 0) return NULL;
  char *dash = strchr(name, '-');
  if (dash != NULL) *dash = '_';
  return name;
}

struct range {
  uint32_t first, last;
};

static bool is_in(const struct range *ranges, size_t count, uint32_t character) {
  for (size_t i = 0; i < count; i++)
    if (character >= ranges[i].first && character <= ranges[i].last) return true;
  return false;
}

static size_t columns_of(uint32_t character) {
  static const struct range wide[] = {{0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
                                      {0xac00, 0xd7a3}, {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                      {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  static const struct range none[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x300, 0x36f},
                                      {0x1160, 0x11ff}, {0x200b, 0x200f}, {0xfe00, 0xfe0f}};
  if (is_in(none, sizeof none / sizeof *none, character)) return 0;
  return is_in(wide, sizeof wide / sizeof *wide, character) ? 2 : 1;
}

/* What is no UTF-8 counts one column a byte. */
size_t system_character(const char *text, size_t length, size_t *columns) {
  const unsigned char *bytes = (const unsigned char *)text;
  size_t more = bytes[0] >= 0xf0 ? 3 : bytes[0] >= 0xe0 ? 2 : bytes[0] >= 0xc0 ? 1 : 0;
  *columns = 1;
  if (bytes[0] == '\0') return 0;
  if (bytes[0] >= 0x80 && more == 0) return 1;
  uint32_t character = more == 0 ? bytes[0] : bytes[0] & (0x3fU >> more);
  for (size_t i = 1; i <= more; i++) {
    if (i >= length || (bytes[i] & 0xc0) != 0x80) return 1;
    character = character << 6 | (bytes[i] & 0x3f);
  }
  *columns = columns_of(character);
  return more + 1;
}
