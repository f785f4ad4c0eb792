/* SPDX-License-Identifier: MIT */
/*
 * random_check.h - random commits, decommits, protections and locks against a
 * model of one byte array, compared with acre_vm_query run by run and with the
 * kernel page by page: what may be read, what may be written, and what is in it.
 */
#ifndef ACRE_TESTS_VM_RANDOM_CHECK_H
#define ACRE_TESTS_VM_RANDOM_CHECK_H

#include <acre/vm.h>
#include <string.h>

#include "harness.h"
#include "vm/ledger.h"
#include "vm/region.h"
#include "vm/root.h"

enum { PAGES = 3 * 512 + 200, OPERATIONS = 3000, CHECK_EVERY = 150 };

/* What one page should be. */
struct page {
  acre_vm_protection protection; /* ACRE_VM_DEFAULT: reserved */
  unsigned char content;         /* its first byte */
};

struct model {
  struct page pages[PAGES];
  char *base;
  size_t page_size;
  bool reserved_may_be_open; /* coarsened commits leave reserved pages accessible */
};

/* Which regions are tried, and how. */
struct setting {
  const char *options;            /* ACRE_OPTIONS; NULL: as they are */
  const acre_vm_options *region;  /* NULL: private memory */
  void (*check_each)(void);       /* after each operation, and... */
  void (*check_some)(void *base); /* ...after some; each may be NULL */
};

static inline bool may_read(acre_vm_protection protection) {
  return protection == ACRE_VM_READ || protection == ACRE_VM_READ_WRITE || protection == ACRE_VM_EXECUTE_READ ||
         protection == ACRE_VM_EXECUTE_READ_WRITE;
}

static inline bool may_write(acre_vm_protection protection) {
  return protection == ACRE_VM_READ_WRITE || protection == ACRE_VM_EXECUTE_READ_WRITE;
}

static inline void check_table(void) {
  uint64_t committed = 0;
  CHECK(acre__index_is_valid(&acre__root.index));
  struct acre__region *region = acre__index_next(&acre__root.index, 0);
  for (; region != NULL; region = acre__index_next(&acre__root.index, acre__region_base(region))) {
    CHECK(acre__table_is_valid(&region->table));
    committed += acre__table_committed(&region->table, 0, region->table.pages);
  }
  CHECK_EQ(acre__ledger_charged(), committed << acre__root.page_shift);
}

static inline void check_queries(const struct model *model) {
  for (size_t i = 0; i < PAGES;) {
    size_t end = i;
    while (end < PAGES && model->pages[end].protection == model->pages[i].protection) end++;
    acre_vm_info info;
    REQUIRE_OK(acre_vm_query(model->base + i * model->page_size, &info));
    bool committed = model->pages[i].protection != ACRE_VM_DEFAULT;
    CHECK_EQ(info.state, committed ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED);
    if (committed) CHECK_EQ(info.protection, model->pages[i].protection);
    CHECK_EQ(info.size, (end - i) * model->page_size);
    CHECK_EQ((uintptr_t)info.region_base, (uintptr_t)model->base);
    CHECK_EQ(info.region_size, PAGES * model->page_size);
    i = end;
  }
}

static inline void check_kernel(const struct model *model) {
  for (size_t i = 0; i < PAGES; i++) {
    char *address = model->base + i * model->page_size;
    const struct page *page = &model->pages[i];
    if (page->protection == ACRE_VM_DEFAULT) {
      if (!model->reserved_may_be_open) CHECK(!test_can_read(address));
      continue;
    }
    /* Executing alone is readable on processors without protection keys. */
    if (page->protection != ACRE_VM_EXECUTE) CHECK_EQ(test_can_read(address), may_read(page->protection));
    CHECK_EQ(test_can_write(address), may_write(page->protection));
    if (may_read(page->protection)) CHECK_EQ((unsigned char)*address, page->content);
  }
}

static inline void random_range(size_t *start, size_t *end) {
  static const size_t longest[] = {1, 4, 40, 700, PAGES};
  size_t most = longest[test_random_below(5)];
  *start = test_random_below(PAGES);
  *end = *start + 1 + test_random_below(most);
  if (*end > PAGES) *end = PAGES;
}

static inline void random_commit(struct model *model, char *address, size_t start, size_t end) {
  acre_vm_protection protection = ACRE_VM_READ_WRITE;
  if (test_random_below(4) == 0) protection = (acre_vm_protection)(1 + test_random_below(6));
  CHECK_OK(acre_vm_commit(address, (end - start) * model->page_size, protection));
  for (size_t i = start; i < end; i++) {
    if (model->pages[i].protection == ACRE_VM_DEFAULT) model->pages[i].content = 0;
    model->pages[i].protection = protection;
  }
}

static inline void random_decommit(struct model *model, char *address, size_t start, size_t end) {
  CHECK_OK(acre_vm_decommit(address, (end - start) * model->page_size));
  for (size_t i = start; i < end; i++) model->pages[i].protection = ACRE_VM_DEFAULT;
}

/* Several runs, mostly ascending, in one call. */
static inline void random_runs(struct model *model, size_t start) {
  enum { MOST = 200 };
  acre_vm_run runs[MOST];
  size_t firsts[MOST], lasts[MOST], count = 1 + test_random_below(MOST), done = 0, gap = 1 + test_random_below(8);
  bool commits = test_random_below(2) == 0;
  acre_vm_protection protection = test_random_below(4) == 0 ? ACRE_VM_READ : ACRE_VM_READ_WRITE;
  for (size_t i = 0; i < count; i++) {
    if (start >= PAGES || test_random_below(60) == 0) start = test_random_below(PAGES);
    firsts[i] = start;
    lasts[i] = start + (test_random_below(4) == 0 ? test_random_below(6) : 0);
    if (lasts[i] >= PAGES) lasts[i] = PAGES - 1;
    runs[i] = (acre_vm_run){model->base + firsts[i] * model->page_size, (lasts[i] - firsts[i] + 1) * model->page_size};
    start = lasts[i] + 1 + test_random_below(gap);
  }
  if (commits)
    CHECK_OK(acre_vm_commit_runs(runs, count, protection, &done));
  else
    CHECK_OK(acre_vm_decommit_runs(runs, count, &done));
  CHECK_EQ(done, count);
  for (size_t i = 0; i < count; i++) {
    for (size_t at = firsts[i]; at <= lasts[i]; at++) {
      if (commits && model->pages[at].protection == ACRE_VM_DEFAULT) model->pages[at].content = 0;
      model->pages[at].protection = commits ? protection : ACRE_VM_DEFAULT;
    }
  }
}

static inline void random_protect(struct model *model, char *address, size_t start, size_t end) {
  acre_vm_protection protection = (acre_vm_protection)(1 + test_random_below(6)), old = ACRE_VM_DEFAULT;
  acre_result expected = ACRE_OK;
  for (size_t i = start; i < end; i++)
    if (model->pages[i].protection == ACRE_VM_DEFAULT) expected = ACRE_E_NOT_COMMITTED;
  CHECK_RESULT(acre_vm_protect(address, (end - start) * model->page_size, protection, &old), expected);
  if (expected != ACRE_OK) return;
  CHECK_EQ(old, model->pages[start].protection);
  for (size_t i = start; i < end; i++) model->pages[i].protection = protection;
}

static inline void random_write(struct model *model, size_t start, size_t end) {
  for (size_t i = start; i < end; i++) {
    if (!may_write(model->pages[i].protection)) continue;
    model->pages[i].content = (unsigned char)(1 + test_random_below(255));
    model->base[i * model->page_size] = (char)model->pages[i].content;
    model->base[(i + 1) * model->page_size - 1] = (char)model->pages[i].content;
  }
}

static inline void random_lock(struct model *model, char *address, size_t start, size_t end) {
  bool readable = true;
  for (size_t i = start; i < end; i++) readable &= may_read(model->pages[i].protection);
  if (!readable) return;
  if (acre_vm_lock(address, (end - start) * model->page_size) == ACRE_OK && test_random_below(2) == 0)
    CHECK_OK(acre_vm_unlock(address, (end - start) * model->page_size));
}

static inline void run_model(const struct setting *setting) {
  static struct model model;
  if (setting->options != NULL) test_set_environment("ACRE_OPTIONS", setting->options);
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  model.page_size = system.page_size;
  model.reserved_may_be_open = setting->options != NULL && strstr(setting->options, "map_budget") != NULL;
  void *base;
  REQUIRE_OK(acre_vm_reserve(PAGES * system.page_size, setting->region, &base));
  model.base = base;

  for (int i = 1; i <= OPERATIONS; i++) {
    size_t start, end;
    random_range(&start, &end);
    char *address = model.base + start * model.page_size;
    switch (test_random_below(9)) {
      case 0:
      case 1:
      case 2: random_commit(&model, address, start, end); break;
      case 3:
      case 4: random_decommit(&model, address, start, end); break;
      case 5: random_protect(&model, address, start, end); break;
      case 6: random_write(&model, start, end); break;
      case 7: random_runs(&model, start); break;
      default: random_lock(&model, address, start, end < start + 4 ? end : start + 4); break;
    }
    check_table();
    check_queries(&model);
    if (setting->check_each != NULL) setting->check_each();
    if (i % CHECK_EVERY != 0) continue;
    check_kernel(&model);
    if (setting->check_some != NULL) setting->check_some(base);
  }
  REQUIRE_OK(acre_vm_release(model.base));
  CHECK_EQ(acre__root.mappings, 0);
  CHECK_EQ(acre__root.index.count, 0);
}

#endif
