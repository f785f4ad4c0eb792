/* SPDX-License-Identifier: MIT */
/*
 * Page states drawn as a bar of up to 64 cells, one page each, or one group of
 * pages each, and then the cell shows the state furthest from FREE in it:
 *
 *   [####++++--------]    # COMMIT, touched   + COMMIT   - RESERVE   . FREE
 *
 * The cells are letters as well as colours, so that a bar reads the same
 * without colour and in a file.
 */
#ifndef ACRE_TOOL_BAR_H
#define ACRE_TOOL_BAR_H

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

#define BAR_CELLS 64

struct bar {
  uintptr_t base;
  size_t cell_bytes; /* bytes that a cell stands for; a multiple of the page */
  size_t cells;
  unsigned char states[BAR_CELLS];
};

/* Lays a bar over [base, base + size). */
void bar_begin(struct bar *bar, const void *base, size_t size, size_t page);

/* Adds one run of pages: a kernel_visitor whose context is the bar. */
void bar_add(uintptr_t start, uintptr_t end, enum page_state state, void *bar);

/* Prints the cells in their brackets, without a line's end. */
void bar_print(const struct bar *bar);

/* Prints what the cells mean, indented, as one line. */
void bar_print_legend(size_t indent);

#endif
