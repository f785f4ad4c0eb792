/* SPDX-License-Identifier: MIT */
/*
 * Placeholders with every call to the system failing in turn: whatever fails,
 * the reservation is whole, each part is what it was or what it should become,
 * table, ledger and kernel agree, and without failures everything can be joined again.
 */
#include "os/fault/fault.h"
#include "vm/vm_check.h"

enum { UNITS = 8, MOST_CALLS = 200 };

static size_t unit, page;

static acre_result replace(char *base, size_t size, unsigned flags) {
  acre_vm_options options = {.address = base, .flags = ACRE_VM_REPLACE | flags};
  void *out;
  return acre_vm_reserve(size, &options, &out);
}

/* Everything that can be done to a placeholder, up to the first failure. */
static acre_result work(char *base) {
  char *upper = base + 3 * unit;
  acre_result result = acre_vm_split(base, 3 * unit);
  if (result == ACRE_OK) result = replace(base, 3 * unit, ACRE_VM_COMMIT);
  if (result == ACRE_OK) result = replace(upper, 5 * unit, 0);
  for (size_t at = 0; at < 5 * unit && result == ACRE_OK; at += 3 * page)
    result = acre_vm_commit(upper + at, 1, ACRE_VM_DEFAULT);
  if (result == ACRE_OK) result = acre_vm_release_to_placeholder(upper);
  if (result == ACRE_OK) result = acre_vm_release_to_placeholder(base);
  if (result == ACRE_OK) result = acre_vm_join(base, UNITS * unit);
  return result;
}

/* The parts fill the reservation, nobody else's mapping is there, and the charge is their sum. */
static void check_whole(char *base, uint64_t charge) {
  uint64_t committed = 0;
  for (size_t at = 0; at < UNITS * unit;) {
    acre_vm_info info = query(base + at);
    REQUIRE(info.kind == ACRE_VM_KIND_PLACEHOLDER || info.kind == ACRE_VM_KIND_PRIVATE);
    if (info.region_base == base + at) CHECK_AGREES(base + at);
    if (info.kind == ACRE_VM_KIND_PLACEHOLDER) CHECK_EQ(info.state, ACRE_VM_RESERVED);
    if (info.state == ACRE_VM_COMMITTED) committed += info.size;
    at += info.size;
  }
  CHECK_EQ(system_figures().commit_charge, charge + committed);
  for (size_t at = 0; at < UNITS * unit; at += page) CHECK(test_take_memory_at(base + at, page) == NULL);
}

static void bring_back(char *base) {
  for (size_t at = 0; at < UNITS * unit;) {
    acre_vm_info info = query(base + at);
    if (info.kind == ACRE_VM_KIND_PRIVATE) CHECK_OK(acre_vm_release_to_placeholder(base + at));
    at += info.region_size;
  }
  CHECK_OK(acre_vm_join(base, UNITS * unit));
}

/* False: no call failed. */
static bool play(const struct acre__fault_plan *plan) {
  acre_vm_options options = {.flags = ACRE_VM_PLACEHOLDER};
  char *base = reserve_with(UNITS * unit / page, &options);
  acre_system before = system_figures();
  acre__fault_begin(plan);
  acre_result result = work(base);
  bool failed = acre__fault_end(NULL);
  if (result != ACRE_OK) CHECK_RESULT(result, plan->result);
  CHECK(failed || result == ACRE_OK);
  CHECK_INDEX();
  check_whole(base, before.commit_charge);
  bring_back(base);
  CHECK_EQ(system_figures().regions, before.regions);
  CHECK_OK(work(base)); /* and all of it works */
  check_whole(base, before.commit_charge);
  CHECK_OK(acre_vm_release(base));
  return failed;
}

static void play_all(struct acre__fault_plan plan) {
  unit = system_figures().allocation_granularity;
  page = page_bytes();
  for (plan.call = 1; play(&plan); plan.call++) REQUIRE(plan.call < MOST_CALLS);
  CHECK(plan.call > 3); /* a commit and two restored at least */
}

TEST(one_call_fails) {
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY});
  play_all((struct acre__fault_plan){.result = ACRE_E_MAPPING_LIMIT});
}

TEST(one_call_fails_halfway) {
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .partly = true});
}

TEST(all_calls_fail_from_one_on) {
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .and_later = true});
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .and_later = true, .partly = true});
}

/* A commit that fails and cannot be undone either: nothing of it may be found by whoever comes next. */
TEST(what_could_not_be_undone_is_cleaned_up_later) {
  unit = system_figures().allocation_granularity;
  page = page_bytes();
  acre_vm_options options = {.flags = ACRE_VM_PLACEHOLDER};
  char *base = reserve_with(2 * unit / page, &options);
  acre__fault_begin(
      &(struct acre__fault_plan){.call = 1, .result = ACRE_E_NO_MEMORY, .and_later = true, .partly = true});
  CHECK_RESULT(replace(base, 2 * unit, ACRE_VM_COMMIT), ACRE_E_NO_MEMORY);
  CHECK_EQ(query(base).kind, ACRE_VM_KIND_PLACEHOLDER);
  CHECK_RESULT(acre_vm_split(base, unit), ACRE_E_NO_MEMORY); /* not before the leftovers can be taken away */
  acre__fault_end(NULL);
  CHECK(test_can_write(base)); /* the front half that was done: nobody can help it */
  memset(base, 1, page);
  CHECK_OK(acre_vm_split(base, unit));
  CHECK(!test_can_read(base));
  CHECK_OK(replace(base, unit, ACRE_VM_COMMIT));
  CHECK(all_bytes_are(base, unit, 0));
  CHECK_OK(acre_vm_release(base));
  CHECK_OK(acre_vm_release(base + unit));
}
