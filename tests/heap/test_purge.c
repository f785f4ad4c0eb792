/* SPDX-License-Identifier: MIT */
/* The purging thread: memory goes back while nobody calls; starting, stopping, forking. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "heap/heap_check.h"
#include "heap/runs.h"
#include "vm/services.h"

enum { BLOCKS = 2000, MIB = 1 << 20 };

/* Small, medium and large blocks, written, freed, and then nothing more. */
static void *make_a_peak(void *context) {
  static const size_t sizes[] = {100, 3000, 20000, 60000, 200000};
  void *blocks[BLOCKS / 10];
  acre_heap *heap = acre_process_heap();
  (void)context;
  for (size_t i = 0; i < BLOCKS / 10; i++) {
    size_t size = sizes[i % 5];
    blocks[i] = acre_heap_alloc(heap, size);
    memset(blocks[i], 1, size);
  }
  for (size_t i = 0; i < BLOCKS / 10; i++) CHECK_OK(acre_heap_free(heap, blocks[i]));
  return NULL;
}

/* Waits until no more than `most` bytes are warm; false: it takes too long. */
static bool goes_to(size_t most) {
  for (int i = 0; i < 100 && acre__runs_warm_bytes() > most; i++) usleep(50000);
  return acre__runs_warm_bytes() <= most;
}

TEST(memory_goes_while_nobody_calls) {
  REQUIRE(acre_process_heap() != NULL);
  size_t kept;
  uint64_t begun;
  do { /* if it is held up in between, some of it is old before the rest is freed, which is an occasion */
    begun = acre__vm_milliseconds();
    (void)make_a_peak(NULL);
    kept = acre__runs_warm_bytes();
  } while (acre__vm_milliseconds() - begun >= ACRE_WARM_TIME);
  CHECK(kept > MIB);
  usleep((ACRE_WARM_TIME + 200) * 1000);
  CHECK_EQ(acre__runs_warm_bytes(), kept); /* there was no occasion */
  CHECK_OK(acre_heap_purge_start(50));
  CHECK(goes_to(0));
  acre_heap_figures figures;
  CHECK_OK(acre_heap_stats(acre_process_heap(), &figures));
  CHECK_EQ(figures.in_use, 0);
  CHECK_OK(acre_heap_purge_stop());
}

TEST(threads_work_while_it_looks) {
  CHECK_OK(acre_heap_purge_start(1));
  pthread_t threads[3];
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < 3; i++) REQUIRE(pthread_create(&threads[i], NULL, make_a_peak, NULL) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK_OK(acre_heap_validate(acre_process_heap(), NULL));
  }
  CHECK_OK(acre_heap_purge_stop());
}

TEST(starting_and_stopping) {
  CHECK_RESULT(acre_heap_purge_stop(), ACRE_E_NOT_FOUND);
  CHECK_RESULT(acre_heap_purge_start(86400001), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_heap_purge_stop(), ACRE_E_NOT_FOUND);
  for (int i = 0; i < 20; i++) {
    CHECK_OK(acre_heap_purge_start(i % 2 == 0 ? 0 : 86400000));
    CHECK_OK(acre_heap_purge_start(1)); /* the time is changed */
    CHECK_OK(acre_heap_purge_stop());
    CHECK_RESULT(acre_heap_purge_stop(), ACRE_E_NOT_FOUND);
  }
}

#ifndef __SANITIZE_THREAD__ /* which allows no threads in the child of a process that had some */

static void begin_anew(void *context) {
  (void)context;
  CHECK_RESULT(acre_heap_purge_stop(), ACRE_E_NOT_FOUND);
  (void)make_a_peak(NULL);
  CHECK_OK(acre_heap_purge_start(20));
  CHECK(goes_to(0));
  CHECK_OK(acre_heap_purge_stop());
}

TEST(a_child_has_none_and_may_start_one) {
  CHECK_OK(acre_heap_purge_start(1));
  for (int i = 0; i < 5; i++) CHECK_EQ(test_in_child(begin_anew, NULL), 0);
  CHECK_OK(acre_heap_purge_stop());
}

#endif
