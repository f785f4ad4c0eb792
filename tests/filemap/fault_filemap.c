/* SPDX-License-Identifier: MIT */
/*
 * A file opened, grown, mapped, written, flushed and closed, with every call to
 * the system failing in turn. Whatever fails: the result says it, no descriptor
 * and no region is left, and the file has its former size unless its section
 * was made.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include "os/fault/fault.h"

enum { SIZE = 10000, GROWN = 500000, ENOUGH_CALLS = 100 };

struct handles {
  acre_file *file;
  acre_section *section;
  acre_view *view;
};

/* All of it, up to the first failure. What is made stays in *made. */
static acre_result work(const char *path, acre_access access, struct handles *made) {
  acre_file_options file_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_result result = acre_file_open(path, &file_options, &made->file);
  if (result != ACRE_OK) return result;
  acre_section_options section_options = {.access = ACRE_ACCESS_READ_WRITE, .size = GROWN};
  result = acre_section_create(made->file, &section_options, &made->section);
  if (result != ACRE_OK) return result;
  acre_view_options view_options = {.access = access};
  result = acre_view_map(made->section, 5000, 100000, &view_options, &made->view);
  if (result != ACRE_OK) return result;
  CHECK(scratch_matches(acre_view_data(made->view), 5000, SIZE - 5000));
  if (access != ACRE_ACCESS_READ) memset((char *)acre_view_data(made->view) + 50000, 'n', 50000);
  result = acre_view_flush(made->view, 0, 0, ACRE_FLUSH_DURABLE);
  if (result != ACRE_OK) return result;
  result = acre_view_unmap(made->view);
  if (result == ACRE_OK) made->view = NULL;
  return result;
}

/* One run with one failure. Returns whether something failed. */
static bool run(const struct acre__fault_plan *plan, acre_access access) {
  char path[SCRATCH_PATH];
  scratch_make(path, SIZE);
  size_t descriptors = test_open_handles();
  acre_system before, after;
  REQUIRE_OK(acre_system_info(&before));

  struct handles made = {0};
  acre__fault_begin(plan);
  acre_result result = work(path, access, &made);
  struct acre__fault_report report;
  bool failed = acre__fault_end(&report);
  if (result != ACRE_OK) CHECK_RESULT(result, plan->result); /* else it found another way */
  CHECK(failed || result == ACRE_OK);
  CHECK_EQ(scratch_status(path).st_size, made.section != NULL ? GROWN : SIZE);
  if (made.view != NULL) { /* the flush or the unmap failed: the view is as good as before */
    CHECK(scratch_matches(acre_view_data(made.view), 5000, SIZE - 5000));
    acre_result noted = acre_view_acknowledge_error(made.view);
    if (noted != ACRE_OK) CHECK_RESULT(noted, plan->result);
    CHECK_OK(acre_view_flush(made.view, 0, 0, ACRE_FLUSH_DURABLE));
    CHECK_OK(acre_view_unmap(made.view));
  }
  acre_section_close(made.section);
  acre_file_close(made.file);

  CHECK_EQ(test_open_handles(), descriptors);
  REQUIRE_OK(acre_system_info(&after));
  /* When the mapping fails and the system then does not take the range back, nobody can: the range stays. */
  size_t stuck = failed && plan->and_later && report.first_failed == ACRE_FAULT_MAP_FILE ? 1 : 0;
  CHECK_EQ(after.regions, before.regions + stuck);
  if (stuck == 0) {
    CHECK_EQ(after.reserved_bytes, before.reserved_bytes);
    CHECK_EQ(after.commit_charge, before.commit_charge);
  }
  unlink(path);
  return failed;
}

static void run_all(struct acre__fault_plan plan, acre_access access) {
  for (plan.call = 1; plan.call < ENOUGH_CALLS; plan.call++)
    if (!run(&plan, access)) break;
  CHECK(plan.call > 6); /* at least open, size, size, grow, reserve, map */
  CHECK(plan.call < ENOUGH_CALLS);
}

/* First, as it is done once per process, at the first growth. */
TEST(what_fork_needs_fails) {
  char path[SCRATCH_PATH];
  scratch_make(path, SIZE);
  struct handles made = {0};
  uint64_t at_fork = ACRE_FAULT_MASK(ACRE_FAULT_AT_FORK);
  acre_system system;
  REQUIRE_OK(acre_system_info(&system)); /* which registers what the tables need */
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_NO_MEMORY, .functions = at_fork});
  CHECK_RESULT(work(path, ACRE_ACCESS_READ, &made), ACRE_E_NO_MEMORY);
  CHECK(acre__fault_end(NULL));
  CHECK(made.section == NULL);
  CHECK_EQ(scratch_status(path).st_size, SIZE);
  acre_file_close(made.file);
  CHECK_OK(work(path, ACRE_ACCESS_READ, &made));
  CHECK_EQ(scratch_status(path).st_size, GROWN);
  acre_section_close(made.section);
  acre_file_close(made.file);
  unlink(path);
}

TEST(each_call_fails) {
  run_all((struct acre__fault_plan){.result = ACRE_E_IO}, ACRE_ACCESS_READ_WRITE);
}

TEST(each_call_fails_copy_on_write) {
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY}, ACRE_ACCESS_COPY_ON_WRITE);
}

TEST(each_call_and_all_later_ones_fail) {
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_SPACE, .and_later = true}, ACRE_ACCESS_READ_WRITE);
}

TEST(size_of_a_file_that_cannot_tell) {
  char path[SCRATCH_PATH];
  scratch_make(path, SIZE);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  uint64_t size;
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_IO});
  CHECK_RESULT(acre_file_size(file, &size), ACRE_E_IO);
  CHECK(acre__fault_end(NULL));
  CHECK_OK(acre_file_size(file, &size));
  CHECK_EQ(size, SIZE);
  acre_file_close(file);
  unlink(path);
}

/* The program's own handle stays its own, whatever fails; that the copy can fail is seen by the first result. */
TEST(adopting_a_file_fails) {
  char path[SCRATCH_PATH];
  scratch_make(path, SIZE);
  intptr_t own = test_open_file(path);
  size_t handles = test_open_handles();
  struct acre__fault_plan plan = {.call = 1, .result = ACRE_E_TOO_MANY_FILES};
  struct acre__fault_report report;
  for (bool failed = true; failed; plan.call++) {
    acre_file *file = NULL;
    acre__fault_begin(&plan);
    acre_result result = acre_file_adopt(own, ACRE_ACCESS_READ_WRITE, &file);
    failed = acre__fault_end(&report);
    CHECK_RESULT(result, failed ? ACRE_E_TOO_MANY_FILES : ACRE_OK);
    CHECK_EQ(file == NULL, failed);
    if (plan.call == 1) CHECK_EQ(report.first_failed, ACRE_FAULT_FILE_COPY);
    acre_file_close(file);
    CHECK_EQ(test_open_handles(), handles);
    REQUIRE(plan.call < ENOUGH_CALLS);
  }
  test_close_file(own);
  unlink(path);
}
