/* SPDX-License-Identifier: MIT */
#include "vm/options.h"

#include <stdint.h>
#include <string.h>

enum { LONGEST = 64 };

/* One key and one value that it takes; a NULL value is a number. */
struct setting {
  const char *key, *value;
  size_t offset;
  bool set; /* what the field becomes; unused for a number */
};

/* clang-format off */
#define FLAG(key, value, field, set) {key, value, offsetof(struct acre__options, field), set}
#define NUMBER(key, field) {key, NULL, offsetof(struct acre__options, field), false}

static const struct setting settings[] = {
    FLAG("commit", "auto", commit_by_mprotect, false),
    FLAG("commit", "guard", commit_by_mprotect, false),
    FLAG("commit", "mprotect", commit_by_mprotect, true),
    FLAG("query", "auto", query_by_proc, false),
    FLAG("query", "ioctl", query_by_proc, false),
    FLAG("query", "proc", query_by_proc, true),
    FLAG("populate", "auto", populate_by_touch, false),
    FLAG("populate", "madvise", populate_by_touch, false),
    FLAG("populate", "touch", populate_by_touch, true),
    NUMBER("map_budget", map_budget),
};
/* clang-format on */

static bool parse_number(const char *text, size_t *out) {
  size_t number = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9' || number > (SIZE_MAX - 9) / 10) return false;
    number = number * 10 + (size_t)(*text - '0');
  }
  *out = number;
  return true;
}

static bool apply(const char *key, const char *value, struct acre__options *out) {
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    const struct setting *setting = &settings[i];
    char *field = (char *)out + setting->offset;
    if (strcmp(setting->key, key) != 0) continue;
    if (setting->value == NULL) return parse_number(value, (size_t *)(void *)field);
    if (strcmp(setting->value, value) != 0) continue;
    *(bool *)field = setting->set;
    return true;
  }
  return false;
}

void acre__options_parse(const char *text, struct acre__options *out, void (*complain)(const char *piece)) {
  while (*text != '\0') {
    size_t length = strcspn(text, ",");
    char piece[LONGEST + 1];
    size_t kept = length < LONGEST ? length : LONGEST;
    memcpy(piece, text, kept);
    piece[kept] = '\0';
    char *equals = strchr(piece, '=');
    bool understood = false;
    if (equals != NULL && length <= LONGEST) {
      *equals = '\0';
      understood = apply(piece, equals + 1, out);
      *equals = '=';
    }
    if (!understood && length > 0) complain(piece);
    text += length;
    if (*text == ',') text++;
  }
}
