/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "check/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 8 << 10 };

static int open_maps(void) {
  return open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
}

static uintptr_t parse_hex(const char **text) {
  uintptr_t number = 0;
  for (;; ++*text) {
    char c = **text;
    unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
    if (digit == 16) return number;
    number = number << 4 | digit;
  }
}

/* "7f00-7f10 rw-p 00000000 00:00 0    name" */
static bool parse(const char *line, struct acre__mapping *out) {
  out->start = parse_hex(&line);
  if (*line++ != '-') return false;
  out->end = parse_hex(&line);
  if (*line++ != ' ' || strlen(line) < 4) return false;
  out->readable = line[0] == 'r';
  out->writable = line[1] == 'w';
  out->is_private = line[3] == 'p';
  for (int field = 0; field < 4 && line != NULL; field++) {
    line = strchr(line, ' ');
    if (line != NULL) line++;
  }
  while (line != NULL && *line == ' ') line++;
  out->name = line == NULL ? "" : line;
  return true;
}

void acre__maps_each(bool (*visit)(const struct acre__mapping *mapping, void *context), void *context) {
  char buffer[BUFFER];
  size_t have = 0;
  int file = open_maps();
  bool more = file >= 0;
  while (more) {
    ssize_t got = read(file, buffer + have, sizeof buffer - 1 - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += (size_t)got;
    char *line = buffer, *end;
    while (more && (end = memchr(line, '\n', have - (size_t)(line - buffer))) != NULL) {
      struct acre__mapping mapping;
      *end = '\0';
      if (parse(line, &mapping)) more = visit(&mapping, context);
      line = end + 1;
    }
    have -= (size_t)(line - buffer);
    memmove(buffer, line, have);
    if (have == sizeof buffer - 1) have = 0; /* no line is so long */
  }
  if (file >= 0) close(file);
}

void acre__maps_copy(int file) {
  char buffer[BUFFER];
  ssize_t got;
  int maps = open_maps();
  while (maps >= 0 && (got = read(maps, buffer, sizeof buffer)) > 0)
    if (write(file, buffer, (size_t)got) != got) break;
  if (maps >= 0) close(maps);
}
