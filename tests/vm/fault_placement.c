/* SPDX-License-Identifier: MIT */
/*
 * Regions with wishes, every call to the system failing in turn: what was
 * refused is told, nothing changes where that is promised, and table, ledger and kernel agree.
 */
#include "os/fault/fault.h"
#include "os/large_pool.h"
#include "vm/vm_check.h"

enum { UNITS = 3, MOST_CALLS = 300 };

static size_t large;

/* Everything, up to the first failure. *out: the region, if there is one. */
static acre_result work(unsigned flags, char **out) {
  acre_vm_options options = {.flags = ACRE_VM_LARGE_PAGES | flags, .node = 1};
  void *reserved = NULL;
  acre_result result = acre_vm_reserve(UNITS * large, &options, &reserved);
  char *base = *out = reserved;
  if (result == ACRE_OK) result = acre_vm_commit(base + large, 2 * large, ACRE_VM_DEFAULT);
  if (result != ACRE_OK) return result;
  memset(base + large, 1, large);
  result = acre_vm_commit(base, 2 * large, ACRE_VM_DEFAULT);
  if (result == ACRE_OK) result = acre_vm_protect(base, UNITS * large, ACRE_VM_READ, NULL);
  if (result == ACRE_OK) result = acre_vm_commit(base, UNITS * large, ACRE_VM_READ_WRITE);
  CHECK(all_bytes_are(base + large, large, 1));
  if (result == ACRE_OK) result = acre_vm_decommit(base, large);
  if (result == ACRE_OK) result = acre_vm_decommit(base + 2 * large, large);
  if (result == ACRE_OK && query(base).large_pages != ACRE_VM_LARGE_PAGES_EXPLICIT) {
    result = acre_vm_cool(base + large, large);
    if (result == ACRE_OK) result = acre_vm_page_out(base + large, large);
    if (result == ACRE_OK) result = acre_vm_discard(base + large, large);
  }
  return result;
}

static bool play(const struct acre__fault_plan *plan, unsigned flags) {
  acre_system before = system_figures();
  char *base;
  acre__fault_begin(plan);
  acre_result result = work(flags, &base);
  bool failed = acre__fault_end(NULL);
  if (result != ACRE_OK) CHECK_RESULT(result, plan->result);
  CHECK(failed || result == ACRE_OK);
  if (base != NULL) {
    uint64_t committed = 0;
    for (size_t at = 0; at < UNITS * large;) {
      acre_vm_info info = query(base + at);
      if (info.state == ACRE_VM_COMMITTED) committed += info.size;
      at += info.size;
    }
    CHECK_EQ(system_figures().commit_charge, before.commit_charge + committed);
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_commit(base, UNITS * large, ACRE_VM_READ_WRITE));
    memset(base, 2, UNITS * large);
    CHECK_OK(acre_vm_release(base));
  }
  acre_system after = system_figures();
  CHECK_EQ(after.commit_charge, before.commit_charge);
  if (!acre__root.options.large_by_advice) CHECK_EQ(after.large_pages_free, before.large_pages_free);
  /* What cannot be released by anybody stays. */
  if (!plan->and_later) CHECK_EQ(after.regions, before.regions);
  CHECK_INDEX();
  return failed;
}

static void play_all(struct acre__fault_plan plan) {
  for (unsigned i = 0; i < 2; i++) {
    for (plan.call = 1; play(&plan, i * ACRE_VM_COMMIT); plan.call++) REQUIRE(plan.call < MOST_CALLS);
    CHECK(plan.call > 5);
  }
}

static void play_plans(void) {
  unsigned nodes = acre__root_system()->nodes;
  if (nodes == 1) acre__root.system.nodes = 2;
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY});
  play_all((struct acre__fault_plan){.result = ACRE_E_NOT_SUPPORTED});
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .partly = true});
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .and_later = true});
  acre__root.system.nodes = nodes;
}

TEST(with_transparent_large_pages) {
  large = system_figures().large_page_size;
  if (large == 0) test_skip("this system has no large pages");
  bool before = acre__root.options.large_by_advice;
  acre__root.options.large_by_advice = true;
  play_plans();
  acre__root.options.large_by_advice = before;
}

TEST(with_explicit_large_pages) {
  large = system_figures().large_page_size;
  if (acre__root.options.large_by_advice) test_skip("large=transparent");
  large_pool_take(2 * UNITS);
  play_plans();
  large_pool_restore();
}

/* The pool goes to somebody else between the look and the commit: other pages are taken, and it is told. */
TEST(a_commit_at_reserve_takes_other_pages) {
  large = system_figures().large_page_size;
  if (acre__root.options.large_by_advice) test_skip("large=transparent");
  large_pool_take(UNITS);
  acre_vm_options options = {.flags = ACRE_VM_LARGE_PAGES | ACRE_VM_COMMIT};
  void *base;
  uint64_t mask = ACRE_FAULT_MASK(ACRE_FAULT_COMMIT_LARGE);
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_NO_MEMORY, .functions = mask});
  CHECK_OK(acre_vm_reserve(UNITS * large, &options, &base));
  CHECK(acre__fault_end(NULL));
  CHECK_EQ(query(base).large_pages,
           system_figures().transparent_large_pages ? ACRE_VM_LARGE_PAGES_TRANSPARENT : ACRE_VM_LARGE_PAGES_NONE);
  CHECK_EQ(query(base).size, UNITS * large);
  memset(base, 1, UNITS * large);
  CHECK_OK(acre_vm_release(base));
  large_pool_restore();
}

TEST(collapse_tells_why_not) {
  large = system_figures().large_page_size;
  if (!system_figures().collapse) test_skip("nothing can be collapsed here");
  acre_vm_options options = {.alignment = large, .flags = ACRE_VM_COMMIT};
  char *base = reserve_with(2 * large / page_bytes(), &options);
  memset(base, 1, 2 * large);
  uint64_t mask = ACRE_FAULT_MASK(ACRE_FAULT_COLLAPSE);
  for (unsigned long call = 1; call <= 2; call++) {
    acre__fault_begin(&(struct acre__fault_plan){.call = call, .result = ACRE_E_BUSY, .functions = mask});
    acre_result result = acre_vm_collapse(base, 2 * large);
    CHECK(acre__fault_end(NULL));
    if (result != ACRE_E_NO_MEMORY) CHECK_RESULT(result, ACRE_E_BUSY);
    CHECK(all_bytes_are(base, 2 * large, 1));
  }
  CHECK_OK(acre_vm_release(base));
}
