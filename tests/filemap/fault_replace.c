/* SPDX-License-Identifier: MIT */
/* Memory mapped twice through placeholders, with every call to the system failing in turn: nothing is lost or left. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include "os/fault/fault.h"

enum { ENOUGH_CALLS = 100 };

struct made {
  acre_section *section;
  acre_view *views[2];
};

static size_t unit;

static acre_result work(char *base, struct made *made) {
  acre_result result = acre_vm_split(base, unit);
  if (result == ACRE_OK) result = acre_section_create_memory(unit, NULL, &made->section);
  for (size_t i = 0; i < 2 && result == ACRE_OK; i++) {
    acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .address = base + i * unit, .replace = true};
    result = acre_view_map(made->section, 0, 0, &options, &made->views[i]);
  }
  if (result != ACRE_OK) return result;
  strcpy(base + unit - 4, "abcdefgh");
  CHECK(strcmp(base, "efgh") == 0);
  for (size_t i = 0; i < 2 && result == ACRE_OK; i++) {
    result = acre_view_unmap_to_placeholder(made->views[i]);
    if (result == ACRE_OK) made->views[i] = NULL;
  }
  if (result == ACRE_OK) result = acre_vm_join(base, 2 * unit);
  return result;
}

static acre_vm_kind kind_of(const void *address) {
  acre_vm_info info;
  REQUIRE_OK(acre_vm_query(address, &info));
  return info.kind;
}

static bool run(const struct acre__fault_plan *plan) {
  acre_vm_options options = {.flags = ACRE_VM_PLACEHOLDER};
  void *reserved;
  REQUIRE_OK(acre_vm_reserve(2 * unit, &options, &reserved));
  char *base = reserved;
  size_t descriptors = test_open_handles(), regions = scratch_regions();
  struct made made = {0};
  acre__fault_begin(plan);
  acre_result result = work(base, &made);
  bool failed = acre__fault_end(NULL);
  if (result != ACRE_OK) CHECK_RESULT(result, plan->result);
  CHECK(failed || result == ACRE_OK);
  for (size_t i = 0; i < 2; i++) {
    CHECK_EQ(kind_of(base + i * unit), made.views[i] != NULL ? ACRE_VM_KIND_MAPPED : ACRE_VM_KIND_PLACEHOLDER);
    CHECK_EQ(test_can_write(base + i * unit), made.views[i] != NULL);
    if (made.views[i] != NULL) CHECK_OK(acre_view_unmap_to_placeholder(made.views[i]));
  }
  acre_section_close(made.section);
  CHECK_OK(acre_vm_join(base, 2 * unit));
  CHECK_EQ(scratch_regions(), regions);
  CHECK_EQ(test_open_handles(), descriptors);
  CHECK_OK(acre_vm_release(base));
  return failed;
}

static void run_all(struct acre__fault_plan plan) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  unit = system.allocation_granularity;
  CHECK(test_can_write(&system)); /* whose descriptors stay */
  for (plan.call = 1; run(&plan); plan.call++) REQUIRE(plan.call < ENOUGH_CALLS);
  CHECK(plan.call > 5); /* the file, its size, two maps, two restored */
}

TEST(one_call_fails) {
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY});
  run_all((struct acre__fault_plan){.result = ACRE_E_TOO_MANY_FILES});
}

TEST(all_calls_fail_from_one_on) {
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .and_later = true});
}

/* The kernel has no memfd: the temporary file takes its place. */
TEST(memory_that_the_system_has_not_is_on_disk) {
  acre_section *section = NULL;
  uint64_t mask = ACRE_FAULT_MASK(ACRE_FAULT_FILE_IN_MEMORY);
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_NOT_SUPPORTED, .functions = mask});
  CHECK_OK(acre_section_create_memory(100000, NULL, &section));
  acre__fault_end(NULL);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  memset(acre_view_data(view), 1, 100000);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
}
