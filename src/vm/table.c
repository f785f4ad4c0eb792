/* SPDX-License-Identifier: MIT */
#include "vm/table.h"

#include "base/compiler.h"
#include "base/math.h"
#include "vm/meta.h"

enum { FAN_SHIFT = 6, FAN = 1 << FAN_SHIFT };

static size_t chunks_of(const struct acre__table *table) {
  return (table->pages + ACRE_CHUNK_PAGES - 1) / ACRE_CHUNK_PAGES;
}

/* Chunks below one entry of a node at `height`. */
static size_t reach(unsigned height) {
  return (size_t)1 << (FAN_SHIFT * (height - 1));
}

/* Entries of a node at `height` whose first chunk is `first`: only the last one of a level is cut short. */
static size_t entries_of(const struct acre__table *table, unsigned height, size_t first) {
  size_t left = (chunks_of(table) - first + reach(height) - 1) / reach(height);
  return acre__min(left, FAN);
}

void acre__table_init(struct acre__table *table, size_t pages) {
  *table = (struct acre__table){.pages = pages};
  if (pages <= ACRE_CHUNK_PAGES) return;
  table->height = 1;
  while (chunks_of(table) > FAN * reach(table->height)) table->height++;
}

static void free_node(const struct acre__table *table, void *node, unsigned height, size_t first) {
  if (node == NULL) return;
  size_t entries = entries_of(table, height, first);
  if (height == 1) {
    for (size_t i = 0; i < entries; i++) acre__chunk_clear((acre__chunk *)node + i);
  } else {
    for (size_t i = 0; i < entries; i++) free_node(table, ((void **)node)[i], height - 1, first + i * reach(height));
  }
  acre__meta_free(node, entries * sizeof(acre__chunk));
}

void acre__table_empty(struct acre__table *table) {
  if (table->height == 0)
    acre__chunk_clear(&table->top.word);
  else
    free_node(table, table->top.node, table->height, 0);
  table->top.word = 0;
}

void acre__table_clear(struct acre__table *table) {
  acre__table_empty(table);
  *table = (struct acre__table){0};
}

acre__chunk *acre__table_chunk(const struct acre__table *table, size_t chunk) {
  if (table->height == 0) return (acre__chunk *)&table->top.word;
  void *node = table->top.node;
  for (unsigned height = table->height; height > 1 && node != NULL; height--)
    node = ((void **)node)[chunk / reach(height) % FAN];
  return node == NULL ? NULL : (acre__chunk *)node + chunk % FAN;
}

acre__chunk acre__table_word(const struct acre__table *table, size_t chunk) {
  const acre__chunk *word = acre__table_chunk(table, chunk);
  return word == NULL ? 0 : *word;
}

size_t acre__table_skip(const struct acre__table *table, size_t chunk) {
  size_t chunks = chunks_of(table);
  while (chunk < chunks && table->height > 0) {
    void *node = table->top.node;
    unsigned height = table->height;
    for (; height > 1 && node != NULL; height--) node = ((void **)node)[chunk / reach(height) % FAN];
    if (node != NULL) return chunk;
    /* Everything below the missing entry, which is one of height + 1, is missing. */
    chunk = height == table->height ? chunks : acre__align_down(chunk, reach(height + 1)) + reach(height + 1);
  }
  return acre__min(chunk, chunks);
}

unsigned acre__table_chunk_pages(const struct acre__table *table, size_t chunk) {
  return (unsigned)acre__min(table->pages - chunk * ACRE_CHUNK_PAGES, ACRE_CHUNK_PAGES);
}

/* Makes the nodes on the way to a chunk. */
static acre__chunk *make_chunk(struct acre__table *table, size_t chunk) {
  if (table->height == 0) return &table->top.word;
  void **link = &table->top.node;
  for (unsigned height = table->height;; height--) {
    if (*link == NULL) {
      size_t first = height == table->height ? 0 : acre__align_down(chunk, reach(height + 1));
      *link = acre__meta_alloc(entries_of(table, height, first) * sizeof(acre__chunk));
      if (*link == NULL) return NULL;
    }
    if (height == 1) return (acre__chunk *)*link + chunk % FAN;
    link = (void **)*link + chunk / reach(height) % FAN;
  }
}

bool acre__table_prepare(struct acre__table *table, size_t start, size_t end) {
  size_t first = start / ACRE_CHUNK_PAGES, last = (end - 1) / ACRE_CHUNK_PAGES;
  for (size_t chunk = first; chunk <= last; chunk++) {
    acre__chunk *word = make_chunk(table, chunk);
    if (word == NULL) return false;
    if ((chunk == first || chunk == last) && !acre__chunk_prepare(word)) return false;
  }
  return true;
}

void acre__table_edit(struct acre__table *table, size_t start, size_t end, unsigned keep, unsigned set) {
  while (start < end) {
    size_t chunk = start / ACRE_CHUNK_PAGES;
    size_t from = start % ACRE_CHUNK_PAGES;
    size_t until = acre__min(end - chunk * ACRE_CHUNK_PAGES, ACRE_CHUNK_PAGES);
    acre__chunk *word = acre__table_chunk(table, chunk);
    if (word != NULL) acre__chunk_edit(word, (unsigned)from, (unsigned)until, keep, set);
    start = chunk * ACRE_CHUNK_PAGES + until;
  }
}

struct acre__page_run acre__table_run(const struct acre__table *table, size_t page, size_t end, unsigned mask) {
  struct acre__page_run out = {.start = page, .end = page};
  ACRE_ASSERT(page < end && end <= table->pages);
  if (table->height == 0 && table->top.word == 0) {
    out.end = end;
    return out;
  }
  do {
    size_t chunk = out.end / ACRE_CHUNK_PAGES, base = chunk * ACRE_CHUNK_PAGES;
    acre__chunk word = acre__table_word(table, chunk);
    if (word == 0) {
      if (out.end == page)
        out.attributes = 0;
      else if (out.attributes != 0)
        break;
      size_t skipped = acre__table_skip(table, chunk);
      out.end = skipped > chunk ? skipped * ACRE_CHUNK_PAGES : base + ACRE_CHUNK_PAGES;
    } else {
      struct acre__run run = acre__chunk_run(word, (unsigned)(out.end % ACRE_CHUNK_PAGES));
      if (out.end == page)
        out.attributes = run.attributes & mask;
      else if (out.attributes != (run.attributes & mask))
        break;
      out.end = base + run.end;
    }
  } while (out.end < end);
  out.end = acre__min(out.end, end);
  return out;
}

size_t acre__table_committed(const struct acre__table *table, size_t start, size_t end) {
  size_t pages = 0;
  while (start < end) {
    struct acre__page_run run = acre__table_run(table, start, end, ACRE_PAGE_PROTECTION);
    if (run.attributes != 0) pages += run.end - run.start;
    start = run.end;
  }
  return pages;
}

unsigned acre__table_mapped_as(const struct acre__table *table, size_t page) {
  acre__chunk word = acre__table_word(table, page / ACRE_CHUNK_PAGES);
  unsigned mapping = acre__table_mapping(table, acre__chunk_run(word, (unsigned)(page % ACRE_CHUNK_PAGES)).attributes);
  return mapping != 0 ? mapping : acre__chunk_base(word);
}

/*
 * acre__table_mapped_as of `page`; *until becomes the page up to which the rest
 * of its chunk is mapped alike, or everything below a missing node.
 */
static unsigned mapped_run(const struct acre__table *table, size_t page, size_t *until) {
  size_t chunk = page / ACRE_CHUNK_PAGES;
  const acre__chunk *word = acre__table_chunk(table, chunk);
  if (word == NULL) {
    *until = acre__table_skip(table, chunk) * ACRE_CHUNK_PAGES;
    return 0;
  }
  struct acre__run run = acre__chunk_run(*word, (unsigned)(page % ACRE_CHUNK_PAGES));
  *until = chunk * ACRE_CHUNK_PAGES + run.end;
  unsigned mapping = acre__table_mapping(table, run.attributes);
  return mapping != 0 ? mapping : acre__chunk_base(*word);
}

/* How the pages on either side of a range are mapped. */
static void mapped_beside(const struct acre__table *table, size_t start, size_t end, unsigned *left, unsigned *right) {
  *left = start == 0 ? 0 : acre__table_mapped_as(table, start - 1);
  *right = end == table->pages ? 0 : acre__table_mapped_as(table, end);
}

static size_t boundaries_between(const struct acre__table *table, size_t start, size_t end, unsigned left,
                                 unsigned right) {
  size_t boundaries = 0;
  for (size_t page = start; page < end;) {
    unsigned now = mapped_run(table, page, &page);
    boundaries += now != left;
    left = now;
  }
  return boundaries + (left != right);
}

size_t acre__table_boundaries(const struct acre__table *table, size_t start, size_t end) {
  unsigned left, right;
  mapped_beside(table, start, end, &left, &right);
  return boundaries_between(table, start, end, left, right);
}

intptr_t acre__table_boundaries_gained(const struct acre__table *table, size_t start, size_t end, unsigned mapped_as) {
  unsigned left, right;
  mapped_beside(table, start, end, &left, &right);
  return (intptr_t)(left != mapped_as) + (right != mapped_as) -
         (intptr_t)boundaries_between(table, start, end, left, right);
}

bool acre__table_is_valid(const struct acre__table *table) {
  size_t chunks = chunks_of(table);
  for (size_t chunk = acre__table_skip(table, 0); chunk < chunks; chunk = acre__table_skip(table, chunk + 1)) {
    acre__chunk word = acre__table_word(table, chunk);
    if (!acre__chunk_is_valid(word)) return false;
    unsigned pages = acre__table_chunk_pages(table, chunk);
    if (pages < ACRE_CHUNK_PAGES) {
      struct acre__run last = acre__chunk_run(word, pages);
      if (last.attributes != 0 || last.end != ACRE_CHUNK_PAGES) return false;
    }
  }
  return true;
}
