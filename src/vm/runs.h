/* SPDX-License-Identifier: MIT */
/*
 * runs.h - the state of one chunk's 512 pages, in one word where it can be.
 *
 * A chunk is a sorted list of runs of pages with equal attributes. The first
 * run starts at page 0, so only its attributes are kept; each further run is a
 * transition of 16 bits: its first page and its attributes.
 *
 *   word    63          48 47          32 31          16 15            0
 *          [ transition 3 | transition 2 | transition 1 |     head      ]   up to 4 runs
 *          [            pointer to a record             |     head      ]   more
 *
 *   head    15..13 record's size class   12..10 base protection   9 LOOSE   8 OPEN   7 RECORD   6..0 first run
 *   transition   15..9 attributes   8..0 first page (never 0; a zero transition is none)
 *   record  count, then the transitions: 16 << class bytes, at most 1 KiB for 512 runs
 *
 * So zero is a chunk of reserved pages, a frontier needs no record, and the
 * worst case, every other page committed, costs 2 bytes a page.
 *
 * Attributes (7 bits): 0 is reserved; a committed page has its protection (1 to
 * 6) and perhaps ACRE_PAGE_LOCKED, ACRE_PAGE_GUARD and ACRE_PAGE_WRITTEN (see
 * written.h). A guard page allows no access until the first one, which makes it a page with its protection.
 *
 * What the head's flags say of the kernel's side of the chunk:
 *   closed   reserved pages are PROT_NONE
 *   OPEN     reserved pages are mapped with the base protection and hidden by guard markers
 *   LOOSE    nothing is known of the reserved pages: they may be accessible and hold
 *            old bytes. Coarse commits and failed rollbacks leave this; a commit cleans up.
 *
 * A word is changed by one store, from what was to what is: acre__region_look reads words without the lock.
 *
 * Lock: the region's. Pointers fit into 48 bits on every system that Acre knows.
 */
#ifndef ACRE_VM_RUNS_H
#define ACRE_VM_RUNS_H

#include <stdbool.h>
#include <stdint.h>

enum {
  ACRE_CHUNK_PAGES = 512,
  ACRE_PAGE_PROTECTION = 0x07,
  ACRE_PAGE_NO_ACCESS = 0x01, /* the protection that allows nothing */
  ACRE_PAGE_LOCKED = 0x08,
  ACRE_PAGE_GUARD = 0x10,
  ACRE_PAGE_WRITTEN = 0x20,
  ACRE_PAGE_EFFECT = ACRE_PAGE_PROTECTION | ACRE_PAGE_GUARD, /* what acre__page_access looks at */
  ACRE_PAGE_BITS = 0x7f,
  ACRE_CHUNK_RECORD = 1 << 7,
  ACRE_CHUNK_OPEN = 1 << 8,
  ACRE_CHUNK_LOOSE = 1 << 9,
  ACRE_CHUNK_BASE_SHIFT = 10
};

typedef uint64_t acre__chunk;

struct acre__run {
  unsigned start, end; /* pages of the chunk, [start, end) */
  unsigned attributes;
  unsigned index; /* how many runs are before it */
};

/* The protection that a committed page has in effect, and in the system; 0 for a reserved one. */
static inline unsigned acre__page_access(unsigned attributes) {
  return (attributes & ACRE_PAGE_GUARD) != 0 ? ACRE_PAGE_NO_ACCESS : attributes & ACRE_PAGE_PROTECTION;
}

/* Whether the runs are in a record, and not in the word. */
static inline bool acre__chunk_has_record(acre__chunk word) {
  return (word & ACRE_CHUNK_RECORD) != 0;
}

static inline bool acre__chunk_is_open(acre__chunk word) {
  return (word & ACRE_CHUNK_OPEN) != 0;
}

static inline bool acre__chunk_is_loose(acre__chunk word) {
  return (word & ACRE_CHUNK_LOOSE) != 0;
}

/* In one store, whatever the compiler would like better. */
static inline void acre__chunk_set(acre__chunk *word, acre__chunk value) {
  *(volatile acre__chunk *)word = value;
}

/* The protection of the mapping behind the reserved pages of an open chunk. */
static inline unsigned acre__chunk_base(acre__chunk word) {
  return (unsigned)(word >> ACRE_CHUNK_BASE_SHIFT) & ACRE_PAGE_PROTECTION;
}

static inline void acre__chunk_open(acre__chunk *word, unsigned base) {
  acre__chunk closed = *word & ~((acre__chunk)ACRE_PAGE_PROTECTION << ACRE_CHUNK_BASE_SHIFT);
  acre__chunk_set(word, closed | ACRE_CHUNK_OPEN | (acre__chunk)base << ACRE_CHUNK_BASE_SHIFT);
}

static inline void acre__chunk_close(acre__chunk *word) {
  acre__chunk open = ACRE_CHUNK_OPEN | (acre__chunk)ACRE_PAGE_PROTECTION << ACRE_CHUNK_BASE_SHIFT;
  acre__chunk_set(word, *word & ~open);
}

static inline void acre__chunk_set_loose(acre__chunk *word, bool loose) {
  acre__chunk_set(word, loose ? *word | ACRE_CHUNK_LOOSE : *word & ~(acre__chunk)ACRE_CHUNK_LOOSE);
}

/*
 * Whether the pages before `page` have these attributes, those behind are reserved, and the
 * chunk is closed: what most chunks are in which something grows. In one comparison.
 */
static inline bool acre__chunk_is_frontier(acre__chunk word, unsigned page, unsigned attributes) {
  return page > 0 && page < ACRE_CHUNK_PAGES && word == ((acre__chunk)page << 16 | attributes);
}

/* The run that holds `page`. */
struct acre__run acre__chunk_run(acre__chunk word, unsigned page);

/* How many runs there are. */
unsigned acre__chunk_run_count(acre__chunk word);

/* Makes sure that one acre__chunk_edit cannot fail. False: no memory; nothing has changed. */
bool acre__chunk_prepare(acre__chunk *word);

/*
 * Every page of [start, end) gets attributes (old & keep) | set. Flags of the
 * head stay. Wants acre__chunk_prepare before it, unless the range is the whole chunk.
 */
void acre__chunk_edit(acre__chunk *word, unsigned start, unsigned end, unsigned keep, unsigned set);

/*
 * The same for a range inside `run`, which acre__chunk_run has just given (preparing does not change it): saves the
 * second search. Every page gets `attributes`.
 */
void acre__chunk_edit_in_run(acre__chunk *word, struct acre__run run, unsigned start, unsigned end,
                             unsigned attributes);

/* Pages of a chunk. */
struct acre__span {
  unsigned start, end;
};

/* Makes sure that one acre__chunk_edit_spans of so many spans cannot fail. False: no memory; nothing has changed. */
bool acre__chunk_prepare_spans(acre__chunk *word, unsigned count);

/* Every page of the spans, which are ascending, not empty and do not overlap, gets `attributes`; in one pass. */
void acre__chunk_edit_spans(acre__chunk *word, const struct acre__span *spans, unsigned count, unsigned attributes);

/*
 * The run that starts at `page` (not the first one) starts at `later` from now
 * on, still inside itself; the run before it grows. Cannot fail.
 */
void acre__chunk_shift(acre__chunk *word, unsigned page, unsigned later);

/* Frees the record, if there is one; the chunk is reserved and closed afterwards. */
void acre__chunk_clear(acre__chunk *word);

/* For tests and debug builds: sorted, no equal neighbours, counts and classes that agree. */
bool acre__chunk_is_valid(acre__chunk word);

#endif
