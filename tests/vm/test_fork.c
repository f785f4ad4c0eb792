/* SPDX-License-Identifier: MIT */
/* fork: at any moment, with other threads at work; the child has all regions and can do everything. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/vm_check.h"

enum { WORKERS = 3, FORKS = SANITIZED ? 30 : 150, PATIENCE = 20 /* seconds that a child may take */ };

static size_t page;
static atomic_bool stop;

/* A child that hangs is killed by its own alarm, and noticed by that. */
static void expect_good_child(void (*fn)(void *context), void *context) {
  int status = test_in_child(fn, context);
  if (status != 0)
    test_fail(__FILE__, __LINE__, "the child %s (status 0x%x)",
              WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "hangs" : "failed", (unsigned)status);
}

/* ------------------------------------------------------------- the copy */

struct family {
  char *base;
  struct picture picture;
};

static void look_at_the_copy(void *context) {
  static struct picture now;
  struct family *family = context;
  take_picture(family->base, 700 * page, &now);
  CHECK(same_picture(&now, &family->picture));
  CHECK_AGREES(family->base);
  CHECK_INDEX();
  for (size_t at = 0; at < 700; at += 70) CHECK_EQ(family->base[at * page], (char)at);
  family->base[0] = 99; /* its own */
  CHECK_OK(acre_vm_decommit(family->base, 700 * page));
  CHECK_OK(acre_vm_release(family->base));
  CHECK_EQ(query(family->base).state, ACRE_VM_FREE);
}

TEST(the_child_owns_a_copy) {
  static struct family family;
  page = page_bytes();
  family.base = reserve_pages(700);
  for (size_t at = 0; at < 700; at += 7) {
    CHECK_OK(acre_vm_commit(family.base + at * page, page, ACRE_VM_DEFAULT));
    family.base[at * page] = (char)at;
  }
  take_picture(family.base, 700 * page, &family.picture);
  expect_good_child(look_at_the_copy, &family);
  CHECK_EQ(family.base[0], 0);
  CHECK_EQ(family.base[70 * page], 70);
  CHECK_AGREES(family.base);
  CHECK_OK(acre_vm_release(family.base));
}

static void look_for_locks(void *base) {
  CHECK_RESULT(acre_vm_unlock((char *)base + 4 * page, page), ACRE_E_NOT_LOCKED);
  CHECK_OK(acre_vm_reset((char *)base + 4 * page, page)); /* refused on locked pages */
  CHECK_OK(acre_vm_lock(base, page));
  CHECK_OK(acre_vm_unlock(base, page));
}

TEST(locks_are_not_inherited) {
  page = page_bytes();
  char *base = reserve_pages(600);
  CHECK_OK(acre_vm_commit(base, 600 * page, ACRE_VM_DEFAULT));
  for (size_t at = 4; at < 600; at += 10) CHECK_OK(acre_vm_lock(base + at * page, page));
  expect_good_child(look_for_locks, base);
  for (size_t at = 4; at < 600; at += 10)
    CHECK_OK(acre_vm_unlock(base + at * page, page)); /* the parent has them still */
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- at any moment */

static bool any_run(const acre_vm_info *info, void *context) {
  (void)info;
  ++*(size_t *)context;
  return true;
}

static void use_everything(void *context) {
  char *touched = context, *base;
  void *got;
  acre_system system;
  acre_vm_options options = {.touch_step = page};
  size_t runs = 0;
  alarm(PATIENCE);
  CHECK_INDEX();
  for (unsigned i = 0; i < 5; i++) {
    REQUIRE_OK(acre_vm_reserve(600 * page, &options, &got));
    base = got;
    *(volatile char *)(base + 100 * page) = 1;
    CHECK_OK(acre_vm_commit(base + 2 * page, 9 * page, ACRE_VM_DEFAULT));
    CHECK_OK(acre_vm_protect(base + 3 * page, page, ACRE_VM_READ, NULL));
    CHECK_OK(acre_vm_populate(base + 4 * page, 2 * page));
    CHECK_OK(acre_vm_prefetch(base + 4 * page, 2 * page));
    CHECK_OK(acre_vm_lock(base + 4 * page, page));
    CHECK_OK(acre_vm_unlock(base + 4 * page, page));
    CHECK_OK(acre_vm_reset(base + 4 * page, page));
    (void)acre_vm_undo_reset(base + 4 * page, page);
    CHECK_OK(acre_vm_decommit(base + 5 * page, page));
    CHECK_EQ(query(base + 5 * page).state, ACRE_VM_RESERVED);
    CHECK_OK(acre_vm_release(base));
  }
  *(volatile char *)(touched + (size_t)getpid() % 500 * page) = 1;
  CHECK_OK(acre_vm_walk(any_run, &runs));
  CHECK(runs > 10);
  CHECK_OK(acre_system_info(&system));
  /* What other threads had in hand is there too, whole, and can be released. */
  struct acre__region *region;
  for (uintptr_t at = 0;;) {
    acre__lock(&acre__root.index.lock);
    region = acre__index_next(&acre__root.index, at);
    at = region == NULL ? 0 : acre__region_base(region);
    acre__unlock(&acre__root.index.lock);
    if (at == 0) break;
    CHECK_AGREES((void *)at);
    CHECK_OK(acre_vm_release((void *)at));
  }
  CHECK_OK(acre_system_info(&system));
  CHECK_EQ(system.regions, 0);
}

static void *work(void *seed) {
  uint64_t state = (uintptr_t)seed;
  while (!atomic_load(&stop)) {
    acre_vm_options options = {.touch_step = (uintptr_t)seed % 2 != 0 ? page : 0};
    void *got;
    size_t pages = 1 + (size_t)(test_random_next(&state) % 700);
    if (acre_vm_reserve(pages * page, &options, &got) != ACRE_OK) continue;
    char *base = got;
    for (unsigned i = 0; i < 6; i++) {
      size_t at = (size_t)(test_random_next(&state) % pages);
      CHECK_OK(acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT));
      base[at * page] = 1;
    }
    CHECK_OK(acre_vm_decommit(base, (pages + 1) / 2 * page));
    acre_vm_info info;
    CHECK_OK(acre_vm_query(base + pages * page, &info)); /* mostly free: looks at a region that may be gone */
    CHECK_OK(acre_vm_release(base));
  }
  return NULL;
}

TEST(forks_while_others_work) {
  page = page_bytes();
  acre_vm_options options = {.touch_step = page};
  char *touched = reserve_with(500, &options);
  pthread_t workers[WORKERS];
  atomic_store(&stop, false);
  for (uintptr_t i = 0; i < WORKERS; i++) REQUIRE(pthread_create(&workers[i], NULL, work, (void *)(i + 1)) == 0);
  for (unsigned i = 0; i < FORKS; i++) expect_good_child(use_everything, touched);
  atomic_store(&stop, true);
  for (unsigned i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
  CHECK_INDEX();
  CHECK_OK(acre_vm_release(touched));
}

static void fork_again(void *context) {
  alarm(PATIENCE);
  expect_good_child(use_everything, context);
}

TEST(children_of_children) {
  page = page_bytes();
  acre_vm_options options = {.touch_step = page};
  char *touched = reserve_with(500, &options);
  expect_good_child(fork_again, touched);
  CHECK_OK(acre_vm_release(touched));
}
