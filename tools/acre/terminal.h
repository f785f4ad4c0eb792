/* SPDX-License-Identifier: MIT */
/* Colour on stdout: there when it helps, never when it is in the way. */
#ifndef ACRE_TOOL_TERMINAL_H
#define ACRE_TOOL_TERMINAL_H

#include <stdbool.h>

enum paint {
  PAINT_NONE,
  PAINT_TITLE,
  PAINT_QUIET,
  PAINT_GOOD,
  PAINT_BAD,
  PAINT_FREE,
  PAINT_RESERVED,
  PAINT_COMMITTED,
  PAINT_TOUCHED,
  PAINT_COUNT
};

#define TERMINAL_COLUMNS 80 /* what every text of the command is laid out for */

/* Colours are used if stdout is a terminal that can, NO_COLOR is not set, and `forbid_colour` is false. */
void terminal_begin(bool forbid_colour);

/* What to print to paint what follows so; "" without colours. PAINT_NONE ends a colour. */
const char *terminal_paint(enum paint paint);

/* Whether a progress line can be drawn over and over on stderr. */
bool terminal_can_redraw_stderr(void);

#endif
