/* SPDX-License-Identifier: MIT */
/*
 * Functions, files and lines of a process that may be gone, from what it had
 * mapped: by elfutils' libdw, which is loaded if it is installed. Without it, addresses in files.
 */
#ifndef ACRE_TOOL_RUN_SYMBOLS_H
#define ACRE_TOOL_RUN_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct run_symbols;

/* `maps`: what /proc/PID/maps had, from the stream's place to its end. NULL: no memory. */
struct run_symbols *run_symbols_open(FILE *maps);
void run_symbols_close(struct run_symbols *symbols);

/* "main at example.c:12", "qsort+0x1a in libc.so.6", "program+0x11a0". Whether it is main: what called that is nobody's. */
bool run_symbols_print(FILE *out, struct run_symbols *symbols, uint64_t address);

#endif
