/* SPDX-License-Identifier: MIT */
/*
 * report.h - the process's entry on the board of `acre run`, if there is one.
 *
 * Without one, all that a program pays is a look at a pointer in the slow ways.
 */
#ifndef ACRE_OVERRIDE_REPORT_H
#define ACRE_OVERRIDE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct acre__board_entry;

/* The process's own, or NULL. */
extern struct acre__board_entry *acre__report_entry;

/* Before a slow allocation, with no lock: notes what the heap has. */
void acre__report_growth(void);

/* An allocation of that many bytes, called for from `caller`, has met the limit. */
void acre__report_limit(size_t size, const void *caller);

/* Fills in the entry, as the process ends. */
void acre__report_end(void);

#endif
