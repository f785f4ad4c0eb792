/* SPDX-License-Identifier: MIT */
/*
 * lines.c - the lines of a file of /proc or /sys, one after the other, without
 * stdio, which allocates, and by bare system calls, which are no points at which a thread may be cancelled.
 *
 *   text   [ seen | line \0 | next line ..... | room ]
 *                          ^ begin           ^ end   ^ size
 */
#include "linux.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

char *acre__linux_next_line(struct acre__linux_lines *lines) {
  bool skip = false;
  for (;;) {
    char *line = lines->text + lines->begin;
    char *newline = memchr(line, '\n', lines->end - lines->begin);
    if (newline != NULL) {
      *newline = '\0';
      lines->begin = (size_t)(newline + 1 - lines->text);
      if (!skip) return line;
      skip = false; /* it was the end of a longer one */
      continue;
    }
    memmove(lines->text, line, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
    if (lines->end == lines->size) {
      lines->end = 0;
      skip = true;
    }
    long got = syscall(SYS_read, lines->file, lines->text + lines->end, lines->size - lines->end);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return NULL;
    lines->end += (size_t)got;
  }
}
