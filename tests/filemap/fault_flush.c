/* SPDX-License-Identifier: MIT */
/* Flushes that fail by plan: the error stays until it is acknowledged, whatever succeeds afterwards and through whichever handle. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include "os/fault/fault.h"

static const acre_flush_mode modes[] = {ACRE_FLUSH_DURABLE, ACRE_FLUSH_WAIT, ACRE_FLUSH_START};

static const uint64_t writing = ACRE_FAULT_MASK(ACRE_FAULT_FLUSH) | ACRE_FAULT_MASK(ACRE_FAULT_FILE_WRITE_BACK) |
                                ACRE_FAULT_MASK(ACRE_FAULT_FILE_SYNC);

static void fail_next(acre_result result) {
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = result, .functions = writing});
}

TEST(an_error_stays_until_it_is_acknowledged) {
  for (size_t failing = 0; failing < 3; failing++) {
    char path[SCRATCH_PATH];
    scratch_make(path, 100000);
    acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
    acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
    acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE), *other = scratch_view(section, ACRE_ACCESS_READ);
    CHECK_OK(acre_view_acknowledge_error(view));
    fail_next(ACRE_E_IO);
    CHECK_RESULT(acre_view_flush(view, 0, 10, modes[failing]), ACRE_E_IO);
    CHECK(acre__fault_end(NULL));

    for (size_t i = 0; i < 3; i++) { /* successes that hide nothing */
      CHECK_RESULT(acre_view_flush(view, 0, 0, modes[i]), ACRE_E_IO);
      CHECK_RESULT(acre_view_flush(other, 0, 0, modes[i]), ACRE_E_IO);
    }
    CHECK_RESULT(acre_file_flush(file), ACRE_E_IO);
    fail_next(ACRE_E_NO_SPACE);
    CHECK_RESULT(acre_view_flush(view, 0, 0, modes[failing]), ACRE_E_IO); /* the first one */
    CHECK(acre__fault_end(NULL));
    acre_section *second = scratch_section(file, ACRE_ACCESS_READ_WRITE); /* of the same open file */
    CHECK_OK(acre_view_unmap(view));
    acre_section_close(section);
    view = scratch_view(second, ACRE_ACCESS_READ_WRITE);
    CHECK_RESULT(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE), ACRE_E_IO);

    if (failing == 0) CHECK_RESULT(acre_view_acknowledge_error(other), ACRE_E_IO);
    if (failing == 1) CHECK_RESULT(acre_section_acknowledge_error(second), ACRE_E_IO);
    if (failing == 2) CHECK_RESULT(acre_file_acknowledge_error(file), ACRE_E_IO);
    CHECK_OK(acre_view_acknowledge_error(view));
    for (size_t i = 0; i < 3; i++) CHECK_OK(acre_view_flush(view, 0, 0, modes[i]));
    CHECK_OK(acre_file_flush(file));

    fail_next(ACRE_E_NO_SPACE);
    CHECK_RESULT(acre_file_flush(file), ACRE_E_NO_SPACE);
    CHECK(acre__fault_end(NULL));
    CHECK_RESULT(acre_view_flush(view, 0, 0, ACRE_FLUSH_START), ACRE_E_NO_SPACE);
    acre_file_close(file);
    CHECK_OK(acre_file_acknowledge_error(file)); /* a closed handle */
    CHECK_RESULT(acre_view_acknowledge_error(view), ACRE_E_NO_SPACE);
    CHECK_OK(acre_view_unmap(view));
    CHECK_OK(acre_view_unmap(other));
    acre_section_close(second);
    unlink(path);
  }
}

TEST(arguments_that_are_none_are_no_errors) {
  char path[SCRATCH_PATH];
  scratch_make(path, 100);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  CHECK_RESULT(acre_view_flush(view, 101, 0, ACRE_FLUSH_WAIT), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(acre_view_flush(view, 0, 0, (acre_flush_mode)3), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_file_flush(NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_OK(acre_view_acknowledge_error(view));
  CHECK_OK(acre_view_acknowledge_error(NULL));
  CHECK_OK(acre_section_acknowledge_error(NULL));
  CHECK_OK(acre_file_acknowledge_error(NULL));
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}
