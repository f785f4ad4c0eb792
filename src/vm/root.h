/* SPDX-License-Identifier: MIT */
/*
 * root.h - the one process-wide object: settings, the system's figures, and the
 * index of all regions.
 *
 * It is made at the first call that needs it. `options` and `system` do not
 * change after that; the rest is atomic or says its lock. A program that only
 * allocates pays for no figures: most of the system's are asked for when they are first wanted.
 */
#ifndef ACRE_VM_ROOT_H
#define ACRE_VM_ROOT_H

#include "base/math.h"
#include "os/os.h"
#include "vm/index.h"
#include "vm/options.h"

struct acre__root {
  _Atomic bool ready;
  struct acre__lock making; /* lock: held while the root is made */
  struct acre__options options;
  struct acre__os_system system; /* all but the first fields by acre__root_system */
  _Atomic bool all_known;
  struct acre__lock
      finding; /* lock: held while the rest of `system` is found out; any other may be held by who takes it */
  unsigned page_shift;
  bool hide;                     /* scattered commits use guard markers */
  _Atomic size_t mapping_budget; /* 0: not known yet (acre__root_mapping_budget) */
  struct acre__index index;
  struct acre__region *spare_regions, *last_spare; /* a queue; lock: the index's */
  size_t spares;                                   /* in it; lock: the index's */
  _Atomic uintptr_t place;                         /* where the next region should end; 0: no wish (see place.c) */
  _Atomic intptr_t mappings;           /* changes of protection inside and at the edges of regions: what Acre adds */
  struct acre__lock paging_lock;       /* the last to be taken */
  struct acre__paging_setting *paging; /* lock: paging_lock. The paging file of regions to come, or NULL */
  _Atomic unsigned tracking;           /* how written pages are found; 0: not asked yet (see written.c) */
};

extern struct acre__root acre__root;

void acre__root_make(void);
void acre__root_find_all(void);

/* Makes the root, once. Whoever asks the system or makes a region calls it first. */
static inline struct acre__root *acre__root_get(void) {
  if (ACRE_UNLIKELY(!atomic_load_explicit(&acre__root.ready, memory_order_acquire))) acre__root_make();
  return &acre__root;
}

/* All of the system's figures, as they were when they were first wanted; what must be exact now, ask acre__os_probe. */
static inline const struct acre__os_system *acre__root_system(void) {
  (void)acre__root_get();
  if (ACRE_UNLIKELY(!atomic_load_explicit(&acre__root.all_known, memory_order_acquire))) acre__root_find_all();
  return &acre__root.system;
}

/* Of so many that a process may have: the rest is for libraries, stacks and the program's own. */
static inline size_t acre__root_budget_of(size_t limit) {
  limit = acre__min(limit, (size_t)INTPTR_MAX); /* where there is no limit */
  return limit - limit / 4;
}

/* Mappings that Acre may cause before it coarsens its commits. */
static inline size_t acre__root_mapping_budget(void) {
  size_t budget = atomic_load_explicit(&acre__root.mapping_budget, memory_order_relaxed);
  if (ACRE_LIKELY(budget != 0)) return budget;
  return acre__root_budget_of(acre__root_system()->mapping_limit);
}

#endif
