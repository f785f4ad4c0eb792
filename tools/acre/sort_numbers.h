/* SPDX-License-Identifier: MIT */
/*
 * Sorts 64-bit numbers in place, ascending. The build takes one of
 * sort_numbers_hwy.cc (Highway's vectorised quicksort) and sort_numbers_libc.c.
 */
#ifndef ACRE_TOOL_SORT_NUMBERS_H
#define ACRE_TOOL_SORT_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void sort_numbers(uint64_t *numbers, size_t count);

/* Which sort it is, for the tour to say. */
const char *sort_numbers_name(void);

#ifdef __cplusplus
}
#endif

#endif
