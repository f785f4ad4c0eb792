/* SPDX-License-Identifier: MIT */
/*
 * paging.h - committed memory that stands on a disk: regions with the backing
 * ACRE_VM_BACKING_PAGING_FILE.
 *
 *   setting     directory | maximum | used          what acre_vm_set_paging_file said
 *     ^    ^                                        (the last one is current; older ones live as
 *     |     \                                        long as regions use them)
 *   paged  paged                                    one for each region
 *     |
 *   file        [ block | block | . . . | block | . . . . .     offset = address - base
 *   region      [   c   |   c   |   r   |   c   |   r            c committed, r reserved
 *
 * Linux writes no anonymous memory to a file of ours, so such a region is a
 * shared mapping of a file without a name. A file for each region and not one
 * for all: a page's place on the disk follows from its address, so nothing has
 * to be kept and nothing fragments; regions do not wait for each other at one
 * inode; and a region may be as long as the file system lets a file be. What it
 * costs is a descriptor for each region.
 *
 * What always holds
 *   A committed page has its block: it was allocated before the page was made
 *   accessible, so no touch meets a full disk.
 *   A reserved page of a closed or open chunk has none: it reads zero when it is
 *   committed. In a LOOSE chunk it may have one, which a commit frees first.
 *   `used` is the number of committed pages of all regions of the setting.
 *   Before it asks for blocks or gives them back, it looks whether the
 *   descriptor is still that of its file: a program that closes what it does not
 *   know must not make Acre punch holes into another file of its own.
 *
 * The file is as long as the last page that was ever committed. While it has no
 * holes, as that of an array, the system reads ahead, in units of many pages.
 * A unit that had a hole in it would want blocks for it at a store to any of
 * its pages, which a full disk refuses with SIGBUS: so before the first hole
 * comes the region is told to read pages singly (acre_vm_prefetch still reads
 * many at once).
 *
 * Lock: the region's for what belongs to a region; `paging_lock` of the root,
 * taken last and for a moment, for which setting is current. Counts are atomic.
 */
#ifndef ACRE_VM_PAGING_H
#define ACRE_VM_PAGING_H

#include "vm/region.h"
#include "vm/root.h"

struct acre__paging_setting {
  _Atomic size_t references; /* regions, and being the current one */
  _Atomic size_t used;       /* pages */
  size_t maximum;            /* pages */
  struct acre__os_file directory;
  bool hides; /* acre__os_hide works on its files */
};

/* A region's part. */
struct acre__paged {
  struct acre__paging_setting *setting;
  struct acre__os_file file;
  struct acre__os_identity identity;
  size_t solid;   /* pages from the file's start on that have blocks, as long as it has no holes */
  bool has_holes; /* among its blocks: pages are read singly then */
  bool is_open;   /* not so in a child of fork until it commits */
};

/* The region's, which is `paged`. */
static inline struct acre__paged *acre__paging_of(const struct acre__region *region) {
  return acre__meta_at(acre__region_extra(region)->paged);
}

/* Whether holes of the region can be hidden by guard markers. */
static inline bool acre__region_hides(const struct acre__region *region) {
  return acre__root.hide && (!region->paged || acre__paging_of(region)->setting->hides);
}

/* ------------------------------------------------------------- a region's life */

/* Makes a file in the current setting's directory. ACRE_E_NOT_SUPPORTED: there is no setting; as acre__os_file_temporary. */
acre_result acre__paging_create(struct acre__paged **out);

/* Maps it over reserved address space, without access. On failure the range is reserved, or the file's. */
acre_result acre__paging_map(struct acre__paged *paged, void *base, size_t size);

/* Frees what acre__paging_create made. Nothing of it counts as used any more. NULL: nothing happens. */
void acre__paging_destroy(struct acre__paged *paged);

/* In a child of fork: the file is the parent's, and `pages` pages of it are no longer used here. */
void acre__paging_leave(struct acre__paged *paged, size_t pages);

/* ------------------------------------------------------------- its pages; the region is locked */

/*
 * Before a commit: counts the reserved pages of the range, and gives them their
 * blocks, empty. On failure nothing has changed.
 * ACRE_E_COMMIT_LIMIT, over the setting's maximum; as acre__os_file_allocate;
 * ACRE_E_IO, the file's descriptor is another's.
 */
acre_result acre__paging_take(struct acre__region *region, size_t start, size_t end);

/* After a commit that failed: takes that back, for what the table says is reserved. */
void acre__paging_give_back(struct acre__region *region, size_t start, size_t end);

/*
 * After a decommit: frees the blocks of those pages of the range that are
 * reserved now, and hides nothing in closed chunks. On failure the range's
 * chunks are LOOSE: the next commit frees what is left. ACRE_E_IO,
 * ACRE_E_FILE_TOO_LARGE, ACRE_E_NO_MEMORY.
 */
acre_result acre__paging_free(struct acre__region *region, size_t start, size_t end);

/*
 * Counts pages that will be committed, before they go into the ledger. False: over the setting's maximum. And back:
 * `pages` pages that were committed are not so any more, and no longer in the ledger.
 */
bool acre__paging_count(struct acre__paged *paged, size_t pages);
void acre__paging_uncount(struct acre__paged *paged, size_t pages);

/* ------------------------------------------------------------- all of it */

/* Bytes that the current setting's files may hold, and hold; 0 and 0 without one. */
void acre__paging_figures(uint64_t *maximum, uint64_t *used);

#endif
