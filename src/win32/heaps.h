/* SPDX-License-Identifier: MIT */
/*
 * heaps.h - Windows's heaps: an acre_heap is its own handle.
 *
 * HeapSize is exactly what was asked for, so blocks are those of Acre that know it
 * (acre_heap_alloc_exact). The flags that a heap was made with are its context:
 * there is no table of heaps, as Acre itself tells what is one (acre_heap_query).
 */
#ifndef ACRE_WIN32_HEAPS_H
#define ACRE_WIN32_HEAPS_H

#include "win32/win32.h"

/* How many heaps are being walked. */
extern atomic_uint acre__walks;

/* The heap is about to end: what a walk has taken down of it goes. */
void acre__walk_forget(const acre_heap *heap);

/* True: it is a heap that is alive. */
bool acre__is_heap(HANDLE heap);

#endif
