/* SPDX-License-Identifier: MIT */
/*
 * Scattered commits: every other page of 16 GiB where guard markers exist, and
 * the mapping budget where they do not. ACRE_OPTIONS is read once, so each test
 * sets it in a child of its own.
 */
#include <acre/vm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "vm/vm_check.h"

#define GIB ((size_t)1 << 30)

enum { NO_GUARDS = 77 }; /* exit status of a child that cannot do its test */

static acre_system system_with(const char *options) {
  acre_system system;
  setenv("ACRE_OPTIONS", options, 1);
  REQUIRE_OK(acre_system_info(&system));
  return system;
}

static void every_other_page_of_16_gib(void *context) {
  (void)context;
  acre_system system = system_with("");
  if (system.commit_way != ACRE_COMMIT_BY_GUARD) _exit(NO_GUARDS);
  size_t page = system.page_size, size = 16 * GIB, mappings = test_mapping_count();
  void *base;
  REQUIRE_OK(acre_vm_reserve(size, NULL, &base));
  for (size_t offset = 0; offset < size; offset += 2 * page)
    REQUIRE_OK(acre_vm_commit((char *)base + offset, page, ACRE_VM_DEFAULT));
  CHECK(test_mapping_count() < mappings + 600);

  for (int i = 0; i < 10000; i++) {
    char *committed = (char *)base + test_random_below(size / (2 * page)) * 2 * page;
    CHECK_EQ(*committed, 0);
    *committed = 1;
    CHECK(!test_can_read(committed + page));
    *committed = 0;
  }
  REQUIRE_OK(acre_system_info(&system));
  CHECK_EQ(system.commit_charge, size / 2);
  CHECK(system.metadata_bytes <= system.commit_charge / 1000);
  REQUIRE_OK(acre_vm_release(base));
  if (!SANITIZED) CHECK(test_mapping_count() <= mappings + 8); /* Acre's own tables, which stay */
}

TEST(every_other_page_with_guard_markers) {
  int status = test_in_child(every_other_page_of_16_gib, NULL);
  if (WIFEXITED(status) && WEXITSTATUS(status) == NO_GUARDS) test_skip("no guard markers on this kernel");
  CHECK_EQ(status, 0);
}

/* Near the limit pages are committed 64 KiB at a time, so every other page of any size goes on working. */
static void every_other_page_coarsened(void *context) {
  (void)context;
  acre_system system = system_with("commit=mprotect,map_budget=2000");
  size_t page = system.page_size, size = GIB, mappings = test_mapping_count();
  void *base;
  REQUIRE_OK(acre_vm_reserve(size, NULL, &base));
  for (size_t offset = 0; offset < size; offset += 2 * page)
    REQUIRE_OK(acre_vm_commit((char *)base + offset, page, ACRE_VM_DEFAULT));
  CHECK(test_mapping_count() < mappings + 2000 + 100);

  /* What was committed stays; what is reserved is so in the books, and empty once it is committed. */
  acre_vm_info info;
  CHECK_OK(acre_vm_query((char *)base + size / 2, &info));
  CHECK_EQ(info.state, ACRE_VM_COMMITTED);
  CHECK_EQ(info.size, page);
  CHECK_OK(acre_vm_query((char *)base + size / 2 + page, &info));
  CHECK_EQ(info.state, ACRE_VM_RESERVED);
  char *neighbour = (char *)base + size / 2 + page;
  CHECK(test_can_write(neighbour));
  memset(neighbour, 7, page);
  CHECK_OK(acre_vm_commit(neighbour, page, ACRE_VM_DEFAULT));
  CHECK_EQ(neighbour[0], 0);
  CHECK_EQ(neighbour[page - 1], 0);
  REQUIRE_OK(acre_vm_release(base));
}

TEST(every_other_page_with_a_mapping_budget) {
  CHECK_EQ(test_in_child(every_other_page_coarsened, NULL), 0);
}

/* One page in every other unit: no coarsening helps, and the kernel's limit is met in the end. */
static void limit_is_met(void *context) {
  (void)context;
  acre_system system = system_with("commit=mprotect");
  size_t unit = system.allocation_granularity, size = system.mapping_limit * 2 * unit;
  void *base;
  REQUIRE_OK(acre_vm_reserve(size, NULL, &base));
  acre_result result = ACRE_OK;
  size_t offset = 0;
  for (; offset < size && result == ACRE_OK; offset += 2 * unit)
    result = acre_vm_commit((char *)base + offset, 1, ACRE_VM_DEFAULT);
  CHECK_RESULT(result, ACRE_E_MAPPING_LIMIT);
  CHECK(strstr(acre_result_text(result), "vm.max_map_count") != NULL);
  CHECK(offset / (2 * unit) > system.mapping_limit / 3);

  /* Nothing is lost: the page that failed is reserved, the one before it works, and decommit makes room. */
  char *failed = (char *)base + offset - 2 * unit;
  acre_vm_info info;
  CHECK_OK(acre_vm_query(failed, &info));
  CHECK_EQ(info.state, ACRE_VM_RESERVED);
  failed[-(ptrdiff_t)(2 * unit)] = 1;
  CHECK_OK(acre_vm_decommit(base, 100 * unit));
  CHECK_OK(acre_vm_commit(failed, 1, ACRE_VM_DEFAULT));
  *failed = 1;
  CHECK_OK(acre_vm_release(base));
}

TEST(the_error_names_the_limit) {
  CHECK_EQ(test_in_child(limit_is_met, NULL), 0);
}
