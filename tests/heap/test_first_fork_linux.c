/* SPDX-License-Identifier: MIT */
/* fork while another thread makes the process's first heap, or first region: see fork_race.h. */
#include <acre/heap.h>
#include <acre/vm.h>

#include "fork_race.h"

static void make_heap(void *nothing) {
  acre_heap *heap;
  (void)nothing;
  REQUIRE_OK(acre_heap_create(NULL, &heap));
  CHECK(acre_heap_alloc(heap, 100) != NULL);
  CHECK_OK(acre_heap_destroy(heap));
}

static void make_process_heap(void *nothing) {
  (void)nothing;
  CHECK(acre_heap_alloc(acre_process_heap(), 100) != NULL);
}

static void make_region(void *nothing) {
  void *base;
  (void)nothing;
  REQUIRE_OK(acre_vm_reserve(1 << 20, NULL, &base));
  CHECK_OK(acre_vm_commit(base, 4096, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_release(base));
}

TEST(first_heap) {
  fork_race_run(make_heap, false);
}

TEST(first_heap_inside_of_fork) {
  fork_race_run(make_heap, true);
}

TEST(first_process_heap) {
  fork_race_run(make_process_heap, false);
}

TEST(first_region) {
  fork_race_run(make_region, false);
}

TEST(first_region_inside_of_fork) {
  fork_race_run(make_region, true);
}
