/* SPDX-License-Identifier: MIT */
/* Colour on stdout (see terminal.h). Colours are the sixteen that every terminal has. */
#include "terminal.h"

#include <stdlib.h>

#include "system/system.h"

static bool has_colour;

void terminal_begin(bool forbid_colour) {
  const char *no_color = getenv("NO_COLOR");
  has_colour = !forbid_colour && (no_color == NULL || no_color[0] == '\0') && system_can_paint(1);
}

const char *terminal_paint(enum paint paint) {
  static const char *const sequences[PAINT_COUNT] = {
      [PAINT_NONE] = "\033[0m",         [PAINT_TITLE] = "\033[1m",         [PAINT_QUIET] = "\033[90m",
      [PAINT_GOOD] = "\033[32m",        [PAINT_BAD] = "\033[1;31m",        [PAINT_FREE] = "\033[90m",
      [PAINT_RESERVED] = "\033[30;43m", [PAINT_COMMITTED] = "\033[30;46m", [PAINT_TOUCHED] = "\033[30;42m"};
  return has_colour ? sequences[paint] : "";
}

bool terminal_can_redraw_stderr(void) {
  return system_can_paint(2);
}
