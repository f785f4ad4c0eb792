/* SPDX-License-Identifier: MIT */
/*
 * sort_kernel.h - the sorting libraries, behind three functions. The build takes one
 * of sort_kernel_hwy.cc (Highway's vectorised quicksort, and C++'s own for what is left) and sort_kernel_libc.c.
 * All sort in place and take no memory that grows with the array.
 */
#ifndef ACRE_TOOL_SORT_KERNEL_H
#define ACRE_TOOL_SORT_KERNEL_H

#include "sort_key.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Unsigned numbers of `width` bytes (1, 2, 4 or 8) that are aligned so, ascending. False: a page of them was not to be
 * had (acre_guarded_call), in a thread of the sort's own.
 */
bool sort_kernel_numbers(void *numbers, size_t count, size_t width);

/* Items by their piece, and by their index where that is the same. */
void sort_kernel_items(struct sort_item *items, size_t count);

/*
 * Items by what `compare` says of their indices, and by their index where that is 0. If it says now this and now that, their
 * order is any, and each is still there once.
 */
void sort_kernel_ties(struct sort_item *items, size_t count, int (*compare)(void *context, uint64_t a, uint64_t b),
                      void *context);

/* Which sort it is, to say so. */
const char *sort_kernel_name(void);

#ifdef __cplusplus
}
#endif

#endif
