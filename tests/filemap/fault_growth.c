/* SPDX-License-Identifier: MIT */
/* A view that grows, by every way and with every call to the system failing in turn: its size, its section's and its file's agree. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include "os/fault/fault.h"

enum { SIZE = 10000, ENOUGH_CALLS = 50 };

static size_t page;

struct made {
  acre_file *file;
  acre_section *section;
  acre_view *view;
};

static acre_result grow(struct made *made, acre_access access) {
  acre_result result = ACRE_OK;
  if (access != ACRE_ACCESS_READ_WRITE) result = acre_section_resize(made->section, 30 * page); /* such views cannot */
  if (result == ACRE_OK) result = acre_view_grow(made->view, 10 * page);
  if (result == ACRE_OK) result = acre_vm_commit((char *)acre_view_data(made->view) + 20 * page, 1, ACRE_VM_DEFAULT);
  if (result == ACRE_OK) result = acre_section_resize(made->section, 30 * page);
  if (result == ACRE_OK) result = acre_file_resize(made->file, 50 * page);
  if (result == ACRE_OK) result = acre_file_resize(made->file, 30 * page);
  if (result == ACRE_OK) result = acre_view_grow(made->view, 30 * page);
  return result;
}

static void check_state(const struct made *made, const char *path) {
  size_t size = acre_view_size(made->view);
  char *data = acre_view_data(made->view);
  CHECK(size <= acre_section_size(made->section));
  CHECK(acre_section_size(made->section) <= (uint64_t)scratch_status(path).st_size);
  acre_vm_info info;
  REQUIRE_OK(acre_vm_query(data, &info));
  CHECK_EQ(info.size, (size + page - 1) / page * page);
  CHECK(test_can_write(data + size - 1));
  CHECK(!test_can_read(data + info.size));
  CHECK(scratch_matches(data, 0, SIZE));
}

static bool run(const struct acre__fault_plan *plan, acre_access access) {
  char path[SCRATCH_PATH];
  scratch_make(path, SIZE);
  acre_system before, after;
  REQUIRE_OK(acre_system_info(&before));
  struct made made = {.file = scratch_open(path, ACRE_ACCESS_READ_WRITE)};
  made.section = scratch_section(made.file, ACRE_ACCESS_READ_WRITE);
  acre_view_options options = {.access = access, .reserve = 40 * page};
  REQUIRE_OK(acre_view_map(made.section, 0, 0, &options, &made.view));

  acre__fault_begin(plan);
  acre_result result = grow(&made, access);
  bool failed = acre__fault_end(NULL);
  CHECK_RESULT(result, failed ? plan->result : ACRE_OK);
  check_state(&made, path);
  CHECK_OK(grow(&made, access)); /* the failure has left nothing that would be in the way */
  check_state(&made, path);
  CHECK_EQ(acre_view_size(made.view), 30 * page);

  CHECK_OK(acre_view_unmap(made.view));
  acre_section_close(made.section);
  acre_file_close(made.file);
  REQUIRE_OK(acre_system_info(&after));
  CHECK_EQ(after.regions, before.regions);
  CHECK_EQ(after.commit_charge, before.commit_charge);
  unlink(path);
  return failed;
}

static void run_all(struct acre__fault_plan plan, acre_access access) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  page = system.page_size;
  CHECK(test_can_write(&system)); /* whose descriptors stay */
  for (plan.call = 1; run(&plan, access); plan.call++) REQUIRE(plan.call < ENOUGH_CALLS);
  CHECK(plan.call > 10);
}

TEST(one_call_fails) {
  scratch_need_growth_by_pages();
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_SPACE}, ACRE_ACCESS_READ_WRITE);
}

TEST(one_call_fails_copied_on_write) {
  scratch_need_growth_by_pages();
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY}, ACRE_ACCESS_COPY_ON_WRITE);
}

TEST(all_calls_fail_from_one_on) {
  scratch_need_growth_by_pages();
  run_all((struct acre__fault_plan){.result = ACRE_E_IO, .and_later = true}, ACRE_ACCESS_READ_WRITE);
}
