/* SPDX-License-Identifier: MIT */
/*
 * index.h - which region holds an address: a B+ tree by base address that
 * readers walk without a lock.
 *
 *            [ 0 | k2 | k3 ]                  keys: the lowest base below each child
 *            /     |      \
 *   [b1 b2 ...] [b5 ...] [b9 ...]             leaves: base -> region
 *
 * Bases are multiples of 64 KiB below 2^48, and whatever a node names is
 * metadata; so an entry is a key and a handle of 32 bits each, and a node of
 * 512 bytes has 63 of them. 100,000 regions take 0.8 MiB, which the processor's
 * caches hold; a look-up waits once a level for memory, as all of a node is
 * fetched at once.
 *
 * Readers never wait: the fault handler is one of them, and the thread that it
 * interrupted may be in the middle of an insert. So a node never changes once
 * it can be reached, but for its child pointers: a writer builds new nodes and
 * makes them reachable by one store. A replaced node is reused by later writers
 * only, and each writer announces itself by a new version number before it
 * touches one; a reader that sees the number change starts again.
 *
 * Lock: writers and the functions that say so hold index->lock. Lock order:
 * index, then region, then the metadata allocator's.
 */
#ifndef ACRE_VM_INDEX_H
#define ACRE_VM_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "vm/meta.h"

struct acre__region;
struct acre__index_node;

enum {
  ACRE_INDEX_LEVELS = 16,
  ACRE_INDEX_UNIT = 1 << 16 /* a base is a multiple of it */
};

/* No region reaches above it: the last unit is kept as a mark. */
#define ACRE_INDEX_HIGHEST ((uintptr_t)((UINT64_C(1) << 48) - ACRE_INDEX_UNIT - 1))

struct acre__index {
  struct acre__lock lock;
  _Atomic uint64_t version;
  _Atomic(struct acre__index_node *) root;
  /* Nodes that no reader of this version can reach, and those that the last change replaced, where readers may be. */
  struct acre__index_node *spare;
  struct acre__index_node *retired[2 * ACRE_INDEX_LEVELS + 1];
  unsigned retired_count;
  size_t count; /* regions */
};

/*
 * The region with the greatest base that is not above `address`, or NULL. It
 * may be gone by the time the caller looks: lock it and compare. No lock wanted;
 * callable in a signal handler.
 */
struct acre__region *acre__index_find(struct acre__index *index, uintptr_t address);

/* Changes before every change of the index. */
static inline uint64_t acre__index_version(const struct acre__index *index) {
  return atomic_load_explicit(&index->version, memory_order_acquire);
}

/*
 * With the lock: changes the version once more, after an insert or remove by
 * which an address goes from one region to another. Who has read the version since
 * acre__index_prepare, and finds the one no longer there, must not take it for free.
 * And before a region becomes another kind of region in place: see acre__region_look.
 */
void acre__index_announce(struct acre__index *index);

/*
 * With the lock: announces a change and makes sure that the next insert or
 * remove cannot fail. False: no memory for a node; nothing has changed. A
 * remove makes no more nodes than it frees: once this has succeeded, it does so
 * again before each remove that follows under the same lock.
 */
bool acre__index_prepare(struct acre__index *index);

/* With the lock, after acre__index_prepare. `base` must be new, and the region a block of the metadata allocator. */
void acre__index_insert(struct acre__index *index, uintptr_t base, struct acre__region *region);

/* With the lock, after acre__index_prepare. `base` must be there. */
void acre__index_remove(struct acre__index *index, uintptr_t base);

/* With the lock: the region with the least base above `address`, or NULL. */
struct acre__region *acre__index_next(struct acre__index *index, uintptr_t address);

/* With the lock, for tests and debug builds: sorted, level, counts that agree. */
bool acre__index_is_valid(struct acre__index *index);

#endif
