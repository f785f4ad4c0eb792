/* SPDX-License-Identifier: MIT */
/*
 * heaps.h - which heaps there are.
 *
 * A heap of a shared arena is found by its home's record, so making and ending
 * one touches no list of all heaps; those with an arena of their own are in one.
 *
 * A few homes of ended heaps wait here for the next ones, so that a heap per
 * request asks no arena.
 */
#ifndef ACRE_HEAP_HEAPS_H
#define ACRE_HEAP_HEAPS_H

#include "heap/heap.h"

struct acre__heaps {
  struct acre__lock lock; /* lock: for all of it, and for heaps to stay while somebody looks at them */
  bool ready;
  uint64_t last_id;
  struct acre__segment *homes; /* linked by `next` */
  unsigned home_count;
  unsigned ended;   /* heaps, since old warm runs were looked for */
  acre_heap *apart; /* heaps with an arena of their own */
};

extern struct acre__heaps acre__heaps;

/* Calls `visit` for every heap, with the lock, until it returns false. */
void acre__heaps_visit(bool (*visit)(acre_heap *heap, void *context), void *context);

/* With the lock: gives the homes that wait back to their arena. */
void acre__heaps_drop_homes(void);

#endif
