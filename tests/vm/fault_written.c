/* SPDX-License-Identifier: MIT */
/*
 * Tracked regions with every call to the system failing, as fault_vm.c does it.
 *
 * A scene is a region of which some pages were written, and one operation. Which
 * pages are to be reported is known. Whatever fails, each of them is reported by
 * the operation or by the report after it, their content is there, the table and
 * the kernel agree, and from then on reports are exact again.
 */
#include <unistd.h>

#include "os/fault/fault.h"
#include "vm/vm_check.h"

enum { PAGES = 700, MOST_CALLS = 2000 };

static size_t page;
static bool committed[PAGES], expected[PAGES], reported[PAGES];
static unsigned char mark[PAGES]; /* each page's first byte */

static bool by_fault(void) {
  return system_figures().written_way == ACRE_WRITTEN_BY_FAULT;
}

static char *tracked(void) {
  acre_vm_options options = {.flags = ACRE_VM_TRACK_WRITES};
  if (page == 0) page = page_bytes();
  return reserve_with(PAGES, &options);
}

static acre_result commit(char *base, size_t start, size_t end) {
  acre_result result = acre_vm_commit(base + start * page, (end - start) * page, ACRE_VM_DEFAULT);
  if (result == ACRE_OK) memset(committed + start, 1, end - start);
  return result;
}

static void write_pages(char *base, size_t start, size_t end, size_t stride) {
  for (size_t at = start; at < end; at += stride) {
    if (!committed[at]) continue;
    base[at * page] = (char)++mark[at];
    expected[at] = true;
  }
}

/* ------------------------------------------------------------- states */

static void frontier(char *base) {
  REQUIRE_OK(commit(base, 0, 300));
}

static void islands(char *base) {
  for (size_t at = 3; at < 600; at += 9) REQUIRE_OK(commit(base, at, at + 1));
}

static void some_of_all(char *base) {
  islands(base);
  REQUIRE_OK(commit(base, 200, 400));
  REQUIRE_OK(commit(base, 670, PAGES));
}

static void whole(char *base) {
  REQUIRE_OK(commit(base, 0, PAGES));
}

/* ------------------------------------------------------------- operations */

/* Reports with a reset; what is reported is noted. */
static acre_result report(char *base, size_t room) {
  static acre_vm_run runs[PAGES];
  size_t count = room;
  acre_result result = acre_vm_written(base, PAGES * page, ACRE_VM_WRITTEN_RESET, runs, &count);
  if (result != ACRE_OK && result != ACRE_E_MORE) {
    CHECK_EQ(count, 0);
    return result;
  }
  for (size_t i = 0; i < count; i++) {
    size_t first = (size_t)((char *)runs[i].address - base) / page;
    for (size_t at = first; at < first + runs[i].size / page; at++) reported[at] = true;
  }
  return ACRE_OK;
}

static acre_result report_all(char *base) {
  return report(base, PAGES);
}

static acre_result report_some(char *base) {
  return report(base, 30);
}

static acre_result look(char *base) {
  static void *pages[PAGES];
  size_t count = PAGES;
  return acre_vm_written_pages(base, PAGES * page, 0, pages, &count);
}

static acre_result reset_end(char *base) {
  acre_result result = acre_vm_reset_written(base + 690 * page, 10 * page);
  if (result == ACRE_OK) memset(expected + 690, 0, 10);
  return result;
}

static acre_result prepare(char *base) {
  return acre_vm_written_prepare(base + 250 * page, 40 * page);
}

static acre_result populate(char *base) {
  return acre_vm_populate(base + 250 * page, 40 * page);
}

static acre_result lock_some(char *base) {
  acre_result result = acre_vm_lock(base + 250 * page, 40 * page);
  return result == ACRE_E_LOCK_LIMIT ? ACRE_OK : result;
}

static acre_result commit_over(char *base) {
  return commit(base, 150, 560);
}

static acre_result commit_one(char *base) {
  return commit(base, 640, 641);
}

static acre_result protect_there_and_back(char *base) {
  acre_result result = acre_vm_protect(base + 240 * page, 50 * page, ACRE_VM_READ, NULL);
  if (result == ACRE_OK) result = acre_vm_protect(base + 240 * page, 50 * page, ACRE_VM_READ_WRITE, NULL);
  return result;
}

/* A part may be done; what is reserved is not reported, and what is not may have lost its content. */
static acre_result decommit(char *base, size_t start, size_t end) {
  acre_result result = acre_vm_decommit(base + start * page, (end - start) * page);
  for (size_t at = start; at < end; at++) {
    committed[at] = query(base + at * page).state == ACRE_VM_COMMITTED;
    expected[at] = false;
    mark[at] = committed[at] ? (unsigned char)base[at * page] : 0;
  }
  return result;
}

static acre_result decommit_middle(char *base) {
  return decommit(base, 255, 555);
}

static acre_result decommit_some(char *base) {
  return decommit(base, 260, 267);
}

static const struct scene {
  const char *name;
  void (*set_up)(char *base);
  acre_result (*act)(char *base);
} scenes[] = {
    {"a report of a frontier", frontier, report_all},
    {"a report of islands", islands, report_all},
    {"a report of all sorts", some_of_all, report_all},
    {"a report with little room", some_of_all, report_some},
    {"a look at islands", islands, look},
    {"a look at everything", whole, look},
    {"a reset", whole, reset_end},
    {"preparing", frontier, prepare},
    {"populating", frontier, populate},
    {"locking", frontier, lock_some},
    {"a commit over written pages", some_of_all, commit_over},
    {"a commit over islands", islands, commit_over},
    {"a commit of one", some_of_all, commit_one},
    {"a change of protection", frontier, protect_there_and_back},
    {"a decommit", whole, decommit_middle},
    {"a decommit of islands", islands, decommit_middle},
    {"a decommit of a few", some_of_all, decommit_some},
};

/* ------------------------------------------------------------- playing */

struct attempt {
  const struct scene *scene;
  struct acre__fault_plan plan;
};

static void complain(const struct attempt *attempt, const char *what, size_t at) {
  test_fail(__FILE__, __LINE__, "%s, call %lu fails%s%s with %s: %s %zu", attempt->scene->name, attempt->plan.call,
            attempt->plan.and_later ? " and all later ones" : "", attempt->plan.partly ? ", half done," : "",
            acre_result_name(attempt->plan.result), what, at);
}

static void check_exact(const struct attempt *attempt, char *base) {
  memset(expected, 0, sizeof expected);
  memset(reported, 0, sizeof reported);
  write_pages(base, 1, PAGES, 41);
  CHECK_OK(report_all(base));
  for (size_t at = 0; at < PAGES; at++)
    if (reported[at] != expected[at]) complain(attempt, "not exact any more: page", at);
}

static void set_up(const struct scene *scene, char *base) {
  memset(committed, 0, sizeof committed);
  memset(expected, 0, sizeof expected);
  memset(mark, 0, sizeof mark);
  scene->set_up(base);
  write_pages(base, 0, PAGES, 2);
  REQUIRE_OK(report_all(base));
  memset(expected, 0, sizeof expected);
  memset(reported, 0, sizeof reported);
  write_pages(base, 0, PAGES, 3);
}

/* False: no call failed, so that all were tried. */
static bool play(const struct attempt *attempt) {
  const struct scene *scene = attempt->scene;
  char *base = tracked();
  set_up(scene, base);
  acre__fault_begin(&attempt->plan);
  acre_result result = scene->act(base);
  bool failed = acre__fault_end(NULL);
  if (result != ACRE_OK && result != attempt->plan.result) complain(attempt, acre_result_name(result), 0);
  if (scene->act == protect_there_and_back) CHECK_OK(protect_there_and_back(base)); /* it may be half way */

  for (unsigned i = 0; i < PAGES / 30 + 2; i++) CHECK_OK(report_some(base)); /* more than once, for what came late */
  for (size_t at = 0; at < PAGES; at++) {
    if (expected[at] && !reported[at]) complain(attempt, "a write was lost: page", at);
    if (!failed && scene->act != prepare && scene->act != populate && scene->act != lock_some && reported[at] &&
        !expected[at] && committed[at] && scene->act != reset_end)
      complain(attempt, "not written, and reported: page", at);
    if (committed[at] && (unsigned char)base[at * page] != mark[at]) complain(attempt, "content is lost: page", at);
  }
  check_exact(attempt, base);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_decommit(base, PAGES * page));
  CHECK_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
  memset(committed, 1, sizeof committed);
  CHECK_OK(look(base));
  check_exact(attempt, base);
  CHECK(all_bytes_are(base + 2 * page, page, 0));
  CHECK_OK(acre_vm_release(base));
  return failed;
}

static void play_all(struct acre__fault_plan plan) {
  static size_t turn;
  size_t stride = SANITIZED ? 4 : 1;
  for (size_t i = turn++ % stride; i < sizeof scenes / sizeof *scenes; i += stride) {
    struct attempt attempt = {&scenes[i], plan};
    for (attempt.plan.call = 1; play(&attempt); attempt.plan.call += 1 + attempt.plan.call / 8)
      REQUIRE(attempt.plan.call < MOST_CALLS);
  }
}

TEST(one_call_fails) {
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY});
  play_all((struct acre__fault_plan){.result = ACRE_E_MAPPING_LIMIT});
  play_all((struct acre__fault_plan){.result = ACRE_E_NOT_SUPPORTED});
}

TEST(one_call_fails_halfway) {
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .partly = true});
  play_all((struct acre__fault_plan){.result = ACRE_E_NOT_SUPPORTED, .partly = true});
}

TEST(all_calls_fail_from_one_on) {
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .and_later = true});
}

/* ------------------------------------------------------------- reserving */

TEST(reserving_and_the_first_report) {
  acre_vm_options options = {.flags = ACRE_VM_TRACK_WRITES | ACRE_VM_COMMIT};
  page = page_bytes();
  size_t regions = system_figures().regions;
  bool failed = true;
  for (unsigned long call = 1; failed; call++) {
    struct acre__fault_plan plan = {.call = call, .result = ACRE_E_NO_MEMORY};
    void *base = &plan;
    acre__fault_begin(&plan);
    acre_result result = acre_vm_reserve(64 * page, &options, &base);
    failed = acre__fault_end(NULL);
    if (result != ACRE_OK) {
      CHECK_RESULT(result, ACRE_E_NO_MEMORY);
      CHECK(base == NULL);
      CHECK_EQ(system_figures().regions, regions);
      continue;
    }
    size_t count = 0;
    *((char *)base + 5 * page) = 1;
    CHECK_RESULT(acre_vm_written(base, 64 * page, 0, NULL, &count), ACRE_E_MORE);
    CHECK_OK(acre_vm_written(base, 5 * page, 0, NULL, &count));
    CHECK_OK(acre_vm_release(base));
  }
}

TEST(replacing_a_placeholder) {
  acre_vm_options placeholder = {.flags = ACRE_VM_PLACEHOLDER};
  size_t size = system_figures().allocation_granularity;
  page = page_bytes();
  char *base = reserve_with(size / page, &placeholder);
  acre_vm_options options = {.address = base, .flags = ACRE_VM_REPLACE | ACRE_VM_TRACK_WRITES | ACRE_VM_COMMIT};
  bool failed = true;
  for (unsigned long call = 1; failed; call++) {
    struct acre__fault_plan plan = {.call = call, .result = ACRE_E_NO_MEMORY};
    void *out;
    size_t count = 0;
    acre__fault_begin(&plan);
    acre_result result = acre_vm_reserve(size, &options, &out);
    failed = acre__fault_end(NULL);
    if (result != ACRE_OK) {
      CHECK_RESULT(result, ACRE_E_NO_MEMORY);
      CHECK(query(base).kind == ACRE_VM_KIND_PLACEHOLDER);
      CHECK_RESULT(acre_vm_written(base, page, 0, NULL, &count), ACRE_E_WRONG_KIND);
      continue;
    }
    base[5 * page] = 1;
    CHECK_OK(acre_vm_written(base, 5 * page, 0, NULL, &count));
    CHECK_RESULT(acre_vm_written(base + 5 * page, page, 0, NULL, &count), ACRE_E_MORE);
    CHECK_OK(acre_vm_release_to_placeholder(base));
  }
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- the first write, by faults */

/* Where a single page cannot be opened, its 64 KiB are, and count as written. */
TEST(a_first_write_where_no_mapping_is_left) {
  if (!by_fault()) test_skip("the kernel notes writes here, and needs no mappings for it");
  struct acre__fault_plan plan = {
      .call = 1, .result = ACRE_E_MAPPING_LIMIT, .functions = ACRE_FAULT_MASK(ACRE_FAULT_PROTECT)};
  char *base = tracked();
  acre_vm_run run;
  size_t count = 1;
  REQUIRE_OK(commit(base, 0, PAGES));
  acre__fault_begin(&plan);
  base[600 * page] = 1;
  CHECK(acre__fault_end(NULL));
  CHECK_OK(acre_vm_written(base, PAGES * page, ACRE_VM_WRITTEN_RESET, &run, &count));
  CHECK_EQ(count, 1);
  CHECK_EQ(run.size, system_figures().allocation_granularity);
  CHECK((char *)run.address <= base + 600 * page && (char *)run.address + run.size > base + 600 * page);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- fork */

static void report_in_child(void *context) {
  char *base = context;
  acre_vm_run run;
  size_t count = 1;
  struct acre__fault_plan plan = {
      .call = 1, .result = ACRE_E_TOO_MANY_FILES, .and_later = true, .functions = ACRE_FAULT_MASK(ACRE_FAULT_TRACK)};
  acre__fault_begin(&plan);
  acre_result result = acre_vm_written(base, PAGES * page, ACRE_VM_WRITTEN_RESET, &run, &count);
  bool failed = acre__fault_end(NULL);
  CHECK_EQ(failed, !by_fault());
  CHECK_RESULT(result, failed ? ACRE_E_TOO_MANY_FILES : ACRE_OK);
  if (failed) {
    CHECK_EQ(count, 0);
    count = 1;
    CHECK_OK(acre_vm_written(base, PAGES * page, ACRE_VM_WRITTEN_RESET, &run, &count));
    CHECK_EQ(count, 1);
    CHECK(run.address == base + 10 * page && run.size == 10 * page);
  }
  base[11 * page] = 1;
  count = 1;
  CHECK_OK(acre_vm_written(base, PAGES * page, ACRE_VM_WRITTEN_RESET, &run, &count));
  CHECK_EQ(count, 1);
  CHECK(run.address == base + 11 * page && run.size == page);
}

TEST(a_child_that_gets_no_descriptors) {
  char *base = tracked();
  REQUIRE_OK(commit(base, 0, 40));
  memset(base + 10 * page, 1, 10 * page);
  CHECK_OK(acre_vm_reset_written(base, PAGES * page));
  CHECK_EQ(test_in_child(report_in_child, base), 0);
  CHECK_OK(acre_vm_release(base));
}
