/* SPDX-License-Identifier: MIT */
/* Page states drawn as a bar (see bar.h). */
#include "bar.h"

#include <stdio.h>

#include "message.h"
#include "terminal.h"

static const struct {
  char letter;
  enum paint paint;
  const char *name;
} looks[] = {[PAGE_FREE] = {'.', PAINT_FREE, "FREE"},
             [PAGE_RESERVED] = {'-', PAINT_RESERVED, "RESERVE"},
             [PAGE_COMMITTED] = {'+', PAINT_COMMITTED, "COMMIT"},
             [PAGE_TOUCHED] = {'#', PAINT_TOUCHED, N_("COMMIT and touched: in RAM")}};

void bar_begin(struct bar *bar, const void *base, size_t size, size_t page) {
  size_t pages = size / page;
  size_t group = (pages + BAR_CELLS - 1) / BAR_CELLS;
  *bar = (struct bar){.base = (uintptr_t)base, .cell_bytes = group * page, .cells = (pages + group - 1) / group};
}

void bar_add(uintptr_t start, uintptr_t end, enum page_state state, void *context) {
  struct bar *bar = context;
  size_t last = (end - 1 - bar->base) / bar->cell_bytes;
  for (size_t cell = (start - bar->base) / bar->cell_bytes; cell <= last && cell < bar->cells; cell++)
    if (bar->states[cell] < state) bar->states[cell] = (unsigned char)state;
}

void bar_print(const struct bar *bar) {
  putchar('[');
  for (size_t i = 0; i < bar->cells; i++) {
    unsigned char state = bar->states[i];
    if (i == 0 || state != bar->states[i - 1])
      printf("%s%s", i == 0 ? "" : terminal_paint(PAINT_NONE), terminal_paint(looks[state].paint));
    putchar(looks[state].letter);
  }
  printf("%s]", terminal_paint(PAINT_NONE));
}

void bar_print_legend(size_t indent) {
  printf("%*s", (int)indent, "");
  for (int state = PAGE_FREE; state <= PAGE_TOUCHED; state++)
    printf("%s%c%s %s%s", terminal_paint(looks[state].paint), looks[state].letter, terminal_paint(PAINT_NONE),
           _(looks[state].name), state < PAGE_TOUCHED ? "   " : "\n");
}
