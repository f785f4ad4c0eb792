/* SPDX-License-Identifier: MIT */
/*
 * runs.h - taking runs of segments from arenas, and giving them back.
 *
 * A free run is one of
 *   warm   its memory is there: in lists by length, last in first out, each
 *          with the time of its return
 *   cold   it has no memory: merged with its neighbours, in lists by the
 *          logarithm of its length
 *   given  on its way from warm to cold, while the system takes the memory and
 *          nobody waits; merged too, so that the system is called seldom
 *
 * No more than ACRE_WARM_MOST bytes are warm, over all arenas (a home counts with
 * the pages that it has used), twice as many while large runs are taken from them
 * again and again, and ACRE_WARM_ROW_MOST once the process heap has given
 * ACRE_WARM_ROW back in a row: then a peak is over, and perhaps nobody calls for long.
 * What was warm for ACRE_WARM_TIME milliseconds goes cold when
 * something is taken or given back.
 */
#ifndef ACRE_HEAP_RUNS_H
#define ACRE_HEAP_RUNS_H

#include "heap/arena.h"

enum {
  ACRE_WARM_MOST = 46 << 20,
  ACRE_WARM_ROW = 32 << 20,
  ACRE_WARM_ROW_MOST = 4 << 20,
  ACRE_WARM_TIME = 500,
  ACRE_ALONE_LEAST = 64 << 20
};

/*
 * Takes a run of `count` segments that starts on a multiple of `alignment`
 * (bytes, a power of two); arena NULL: from the shared ones, or, if it is too
 * large for them, from one of its own. The record has count, start and fresh
 * set; its memory is committed.
 */
acre_result acre__run_take(struct acre__arena *arena, unsigned zone, size_t count, size_t alignment,
                           struct acre__segment **out);

/*
 * Gives runs back, linked by next_run: of a heap that is there still, or of none. Their other segments'
 * records are of kind NOTHING already.
 */
void acre__runs_give(struct acre__segment *runs);

/* Makes the run longer, to `count` segments, if what lies behind it is free. ACRE_E_NO_SPACE: it is not. */
acre_result acre__run_grow(struct acre__segment *run, size_t count);

/* Gives all but the first `count` segments of it back. */
void acre__run_shrink(struct acre__segment *run, size_t count);

/* Lets warm runs go cold that are too old; for whoever works without taking segments. */
void acre__runs_tick(void);

/* Gives the warm memory of the shared arenas, and of `own` (or NULL), back to the system; returns how many bytes. */
size_t acre__runs_compact(struct acre__arena *own);
size_t acre__runs_compact_own(struct acre__arena *own); /* of that one alone */

/* Bytes of memory behind warm runs, over all arenas. */
size_t acre__runs_warm_bytes(void);

/* Of an arena that is going away: its warm runs do not count any more. */
void acre__runs_forget(struct acre__arena *arena);

/* Whether lists, records and counts of all arenas agree. For tests, when no other thread is at work. */
bool acre__runs_are_valid(void);

#endif
