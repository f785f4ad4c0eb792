/* SPDX-License-Identifier: MIT */
/*
 * sort_parts.h - parts of the work at the same time.
 *
 *   caller    run  [ waits, tells how much is done ] answer
 *   part 0         [ works . . . go on? . . . . . ]
 *   part 1         [ works . . . go on? . . ]
 *
 * Each part has a thread of its own, as far as there are any, and a guard: what it reads may be a view
 * whose file is cut off.
 */
#ifndef ACRE_TOOL_SORT_PARTS_H
#define ACRE_TOOL_SORT_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "sort_engine.h"

enum { SORT_PARTS = 16 }; /* at most */

/* What the parts have in common. The first four are the caller's, the others 0. */
struct sort_parts {
  const struct sort_means *means;
  double from, to; /* which part of the whole sort this is */
  size_t all;      /* records */
  _Atomic size_t done;
  atomic_int stopped; /* SORT_DONE: go on; else the answer */
};

/* How many of `count` records a part should have: there are SORT_PARTS such shares at most. */
size_t sort_parts_share(size_t count);

/*
 * Runs `run` for each of `count` parts, the first at `parts`, of `size` bytes each. SORT_DONE, or why it was stopped:
 * SORT_STOPPED, SORT_LOST, or what a part has said.
 */
enum sort_answer sort_parts_run(struct sort_parts *shared, void (*run)(void *part), void *parts, size_t size,
                                size_t count);

/* Of a part: so many records more are done. False: it should return. */
static inline bool sort_parts_go_on(struct sort_parts *shared, size_t more) {
  if (more != 0) atomic_fetch_add_explicit(&shared->done, more, memory_order_relaxed);
  return atomic_load_explicit(&shared->stopped, memory_order_relaxed) == SORT_DONE;
}

/* Of a part, or the caller: all should return. The first one that says why is heard. */
static inline void sort_parts_stop(struct sort_parts *shared, enum sort_answer why) {
  int none = SORT_DONE;
  atomic_compare_exchange_strong(&shared->stopped, &none, (int)why);
}

#endif
