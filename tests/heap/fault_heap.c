/* SPDX-License-Identifier: MIT */
/*
 * Heaps with every one of their calls to the system failing: an operation fails
 * with a result or works, nothing is lost or corrupt, and without failures all works again.
 */
#include <stdlib.h>

#include "heap/heap_check.h"
#include "os/fault/fault.h"
#include "vm/paging_check.h"

enum { MOST_CALLS = 80, MOST_PAGED_CALLS = 300 };

static acre_heap *heap;
static acre_heap_options how;
static void *kept[300];

static void fill(void) {
  heap = NULL;
  if (acre_heap_create(&how, &heap) != ACRE_OK) {
    CHECK(heap == NULL);
    return;
  }
  for (size_t i = 0; i < 300; i++) {
    size_t size = i % 100 == 0 ? 3000000 : i % 10 == 0 ? 30000 : 500 + i;
    kept[i] = acre_heap_alloc(heap, size);
    if (kept[i] != NULL)
      fill_block(kept[i], size, i);
    else
      CHECK(acre_heap_why(heap) != ACRE_OK);
  }
}

static void grow_and_end(void) {
  for (size_t i = 0; i < 300; i++) {
    if (kept[i] == NULL) continue;
    size_t size = i % 100 == 0 ? 3000000 : i % 10 == 0 ? 30000 : 500 + i;
    CHECK(block_is_filled(kept[i], size, size, i));
    if (i % 3 == 0) CHECK_OK(acre_heap_free(heap, kept[i]));
    if (i % 3 != 1) continue;
    void *moved = acre_heap_realloc(heap, kept[i], size * 3);
    CHECK(block_is_filled(moved != NULL ? moved : kept[i], size, size, i));
  }
  (void)acre_heap_alloc_aligned(heap, 100, 1 << 20);
  (void)acre_heap_compact(heap);
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_destroy(heap));
}

static void play(void *plan) {
  const struct acre__fault_plan *fails = plan;
  acre__fault_begin(fails);
  fill();
  if (heap != NULL) grow_and_end();
  acre__fault_end(NULL);
  CHECK(acre__runs_are_valid());
  fill(); /* without failures */
  REQUIRE(heap != NULL);
  for (size_t i = 0; i < 300; i++) CHECK(kept[i] != NULL);
  grow_and_end();
}

static void make_many_calls(void *nothing) {
  (void)nothing;
  struct acre__fault_report report;
  acre__fault_begin(&(struct acre__fault_plan){.call = 0});
  fill();
  grow_and_end();
  acre__fault_end(&report);
  CHECK(report.calls > 12 && report.calls < MOST_CALLS);
}

/* In children, so that each begins with no arena. */
TEST(every_call_fails_once) {
  for (unsigned long call = 1; call <= MOST_CALLS; call++)
    for (int later = 0; later < 2; later++) {
      struct acre__fault_plan plan = {.call = call, .result = ACRE_E_NO_MEMORY, .and_later = later != 0};
      if (test_in_child(play, &plan) != 0) test_fail(__FILE__, __LINE__, "call %lu, later: %d", call, later);
    }
  CHECK_EQ(test_in_child(make_many_calls, NULL), 0);
}

/* The disk is a child's own, so that everything of it is gone with the child. */
static void play_on_the_paging_file(void *plan) {
  how.backing = ACRE_VM_BACKING_PAGING_FILE;
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 0));
  play(plan);
  CHECK_EQ(paging_bytes_used(), 0);
}

/* A file that its region could not be made on, or a region that could not be given back, goes with the process. */
static void play_with_all_failing(void *plan) {
  how.backing = ACRE_VM_BACKING_PAGING_FILE;
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 0));
  play(plan);
}

static void make_many_calls_there(void *nothing) {
  (void)nothing;
  how.backing = ACRE_VM_BACKING_PAGING_FILE;
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 0));
  struct acre__fault_report report;
  acre__fault_begin(&(struct acre__fault_plan){.call = 0});
  fill();
  grow_and_end();
  acre__fault_end(&report);
  CHECK(report.calls > MOST_CALLS / 2 && report.calls < MOST_PAGED_CALLS);
}

TEST(every_call_fails_once_on_the_paging_file) {
  static const acre_result results[] = {ACRE_E_NO_SPACE, ACRE_E_IO, ACRE_E_NO_MEMORY};
  make_fast_paging_directory();
  for (unsigned long call = 1; call <= MOST_PAGED_CALLS; call += SANITIZED ? 5 : 1)
    for (int later = 0; later < 2; later++) {
      struct acre__fault_plan plan = {.call = call, .result = results[call % 3], .and_later = later != 0};
      if (test_in_child(later ? play_with_all_failing : play_on_the_paging_file, &plan) != 0)
        test_fail(__FILE__, __LINE__, "call %lu, later: %d", call, later);
    }
  CHECK_EQ(test_in_child(make_many_calls_there, NULL), 0);
  CHECK(rmdir(paging_directory) == 0);
}

/* A run of warm and cold pieces, whose cold ones get no memory: the call finds another place, or nothing has changed. */
static void play_pieces(void *plan) {
  const struct acre__fault_plan *fails = plan;
  const size_t size = 20 * ACRE_HEAP_SEGMENT;
  REQUIRE_OK(acre_heap_create(NULL, &heap));
  char *first = acre_heap_alloc(heap, size), *second = acre_heap_alloc(heap, size), *last = acre_heap_alloc(heap, size);
  REQUIRE(first != NULL && second == first + size && last == second + size);
  fill_block(last, size, 1);
  CHECK_OK(acre_heap_free(heap, second));
  (void)acre_heap_compact(heap); /* cold */
  CHECK_OK(acre_heap_free(heap, first));
  acre__fault_begin(fails);
  char *both = acre_heap_alloc(heap, 2 * size);
  bool failed = acre__fault_end(NULL);
  CHECK(failed);
  CHECK(both == NULL ? fails->and_later : both > last);
  CHECK(acre__runs_are_valid());
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_free(heap, both));
  CHECK((both = acre_heap_alloc(heap, 2 * size)) == first || !fails->and_later);
  fill_block(both, 2 * size, 2);
  CHECK(block_is_filled(last, size, size, 1));
  CHECK(acre__runs_are_valid());
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_destroy(heap));
}

TEST(pieces_that_get_no_memory) {
  struct acre__fault_plan plan = {.call = 1, .result = ACRE_E_NO_MEMORY};
  CHECK_EQ(test_in_child(play_pieces, &plan), 0);
  plan.partly = true;
  CHECK_EQ(test_in_child(play_pieces, &plan), 0);
  plan.and_later = true;
  CHECK_EQ(test_in_child(play_pieces, &plan), 0);
}

/* A block that grows over such pieces: when they get no memory, it is as it was, and they are free. */
static void grow_over_pieces(void *plan) {
  const struct acre__fault_plan *fails = plan;
  const size_t size = 20 * ACRE_HEAP_SEGMENT;
  REQUIRE_OK(acre_heap_create(NULL, &heap));
  char *block = acre_heap_alloc(heap, size), *cold = acre_heap_alloc(heap, size), *warm = acre_heap_alloc(heap, size);
  char *last = acre_heap_alloc(heap, size);
  REQUIRE(block != NULL && cold == block + size && warm == cold + size && last == warm + size);
  fill_block(block, size, 1);
  CHECK_OK(acre_heap_free(heap, cold));
  (void)acre_heap_compact(heap);
  CHECK_OK(acre_heap_free(heap, warm));
  acre__fault_begin(fails);
  CHECK_RESULT(acre_heap_resize_in_place(heap, block, 3 * size), fails->result);
  CHECK(acre__fault_end(NULL));
  CHECK_EQ(acre_heap_size(block), size);
  CHECK(block_is_filled(block, size, size, 1));
  CHECK(acre__runs_are_valid());
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_resize_in_place(heap, block, 3 * size));
  memset(block + size, 2, 2 * size);
  CHECK(block_is_filled(block, size, size, 1));
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_destroy(heap));
}

TEST(growing_over_pieces_that_get_no_memory) {
  struct acre__fault_plan plan = {.call = 1, .result = ACRE_E_NO_MEMORY};
  CHECK_EQ(test_in_child(grow_over_pieces, &plan), 0);
  plan.and_later = plan.partly = true;
  CHECK_EQ(test_in_child(grow_over_pieces, &plan), 0);
}

TEST(no_mapping_is_left) {
  struct acre__fault_plan plan = {.call = 20, .result = ACRE_E_MAPPING_LIMIT, .and_later = true};
  CHECK_EQ(test_in_child(play, &plan), 0);
}

static void without_fences(void *nothing) {
  (void)nothing;
  acre__fault_begin(&(struct acre__fault_plan){.call = 1,
                                               .result = ACRE_E_NOT_SUPPORTED,
                                               .functions = ACRE_FAULT_MASK(ACRE_FAULT_FENCE_PREPARE),
                                               .and_later = true});
  fill();
  grow_and_end();
  const char *options = getenv("ACRE_OPTIONS");
  bool asked = options == NULL || strstr(options, "fence=lock") == NULL;
  CHECK_EQ(acre__fault_end(NULL), asked);
}

TEST(without_fences) {
  CHECK_EQ(test_in_child(without_fences, NULL), 0);
}

static void without_an_end(void *nothing) {
  (void)nothing;
  acre__fault_begin(&(struct acre__fault_plan){.call = 1,
                                               .result = ACRE_E_NO_MEMORY,
                                               .functions = ACRE_FAULT_MASK(ACRE_FAULT_WANT_THREAD_EXIT),
                                               .and_later = true});
  fill(); /* on locals that are nobody's, with the lock */
  grow_and_end();
  CHECK(acre__fault_end(NULL));
}

TEST(a_thread_whose_end_nobody_will_see) {
  CHECK_EQ(test_in_child(without_an_end, NULL), 0);
}
