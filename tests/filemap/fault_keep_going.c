/* SPDX-License-Identifier: MIT */
/* Views that keep going, when the system refuses what that takes. */
#include "scratch.h"

#include <acre/vm.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "os/fault/fault.h"

static char path[SCRATCH_PATH];
static size_t page;

static acre_result map_view(acre_view **out) {
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .keep_going = true};
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_result result = acre_view_map(section, 0, 0, &options, out);
  acre_section_close(section);
  acre_file_close(file);
  return result;
}

/*
 * First, as the handler is installed once for all. How often the system is asked is
 * its own affair, as a place that it prefers may need a second call: every call fails once.
 */
TEST(the_handler_cannot_be_installed) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  page = system.page_size;
  scratch_make(path, 16 * page);
  acre_view *view;
  unsigned long failures = 0;
  for (bool failed = true; failed;) {
    size_t regions = scratch_regions(), descriptors = test_open_handles();
    acre__fault_begin(&(struct acre__fault_plan){.call = failures + 1,
                                                 .result = ACRE_E_BUSY,
                                                 .functions = ACRE_FAULT_MASK(ACRE_FAULT_FAULT_INSTALL) |
                                                              ACRE_FAULT_MASK(ACRE_FAULT_MAP_FILE) |
                                                              ACRE_FAULT_MASK(ACRE_FAULT_MAP_FILE_ANYWHERE)});
    acre_result result = map_view(&view);
    failed = acre__fault_end(NULL);
    CHECK_RESULT(result, failed ? ACRE_E_BUSY : ACRE_OK);
    CHECK_OK(acre_view_unmap(view));
    CHECK_EQ(scratch_regions(), regions);
    CHECK_EQ(test_open_handles(), descriptors);
    failures += failed;
  }
  CHECK(failures >= 2); /* the handler's, and at least one to place and map */
}

/* In a child, which touches what is gone while that function fails. */
static void touch_with(enum acre__fault_function function) {
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  acre_view *view;
  REQUIRE_OK(map_view(&view));
  volatile char *data = acre_view_data(view);
  CHECK(truncate(path, (off_t)page) == 0);
  acre__fault_begin(
      &(struct acre__fault_plan){.call = 1, .result = ACRE_E_NO_MEMORY, .functions = ACRE_FAULT_MASK(function)});
  CHECK_EQ(data[5 * page], 0);
  CHECK(acre__fault_end(NULL));
  CHECK_EQ(acre_view_lost(view), page);
  CHECK_EQ(data[6 * page], 0);
  CHECK_EQ(acre_view_lost(view), 11 * page);
  CHECK_RESULT(acre_view_flush(view, 0, page, ACRE_FLUSH_WAIT), ACRE_E_IO);
  CHECK_OK(acre_view_unmap(view));
}

static void without_decommit(void *context) {
  (void)context;
  touch_with(ACRE_FAULT_DECOMMIT);
}

static void without_commit(void *context) {
  (void)context;
  touch_with(ACRE_FAULT_COMMIT);
}

static void without_size(void *context) {
  (void)context;
  touch_with(ACRE_FAULT_FILE_SIZE);
}

TEST(what_cannot_be_replaced_is_a_fault) {
  CHECK(test_died_by(test_in_child(without_decommit, NULL), SIGBUS));
  CHECK(truncate(path, 16 * (off_t)page) == 0);
  CHECK(test_died_by(test_in_child(without_commit, NULL), SIGBUS));
  CHECK(truncate(path, 16 * (off_t)page) == 0);
}

/* Where the file's size is not to be had, pages are replaced one by one. */
TEST(the_size_is_not_known) {
  CHECK_EQ(test_in_child(without_size, NULL), 0);
  unlink(path);
}
