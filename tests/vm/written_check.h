/* SPDX-License-Identifier: MIT */
/* written_check.h - regions whose written pages are tracked, and reports of them as text. */
#ifndef ACRE_TESTS_VM_WRITTEN_CHECK_H
#define ACRE_TESTS_VM_WRITTEN_CHECK_H

#include "vm/vm_check.h"

enum { PAGES = 1600, MOST = 2048 };

static size_t page;

static inline char *tracked_with(size_t pages, acre_vm_options options) {
  page = page_bytes();
  options.flags |= ACRE_VM_TRACK_WRITES;
  return reserve_with(pages, &options);
}

static inline char *tracked(size_t pages) {
  return tracked_with(pages, (acre_vm_options){0});
}

static inline void commit(char *base, size_t start, size_t end) {
  REQUIRE_OK(acre_vm_commit(base + start * page, (end - start) * page, ACRE_VM_DEFAULT));
}

static inline void decommit(char *base, size_t start, size_t end) {
  REQUIRE_OK(acre_vm_decommit(base + start * page, (end - start) * page));
}

static inline void write_page(char *base, size_t at) {
  ++*(volatile char *)(base + at * page + at % 64);
}

/* Looking whether a page can be written writes it. */
static inline void check_agrees_and_reset(int line, char *base) {
  check_agrees(__FILE__, line, base);
  CHECK_OK(acre_vm_reset_written(base, query(base).region_size));
}

#define CHECK_AGREES_AND_RESET(base) check_agrees_and_reset(__LINE__, base)

static inline bool by_fault(void) {
  return system_figures().written_way == ACRE_WRITTEN_BY_FAULT;
}

/* The pages of [start, end) that are reported, as "3 7-9 12" counts them, both faces agreeing. */
static inline const char *report(char *base, size_t start, size_t end, unsigned flags) {
  static char text[8192];
  static acre_vm_run runs[MOST];
  static void *pages[MOST];
  size_t count = MOST, page_count = MOST, length = 0, expected = 0;
  REQUIRE_OK(acre_vm_written_pages(base + start * page, (end - start) * page, 0, pages, &page_count));
  REQUIRE_OK(acre_vm_written(base + start * page, (end - start) * page, flags, runs, &count));
  text[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    size_t first = (size_t)((char *)runs[i].address - base) / page, last = first + runs[i].size / page - 1;
    length += (size_t)snprintf(text + length, sizeof text - length, first == last ? "%s%zu" : "%s%zu-%zu",
                               i == 0 ? "" : " ", first, last);
    REQUIRE(length < sizeof text);
    for (size_t at = first; at <= last; at++)
      if (expected < page_count) CHECK(pages[expected++] == base + at * page);
  }
  CHECK_EQ(expected, page_count);
  return text;
}

static inline void check_report(int line, char *base, size_t pages, unsigned flags, const char *expected) {
  const char *text = report(base, 0, pages, flags);
  if (strcmp(text, expected) != 0) test_fail(__FILE__, line, "reported: '%s', expected: '%s'", text, expected);
}

#define CHECK_WRITTEN(base, pages, expected) check_report(__LINE__, base, pages, 0, expected)
#define CHECK_AND_RESET(base, pages, expected) check_report(__LINE__, base, pages, ACRE_VM_WRITTEN_RESET, expected)

#endif
