/* SPDX-License-Identifier: MIT */
/* Colour on stdout (see terminal.h). Colours are the sixteen that every terminal has. */
#define _POSIX_C_SOURCE 200809L
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_colour;

static bool is_capable(int fd) {
  const char *term = getenv("TERM");
  return isatty(fd) == 1 && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

void terminal_begin(bool forbid_colour) {
  const char *no_color = getenv("NO_COLOR");
  has_colour = !forbid_colour && (no_color == NULL || no_color[0] == '\0') && is_capable(STDOUT_FILENO);
}

const char *terminal_paint(enum paint paint) {
  static const char *const sequences[PAINT_COUNT] = {
      [PAINT_NONE] = "\033[0m",         [PAINT_TITLE] = "\033[1m",         [PAINT_QUIET] = "\033[90m",
      [PAINT_GOOD] = "\033[32m",        [PAINT_BAD] = "\033[1;31m",        [PAINT_FREE] = "\033[90m",
      [PAINT_RESERVED] = "\033[30;43m", [PAINT_COMMITTED] = "\033[30;46m", [PAINT_TOUCHED] = "\033[30;42m"};
  return has_colour ? sequences[paint] : "";
}

bool terminal_can_redraw_stderr(void) {
  return is_capable(STDERR_FILENO);
}
