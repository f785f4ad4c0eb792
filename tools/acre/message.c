/* SPDX-License-Identifier: MIT */
/*
 * The message catalogue (see message.h), in the .mo format of GNU gettext:
 *
 *   magic, revision, count, offset of A, offset of B, ...
 *   A[count]   length and offset of each English text, sorted by strcmp
 *   B[count]   length and offset of each translation, in the same order
 *
 * All numbers are 32-bit words. Every text ends with a NUL that its length does
 * not count. A file that breaks one of these rules is taken for no catalogue.
 */
#include "message.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/system.h"

#define MO_MAGIC UINT32_C(0x950412de)
#define MO_HEADER_WORDS 5
#define MO_LARGEST (1 << 20)

struct mo_text {
  uint32_t length;
  uint32_t offset;
};

static struct {
  char *bytes; /* the whole file; NULL: English */
  uint32_t count;
  const struct mo_text *originals;
  const struct mo_text *translations;
} catalogue;

static const char *const languages[] = {"en", "ko"};

static bool texts_are_valid(const char *bytes, size_t size, uint32_t table, uint32_t count) {
  if (table % 4 != 0 || table > size || count > (size - table) / sizeof(struct mo_text)) return false;
  const struct mo_text *texts = (const void *)(bytes + table);
  for (uint32_t i = 0; i < count; i++) {
    if (texts[i].offset >= size || texts[i].length >= size - texts[i].offset) return false;
    if (bytes[texts[i].offset + texts[i].length] != '\0') return false;
  }
  return true;
}

static bool catalogue_use(char *bytes, size_t size) {
  uint32_t header[MO_HEADER_WORDS];
  if (size < sizeof header) return false;
  memcpy(header, bytes, sizeof header);
  if (header[0] != MO_MAGIC || header[1] >> 16 != 0) return false;
  if (!texts_are_valid(bytes, size, header[3], header[2]) || !texts_are_valid(bytes, size, header[4], header[2]))
    return false;
  catalogue.bytes = bytes;
  catalogue.count = header[2];
  catalogue.originals = (const void *)(bytes + header[3]);
  catalogue.translations = (const void *)(bytes + header[4]);
  return true;
}

static bool catalogue_load(const char *language) {
  char path[SYSTEM_PATH];
  if (!system_executable(path, sizeof path)) return false;
  char *name = strrchr(path, '/');
  if (name == NULL) return false;
  size_t room = sizeof path - (size_t)(name - path);
  int wanted = snprintf(name, room, "/../share/locale/%s/LC_MESSAGES/acre.mo", language);
  if (wanted < 0 || (size_t)wanted >= room) return false;

  FILE *file = system_open_stream(path, false);
  if (file == NULL) return false;
  char *bytes = malloc(MO_LARGEST);
  size_t size = bytes != NULL ? fread(bytes, 1, MO_LARGEST, file) : 0;
  bool usable = bytes != NULL && ferror(file) == 0 && size < MO_LARGEST && catalogue_use(bytes, size);
  if (!usable) free(bytes);
  fclose(file);
  return usable;
}

/* The language of ours that a locale's name begins with ("ko_KR.UTF-8": "ko"), or NULL. */
static const char *language_of(const char *locale, size_t length) {
  for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
    size_t n = strlen(languages[i]);
    if (length < n || strncmp(locale, languages[i], n) != 0) continue;
    if (length == n || locale[n] == '_' || locale[n] == '.' || locale[n] == '@') return languages[i];
  }
  return NULL;
}

static const char *environment(const char *name) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *language_of_environment(void) {
  const char *locale = environment("LC_ALL");
  if (locale == NULL) locale = environment("LC_MESSAGES");
  if (locale == NULL) locale = environment("LANG");
  if (locale == NULL) locale = system_locale();
  if (locale == NULL || strcmp(locale, "C") == 0 || strncmp(locale, "C.", 2) == 0 || strcmp(locale, "POSIX") == 0)
    return "en";
  for (const char *wish = environment("LANGUAGE"); wish != NULL;) {
    const char *language = language_of(wish, strcspn(wish, ":"));
    if (language != NULL) return language;
    wish = strchr(wish, ':');
    if (wish != NULL) wish++;
  }
  const char *language = language_of(locale, strlen(locale));
  return language != NULL ? language : "en";
}

enum message_result message_set_language(const char *asked) {
  const char *language = asked != NULL ? language_of(asked, strlen(asked)) : language_of_environment();
  if (language == NULL) return MESSAGE_UNKNOWN_LANGUAGE;
  free(catalogue.bytes);
  catalogue.bytes = NULL;
  system_use_locale(false);
  if (strcmp(language, "en") == 0) return MESSAGE_OK;
  if (!catalogue_load(language)) return MESSAGE_NO_CATALOGUE;
  system_use_locale(true); /* the catalogue is in UTF-8, and widths are measured in the locale's encoding */
  return MESSAGE_OK;
}

const char *message(const char *text) {
  if (catalogue.bytes == NULL || text[0] == '\0') return text;
  uint32_t low = 0, high = catalogue.count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = strcmp(text, catalogue.bytes + catalogue.originals[middle].offset);
    if (order == 0) return catalogue.bytes + catalogue.translations[middle].offset;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return text;
}
