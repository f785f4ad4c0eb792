/* SPDX-License-Identifier: MIT */
/* names.c - see names.h. */
#include "win32/names.h"

#include <stdio.h>

static bool read_name(const char *name, char out[ACRE_NAME_ROOM]) {
  static const char local[] = "Local\\", global[] = "Global\\";
  size_t at = 0;
  if (strncmp(name, local, sizeof local - 1) == 0) {
    name += sizeof local - 1;
  } else if (strncmp(name, global, sizeof global - 1) == 0) {
    name += sizeof global - 1;
    memcpy(out, "%G", 2);
    at = 2;
  }
  if (*name == 0) return acre__fail(ERROR_INVALID_NAME);
  if (strchr(name, '\\') != NULL) return acre__fail(ERROR_PATH_NOT_FOUND);
  for (; *name != 0; name++) { /* what a file name cannot have is written as %XX */
    bool plain = *name != '/' && *name != '%' && !(at == 0 && *name == '.');
    if (at + 3 >= ACRE_NAME_ROOM) return acre__fail(ERROR_FILENAME_EXCED_RANGE);
    if (plain)
      out[at++] = *name;
    else
      at += (size_t)sprintf(out + at, "%%%02X", (unsigned char)*name);
  }
  out[at] = 0;
  return true;
}

bool acre__name_to_make(const char *name, char out[ACRE_NAME_ROOM]) {
  out[0] = 0;
  return name == NULL || *name == 0 || read_name(name, out);
}

bool acre__name_to_open(const char *name, char out[ACRE_NAME_ROOM]) {
  if (name == NULL) return acre__fail(ERROR_INVALID_PARAMETER);
  return *name != 0 ? read_name(name, out) : acre__fail(ERROR_INVALID_HANDLE);
}
