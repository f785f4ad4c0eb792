/* SPDX-License-Identifier: MIT */
/*
 * region.h - one reservation: what it is, where it is, and the state of its pages.
 *
 * Records are reused but never given back, so that a pointer from the index,
 * which is read without a lock, always points to a record. Whoever has one
 * locks it and looks whether it is still the region meant: acre__region_lock
 * does both.
 *
 * Lock: its own, for every field. Order: index, then region, then metadata.
 * Whoever only looks may do without it (acre__region_look). So what a region is, in place or as a record that is spare,
 * changes in this order: its lock is taken, the index's version changes, the record is written, the lock is given back.
 * Its pages' states in a table of one chunk change by one store each.
 * While somebody has the lock of a watched region (one whose faults Acre may
 * repair), his signals are held back. So no signal handler runs in a thread that
 * has such a lock, and one that touches the region waits for a thread that gets on.
 */
#ifndef ACRE_VM_REGION_H
#define ACRE_VM_REGION_H

#include <acre/vm.h>

#include "base/lock.h"
#include "base/math.h"
#include "vm/index.h"
#include "vm/meta.h"
#include "vm/root.h"
#include "vm/table.h"

/*
 * 32 bytes, because a look-up at random among 100,000 of them waits for memory
 * and for nothing else: what most regions lack is in `extra`.
 */
struct acre__region {
  struct acre__lock lock;
  uint32_t unit; /* the base, in ACRE_INDEX_UNITs */
  struct acre__table table;
  acre__meta_handle
      extra; /* of a struct acre__region_extra, or 0. Of a spare record: the next one; lock: the index's */
  /* Sixteen bits and eight, as not every system's compilers put others beside a byte. */
  uint16_t live : 1;       /* 0 while the record is spare */
  uint16_t any_locked : 1; /* some page may be ACRE_PAGE_LOCKED */
  uint16_t kind : 3;       /* acre_vm_kind: PRIVATE, MAPPED or PLACEHOLDER */
  uint16_t protection : 3; /* with which it was reserved */
  uint16_t guards : 1;     /* ... and ACRE_VM_GUARD, which is told and has no effect on later commits */
  uint16_t most : 3;       /* the most that acre_vm_protect may give */
  uint16_t charged : 1;    /* its committed pages are in the ledger */
  uint16_t strict : 1;     /* commits are populated before they return */
  uint16_t paged : 1;      /* stands on the paging file: see paging.h */
  uint16_t placed : 1;     /* has wishes that a fresh mapping does not know: see placement.h */
  uint8_t large : 2;       /* acre_vm_large_pages: what its pages are made of */
  uint8_t tracked : 1;     /* which pages are written is noted: see written.h */
  uint8_t untold : 1;      /* part of the region may be unknown to the system's tracking */
  atomic_uchar
      watched; /* 1: a fault may be ours to repair. Read without the lock, changed with it, and never back to 0 */
};

_Static_assert(offsetof(struct acre__region, lock) == 0, "acre__region_look reads it first");
_Static_assert(sizeof(struct acre__region) == 32, "two regions' records share a cache line");

/*
 * Makes pages [from, end) of a view, in bytes from its region's base, committed: whoever has mapped the view knows how
 * (acre__vm_view_commit). Called without a lock. On failure nothing has changed.
 */
typedef acre_result (*acre__view_commit)(void *context, size_t from, size_t end);

/*
 * Nothing stands behind a page of a view: how many pages, from it on, are to be zero pages. Called in the fault
 * handler, with the region's lock: notes that they are lost.
 */
typedef size_t (*acre__view_lost)(void *context, size_t page);

/* In pages; see gate.h. */
struct acre__gate {
  size_t most; /* 0: there is none */
  size_t open, flushing;
  uint64_t waits;
  void (*wanted)(void *context);
  void *context;
  uint32_t flusher; /* the thread that flushes; 0: it has not yet */
};

/* What only some regions have. */
struct acre__region_extra {
  uint32_t touch_pages;          /* pages committed by a touch; 0: a touch faults */
  uint32_t stack_step;           /* of a stack: pages by which it grows; 0: it is none */
  size_t stack_end;              /* of a stack: the lowest page that may be committed */
  acre_vm_fault_handler handler; /* NULL: nobody is asked */
  void *handler_context;
  acre__meta_handle paged;  /* of a struct acre__paged, or 0 */
  uint32_t node;            /* 1 + the preferred node; 0: none */
  acre__view_commit commit; /* of a view that can have more pages; NULL: what it has is all */
  void *commit_context;
  acre__view_lost lost; /* of a view that keeps going; NULL: nobody replaces its pages */
  void *lost_context;
  size_t mappings; /* more than the table knows of, at most: those of replaced pages */
  struct acre__gate gate;
};

struct acre__paged;

static inline uintptr_t acre__region_base(const struct acre__region *region) {
  return (uintptr_t)region->unit * ACRE_INDEX_UNIT;
}

/* In bytes, whole pages. To be read with either lock, the region's or the index's; it changes with both. */
static inline size_t acre__region_size(const struct acre__region *region) {
  return (size_t)region->table.pages << acre__root.page_shift;
}

/* The address of a page of the region. */
static inline void *acre__region_address(const struct acre__region *region, size_t page) {
  return (void *)(acre__region_base(region) + (page << acre__root.page_shift));
}

/* NULL: the region has nothing of it. */
static inline struct acre__region_extra *acre__region_extra(const struct acre__region *region) {
  return acre__meta_at(region->extra);
}

/* Has the region some already, or gives it some; NULL: no memory. */
struct acre__region_extra *acre__region_need_extra(struct acre__region *region);

static inline bool acre__region_is_watched(const struct acre__region *region) {
  return atomic_load_explicit(&region->watched, memory_order_relaxed) != 0;
}

/* Finds and locks the region that holds `address`; NULL: there is none. Given back by acre__region_unlock. */
struct acre__region *acre__region_lock(uintptr_t address);

/*
 * Copies the record of the region that holds `address`, as it was at one moment
 * during the call. Takes no lock, and so waits for nobody and holds no signals back;
 * callable in a signal handler. False: there is no such region, it is being changed,
 * or its table is more than its word and goes along with no copy: take the lock.
 */
bool acre__region_look(uintptr_t address, struct acre__region *copy);

/* Lets the thread's signals come again, if they were held back for a lock. */
void acre__region_let_signals_come(void);

static inline void acre__region_unlock(struct acre__region *region) {
  bool watched = acre__region_is_watched(region);
  acre__unlock(&region->lock);
  if (ACRE_UNLIKELY(watched)) acre__region_let_signals_come();
}

/* The same in a fault handler: NULL also where waiting would never end, because the interrupted code has the lock. */
struct acre__region *acre__region_lock_in_handler(uintptr_t address);

/*
 * Before and after a fault handler of the program's is called: what it does to
 * a region is waited for as for a handler. Returns what it was before, for nested faults.
 * One that leaves by a jump leaves its mark behind, which does no more than let forks wait for the thread's waits.
 */
bool acre__region_enter_handler(void);
void acre__region_leave_handler(bool before);

/* With the lock: faults of the region may be ours from now on. Wants acre__faults_install before it. */
static inline void acre__region_watch(struct acre__region *region) {
  atomic_store_explicit(&region->watched, 1, memory_order_relaxed);
}

/*
 * Locks every region and the index, or gives them back: for fork. A handler
 * that waits for a region may have interrupted code that has another one, which
 * is waited for here; so while a handler waits, what has been locked is let go.
 */
void acre__regions_lock(void);
void acre__regions_unlock(void);

/* In the child: the index's lock is free, and no handler waits. The regions' locks are the caller's to reset. */
void acre__regions_fork_in_child(void);

/* A range of whole pages in a locked region, counted from its base. */
struct acre__range {
  struct acre__region *region;
  size_t start, end;
};

/*
 * The checks that every function on a range makes, in the header's order; on
 * success the region is locked.
 */
acre_result acre__range_lock(const void *address, size_t size, struct acre__range *out);

static inline void acre__range_unlock(const struct acre__range *range) {
  acre__region_unlock(range->region);
}

/* To whole large pages, where these are the region's unit: see placement.h. */
static inline void acre__region_widen(const struct acre__region *region, size_t *start, size_t *end) {
  if (ACRE_LIKELY(region->large != ACRE_VM_LARGE_PAGES_EXPLICIT)) return;
  size_t large = acre__root.system.large_page_size >> acre__root.page_shift;
  *start = acre__align_down(*start, large);
  *end = acre__align_up(*end, large);
}

/* Whether every page of the range is committed. */
bool acre__range_is_committed(const struct acre__range *range);

/* What acre__region_enter makes a region from. */
struct acre__region_plan {
  uintptr_t base;
  size_t size;
  acre_vm_kind kind;
  acre_vm_protection protection, most;
  bool guards; /* ACRE_VM_GUARD was asked for with the protection */
  size_t touch_pages;
  bool track_writes;
  size_t committed;   /* pages from its start on that have `protection` from the first moment on; they are charged */
  bool copy_on_write; /* a view whose pages become the program's own when they are written */
  bool strict;
  struct acre__paged *paged; /* its part of the paging file, or NULL; the region's if it is made */
  acre_vm_large_pages large;
  unsigned node;            /* 1 + the preferred node; 0: none */
  acre__view_commit commit; /* of a view that can have more pages, or NULL */
  void *commit_context;
  acre__view_lost lost; /* of a view that keeps going, or NULL. Wants acre__faults_install before it */
  void *lost_context;
};

/* Makes a region of reserved address space. ACRE_E_NO_MEMORY, ACRE_E_COMMIT_LIMIT: the range is still the caller's. */
acre_result acre__region_enter(const struct acre__region_plan *plan);

/*
 * For placeholder.c, which changes what a record is. With the region's lock:
 * acre__region_describe makes of it what the plan says (size and table stay;
 * false: no memory, and nothing has changed), and acre__region_empty gives back
 * what its pages and its features had, so that it may be described anew. Where it
 * begins or ends to track writes, describing it wants the index's lock as well.
 */
bool acre__region_describe(struct acre__region *region, const struct acre__region_plan *plan);
void acre__region_empty(struct acre__region *region);

/* With the region's lock: its first `pages` pages get its protection. Results and charge as acre__region_enter. */
acre_result acre__region_mark_committed(struct acre__region *region, size_t pages);

/* With the index locked: a record for the plan, in no index yet; and back, with the region's lock as well. */
acre_result acre__region_new(const struct acre__region_plan *plan, struct acre__region **out);
void acre__region_spare(struct acre__region *region);

/* Releases the region of this kind with this base. Results as acre_vm_release. */
acre_result acre__region_release(uintptr_t base, acre_vm_kind kind);

/*
 * The same for a region without committed pages that nobody has been told of: it goes even if the system does not
 * take its range back.
 */
void acre__region_forget(uintptr_t base, acre_vm_kind kind);

#endif
