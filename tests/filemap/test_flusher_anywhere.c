/* SPDX-License-Identifier: MIT */
/* Flushers on a system that may not tell what is changed: at intervals, and within a limit. See test_flusher.c. */
#include <acre/flusher.h>
#include <unistd.h>

#include "scratch.h"

enum { SIZE = 64 << 12 };

struct flushed {
  char path[SCRATCH_PATH];
  acre_view *view;
  char *data;
};

static void open_flushed(struct flushed *out) {
  scratch_make(out->path, SIZE);
  acre_file *file = scratch_open(out->path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  out->view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  out->data = acre_view_data(out->view);
  acre_section_close(section);
  acre_file_close(file);
}

static void close_flushed(struct flushed *flushed) {
  CHECK_OK(acre_view_unmap(flushed->view));
  unlink(flushed->path);
}

static acre_flusher_figures figures_of(const acre_flusher *flusher) {
  acre_flusher_figures figures = {0};
  CHECK_OK(acre_flusher_look(flusher, &figures));
  return figures;
}

TEST(at_intervals) {
  struct flushed flushed;
  acre_flusher *flusher;
  open_flushed(&flushed);
  acre_flusher_options options = {.interval_ms = 20, .mode = ACRE_FLUSH_WAIT};
  REQUIRE_OK(acre_flusher_start(flushed.view, &options, &flusher));
  CHECK_RESULT(acre_view_unmap(flushed.view), ACRE_E_BUSY);
  memset(flushed.data, 'f', SIZE);
  for (int i = 0; i < 500 && figures_of(flusher).flushes == 0; i++) test_sleep(10);
  CHECK(figures_of(flusher).flushes > 0);
  CHECK_EQ(figures_of(flusher).failures, 0);
  CHECK_OK(acre_flusher_stop(flusher));
  char last;
  scratch_read(flushed.path, SIZE - 1, &last, 1);
  CHECK_EQ(last, 'f');
  close_flushed(&flushed);
}

TEST(within_a_limit) {
  struct flushed flushed;
  acre_flusher *flusher;
  open_flushed(&flushed);
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  size_t limit = 4 * system.page_size;
  acre_flusher_options options = {.dirty_limit = limit, .mode = ACRE_FLUSH_WAIT};
  REQUIRE_OK(acre_flusher_start(flushed.view, &options, &flusher));
  for (size_t round = 0; round < 3; round++)
    for (size_t at = 0; at < SIZE; at += system.page_size) flushed.data[at] = (char)(at / system.page_size + round);
  acre_flusher_figures figures = figures_of(flusher);
  CHECK(figures.flushes > 0 && figures.failures == 0);
  CHECK(figures.most_dirty > 0 && figures.most_dirty <= limit);
  CHECK_OK(acre_flusher_stop(flusher));
  for (size_t at = 0; at < SIZE; at += system.page_size) CHECK_EQ(flushed.data[at], (char)(at / system.page_size + 2));
  close_flushed(&flushed);
}

/* What wants the system's count of changed pages works, or says that there is none. */
TEST(conditions_on_changed_pages) {
  const acre_flusher_options conditions[] = {{.idle_ms = 20}, {.deadline_ms = 100}, {.dirty_bytes = 1}};
  for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
    struct flushed flushed;
    acre_flusher *flusher = NULL;
    open_flushed(&flushed);
    acre_flusher_options options = conditions[i];
    options.mode = ACRE_FLUSH_WAIT;
    acre_result result = acre_flusher_start(flushed.view, &options, &flusher);
    CHECK(result == ACRE_OK || result == ACRE_E_NOT_SUPPORTED);
    CHECK((flusher != NULL) == (result == ACRE_OK));
    if (flusher != NULL) CHECK_OK(acre_flusher_stop(flusher));
    close_flushed(&flushed);
  }
}
