/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the words and the data of heaps.
 *
 *   arena     a large reservation, cut into segments; most heaps share one
 *   segment   64 KiB; its record (struct acre__segment) is in the arena's table
 *   run       one or more segments in a row that are taken and given back together
 *   home      a local's first segment, which starts with the local itself (the
 *             first one with the heap before it) and ends in units of 512 bytes
 *   slab      a run that holds blocks of one class
 *   block     what the program gets
 *   local     one thread's part of one heap
 *   bin       a local's blocks of one class that can be handed out at once
 *
 *   heap ──> locals ──> bins ──> free blocks, and the untouched rest of a slab
 *     │         └────> slabs with free blocks of their own, by class
 *     └──> runs: homes, slabs, large blocks
 *
 * Who may touch what
 *   A local, and of its slabs the fields that are its own, are touched by its
 *   thread alone, in short stretches between acre__enter and acre__leave (see
 *   local.h), or by anyone who has the heap's lock, if the thread that owns the
 *   local is the caller, or stopped, or gone.
 *   Everything else of a heap, its list of runs first of all, has its lock.
 *   A block that another thread frees goes to its segment's `remote` list, the
 *   one thing that is shared without a lock.
 *
 * Order of locks: heaps (which heaps there are), a heap's, threads, arenas, vm's.
 */
#ifndef ACRE_HEAP_HEAP_H
#define ACRE_HEAP_HEAP_H

#include <acre/heap.h>
#include <stdatomic.h>

#include "base/lock.h"
#include "base/math.h"
#include "heap/classes.h"

enum {
  ACRE_SEGMENT_SHIFT = 16,
  ACRE_SEGMENT = 1 << ACRE_SEGMENT_SHIFT,
  ACRE_UNIT = 512, /* of a home */
  ACRE_UNITS = ACRE_SEGMENT / ACRE_UNIT,
  ACRE_HOME_PAGE = 4 << 10,
  ACRE_MEDIUM_CLASSES = ACRE_ALL_CLASSES - ACRE_SMALL_CLASSES
};

struct acre__arena;
struct acre__local;

/* A free block begins with this. In a checked heap the link is XORed with the heap's cookie. */
struct acre__block {
  struct acre__block *next;
};

enum acre__kind {
  ACRE_KIND_NOTHING, /* not the first of a run, or never used */
  ACRE_KIND_HOME,
  ACRE_KIND_SLAB,   /* of small blocks; one segment */
  ACRE_KIND_MEDIUM, /* a slab of medium blocks */
  ACRE_KIND_INSIDE, /* a further segment of a medium slab: `count` segments after its first */
  ACRE_KIND_LARGE,  /* one block */
  ACRE_KIND_SPARE,  /* taken, and without blocks: not used yet, or on its way back from a heap that ended */
  ACRE_KIND_WARM,   /* free: first of a run with memory behind it */
  ACRE_KIND_COLD,   /* free: first of a run without memory */
  ACRE_KIND_GIVEN,  /* free: first of a run whose memory is on the way back to the system */
  ACRE_KIND_LAST    /* last of a cold or given run; `count` is the run's */
};

/* Owners that are no thread's number. */
#define ACRE_OWNER_NOBODY UINT32_C(0)           /* only the heap's lock gives access */
#define ACRE_OWNER_ANYBODY UINT32_C(0xfffffffe) /* a single-thread heap's */
#define ACRE_OWNER_NONE UINT32_C(0xffffffff)    /* the number of a thread that has none yet: no segment has it */

/*
 * What a segment is. Two cache lines: what every free reads and its owner
 * writes, and what other threads write.
 */
struct acre__segment {
  _Atomic uint32_t owner; /* of a slab or home: the number of the thread whose local it belongs to */
  _Atomic uint8_t kind;   /* acre__kind_of: whoever gives a neighbour back looks at it, with no lock of the heap's */
  uint8_t size_class;     /* of a slab */
  union {
    uint16_t capacity;   /* blocks of a slab */
    uint16_t used_pages; /* of a segment in the zone of homes: how much of it may have memory */
  };
  uint32_t magic; /* of a small slab, for acre__is_block; else 0 */
  union {
    uint32_t live;  /* blocks of a slab that are not in `free` (or `empty`): in use, in a bin, or in `remote` */
    uint32_t stamp; /* of a warm run: when it was given back, in milliseconds */
  };
  acre_heap *heap; /* NULL: of no heap */
  struct acre__local *local;
  struct acre__bin *bin;    /* of the class, in the local */
  struct acre__block *free; /* not NULL: the slab is in the local's list of the class; of a home: set aside */
  char *start;
  uint64_t empty; /* of a medium slab: one bit for each free block */

  _Alignas(64) _Atomic(struct acre__block *) remote; /* freed by other threads, not yet seen by the owner */
  struct acre__segment *notified;                    /* next in the local's list of such segments */
  struct acre__segment *next_run, *previous_run;     /* all of the heap; ends at NULL */
  struct acre__segment *next, *previous;             /* slabs of a class with free blocks; free runs; ends at NULL */
  _Atomic uint64_t home_of;                          /* of a home: the heap's id */
  uint32_t count;                                    /* segments of the run, in its first and last record */
  bool fresh;                                        /* the run's memory reads zero */
  bool homes;                                        /* a group of homes begins here */
  bool clean;                                        /* of a home that waits for the next heap: acre__local_clean */
};

_Static_assert(sizeof(struct acre__segment) == 128, "a segment's record is two cache lines");

/*
 * Blocks to hand out: those in `free`, the one that was freed last first, as the
 * processor has it at hand still; then the untouched ones, of which there are
 * `left`, from `bump` on. What is freed of a slab stays here, until there are `most`.
 */
struct acre__bin {
  struct acre__block *free;
  char *bump;
  uint32_t left;
  uint32_t count; /* of blocks in `free` */
  uint32_t most;
};

_Static_assert(sizeof(struct acre__bin) == 32, "a bin is found by a shift");

struct acre__thread;

/* A unit of a home, with what its piece is. */
struct acre__unit {
  uint16_t class_and_1; /* 0: not carved yet */
  uint16_t end;         /* the low half of the address behind the piece */
};

struct acre__local {
  struct acre__bin bins[ACRE_SMALL_CLASSES];
  struct acre__segment *slabs[ACRE_SMALL_CLASSES]; /* with free blocks */
  uint8_t carved[ACRE_SMALL_CLASSES];              /* units of the home that a class has got */
  acre_heap *heap;
  struct acre__local *next;                 /* of the heap */
  struct acre__segment *home;               /* in which it lies */
  _Atomic(struct acre__segment *) notified; /* segments with blocks in `remote` */
  _Atomic(struct acre__thread *) thread;    /* NULL: nobody's, may be had by the next thread that comes */
  uint32_t number;                          /* its slabs' owner */
  bool has_slabs;                           /* or had some */
  uint16_t unit;                            /* the home's first unit that is not given to a class */
  uint32_t refills;                         /* of bins, ever */
  struct acre__unit units[ACRE_UNITS];
};

/* Blocks that a checked heap holds back: see check.c. */
struct acre__quarantine;

struct acre_heap {
  /* What every allocation reads. */
  uint64_t id;   /* unlike any other heap's, ever */
  uint32_t slot; /* where in a thread's record its cache has the heap: acre__cache_entry_of */
  bool single, checked, process;
  bool paged;  /* its segments, homes apart, are on the paging file, in its own arena */
  bool starts; /* the process heap, which may have some of its first addresses left: acre__start_take */
  bool lost;   /* with what it had there: in a child of fork, until it is reset */

  struct acre__lock lock;
  uint32_t lock_depth; /* of acre_heap_lock */
  size_t limit;        /* segments */
  size_t segments;     /* that the heap has */
  size_t peak;
  struct acre__segment *runs;
  struct acre__segment *spare; /* single segments, kind SPARE, linked by `next` */
  struct acre__local *locals;  /* the first one lies behind this record and is the last of the list */
  struct acre__segment *medium[ACRE_MEDIUM_CLASSES]; /* slabs with empty blocks */
  struct acre__arena *arena;                         /* the heap's own; NULL: those that heaps share */
  acre_heap *next_apart;                         /* the next one whose home is in its own arena; lock: of all heaps */
  uint64_t cookie;                               /* 0 in an unchecked heap */
  _Atomic(struct acre__quarantine *) quarantine; /* lock: the heap's; but anyone may ask whether a block is it */
  uint32_t maker;                                /* of a checked single-thread heap: the thread that made it */
  unsigned flags;
  size_t initial; /* segments */
  void (*on_destroy)(acre_heap *heap, void *context);
  void (*on_error)(const acre_heap_error *error, void *context);
  void *context;
  char name[32];
};

/*
 * A segment's owner changes it as it likes. Others can rely on one thing, whether
 * it is free, as that changes with the arena's lock alone.
 */
static inline enum acre__kind acre__kind_of(const struct acre__segment *segment) {
  return (enum acre__kind)atomic_load_explicit(&segment->kind, memory_order_relaxed);
}

static inline void acre__kind_set(struct acre__segment *segment, enum acre__kind kind) {
  atomic_store_explicit(&segment->kind, (uint8_t)kind, memory_order_relaxed);
}

static inline struct acre__quarantine *acre__quarantine_get(const acre_heap *heap) {
  return atomic_load_explicit(&heap->quarantine, memory_order_relaxed);
}

/* The head of a home: of the first one, and of the others, which leave the heap's place empty. */
struct acre__home {
  struct acre_heap heap;
  struct acre__local local;
};

enum { ACRE_FIRST_UNIT = (sizeof(struct acre__home) + ACRE_UNIT - 1) / ACRE_UNIT };

_Static_assert(ACRE_FIRST_UNIT <= 6, "a home's head leaves too little of its first page");

static inline struct acre__local *acre__first_local(acre_heap *heap) {
  return &((struct acre__home *)(void *)heap)->local;
}

/* The link in a free block of the heap, read and written. */
static inline struct acre__block *acre__link_get(const acre_heap *heap, const struct acre__block *block) {
  return (struct acre__block *)((uintptr_t)block->next ^ heap->cookie);
}

static inline void acre__link_set(const acre_heap *heap, struct acre__block *block, struct acre__block *next) {
  block->next = (struct acre__block *)((uintptr_t)next ^ heap->cookie);
}

enum {
  ACRE_BIN_BYTES = 16 << 10, /* frees leave so much of a class in its bin; what is more goes to the slabs */
  ACRE_BIN_BLOCKS = 64,      /* and no more than these */
  ACRE_BIN_LEAST = 8         /* and no fewer */
};

/*
 * Blocks of a slab end at the segment's end, so that `address` starts one if
 * its distance from there is a multiple of their size.
 */
static inline bool acre__is_block(const struct acre__segment *slab, uintptr_t address) {
  return acre__is_multiple((uint32_t)(ACRE_SEGMENT - (address & (ACRE_SEGMENT - 1))), slab->magic);
}

/* The unit in which the address lies, of a home. */
static inline struct acre__unit acre__home_unit(const struct acre__local *local, uintptr_t address) {
  return local->units[(address & (ACRE_SEGMENT - 1)) / ACRE_UNIT];
}

/* Whether a block starts at the address, which is in that unit: blocks end with their piece. */
static inline bool acre__is_in_piece(struct acre__unit unit, uintptr_t address) {
  return acre__is_multiple((uint16_t)(unit.end - address), acre__small_magic[unit.class_and_1]);
}

/* The class of the home's block that starts at the address; ACRE_ALL_CLASSES: none does. */
static inline unsigned acre__home_class(const struct acre__segment *home, uintptr_t address) {
  struct acre__unit unit = acre__home_unit(home->local, address);
  return acre__is_in_piece(unit, address) ? unit.class_and_1 - 1U : ACRE_ALL_CLASSES;
}

#endif
