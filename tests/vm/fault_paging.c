/* SPDX-License-Identifier: MIT */
/*
 * The paging file with every call to the system failing: setting it, making a
 * region on it, committing, decommitting, releasing, and the child of a fork.
 * Afterwards nothing is counted that is not there, no descriptor is lost, and
 * table, kernel and disk agree. (The scenes of fault_vm.c are played on the
 * paging file there.)
 */
#include <dirent.h>
#include <sys/wait.h>

#include "os/fault/fault.h"
#include "vm/paging_check.h"
#include "vm/vm_check.h"

enum { PAGES = 600, SPARSE_PAGES = 200000, MOST_CALLS = 500 };

static size_t page;

static size_t open_descriptors(void) {
  size_t count = 0;
  DIR *directory = opendir("/proc/self/fd");
  REQUIRE(directory != NULL);
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

/* What must be as before after a failure. */
struct figures {
  size_t descriptors, regions, metadata;
  uint64_t charge, used;
};

static struct figures take_figures(void) {
  acre_system system = system_figures();
  CHECK(test_can_read(&page)); /* which has a pipe of its own from then on */
  return (struct figures){open_descriptors(), system.regions, system.metadata_bytes, system.commit_charge,
                          paging_bytes_used()};
}

static void check_figures(const struct figures *before, unsigned long call) {
  struct figures now = take_figures();
  if (now.descriptors != before->descriptors)
    test_fail(__FILE__, __LINE__, "call %lu fails: %zu descriptors, before %zu", call, now.descriptors,
              before->descriptors);
  if (now.metadata > before->metadata + 4096) /* nodes of the index stay for the next change */
    test_fail(__FILE__, __LINE__, "call %lu fails: %zu bytes of metadata, before %zu", call, now.metadata,
              before->metadata);
  CHECK_EQ(now.regions, before->regions);
  CHECK_EQ(now.charge, before->charge);
  CHECK_EQ(now.used, before->used);
}

static const acre_result results[] = {ACRE_E_NO_MEMORY, ACRE_E_NO_SPACE, ACRE_E_IO, ACRE_E_MAPPING_LIMIT};

/* Runs `act` with its first call failing, then its second, ... each time alone, half done, or with all later ones. */
static void with_every_failure(bool (*act)(const struct acre__fault_plan *plan)) {
  for (unsigned mode = 0; mode < 12; mode++) {
    struct acre__fault_plan plan = {.result = results[mode % 4], .and_later = mode / 4 == 1, .partly = mode / 4 == 2};
    for (plan.call = 1; act(&plan); plan.call++) REQUIRE(plan.call < MOST_CALLS);
  }
}

/* ------------------------------------------------------------- setting */

static bool try_to_set(const struct acre__fault_plan *plan) {
  struct figures before = take_figures();
  acre__fault_begin(plan);
  acre_result result = acre_vm_set_paging_file(paging_directory, 7 * page);
  struct acre__fault_report report;
  bool failed = acre__fault_end(&report);
  uint64_t maximum, used;
  acre__paging_figures(&maximum, &used);
  if (result != ACRE_OK) {
    CHECK_RESULT(result, plan->result);
    CHECK_EQ(maximum, 100 * page); /* the former one */
  } else {
    /* Only hiding and the giving back of the trial's page may fail unnoticed. */
    CHECK(!failed || report.first_failed == ACRE_FAULT_HIDE || report.first_failed == ACRE_FAULT_RELEASE);
    CHECK_EQ(maximum, 7 * page);
    REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 100 * page));
  }
  check_figures(&before, plan->call);
  return failed;
}

TEST(setting_it) {
  page = page_bytes();
  make_fast_paging_directory();
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 100 * page));
  with_every_failure(try_to_set);
  unset_paging_file();
}

/* ------------------------------------------------------------- reserve, commit, decommit, release */

static bool try_to_reserve(const struct acre__fault_plan *plan) {
  acre_vm_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE, .flags = ACRE_VM_COMMIT, .touch_step = page};
  struct figures before = take_figures();
  void *base = NULL;
  acre__fault_begin(plan);
  acre_result result = acre_vm_reserve(PAGES * page, &options, &base);
  struct acre__fault_report report;
  bool failed = acre__fault_end(&report);
  CHECK_INDEX();
  if (result == ACRE_OK) {
    CHECK_AGREES(base);
    CHECK_BLOCKS(base);
    CHECK_EQ(paging_bytes_used(), before.used + PAGES * page);
    CHECK_OK(acre_vm_release(base));
  } else {
    CHECK(result == plan->result || result == ACRE_E_IO);
    CHECK(base == NULL);
    /* With all later calls failing, a region whose commit failed cannot be released either: it stays, empty. */
    if (plan->and_later && system_figures().regions > before.regions) {
      acre__lock(&acre__root.index.lock);
      struct acre__region *left = acre__index_next(&acre__root.index, 0);
      acre__unlock(&acre__root.index.lock);
      REQUIRE(left != NULL);
      CHECK_EQ(acre__table_committed(&left->table, 0, left->table.pages), 0);
      CHECK_OK(acre_vm_release((void *)acre__region_base(left)));
    }
  }
  /* A descriptor that cannot be looked at cannot be closed, as it may be another's. */
  bool lost = failed && plan->and_later;
  if (lost || report.first_failed == ACRE_FAULT_FILE_IDENTITY) before.descriptors = open_descriptors();
  check_figures(&before, plan->call);
  return failed;
}

static bool try_pages(const struct acre__fault_plan *plan) {
  struct figures before = take_figures();
  char *base = reserve_with(PAGES, &ON_PAGING_FILE);
  REQUIRE_OK(acre_vm_commit(base, 20 * page, ACRE_VM_DEFAULT));
  REQUIRE_OK(acre_vm_commit(base + 100 * page, 450 * page, ACRE_VM_DEFAULT));
  memset(base, 3, 20 * page);
  memset(base + 100 * page, 4, 450 * page);
  acre__fault_begin(plan);
  acre_result committed = acre_vm_commit(base + 10 * page, 20 * page, ACRE_VM_DEFAULT);
  acre_result decommitted = acre_vm_decommit(base + 150 * page, 390 * page);
  bool failed = acre__fault_end(NULL);
  CHECK_AGREES(base);
  if (!plan->and_later) CHECK_BLOCKS(base);
  CHECK(all_bytes_are(base, 20 * page, 3));
  CHECK(all_bytes_are(base + 100 * page, 50 * page, 4));
  CHECK_EQ(query(base + 20 * page).state, committed == ACRE_OK ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED);
  if (decommitted == ACRE_OK) CHECK_EQ(query(base + 150 * page).state, ACRE_VM_RESERVED);
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  size_t pages = acre__table_committed(&region->table, 0, PAGES);
  acre__unlock(&region->lock);
  CHECK_EQ(paging_bytes_used(), before.used + pages * page);
  CHECK_EQ(system_figures().commit_charge, before.charge + pages * page);

  /* All of it works afterwards, and what is new is empty. */
  CHECK_OK(acre_vm_decommit(base + 150 * page, 390 * page));
  CHECK_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
  CHECK(all_bytes_are(base + 20 * page, 80 * page, 0));
  CHECK(all_bytes_are(base + 150 * page, 390 * page, 0));
  CHECK(all_bytes_are(base + 540 * page, 10 * page, 4));
  CHECK_AGREES(base);
  CHECK_BLOCKS(base);
  CHECK_OK(acre_vm_release(base));
  check_figures(&before, plan->call);
  return failed;
}

/* A large region is emptied before it is released. */
static bool try_to_release_with(const struct acre__fault_plan *plan, size_t pages, size_t committed) {
  struct figures before = take_figures();
  char *base = reserve_with(pages, &ON_PAGING_FILE);
  REQUIRE_OK(acre_vm_commit(base, committed * page, ACRE_VM_DEFAULT));
  acre__fault_begin(plan);
  acre_result result = acre_vm_release(base);
  struct acre__fault_report report;
  bool failed = acre__fault_end(&report);
  if (result != ACRE_OK) {
    CHECK_RESULT(result, plan->result);
    if (pages <= 5000) CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
  }
  if (failed && (plan->and_later || report.first_failed == ACRE_FAULT_FILE_IDENTITY))
    before.descriptors = open_descriptors();
  check_figures(&before, plan->call);
  return failed;
}

static bool try_to_release(const struct acre__fault_plan *plan) {
  return try_to_release_with(plan, 5000, 5000);
}

/* Most of it was never used, and the table has nothing of that. */
static bool try_to_release_sparse(const struct acre__fault_plan *plan) {
  return try_to_release_with(plan, SPARSE_PAGES, 5000);
}

static void try_all(void) {
  page = page_bytes();
  make_fast_paging_directory();
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 0));
}

TEST(reserving_with_a_commit) {
  try_all();
  with_every_failure(try_to_reserve);
  unset_paging_file();
}

TEST(committing_and_decommitting) {
  try_all();
  with_every_failure(try_pages);
  unset_paging_file();
}

TEST(releasing) {
  try_all();
  with_every_failure(try_to_release);
  with_every_failure(try_to_release_sparse);
  unset_paging_file();
}

/* ------------------------------------------------------------- fork */

struct family {
  char *base;
  const struct acre__fault_plan *plan;
};

/* The child's part of a fork fails: it has the region, empty, or has not got it. */
static void look_at_the_child(void *context) {
  struct family *family = context;
  bool failed = acre__fault_end(NULL);
  CHECK_INDEX();
  CHECK_EQ(paging_bytes_used(), 0);
  CHECK_EQ(system_figures().commit_charge, 0);
  acre_vm_info info = query(family->base);
  CHECK(info.state == ACRE_VM_RESERVED || info.state == ACRE_VM_FREE);
  CHECK(failed || info.state == ACRE_VM_RESERVED);
  if (info.state == ACRE_VM_RESERVED) {
    CHECK_AGREES(family->base);
    acre__fault_begin(family->plan);
    acre_result result = acre_vm_commit(family->base, 10 * page, ACRE_VM_DEFAULT);
    failed |= acre__fault_end(NULL);
    CHECK_AGREES(family->base);
    if (result != ACRE_OK) CHECK_OK(acre_vm_commit(family->base, 10 * page, ACRE_VM_DEFAULT));
    CHECK(all_bytes_are(family->base, 10 * page, 0));
    CHECK_OK(acre_vm_release(family->base));
  }
  CHECK_EQ(system_figures().regions, 0);
  CHECK_OK(acre_vm_release(reserve_with(10, &ON_PAGING_FILE)));
  if (failed) _exit(2);
}

TEST(the_child_of_a_fork) {
  try_all();
  for (unsigned mode = 0; mode < 2; mode++) {
    struct acre__fault_plan plan = {.call = 1, .result = ACRE_E_NO_MEMORY, .and_later = mode != 0};
    char *base = reserve_with(PAGES, &ON_PAGING_FILE);
    REQUIRE_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
    memset(base, 5, PAGES * page);
    for (;; plan.call++) {
      struct family family = {base, &plan};
      acre__fault_begin(&plan);
      int status = test_in_child(look_at_the_child, &family);
      CHECK(!acre__fault_end(NULL)); /* the parent's part of a fork asks for nothing */
      CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2));
      CHECK(all_bytes_are(base, PAGES * page, 5));
      if (status == 0) break;
      REQUIRE(plan.call < 20);
    }
    CHECK_OK(acre_vm_release(base));
  }
  unset_paging_file();
}
