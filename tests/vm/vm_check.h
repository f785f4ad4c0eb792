/* SPDX-License-Identifier: MIT */
/*
 * What the tests of src/vm share: figures, queries, pictures of the state of a
 * range, and the comparison of Acre's table with what the kernel does.
 */
#ifndef ACRE_TESTS_VM_CHECK_H
#define ACRE_TESTS_VM_CHECK_H

#include <acre/vm.h>
#include <string.h>

#include "base/compiler.h"
#include "harness.h"
#include "vm/ledger.h"
#include "vm/protection.h"
#include "vm/region.h"
#include "vm/root.h"

/* With a sanitizer memory, address space and mappings are not the program's alone, and everything is slow. */
enum { SANITIZED = ACRE_SANITIZED };

static inline acre_system system_figures(void) {
  acre_system system;
  memset(&system, 0, sizeof system);
  CHECK_OK(acre_system_info(&system));
  return system;
}

static inline size_t page_bytes(void) {
  return system_figures().page_size;
}

static inline acre_vm_info query(const void *address) {
  acre_vm_info info;
  memset(&info, 0, sizeof info);
  CHECK_OK(acre_vm_query(address, &info));
  return info;
}

/* A region of `pages` pages; reserve_with takes options. */
static inline char *reserve_with(size_t pages, const acre_vm_options *options) {
  void *base = NULL;
  REQUIRE_OK(acre_vm_reserve(pages * page_bytes(), options, &base));
  return base;
}

static inline char *reserve_pages(size_t pages) {
  return reserve_with(pages, NULL);
}

/* The first byte is, and each one is as the one before it. */
static inline bool all_bytes_are(const void *address, size_t size, unsigned char value) {
  const unsigned char *bytes = address;
  return size == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* ------------------------------------------------------------- pictures */

enum { PICTURE_RUNS = 256 };

/* The runs of [base, base + size), as acre_vm_query tells them. */
struct picture {
  unsigned count;
  acre_vm_info runs[PICTURE_RUNS];
};

static inline void take_picture(const void *base, size_t size, struct picture *out) {
  const char *at = base, *end = at + size;
  memset(out, 0, sizeof *out);
  while (at < end && out->count < PICTURE_RUNS) {
    acre_vm_info info = query(at);
    REQUIRE(info.size != 0);
    /* Copied field by field, so that memcmp may compare: padding stays zero. */
    acre_vm_info *run = &out->runs[out->count++];
    run->base = info.base;
    run->size = info.size;
    run->state = info.state;
    run->protection = info.protection;
    run->kind = info.kind;
    run->region_base = info.region_base;
    run->region_size = info.region_size;
    run->region_protection = info.region_protection;
    run->large_pages = info.large_pages;
    run->node = info.node;
    at = (const char *)info.base + info.size;
  }
  REQUIRE(at >= end);
}

static inline bool same_picture(const struct picture *a, const struct picture *b) {
  return a->count == b->count && memcmp(a->runs, b->runs, a->count * sizeof *a->runs) == 0;
}

/* ------------------------------------------------------------- table and kernel */

/* A page that was written may be mapped without write access (see acre__written_note), one that was not never with it. */
static inline bool access_agrees(const struct acre__table *table, unsigned attributes, bool loose, bool can_read,
                                 bool can_write) {
  unsigned mapping = acre__table_mapping(table, attributes);
  if (mapping == 0) return loose || (!can_read && !can_write);
  bool reads = acre__protection_reads(mapping), writes = acre__protection_writes(mapping);
  if (mapping == ACRE_VM_EXECUTE) reads = can_read; /* the processor decides */
  if (table->shut && writes) writes = can_write;
  return can_read == reads && can_write == writes;
}

/* Whether the table says that the page can be written at once, without that anything follows from it. */
static inline bool is_plainly_writable(const struct acre__table *table, unsigned attributes, bool loose) {
  unsigned mapping = acre__table_mapping(table, attributes);
  return mapping != 0 && !loose && !table->shut && acre__protection_reads(mapping) && acre__protection_writes(mapping);
}

/*
 * Marks the pages that the table says can be written, if the system says so of all of them: asked
 * one by one, they are most of the system calls of the tests that look at whole regions again and again.
 */
enum { TOGETHER_MOST = 4096 };

static inline void mark_writable(const struct acre__region *region, bool *marked) {
  static void *addresses[TOGETHER_MOST];
  const struct acre__table *table = &region->table;
  size_t count = 0, pages = table->pages < TOGETHER_MOST ? table->pages : TOGETHER_MOST;
  memset(marked, 0, TOGETHER_MOST);
  for (size_t page = 0; page < pages; page++) {
    acre__chunk word = acre__table_word(table, page / ACRE_CHUNK_PAGES);
    unsigned attributes = acre__chunk_run(word, (unsigned)(page % ACRE_CHUNK_PAGES)).attributes;
    marked[page] = is_plainly_writable(table, attributes, acre__chunk_is_loose(word));
    if (marked[page]) addresses[count++] = acre__region_address(region, page);
  }
  if (!test_can_write_each(addresses, count)) memset(marked, 0, TOGETHER_MOST);
}

/* Notes a failure for the first page of the region on which table and kernel differ, or if the table is not valid. */
static inline void check_agrees(const char *file, int line, void *base) {
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  if (region == NULL) {
    test_fail(file, line, "%p is not in a region", base);
    return;
  }
  const struct acre__table *table = &region->table;
  if (!acre__table_is_valid(table)) test_fail(file, line, "the table is not valid");
  bool fine[TOGETHER_MOST];
  mark_writable(region, fine);
  for (size_t page = 0; page < table->pages; page++) {
    if (page < TOGETHER_MOST && fine[page]) continue;
    acre__chunk word = acre__table_word(table, page / ACRE_CHUNK_PAGES);
    unsigned attributes = acre__chunk_run(word, (unsigned)(page % ACRE_CHUNK_PAGES)).attributes;
    void *address = acre__region_address(region, page);
    enum test_access access = test_access(address);
    bool can_read = access != TEST_NO_ACCESS, can_write = access == TEST_WRITABLE;
    if (access_agrees(table, attributes, acre__chunk_is_loose(word), can_read, can_write)) continue;
    test_fail(file, line, "page %zu has attributes 0x%x in the table; it can%s be read and can%s be written", page,
              attributes, can_read ? "" : "not", can_write ? "" : "not");
    break;
  }
  acre__region_unlock(region);
}

#define CHECK_AGREES(base) check_agrees(__FILE__, __LINE__, base)

static inline void check_index(const char *file, int line) {
  acre__lock(&acre__root.index.lock);
  if (!acre__index_is_valid(&acre__root.index)) test_fail(file, line, "the index is not valid");
  acre__unlock(&acre__root.index.lock);
}

#define CHECK_INDEX() check_index(__FILE__, __LINE__)

/* Bytes that are committed by the tables of the regions that are charged. While nobody else is at work. */
static inline uint64_t committed_by_tables(void) {
  struct acre__index *index = &acre__root.index;
  uint64_t pages = 0;
  acre__lock(&index->lock);
  for (struct acre__region *region = acre__index_next(index, 0); region != NULL;
       region = acre__index_next(index, acre__region_base(region)))
    if (region->charged) pages += acre__table_committed(&region->table, 0, region->table.pages);
  acre__unlock(&index->lock);
  return pages << acre__root.page_shift;
}

#define CHECK_CHARGE() CHECK_EQ(acre__ledger_charged(), committed_by_tables())

#endif
