/* SPDX-License-Identifier: MIT */
/*
 * arena.h - where segments come from.
 *
 *   base                                             frontier              end
 *    | runs | free | runs | homes .... | runs | homes ...|  never used .........|
 *
 *   table   [record][record][record] ... one of 128 bytes for each segment
 *
 * One reservation of a TiB of addresses costs nothing and gives every heap its
 * segments without a mapping more, and "is this pointer ours" is one
 * comparison. Where address space is limited it is smaller, and there are
 * several. A heap with memory of its own (a range of the caller's, large pages,
 * the paging file) has an arena to itself, and so has a block that is too large for the common one.
 *
 * Homes touch one page in sixteen and must not get large pages, so they lie in
 * groups of their own, of ACRE_HOME_GROUP segments. These groups are the zone of
 * homes, everything else is the zone of runs; runs.h has what is free in each.
 *
 * An arena on the paging file has no homes: those of its heap lie in a shared
 * one, so that a child of fork, which has not the file, has the heap at least.
 *
 * Lock: each arena's, for the frontiers, the lists, and the records of free runs.
 * Records of taken runs belong to the heap that took them.
 */
#ifndef ACRE_HEAP_ARENA_H
#define ACRE_HEAP_ARENA_H

#include "heap/heap.h"

enum { ACRE_HOME_GROUP = 256, ACRE_WARM_LISTS = 17, ACRE_COLD_LISTS = 40 };

struct acre__run_list {
  struct acre__segment *first, *last;
};

struct acre__zone {
  struct acre__run_list warm[ACRE_WARM_LISTS]; /* by length; the last one has all that are longer */
  struct acre__run_list cold[ACRE_COLD_LISTS]; /* by the logarithm of the length */
  uint32_t warm_any;                           /* a bit for each warm list that is not empty */
};

enum { ACRE_ZONE_HOMES, ACRE_ZONE_RUNS, ACRE_ZONES };

/* A stretch of segments that is used from its start on. */
struct acre__stretch {
  size_t frontier, committed, end; /* used, and with memory, up to here; segments */
};

struct acre__arena {
  _Atomic uintptr_t base;
  _Atomic size_t used; /* bytes up to the frontier */
  size_t bytes;
  struct acre__segment *table;
  size_t recorded; /* records that have memory */
  struct acre__lock lock;
  struct acre__stretch all;
  struct acre__stretch homes; /* the group that was begun last */
  struct acre__stretch start; /* of the first arena: what the process heap began with, and has not used yet */
  struct acre__zone zones[ACRE_ZONES];
  bool borrowed;                      /* the caller's memory: never committed, never given back */
  bool alone;                         /* for one block, with which it goes */
  bool homes_in_runs;                 /* no group could be had for some */
  bool giving;                        /* somebody has runs of kind GIVEN */
  uint32_t last_look;                 /* when warm runs were last looked at for their age */
  size_t row;                         /* segments that the process heap has given back since any was taken */
  _Atomic(struct acre__arena *) next; /* shared arenas are never given back, and read without a lock */
};

/* The first shared arena, in which nearly all blocks are. `used` is 0 until it is made. */
extern struct acre__arena acre__arena;

static inline char *acre__arena_address(const struct acre__arena *arena, size_t number) {
  return (char *)atomic_load_explicit(&arena->base, memory_order_relaxed) + (number << ACRE_SEGMENT_SHIFT);
}

/* The record for an address in the first arena; NULL: it is not in there. It may be of any kind. */
static inline struct acre__segment *acre__segment_fast(uintptr_t address) {
  size_t offset = address - atomic_load_explicit(&acre__arena.base, memory_order_relaxed);
  if (ACRE_UNLIKELY(offset >= atomic_load_explicit(&acre__arena.used, memory_order_relaxed))) return NULL;
  return &acre__arena.table[offset >> ACRE_SEGMENT_SHIFT];
}

/* The same in any arena; NULL also where no segment was ever used. */
struct acre__segment *acre__segment_of(uintptr_t address);

/* The arena that the address is in, or NULL. */
struct acre__arena *acre__arena_of(uintptr_t address);

/* The same of an address that is known to be in a used segment. */
static inline struct acre__segment *acre__segment_known(const void *address) {
  struct acre__segment *segment = acre__segment_fast((uintptr_t)address);
  return ACRE_LIKELY(segment != NULL) ? segment : acre__segment_of((uintptr_t)address);
}

/* Makes the first arena, with acre__heaps's lock. ACRE_E_NO_ADDRESS_SPACE... */
acre_result acre__arena_make_first(void);

/* What an arena to itself is made of. */
enum acre__arena_memory {
  ACRE_ARENA_BORROWED, /* the caller's memory */
  ACRE_ARENA_PLAIN,
  ACRE_ARENA_LARGE_PAGES, /* asked for, perhaps not had */
  ACRE_ARENA_PAGING_FILE
};

/* An arena to itself, of `size` bytes; `range` is the caller's memory, else NULL. As acre_vm_reserve. */
acre_result acre__arena_make(void *range, size_t size, enum acre__arena_memory memory, struct acre__arena **out);

/* Gives such an arena back with all its segments, whatever they are. */
void acre__arena_release(struct acre__arena *arena);

/* Calls `visit` for each home of a shared arena, until it returns false. The caller has acre__heaps's lock. */
void acre__homes_visit(bool (*visit)(struct acre__segment *home, void *context), void *context);

/* The zone that a segment is in. */
static inline unsigned acre__zone_of(const struct acre__arena *arena, const struct acre__segment *segment) {
  size_t group = acre__align_down((uintptr_t)(segment - arena->table), ACRE_HOME_GROUP);
  return arena->table[group].homes ? ACRE_ZONE_HOMES : ACRE_ZONE_RUNS;
}

/*
 * With the arena's lock: `count` segments that were never used, on a multiple of
 * `alignment`. What is skipped from the arena's old frontier on, and what of that
 * has memory, is in *skipped. And `more` segments for a run that ends at the
 * arena's frontier.
 */
acre_result acre__frontier_take(struct acre__arena *arena, unsigned zone, size_t count, size_t alignment,
                                struct acre__stretch *skipped, struct acre__segment **out);
acre_result acre__frontier_extend(struct acre__arena *arena, size_t more);

/*
 * The process heap's first runs lie together, in a stretch of addresses that is
 * set aside for it, without memory, when it is made; once. acre__start_take: as
 * acre__run_take, of what is left of it; ACRE_E_NO_SPACE: not enough.
 */
void acre__start_set_aside(size_t bytes);
acre_result acre__start_take(size_t count, struct acre__segment **out);
size_t acre__start_left(void); /* bytes */

/* With the arena's lock: gives the memory behind the frontier back; returns how many bytes. */
size_t acre__frontier_trim(struct acre__arena *arena);

/* One more arena for all, with room for `count` segments. */
acre_result acre__arena_add(size_t count);

/*
 * In a child of fork, of an arena on the paging file, which is empty there: all
 * of it is as never used.
 */
void acre__arena_empty(struct acre__arena *arena);

/* Around fork, after the heaps' locks. */
void acre__arenas_fork_before(void);
void acre__arenas_fork_in_parent(void);
void acre__arenas_fork_in_child(void);

#endif
