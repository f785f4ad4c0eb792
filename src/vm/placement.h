/* SPDX-License-Identifier: MIT */
/*
 * placement.h - what a region wishes its memory to be made of: large pages, a
 * NUMA node.
 *
 * Transparent large pages and the node are properties of the system's mapping,
 * and a fresh mapping does not know them: it is told by acre__pages_take_access.
 *
 * Explicit large pages, from the system's pool, are committed and decommitted
 * as a whole. In such a region acre__range_lock widens every range to whole
 * large pages. One is a whole number of chunks, so every chunk of the table is of
 * one piece: none is ever opened, cut or coarsened.
 *
 *   region->large   EXPLICIT    commits take pages of the pool, or fail
 *                   TRANSPARENT the system was asked for them, and gives what it can
 *                   NONE        not wished for, or not to be had
 *
 * Which one it is is decided when the region is made, and can be asked for.
 * Lock: the region's.
 */
#ifndef ACRE_VM_PLACEMENT_H
#define ACRE_VM_PLACEMENT_H

#include "vm/region.h"

/* What a region of `size` bytes that asks for large pages can have now. */
acre_vm_large_pages acre__placement_choose(size_t size);

/*
 * For a new region of reserved pages whose description has wishes: tells the
 * system, and takes back in the description what it refuses; then commits all of it, if asked to.
 * If explicit large pages cannot be had for that, others are taken.
 */
acre_result acre__placement_fill(struct acre__region *region, bool commit);

/* acre__os_commit for a region with explicit large pages; pages may be committed already. On failure a part may be done. */
acre_result acre__placement_commit_large(struct acre__region *region, size_t start, size_t end,
                                         acre_vm_protection protection);

/* Pages of a region with wishes whose mapping is fresh: the system is told. */
void acre__placement_tell(struct acre__region *region, size_t start, size_t end);

#endif
