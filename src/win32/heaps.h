/* SPDX-License-Identifier: MIT */
/*
 * heaps.h - Windows's heaps: an acre_heap is its own handle.
 *
 * HeapSize is exactly what was asked for, which an acre_heap does not keep. So each block
 * is one byte larger, and its usable end says how much of it was not asked for:
 *
 *   [ what was asked for | ............ | n ]               n < 255: bytes not asked for, this one included
 *   [ what was asked for | ... | 8 bytes: how many | 255 ]
 *
 * What an acre_heap does not know (flags, a memory of its own) stands in a table
 * beside it, which also tells whether a handle is one.
 */
#ifndef ACRE_WIN32_HEAPS_H
#define ACRE_WIN32_HEAPS_H

#include "win32/win32.h"

/* Bytes that were asked for when the block was allocated, by a function of the face. */
size_t acre__block_size(const void *block);

/* The heap is about to end: what a walk has taken down of it goes. */
void acre__walk_forget(const acre_heap *heap);

/* True: it is a heap that is alive. */
bool acre__is_heap(HANDLE heap);

#endif
