/* SPDX-License-Identifier: MIT */
/* Flushers whose flushes, thread, counts or page protections fail by plan. */
#include "flusher_check.h"

#include <stdatomic.h>

#include "os/fault/fault.h"

static const uint64_t writing = ACRE_FAULT_MASK(ACRE_FAULT_FLUSH) | ACRE_FAULT_MASK(ACRE_FAULT_FILE_WRITE_BACK);

struct told {
  atomic_int times, result;
  char *store; /* a flusher's own stores do not wait for it */
  size_t page;
};

static void tell(acre_result result, void *context) {
  struct told *told = context;
  for (size_t i = 0; told->store != NULL && i < 8; i++) told->store[i * told->page]++;
  atomic_store(&told->result, (int)result);
  atomic_fetch_add(&told->times, 1);
}

TEST(a_flush_that_fails_is_told_and_stays) {
  for (int has_limit = 0; has_limit < 2; has_limit++) {
    struct flushed flushed;
    flushed_open(&flushed, 64, 0);
    struct told told = {.page = flushed.page};
    acre_flusher_options options = {.interval_ms = 5, .on_error = tell, .context = &told};
    if (has_limit != 0) {
      options = (acre_flusher_options){.dirty_limit = 2 * flushed.page, .on_error = tell, .context = &told};
      told.store = flushed.data + 32 * flushed.page;
    }
    CHECK_OK(acre_view_acknowledge_error(flushed.view));
    acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_NO_SPACE, .functions = writing});
    acre_flusher *flusher = flushed_start(&flushed, options);
    if (has_limit == 0 && scratch_dirty(flushed.data) == 0) flushed.data[0] = 1;
    for (size_t i = 0; i < 16; i++)
      flushed.data[i * flushed.page] = 'e'; /* with the limit they wait, and are not stuck */
    for (int i = 0; i < 6000 && atomic_load(&told.times) == 0; i++) {
      flushed.data[(size_t)i % 16 * flushed.page]++;
      usleep(5000);
    }
    CHECK_EQ(atomic_load(&told.times), 1);
    CHECK_EQ(atomic_load(&told.result), ACRE_E_NO_SPACE);
    acre_flusher_figures figures = flusher_figures(flusher);
    CHECK_EQ(figures.failures, 1);
    CHECK_RESULT(figures.last_error, ACRE_E_NO_SPACE);
    CHECK_RESULT(acre_flusher_stop(flusher), ACRE_E_NO_SPACE); /* whose own flush has succeeded */
    CHECK(acre__fault_end(NULL));
    CHECK_EQ(atomic_load(&told.times), 1);
    CHECK_RESULT(acre_view_acknowledge_error(flushed.view), ACRE_E_NO_SPACE);
    CHECK_OK(acre_view_flush(flushed.view, 0, 0, ACRE_FLUSH_DURABLE));
    flushed_close(&flushed);
  }
}

TEST(the_last_flush_may_fail_as_well) {
  struct flushed flushed;
  flushed_open(&flushed, 64, 0);
  struct told told = {.page = flushed.page};
  acre_flusher *flusher = flushed_start(
      &flushed, (acre_flusher_options){.interval_ms = 3600000, .on_error = tell, .context = &told});
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_IO, .functions = writing});
  CHECK_RESULT(acre_flusher_stop(flusher), ACRE_E_IO);
  CHECK(acre__fault_end(NULL));
  CHECK_EQ(atomic_load(&told.times), 1);
  CHECK_RESULT(acre_view_acknowledge_error(flushed.view), ACRE_E_IO);
  flushed_close(&flushed);
}

/* Each call of the start fails once: nothing is left of it. */
TEST(a_start_that_fails_leaves_nothing) {
  struct flushed flushed;
  flushed_open(&flushed, 64, 0);
  uint64_t functions = ACRE_FAULT_MASK(ACRE_FAULT_THREAD_START) | ACRE_FAULT_MASK(ACRE_FAULT_PROTECT) |
                       ACRE_FAULT_MASK(ACRE_FAULT_FAULT_INSTALL) | ACRE_FAULT_MASK(ACRE_FAULT_RESERVE) |
                       ACRE_FAULT_MASK(ACRE_FAULT_COMMIT);
  unsigned long call = 1;
  for (;; call++) {
    REQUIRE(call < 20);
    acre_flusher_options options = {.dirty_limit = 2 * flushed.page};
    acre_flusher *flusher;
    acre__fault_begin(&(struct acre__fault_plan){.call = call, .result = ACRE_E_NO_MEMORY, .functions = functions});
    acre_result result = acre_flusher_start(flushed.view, &options, &flusher);
    bool failed = acre__fault_end(NULL);
    CHECK_RESULT(result, failed ? ACRE_E_NO_MEMORY : ACRE_OK);
    if (result == ACRE_OK) CHECK_OK(acre_flusher_stop(flusher));
    if (!failed) break;
    CHECK(flusher == NULL);
    for (size_t i = 0; i < 64; i++) flushed.data[i * flushed.page] = (char)call; /* nobody holds it back */
  }
  CHECK(call > 3);
  flushed_close(&flushed);
}

/* What could not be shut for a flush goes on being counted, and is shut for the next one. */
TEST(a_gate_that_cannot_be_shut_is_tried_again) {
  struct flushed flushed;
  flushed_open(&flushed, 64, 0);
  acre_flusher *flusher = flushed_start(&flushed,
                                        (acre_flusher_options){.interval_ms = 200, .dirty_limit = 64 * flushed.page});
  uint64_t flushes = 0;
  size_t after_first = 0;
  bool failed = false;
  for (int attempt = 0; !failed; attempt++) { /* a flush may come before the plan */
    REQUIRE(attempt < 100);
    for (size_t i = 0; i < 10; i++) flushed.data[i * 2 * flushed.page] = 'g';
    flushes = flusher_figures(flusher).flushes;
    acre__fault_begin(&(struct acre__fault_plan){
        .call = 1, .result = ACRE_E_NO_MEMORY, .functions = ACRE_FAULT_MASK(ACRE_FAULT_PROTECT)});
    for (int i = 0; i < 6000 && flusher_figures(flusher).flushes == flushes; i++) {
      if (acre__vm_gate_figures(flushed.data).changed == 0) break;
      usleep(5000);
    }
    after_first = acre__vm_gate_figures(flushed.data).changed;
    failed = acre__fault_end(NULL);
  }
  if (flusher_figures(flusher).flushes == flushes + 1) CHECK_EQ(after_first, 10 * flushed.page);
  for (int i = 0; i < 6000 && acre__vm_gate_figures(flushed.data).changed != 0; i++) usleep(5000);
  CHECK_EQ(acre__vm_gate_figures(flushed.data).changed, 0);
  CHECK_OK(acre_flusher_stop(flusher));
  flushed_close(&flushed);
}

TEST(without_the_kernels_counts) {
  struct flushed flushed;
  flushed_open(&flushed, 64, 0);
  acre__fault_begin(&(struct acre__fault_plan){.call = 1,
                                               .result = ACRE_E_NOT_SUPPORTED,
                                               .functions = ACRE_FAULT_MASK(ACRE_FAULT_FILE_DIRTY),
                                               .and_later = true});
  acre_flusher *flusher;
  acre_flusher_options needs[] = {{.idle_ms = 1}, {.deadline_ms = 1}, {.dirty_bytes = 1}};
  for (size_t i = 0; i < 3; i++)
    CHECK_RESULT(acre_flusher_start(flushed.view, &needs[i], &flusher), ACRE_E_NOT_SUPPORTED);
  flusher = flushed_start(&flushed, (acre_flusher_options){.interval_ms = 5}); /* flushes, whatever is changed */
  CHECK(flusher_has_flushed(flusher, 3));
  CHECK_OK(acre_flusher_stop(flusher));
  flusher = flushed_start(&flushed, (acre_flusher_options){.idle_ms = 10, .dirty_limit = flushed.size});
  usleep(50000);
  CHECK_EQ(flusher_figures(flusher).flushes, 0); /* the gate tells */
  flushed.data[0]++;
  CHECK(flusher_has_flushed(flusher, 1));
  CHECK_OK(acre_flusher_stop(flusher));
  CHECK(acre__fault_end(NULL));
  flushed_close(&flushed);
}
