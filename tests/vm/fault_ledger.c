/* SPDX-License-Identifier: MIT */
/*
 * Strict regions with every call to the system failing: a commit that cannot be
 * populated, or anything else on its way, changes nothing, and table, ledger and
 * kernel agree; and the commit limit is met where a request comes back.
 */
#include <sys/mman.h>

#include "os/fault/fault.h"
#include "vm/vm_check.h"

enum { PAGES = 600, MARK = 7, MOST_CALLS = 500 };

static size_t page;

static acre_result commit(char *base, size_t start, size_t end, acre_vm_protection protection) {
  return acre_vm_commit(base + start * page, (end - start) * page, protection);
}

/* ------------------------------------------------------------- scenes */

static void empty(char *base) {
  (void)base;
}

static void frontier(char *base) {
  REQUIRE_OK(commit(base, 0, 300, ACRE_VM_DEFAULT));
}

static void islands(char *base) {
  for (size_t at = 282; at < 360; at += 7) REQUIRE_OK(commit(base, at, at + 1, ACRE_VM_DEFAULT));
}

static void mixed(char *base) {
  islands(base);
  REQUIRE_OK(commit(base, 300, 320, ACRE_VM_READ));
  REQUIRE_OK(commit(base, 325, 330, ACRE_VM_NO_ACCESS));
}

static acre_result one(char *base) {
  return commit(base, 301, 302, ACRE_VM_DEFAULT);
}

static acre_result frontier_on(char *base) {
  return commit(base, 300, 330, ACRE_VM_DEFAULT);
}

static acre_result across(char *base) {
  return commit(base, 200, 530, ACRE_VM_DEFAULT);
}

static acre_result read_only(char *base) {
  return commit(base, 290, 340, ACRE_VM_READ);
}

static acre_result no_access(char *base) {
  return commit(base, 290, 530, ACRE_VM_NO_ACCESS);
}

static acre_result execute_all(char *base) {
  return commit(base, 0, PAGES, ACRE_VM_EXECUTE_READ);
}

static const struct scene {
  const char *name;
  void (*set_up)(char *base);
  acre_result (*act)(char *base);
} scenes[] = {
    {"the first page", empty, one},
    {"a frontier goes on", frontier, frontier_on},
    {"a page among islands", islands, one},
    {"over chunks' edges", islands, across},
    {"over all of it", islands, execute_all},
    {"read-only pages", empty, read_only},
    {"read-only pages beside a frontier", frontier, read_only},
    {"read-only pages over others", mixed, read_only},
    {"pages without access over others", mixed, no_access},
    {"all of it, to be executed", mixed, execute_all},
};

static void complain(const struct scene *scene, const struct acre__fault_plan *plan, const char *what) {
  test_fail(__FILE__, __LINE__, "%s, call %lu fails%s%s: %s", scene->name, plan->call,
            plan->and_later ? " and all later ones" : "", plan->partly ? ", half done" : "", what);
}

static void mark(char *base) {
  for (size_t at = 0; at < PAGES; at++)
    if (query(base + at * page).protection == ACRE_VM_READ_WRITE) base[at * page] = MARK;
}

/* Pages that have memory and are not committed; LOOSE chunks may keep some. */
static bool has_stray_memory(char *base) {
  static unsigned char flags[PAGES];
  REQUIRE(mincore(base, PAGES * page, flags) == 0);
  for (size_t at = 0; at < PAGES; at++)
    if ((flags[at] & 1) != 0 && query(base + at * page).state != ACRE_VM_COMMITTED) return true;
  return false;
}

/* False: no call failed. */
static bool play(const struct scene *scene, const struct acre__fault_plan *plan) {
  static struct picture before, after;
  acre_vm_options options = {.flags = ACRE_VM_STRICT};
  char *base = reserve_with(PAGES, &options);
  scene->set_up(base);
  mark(base);
  take_picture(base, PAGES * page, &before);
  uint64_t charge = acre__ledger_charged();

  acre__fault_begin(plan);
  acre_result result = scene->act(base);
  bool failed = acre__fault_end(NULL);

  CHECK_INDEX();
  CHECK_CHARGE();
  CHECK_AGREES(base);
  if (result != ACRE_OK) {
    if (result != plan->result) complain(scene, plan, acre_result_name(result));
    take_picture(base, PAGES * page, &after);
    if (!same_picture(&before, &after)) complain(scene, plan, "the state has changed");
    if (acre__ledger_charged() != charge) complain(scene, plan, "the charge has changed");
    if (!plan->and_later && has_stray_memory(base)) complain(scene, plan, "memory stays behind");
    if (scene->act(base) != ACRE_OK) complain(scene, plan, "it does not work afterwards");
    CHECK_AGREES(base);
    CHECK_CHARGE();
  }
  CHECK_OK(acre_vm_protect(base + 301 * page, page, ACRE_VM_READ_WRITE, NULL));
  if (base[301 * page] != 0 && base[301 * page] != MARK) complain(scene, plan, "a page holds something else");
  CHECK_OK(acre_vm_release(base));
  CHECK_CHARGE();
  return failed;
}

TEST(strict_commits_with_every_call_failing) {
  page = page_bytes();
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
    for (unsigned mode = 0; mode < 3; mode++) {
      struct acre__fault_plan plan = {.result = ACRE_E_NO_MEMORY, .and_later = mode == 1, .partly = mode == 2};
      for (plan.call = 1; play(&scenes[i], &plan); plan.call++) REQUIRE(plan.call < MOST_CALLS);
    }
}

/* That the loop above reaches what it is for. */
TEST(populating_is_one_of_the_calls) {
  page = page_bytes();
  struct acre__fault_plan plan = {
      .call = 1, .result = ACRE_E_NO_MEMORY, .functions = ACRE_FAULT_MASK(ACRE_FAULT_POPULATE), .partly = true};
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) CHECK(play(&scenes[i], &plan));
}

/* A touch whose commit cannot be populated goes to whoever had the fault before, and commits nothing. */
static char *touched;

static void touch(void *context) {
  acre__fault_begin(context);
  ((volatile char *)touched)[301 * page] = MARK;
}

TEST(a_touch_that_cannot_be_populated) {
  page = page_bytes();
  acre_vm_options options = {.flags = ACRE_VM_STRICT, .touch_step = 16 * page};
  touched = reserve_with(PAGES, &options);
  struct acre__fault_plan plan = {
      .call = 1, .result = ACRE_E_NO_MEMORY, .functions = ACRE_FAULT_MASK(ACRE_FAULT_POPULATE), .and_later = true};
  CHECK(test_in_child(touch, &plan) != 0);
  plan.call = 0;
  CHECK_EQ(test_in_child(touch, &plan), 0);
  CHECK_OK(acre_vm_release(touched));
}

/* The limit is looked at before the system is asked for anything. */
TEST(over_the_limit_the_system_is_not_asked) {
  page = page_bytes();
  char *base = reserve_pages(PAGES);
  CHECK_OK(acre_vm_set_commit_limit(10 * page));
  struct acre__fault_plan plan = {.call = 0};
  struct acre__fault_report report;
  acre__fault_begin(&plan);
  CHECK_RESULT(commit(base, 0, 11, ACRE_VM_DEFAULT), ACRE_E_COMMIT_LIMIT);
  CHECK_RESULT(commit(base, 100, PAGES, ACRE_VM_DEFAULT), ACRE_E_COMMIT_LIMIT);
  acre__fault_end(&report);
  CHECK_EQ(report.calls, 0);
  CHECK_OK(acre_vm_set_commit_limit(0));
  CHECK_OK(acre_vm_release(base));
}
