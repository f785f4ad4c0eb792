/* SPDX-License-Identifier: MIT */
/* A bare range: pages that are opened and closed one by one, and who is told of a touch of a closed one. */
#include <signal.h>
#include <string.h>

#include "vm/bare.h"
#include "vm/vm_check.h"

enum { CHUNK = 2 << 20 };

static char *base;
static size_t page;
static char *volatile opens_at; /* what the handler opens, when it is told of it */
static volatile int told;

static acre_vm_fault_answer on_fault(const acre_vm_fault *fault, void *context) {
  (void)context;
  told = told + 1;
  if (opens_at == NULL || fault->address != opens_at + 8 || fault->registers == NULL) return ACRE_VM_FAULT_FAIL;
  if (fault->state != ACRE_VM_RESERVED || fault->access != ACRE_VM_ACCESS_WRITE) return ACRE_VM_FAULT_FAIL;
  return acre__bare_open(opens_at, page) == ACRE_OK ? ACRE_VM_FAULT_HANDLED : ACRE_VM_FAULT_FAIL;
}

static void make(void) {
  void *range;
  if (base != NULL) return;
  page = system_figures().page_size;
  REQUIRE_OK(acre__bare_reserve((size_t)1 << 30, on_fault, &range));
  base = range;
  REQUIRE_OK(acre__bare_prepare(base, CHUNK));
}

TEST(pages_are_opened_and_closed) {
  make();
  uint64_t charged = system_figures().commit_charge;
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < 100; i++) {
      char *at = base + 2 * i * page;
      CHECK(!test_can_read(at));
      REQUIRE_OK(acre__bare_open(at, page));
      CHECK_EQ(*at, 0);
      memset(at, 1, page);
      CHECK(!test_can_read(at + page));
    }
    CHECK_EQ(system_figures().commit_charge, charged + 100 * page);
    for (size_t i = 0; i < 100; i++) CHECK_OK(acre__bare_close(base + 2 * i * page, page));
    CHECK_EQ(system_figures().commit_charge, charged);
  }
}

TEST(they_cost_no_mappings_where_there_are_markers) {
  make();
  if (!acre__bare_uses_markers()) test_skip("closed pages are mappings of their own here");
  size_t before = test_mapping_count();
  for (size_t i = 0; i < 200; i++) REQUIRE_OK(acre__bare_open(base + 2 * i * page, page));
  CHECK(SANITIZED || test_mapping_count() <= before + 2);
  for (size_t i = 0; i < 200; i++) CHECK_OK(acre__bare_close(base + 2 * i * page, page));
}

TEST(a_touch_of_a_closed_page_is_told) {
  make();
  opens_at = base + 500 * page;
  told = 0;
  *(volatile char *)(opens_at + 8) = 3;
  CHECK_EQ(told, 1);
  CHECK_EQ(opens_at[8], 3);
  CHECK_OK(acre__bare_close(opens_at, page));
  opens_at = NULL;
}

static void touch(void *at) {
  *(volatile char *)at = 1;
}

TEST(a_touch_that_nobody_repairs_ends_the_process) {
  make();
  CHECK(test_died_by(test_in_child(touch, base + 501 * page), SIGSEGV));
  CHECK(test_died_by(test_in_child(touch, base + CHUNK + page), SIGSEGV)); /* which was never prepared */
}

TEST(the_commit_limit_holds) {
  make();
  uint64_t charged = system_figures().commit_charge;
  CHECK_OK(acre_vm_set_commit_limit(charged + 10 * page));
  CHECK_OK(acre__bare_open(base, 10 * page));
  CHECK_RESULT(acre__bare_open(base + 20 * page, page), ACRE_E_COMMIT_LIMIT);
  CHECK(!test_can_read(base + 20 * page));
  CHECK_OK(acre__bare_close(base, 10 * page));
  CHECK_OK(acre_vm_set_commit_limit(0));
}
