/* SPDX-License-Identifier: MIT */
/*
 * root.h - the one process-wide object: settings, the system's figures, and the
 * index of all regions.
 *
 * It is made at the first call that needs it. `options` and `system` do not
 * change after that; the rest is atomic or says its lock.
 */
#ifndef ACRE_VM_ROOT_H
#define ACRE_VM_ROOT_H

#include "os/os.h"
#include "vm/index.h"
#include "vm/options.h"

struct acre__root {
  _Atomic bool ready;
  struct acre__lock making; /* lock: held while the root is made */
  struct acre__options options;
  struct acre__os_system system;
  unsigned page_shift;
  bool hide;             /* scattered commits use guard markers */
  size_t mapping_budget; /* mappings that Acre may cause before it coarsens its commits */
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

/* Makes the root, once. Whoever asks the system or makes a region calls it first. */
static inline struct acre__root *acre__root_get(void) {
  if (ACRE_UNLIKELY(!atomic_load_explicit(&acre__root.ready, memory_order_acquire))) acre__root_make();
  return &acre__root;
}

#endif
