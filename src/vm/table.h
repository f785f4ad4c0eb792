/* SPDX-License-Identifier: MIT */
/*
 * table.h - the state of every page of one region: a radix tree of chunks.
 *
 *   height 0   the region is one chunk: its word stands here
 *   height 1   a leaf: up to 64 words (128 MiB of 4 KiB pages)
 *   height 2   up to 64 leaves (8 GiB)
 *   height 3   up to 64 of those (512 GiB), and so on: 5 for 64 TiB and more
 *
 * Nodes are small, 512 bytes, because in the worst case a lone page has a path
 * of its own. A missing node is all zero, that is, reserved and closed: a new region of any
 * size has no node at all. Nodes stay until the region is released.
 *
 * In a `shut` table a committed page is mapped without write access as long as it
 * is not ACRE_PAGE_WRITTEN: the first write of each is to be noticed (written.h).
 *
 * Pages and chunks are counted from the region's base. Lock: the region's.
 */
#ifndef ACRE_VM_TABLE_H
#define ACRE_VM_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "vm/protection.h"
#include "vm/runs.h"

struct acre__table {
  union {
    acre__chunk word;
    void *node;
  } top;
  uint64_t pages : 56;
  uint64_t height : 7;
  uint64_t shut : 1;
};

struct acre__page_run {
  size_t start, end; /* pages of the region, [start, end) */
  unsigned attributes;
};

void acre__table_init(struct acre__table *table, size_t pages);
void acre__table_clear(struct acre__table *table);

/* Every page is reserved, and no node is left. The size is not even written: others may read it. */
void acre__table_empty(struct acre__table *table);

/* The chunk's word, or NULL if its node is missing. */
acre__chunk *acre__table_chunk(const struct acre__table *table, size_t chunk);

/* The chunk's word by value: 0 for a missing node. */
acre__chunk acre__table_word(const struct acre__table *table, size_t chunk);

/* The first chunk at or after `chunk` whose node is not known to be missing. */
size_t acre__table_skip(const struct acre__table *table, size_t chunk);

/* How many of the chunk's pages the region has: 512 but for the last one. */
unsigned acre__table_chunk_pages(const struct acre__table *table, size_t chunk);

/*
 * Makes sure that acre__table_edit of this range cannot fail. False: no memory.
 * What a page is does not change either way.
 */
bool acre__table_prepare(struct acre__table *table, size_t start, size_t end);

/*
 * Every page of [start, end) gets (old & keep) | set. Wants acre__table_prepare, unless no chunk is cut; chunks without
 * a node stay reserved.
 */
void acre__table_edit(struct acre__table *table, size_t start, size_t end, unsigned keep, unsigned set);

/* The run of pages that holds `page` and agrees in the attributes of `mask`, cut to [page, end). */
struct acre__page_run acre__table_run(const struct acre__table *table, size_t page, size_t end, unsigned mask);

/* How many pages of [start, end) are committed. */
size_t acre__table_committed(const struct acre__table *table, size_t start, size_t end);

/* How committed pages with these attributes are mapped: with their protection, or without its write access. */
static inline unsigned acre__table_mapping(const struct acre__table *table, unsigned attributes) {
  unsigned protection = acre__page_access(attributes);
  bool is_shut = table->shut && (attributes & ACRE_PAGE_WRITTEN) == 0;
  return is_shut ? acre__protection_unwritable(protection) : protection;
}

/* What the mapping behind a page allows, as far as the table knows: 0 nothing (PROT_NONE), else a protection. */
unsigned acre__table_mapped_as(const struct acre__table *table, size_t page);

/* How often the mapping's protection changes between neighbours from page start - 1 to page end. */
size_t acre__table_boundaries(const struct acre__table *table, size_t start, size_t end);

/* How many more there would be (fewer: negative) if the whole range were mapped as `mapped_as`. */
intptr_t acre__table_boundaries_gained(const struct acre__table *table, size_t start, size_t end, unsigned mapped_as);

/* For tests and debug builds: every chunk is valid, nothing is committed past the end. */
bool acre__table_is_valid(const struct acre__table *table);

#endif
