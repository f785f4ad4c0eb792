/* SPDX-License-Identifier: MIT */
/* Several ranges in one call: acre_vm_commit_runs, acre_vm_decommit_runs. Random ones are in test_random.c. */
#include "vm/vm_check.h"

enum { PAGES = 2048, RUNS = PAGES / 2 };

static size_t page;

static acre_vm_run runs[RUNS + 2];

/* Every other page of the region, from its second one on. */
static char *reserve_and_list(void) {
  page = page_bytes();
  char *base = reserve_pages(PAGES);
  for (size_t i = 0; i < RUNS; i++) runs[i] = (acre_vm_run){base + (2 * i + 1) * page, page};
  return base;
}

static void check_every_other(char *base, size_t end) {
  for (size_t at = 0; at < PAGES; at++)
    REQUIRE_EQ(query(base + at * page).state, at % 2 == 1 && at < end ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED);
  CHECK_AGREES(base);
  CHECK_CHARGE();
}

TEST(every_other_page) {
  char *base = reserve_and_list();
  size_t done = 7;
  for (int round = 0; round < 3; round++) {
    CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, &done));
    CHECK_EQ(done, RUNS);
    check_every_other(base, PAGES);
    for (size_t i = 0; i < RUNS; i++) CHECK(all_bytes_are(runs[i].address, page, 0));
    for (size_t i = 0; i < RUNS; i++) memset(runs[i].address, 5, page);
    CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, NULL)); /* again: content stays */
    for (size_t i = 0; i < RUNS; i++) CHECK(all_bytes_are(runs[i].address, page, 5));
    CHECK_OK(acre_vm_decommit_runs(runs + RUNS / 2, RUNS / 2, &done));
    CHECK_EQ(done, RUNS / 2);
    check_every_other(base, PAGES / 2);
    CHECK_OK(acre_vm_decommit_runs(runs, RUNS, &done));
    check_every_other(base, 0);
  }
  CHECK_OK(acre_vm_release(base));
}

/* The other half fills the holes: afterwards the region is as if it had been committed at once. */
TEST(holes_are_filled) {
  char *base = reserve_and_list();
  CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, NULL));
  for (size_t i = 0; i < RUNS; i++) runs[i].address = (char *)runs[i].address - page;
  CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, NULL));
  CHECK_EQ(query(base).size, PAGES * page);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_decommit_runs(runs, RUNS, NULL));
  for (size_t i = 0; i < RUNS; i++) CHECK_EQ(query(runs[i].address).state, ACRE_VM_RESERVED);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(any_order_and_any_region) {
  char *base = reserve_and_list(), *other = reserve_pages(PAGES);
  for (size_t i = 0; i < RUNS; i++) {
    size_t with = test_random_below(RUNS);
    acre_vm_run swap = runs[i];
    runs[i] = runs[with], runs[with] = swap;
  }
  for (size_t i = 0; i < RUNS; i += 3) runs[i].address = other + ((char *)runs[i].address - base);
  CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_READ, NULL));
  for (size_t i = 0; i < RUNS; i++) REQUIRE_EQ(query(runs[i].address).protection, ACRE_VM_READ);
  CHECK_AGREES(base);
  CHECK_AGREES(other);
  CHECK_EQ(system_figures().commit_charge, RUNS * page);
  CHECK_OK(acre_vm_decommit_runs(runs, RUNS, NULL));
  CHECK_EQ(system_figures().commit_charge, 0);
  CHECK_OK(acre_vm_release(base));
  CHECK_OK(acre_vm_release(other));
}

TEST(bytes_mean_their_pages) {
  char *base = reserve_and_list();
  runs[0] = (acre_vm_run){base + page - 1, 2};
  runs[1] = (acre_vm_run){base + 5 * page + 100, 1};
  runs[2] = (acre_vm_run){base + 5 * page + 200, page}; /* begins in the page before */
  CHECK_OK(acre_vm_commit_runs(runs, 3, ACRE_VM_DEFAULT, NULL));
  for (size_t at = 0; at < 8; at++)
    CHECK_EQ(query(base + at * page).state, at < 2 || at == 5 || at == 6 ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED);
  CHECK_OK(acre_vm_release(base));
}

static void check_stop(char *base, size_t at, acre_result expected) {
  size_t done = 0;
  CHECK_RESULT(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, &done), expected);
  CHECK_EQ(done, at);
  check_every_other(base, 2 * at);
  done = 0;
  CHECK_RESULT(acre_vm_decommit_runs(runs, RUNS, &done), expected);
  CHECK_EQ(done, at);
  check_every_other(base, 0);
}

TEST(the_first_that_fails_ends_it) {
  char *base = reserve_and_list();
  size_t at = 777, done = 3;
  acre_vm_run good = runs[at];
  runs[at] = (acre_vm_run){base + PAGES * page - page, 2 * page};
  check_stop(base, at, ACRE_E_SPANS_REGIONS);
  runs[at] = (acre_vm_run){&done, 1};
  check_stop(base, at, ACRE_E_NOT_A_REGION);
  runs[at] = (acre_vm_run){NULL, page};
  check_stop(base, at, ACRE_E_INVALID_ARGUMENT);
  runs[at] = (acre_vm_run){good.address, 0};
  check_stop(base, at, ACRE_E_INVALID_SIZE);
  runs[at] = (acre_vm_run){good.address, SIZE_MAX};
  check_stop(base, at, ACRE_E_INVALID_SIZE);

  runs[at] = good;
  CHECK_RESULT(acre_vm_commit_runs(runs, RUNS, (acre_vm_protection)77, &done), ACRE_E_INVALID_PROTECTION);
  CHECK_EQ(done, 0);
  CHECK_RESULT(acre_vm_commit_runs(NULL, 1, ACRE_VM_DEFAULT, &done), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_decommit_runs(NULL, 1, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_OK(acre_vm_commit_runs(NULL, 0, ACRE_VM_DEFAULT, &done));
  CHECK_OK(acre_vm_decommit_runs(NULL, 0, NULL));
  check_every_other(base, 0);
  CHECK_OK(acre_vm_release(base));
}

TEST(the_commit_limit_is_met_in_the_middle) {
  char *base = reserve_and_list();
  size_t done;
  CHECK_OK(acre_vm_set_commit_limit(system_figures().commit_charge + 300 * page));
  CHECK_RESULT(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, &done), ACRE_E_COMMIT_LIMIT);
  CHECK_EQ(done, 300);
  check_every_other(base, 600);
  CHECK_OK(acre_vm_set_commit_limit(0));
  CHECK_OK(acre_vm_release(base));
}

TEST(guards_and_locks) {
  char *base = reserve_and_list();
  CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_READ_WRITE | ACRE_VM_GUARD, NULL));
  CHECK_EQ(query(runs[9].address).protection, ACRE_VM_READ_WRITE | ACRE_VM_GUARD);
  CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, NULL));
  if (acre_vm_lock(runs[20].address, page) == ACRE_OK) {
    CHECK_OK(acre_vm_decommit_runs(runs, RUNS, NULL)); /* a decommitted page is not locked */
    check_every_other(base, 0);
    CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, NULL));
  }
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(runs_of_strict_regions) {
  acre_vm_options strict = {.flags = ACRE_VM_STRICT};
  page = page_bytes();
  char *base = reserve_with(PAGES, &strict);
  for (size_t i = 0; i < RUNS; i++) runs[i] = (acre_vm_run){base + (2 * i + 1) * page, page};
  CHECK_OK(acre_vm_commit_runs(runs, RUNS, ACRE_VM_DEFAULT, NULL));
  for (size_t i = 0; i < RUNS; i++) CHECK(test_is_resident(runs[i].address));
  CHECK_OK(acre_vm_release(base));
}
