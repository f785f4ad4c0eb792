/* SPDX-License-Identifier: MIT */
/*
 * A reserved section with two views, on memory or the paging file, committed
 * with every call to the system failing in turn: what the views may touch has its
 * blocks, the second attempt completes the first, and nothing stays charged.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include "os/fault/fault.h"

enum { PAGES = 20, ENOUGH_CALLS = 60 };

static size_t page;

struct made {
  acre_section *section;
  acre_view *views[3];
};

static acre_result commit(acre_view *view, size_t at, size_t pages) {
  return acre_vm_commit((char *)acre_view_data(view) + at * page, pages * page, ACRE_VM_DEFAULT);
}

/* Everything that was not done yet, up to the first failure. */
static acre_result work(const acre_memory_options *options, struct made *made) {
  static const acre_access access[] = {ACRE_ACCESS_READ_WRITE, ACRE_ACCESS_READ, ACRE_ACCESS_COPY_ON_WRITE};
  acre_result result = ACRE_OK;
  if (made->section == NULL) result = acre_section_create_memory(PAGES * page, options, &made->section);
  for (int i = 0; i < 3 && result == ACRE_OK; i++) {
    acre_view_options view_options = {.access = access[i]};
    if (made->views[i] == NULL) result = acre_view_map(made->section, 0, 0, &view_options, &made->views[i]);
    if (result == ACRE_OK) result = commit(made->views[0], 5, 3);
    if (result == ACRE_OK) result = commit(made->views[i], 2, 10); /* two runs, around what is there */
  }
  return result;
}

static void check_state(const struct made *made, bool all) {
  for (size_t i = 0; i < PAGES && made->views[0] != NULL; i++) {
    char *first = (char *)acre_view_data(made->views[0]) + i * page;
    bool usable = test_can_write(first);
    if (all) CHECK(usable == (i >= 2 && i < 12));
    if (usable) *first = (char)i;
    for (int j = 1; all && j < 3; j++) {
      const char *same = (char *)acre_view_data(made->views[j]) + i * page;
      CHECK(test_can_read(same) == usable);
      if (usable) CHECK_EQ(*same, i);
    }
  }
}

static bool run(const struct acre__fault_plan *plan, const acre_memory_options *options) {
  acre_system before, after;
  REQUIRE_OK(acre_system_info(&before));
  size_t descriptors = test_open_handles();
  struct made made = {0};
  acre__fault_begin(plan);
  acre_result result = work(options, &made);
  bool failed = acre__fault_end(NULL);
  if (result != ACRE_OK) CHECK_RESULT(result, plan->result);
  CHECK(failed || result == ACRE_OK);
  check_state(&made, result == ACRE_OK);
  CHECK_OK(work(options, &made));
  check_state(&made, true);

  for (int i = 0; i < 3; i++) CHECK_OK(acre_view_unmap(made.views[i]));
  acre_section_close(made.section);
  REQUIRE_OK(acre_system_info(&after));
  CHECK_EQ(after.regions, before.regions);
  CHECK_EQ(after.commit_charge, before.commit_charge);
  CHECK_EQ(after.paging_file_charge, before.paging_file_charge);
  CHECK_EQ(test_open_handles(), descriptors);
  return failed;
}

/*
 * Not the release of address space, which after another failure would leave a
 * region behind that nobody can take away; and not the look whether a descriptor is still that
 * of its file, after which it counts as somebody else's and stays open.
 */
static const uint64_t FUNCTIONS = ~(ACRE_FAULT_MASK(ACRE_FAULT_RELEASE) | ACRE_FAULT_MASK(ACRE_FAULT_FILE_IDENTITY));

static void run_all(struct acre__fault_plan plan, const acre_memory_options *options) {
  plan.functions = FUNCTIONS;
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  page = system.page_size;
  CHECK(test_can_write(&system)); /* whose descriptors stay */
  for (plan.call = 1; run(&plan, options); plan.call++) REQUIRE(plan.call < ENOUGH_CALLS);
  CHECK(plan.call > 10);
}

TEST(reserved_memory) {
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY}, &(acre_memory_options){.reserve = true});
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_SPACE, .and_later = true},
          &(acre_memory_options){.reserve = true});
}

TEST(reserved_on_the_paging_file) {
  scratch_set_paging_file(0);
  acre_memory_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE, .reserve = true};
  run_all((struct acre__fault_plan){.result = ACRE_E_IO}, &options);
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_SPACE, .and_later = true}, &options);
  CHECK_OK(acre_vm_set_paging_file(NULL, 0));
}

TEST(a_descriptor_that_is_another_file_s) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  page = system.page_size;
  struct made made = {0};
  acre_memory_options options = {.reserve = true};
  REQUIRE_OK(acre_section_create_memory(PAGES * page, &options, &made.section));
  made.views[0] = scratch_view(made.section, ACRE_ACCESS_READ_WRITE);
  uint64_t identity = ACRE_FAULT_MASK(ACRE_FAULT_FILE_IDENTITY);
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_INVALID_ARGUMENT, .functions = identity});
  CHECK_RESULT(commit(made.views[0], 0, 1), ACRE_E_IO);
  CHECK(acre__fault_end(NULL));
  CHECK(!test_can_read(acre_view_data(made.views[0])));
  CHECK_OK(commit(made.views[0], 0, 1));
  CHECK_OK(acre_view_unmap(made.views[0]));
  acre_section_close(made.section);
}

TEST(committed_on_the_paging_file) {
  scratch_set_paging_file(0);
  acre_memory_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE};
  for (struct acre__fault_plan plan = {.call = 1, .result = ACRE_E_NO_SPACE, .functions = FUNCTIONS};; plan.call++) {
    acre_system before, after;
    REQUIRE_OK(acre_system_info(&before));
    size_t descriptors = test_open_handles();
    acre_section *section = NULL;
    acre__fault_begin(&plan);
    acre_result result = acre_section_create_memory(100000, &options, &section);
    bool failed = acre__fault_end(NULL);
    CHECK((result == ACRE_OK) == (section != NULL));
    acre_section_close(section);
    REQUIRE_OK(acre_system_info(&after));
    CHECK_EQ(after.commit_charge, before.commit_charge);
    CHECK_EQ(after.paging_file_charge, before.paging_file_charge);
    CHECK_EQ(test_open_handles(), descriptors);
    if (!failed) break;
  }
  CHECK_OK(acre_vm_set_paging_file(NULL, 0));
}
