/* SPDX-License-Identifier: MIT */
/*
 * The table of a region against arrays of attributes. A table of a few chunks
 * is modelled whole; of a large one some windows are, at the edges of its
 * nodes and at its end, and the rest must stay reserved.
 */
#include "vm/table.h"

#include <acre/vm.h>
#include <string.h>

#include "harness.h"
#include "vm/meta.h"

enum { WINDOW = 2048, WINDOWS = 5 };

struct window {
  size_t start, pages;
  uint8_t page[WINDOW];
};

struct model {
  size_t pages;
  unsigned windows;
  struct window window[WINDOWS];
};

static const size_t leaf = (size_t)512 * 512, node = (size_t)512 * 512 * 512;

static unsigned attributes_at(const struct model *model, size_t page) {
  for (unsigned i = 0; i < model->windows; i++) {
    const struct window *window = &model->window[i];
    if (page - window->start < window->pages) return window->page[page - window->start];
  }
  return 0;
}

/* A window that overlaps an earlier one is left out. */
static void add_window(struct model *model, size_t start) {
  if (start >= model->pages) return;
  size_t pages = model->pages - start < WINDOW ? model->pages - start : WINDOW;
  for (unsigned i = 0; i < model->windows; i++)
    if (start < model->window[i].start + model->window[i].pages && model->window[i].start < start + pages) return;
  model->window[model->windows++] = (struct window){.start = start, .pages = pages};
}

static void model_init(struct model *model, size_t pages) {
  memset(model, 0, sizeof *model);
  model->pages = pages;
  add_window(model, 0);
  add_window(model, pages > WINDOW ? pages - WINDOW : 0);
  if (pages > leaf) add_window(model, leaf - WINDOW / 2);
  if (pages > node) add_window(model, node - WINDOW / 2);
  if (pages > 3 * node) add_window(model, 3 * node + 5 * leaf + 77);
}

/* Where the run of equal attributes (of `mask`) from `page` on ends. */
static size_t model_run_end(const struct model *model, size_t page, size_t end, unsigned mask) {
  unsigned attributes = attributes_at(model, page) & mask;
  while (page < end) {
    size_t next = page + 1;
    bool inside = false;
    size_t nearest = end; /* the next window's start */
    for (unsigned i = 0; i < model->windows; i++) {
      const struct window *window = &model->window[i];
      inside |= page - window->start < window->pages;
      if (window->start > page && window->start < nearest) nearest = window->start;
    }
    if (!inside) next = nearest;
    if (next >= end || (attributes_at(model, next) & mask) != attributes) return next < end ? next : end;
    page = next;
  }
  return end;
}

static size_t random_page(const struct model *model) {
  const struct window *window = &model->window[test_random_below(model->windows)];
  size_t page = window->start + (size_t)test_random_below(window->pages + 64);
  return page < model->pages ? page : model->pages - 1;
}

static void compare(const struct acre__table *table, const struct model *model) {
  static const unsigned masks[] = {ACRE_PAGE_BITS, ACRE_PAGE_PROTECTION, ACRE_PAGE_LOCKED};
  REQUIRE(acre__table_is_valid(table));
  for (unsigned i = 0; i < 24; i++) {
    size_t page = random_page(model), end = i % 2 == 0 ? model->pages : page + 1 + (size_t)test_random_below(3000);
    if (end > model->pages) end = model->pages;
    unsigned mask = masks[test_random_below(3)];
    struct acre__page_run run = acre__table_run(table, page, end, mask);
    REQUIRE_EQ(run.start, page);
    REQUIRE_EQ(run.attributes, attributes_at(model, page) & mask);
    REQUIRE_EQ(run.end, model_run_end(model, page, end, mask));
  }
  size_t committed = 0;
  for (unsigned i = 0; i < model->windows; i++)
    for (size_t page = 0; page < model->window[i].pages; page++)
      committed += (model->window[i].page[page] & ACRE_PAGE_PROTECTION) != 0;
  REQUIRE_EQ(acre__table_committed(table, 0, model->pages), committed);
}

/* The changes of protection that the model has between page start - 1 and page end, all chunks being closed. */
static size_t model_boundaries(const struct model *model, size_t start, size_t end) {
  size_t boundaries = 0;
  for (size_t page = start; page <= end; page++) {
    unsigned before = page == 0 ? 0 : attributes_at(model, page - 1) & ACRE_PAGE_PROTECTION;
    unsigned now = page == model->pages ? 0 : attributes_at(model, page) & ACRE_PAGE_PROTECTION;
    boundaries += now != before;
  }
  return boundaries;
}

static void random_edits(size_t pages, unsigned steps) {
  static struct model model;
  struct acre__table table;
  size_t before = acre__meta_bytes();
  model_init(&model, pages);
  acre__table_init(&table, pages);
  REQUIRE_EQ(acre__meta_bytes(), before); /* nothing is taken for a table that nothing was done to */
  compare(&table, &model);
  for (unsigned step = 0; step < steps; step++) {
    struct window *window = &model.window[test_random_below(model.windows)];
    size_t longest = test_random_below(4) == 0 ? window->pages : 40;
    size_t length = 1 + (size_t)test_random_below(longest < window->pages ? longest : window->pages);
    size_t start = (size_t)test_random_below(window->pages - length + 1);
    unsigned keep = test_random_below(3) == 0 ? ACRE_PAGE_LOCKED : 0, set = (unsigned)test_random_below(7);
    REQUIRE(acre__table_prepare(&table, window->start + start, window->start + start + length));
    acre__table_edit(&table, window->start + start, window->start + start + length, keep, set);
    for (size_t i = start; i < start + length; i++) window->page[i] = (uint8_t)((window->page[i] & keep) | set);
    compare(&table, &model);
    size_t from = window->start + (start > 3 ? start - 3 : 0);
    size_t to = window->start + (start + length + 3 < window->pages ? start + length + 3 : window->pages);
    REQUIRE_EQ(acre__table_boundaries(&table, from, to), model_boundaries(&model, from, to));
  }
  acre__table_clear(&table);
  REQUIRE_EQ(acre__meta_bytes(), before);
}

TEST(tables_of_one_chunk) {
  random_edits(1, 20);
  random_edits(16, 100);
  random_edits(511, 300);
  random_edits(512, 300);
}

TEST(tables_of_some_chunks) {
  random_edits(513, 300);
  random_edits(1024, 300);
  random_edits(2047, 300);
}

TEST(tables_of_each_height) {
  random_edits(leaf, 300);
  random_edits(leaf + 1, 300);
  random_edits(leaf * 3 + 1000, 300);
  random_edits(node, 300);
  random_edits(node + 700, 300);
  random_edits((size_t)1 << 34, 300);        /* 64 TiB of 4 KiB pages */
  random_edits(((size_t)1 << 35) - 17, 300); /* all that a program has */
}

TEST(skip_passes_over_what_is_missing) {
  struct acre__table table;
  size_t pages = (size_t)1 << 34;
  acre__table_init(&table, pages);
  CHECK_EQ(acre__table_skip(&table, 0), pages / 512);
  size_t far = node * 7 + leaf * 3 + 512 * 9;
  REQUIRE(acre__table_prepare(&table, far, far + 1));
  size_t at = acre__table_skip(&table, 0);
  CHECK(at <= far / 512 && at > far / 512 - 512); /* the leaf of that chunk */
  CHECK_EQ(acre__table_skip(&table, far / 512), far / 512);
  CHECK_EQ(acre__table_skip(&table, at + 512), pages / 512);
  CHECK_EQ(acre__table_run(&table, 0, pages, ACRE_PAGE_BITS).end, pages);
  acre__table_clear(&table);
}

/* What a system call per region costs must not grow with the address space that it holds. */
TEST(boundaries_of_an_empty_table_are_cheap) {
  struct acre__table table;
  acre__table_init(&table, (size_t)1 << 34);
  for (unsigned i = 0; i < 20000; i++) REQUIRE_EQ(acre__table_boundaries(&table, 0, table.pages), 0);
  acre__table_clear(&table);
}

TEST(what_is_mapped_behind_an_open_chunk) {
  struct acre__table table;
  acre__table_init(&table, 1536);
  REQUIRE(acre__table_prepare(&table, 600, 601));
  acre__table_edit(&table, 600, 601, 0, ACRE_VM_READ);
  CHECK_EQ(acre__table_mapped_as(&table, 600), ACRE_VM_READ);
  CHECK_EQ(acre__table_mapped_as(&table, 601), 0);
  CHECK_EQ(acre__table_boundaries(&table, 0, 1536), 2);
  acre__chunk_open(acre__table_chunk(&table, 1), ACRE_VM_READ);
  CHECK_EQ(acre__table_mapped_as(&table, 601), ACRE_VM_READ);
  CHECK_EQ(acre__table_mapped_as(&table, 511), 0);
  CHECK_EQ(acre__table_boundaries(&table, 0, 1536), 2); /* at the chunk's edges now */
  CHECK_EQ(acre__table_boundaries(&table, 513, 1023), 0);
  acre__table_clear(&table);
}
