/* SPDX-License-Identifier: MIT */
/* The contract of os.h, sentence by sentence: what is mapped where. (Names of files, and /proc: test_contract_query_linux.c.) */
#include "contract_query.h"

static char in_data[] = "data";

static void kinds(void) {
  int on_stack = 0;
  CHECK_EQ(mapping_at(&on_stack).kind, ACRE_VM_KIND_STACK);
  CHECK_EQ(mapping_at((const void *)(uintptr_t)kinds).kind, ACRE_VM_KIND_IMAGE);
  CHECK_EQ(mapping_at(in_data).kind, ACRE_VM_KIND_IMAGE);
  CHECK_EQ(mapping_at((const void *)(uintptr_t)fflush).kind, ACRE_VM_KIND_IMAGE);
  CHECK(mapping_at((const void *)(uintptr_t)kinds).has_file);
}

TEST(kinds_each_way) {
  each_way(kinds);
}

static void bounds_and_protections(void) {
  size_t page = page_size();
  for (int protection = ACRE_VM_NO_ACCESS; protection <= ACRE_VM_EXECUTE_READ_WRITE; protection++) {
    char *base = reserve(5);
    CHECK_OK(acre__os_commit(base, 5 * page, protection == ACRE_VM_READ ? ACRE_VM_NO_ACCESS : ACRE_VM_READ));
    CHECK_OK(acre__os_commit(base + 2 * page, 2 * page, (acre_vm_protection)protection));
    struct acre__os_mapping mapping = mapping_at(base + 3 * page + 1);
    CHECK_EQ(mapping.start, (uintptr_t)base + 2 * page);
    CHECK_EQ(mapping.end, (uintptr_t)base + 4 * page);
    CHECK_EQ(mapping.protection, protection);
    CHECK_EQ(mapping.kind, ACRE_VM_KIND_FOREIGN);
    CHECK(!mapping.shared);
    release(base, 5);
  }
}

TEST(bounds_and_protections_each_way) {
  each_way(bounds_and_protections);
}

static void gaps(void) {
  size_t step = place_step(), pages = step / page_size();
  char *base = reserve(3 * pages);
  CHECK_OK(acre__os_release(base + step, step));
  CHECK_EQ(mapping_at(base + step).start, (uintptr_t)base + 2 * step); /* the next one */
  release(base, 3 * pages);

  struct acre__os_maps maps;
  struct acre__os_mapping mapping;
  REQUIRE_OK(acre__os_maps_open(&maps));
  CHECK_RESULT(acre__os_maps_at(&maps, UINTPTR_MAX, &mapping), ACRE_E_NOT_FOUND);
  CHECK_OK(acre__os_maps_at(&maps, (uintptr_t)in_data, &mapping)); /* and it goes on working */
  CHECK(mapping.start <= (uintptr_t)in_data && (uintptr_t)in_data < mapping.end);
  acre__os_maps_close(&maps);
}

TEST(gaps_each_way) {
  each_way(gaps);
}

static void walk_and_jump(void) {
  size_t page = page_size();
  char *base = reserve(600); /* more text than the reader's buffer holds */
  for (size_t i = 0; i < 600; i += 2) CHECK_OK(acre__os_commit(base + i * page, page, ACRE_VM_READ_WRITE));
  walk(); /* the first one may load what it needs */
  size_t count = walk();
  CHECK(count > 600 && count < MANY);
  CHECK_EQ(count, test_mapping_count());
  CHECK_EQ(count, acre__os_mapping_count());

  /* Any order of questions gives the same answers as the ascending one. */
  struct acre__os_maps maps;
  REQUIRE_OK(acre__os_maps_open(&maps));
  for (size_t i = 0; i < 500; i++) {
    const struct acre__os_mapping *expected = &seen[test_random_below(count)];
    if (expected->kind == ACRE_VM_KIND_HEAP || expected->kind == ACRE_VM_KIND_STACK) continue; /* they grow */
    uintptr_t address = expected->start + test_random_below(expected->end - expected->start);
    struct acre__os_mapping got;
    REQUIRE_OK(acre__os_maps_at(&maps, address, &got));
    CHECK(got.start == expected->start && got.end == expected->end && got.protection == expected->protection &&
          got.kind == expected->kind && got.shared == expected->shared);
  }
  acre__os_maps_close(&maps);
  release(base, 600);
}

TEST(walks_and_jumps_each_way) {
  each_way(walk_and_jump);
}
