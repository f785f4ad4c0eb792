/* SPDX-License-Identifier: MIT */
/*
 * Guard pages: one access each, whoever makes it; what query, protect and the
 * rest make of them; and random operations against a model. Signals: test_guard_linux.c.
 */
#include <pthread.h>

#include "vm/guard_check.h"

TEST(a_region_can_be_reserved_with_guard_pages) {
  size_t page = page_bytes();
  acre_vm_options options = {.protection = GUARDED, .flags = ACRE_VM_COMMIT};
  void *base;
  REQUIRE_OK(acre_vm_reserve(4 * page, &options, &base));
  CHECK_EQ(query(base).protection, GUARDED);
  CHECK_EQ(query(base).region_protection, GUARDED);
  CHECK_EQ(query(base).size, 4 * page);
  CHECK_OK(acre_vm_decommit(base, page));
  CHECK_OK(acre_vm_commit(base, page, ACRE_VM_DEFAULT)); /* a later commit makes none by itself */
  CHECK_EQ(query(base).protection, (acre_vm_protection)(GUARDED & ~ACRE_VM_GUARD));
  CHECK_EQ(query(base).region_protection, GUARDED);
  CHECK_OK(acre_vm_release(base));
  options.flags = 0;
  REQUIRE_OK(acre_vm_reserve(4 * page, &options, &base));
  CHECK_EQ(query(base).state, ACRE_VM_RESERVED);
  CHECK_EQ(query(base).region_protection, GUARDED);
  CHECK_OK(acre_vm_release(base));
}

TEST(one_access_each) {
  size_t page = page_bytes();
  char *base = told_region(64);
  CHECK_OK(acre_vm_commit(base, 8 * page, ACRE_VM_DEFAULT));
  memset(base, 7, 8 * page);
  CHECK_OK(acre_vm_protect(base + page, 3 * page, GUARDED, NULL));
  CHECK_AGREES(base);
  CHECK_EQ(query(base).size, page);
  CHECK_EQ(query(base + page).size, 3 * page);
  CHECK_EQ(query(base + page).state, ACRE_VM_COMMITTED);
  CHECK_EQ(query(base + page).protection, GUARDED);

  write_byte(base + 2 * page + 9, 8);
  CHECK_EQ(told.calls, 1);
  CHECK_EQ(told.last.reason, ACRE_VM_FAULT_GUARD);
  CHECK_EQ(told.last.access, ACRE_VM_ACCESS_WRITE);
  CHECK_EQ(told.last.state, ACRE_VM_COMMITTED);
  CHECK_EQ(told.last.protection, ACRE_VM_READ_WRITE);
  CHECK(told.last.address == base + 2 * page + 9);
  CHECK_EQ(base[2 * page + 9], 8);
  CHECK_EQ(base[2 * page + 8], 7); /* content stayed */
  CHECK_EQ(told.calls, 1);
  CHECK_EQ(query(base + page).protection, GUARDED); /* the neighbours are guard pages still */
  CHECK_EQ(query(base + 2 * page).protection, ACRE_VM_READ_WRITE);
  CHECK_EQ(query(base + 3 * page).protection, GUARDED);
  read_byte(base + page);
  read_byte(base + 3 * page);
  CHECK_EQ(told.guards, 3);
  CHECK_AGREES(base);
  CHECK(all_bytes_are(base + 3 * page, page, 7));
  CHECK_EQ(told.calls, 3);
  CHECK_OK(acre_vm_release(base));
}

TEST(commit_makes_guard_pages) {
  size_t page = page_bytes();
  char *base = told_region(2000);
  uint64_t charge = system_figures().commit_charge;
  CHECK_OK(acre_vm_commit(base, 3 * page, GUARDED));
  CHECK_OK(acre_vm_commit(base + 3 * page, 2 * page, GUARDED)); /* at the frontier */
  CHECK_OK(acre_vm_commit(base + 100 * page, page, GUARDED));
  CHECK_OK(acre_vm_commit(base + 300 * page, 900 * page, ACRE_VM_DEFAULT | ACRE_VM_GUARD));
  CHECK_EQ(system_figures().commit_charge, charge + 906 * page);
  CHECK_EQ(query(base).size, 5 * page);
  CHECK_EQ(query(base + 300 * page).size, 900 * page);
  CHECK_AGREES(base);
  for (size_t i = 0; i < 5; i++) write_byte(base + i * page, (char)i);
  for (size_t i = 300; i < 1200; i += 7) write_byte(base + i * page, 1);
  CHECK_EQ(told.calls, 5 + (900 + 6) / 7);
  CHECK_OK(acre_vm_commit(base, 2000 * page, ACRE_VM_DEFAULT)); /* takes the guards away */
  CHECK_EQ(query(base).size, 2000 * page);
  CHECK_EQ(base[3 * page], 3);
  CHECK_EQ(base[100 * page], 0);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(system_figures().commit_charge, charge);
}

TEST(protect_returns_the_modifier) {
  size_t page = page_bytes();
  char *base = told_region(8);
  acre_vm_protection old;
  CHECK_OK(acre_vm_commit(base, 4 * page, ACRE_VM_READ));
  CHECK_OK(acre_vm_protect(base, page, ACRE_VM_EXECUTE_READ | ACRE_VM_GUARD, &old));
  CHECK_EQ(old, ACRE_VM_READ);
  CHECK_OK(acre_vm_protect(base, page, ACRE_VM_READ, &old));
  CHECK_EQ(old, ACRE_VM_EXECUTE_READ | ACRE_VM_GUARD);
  read_byte(base);
  CHECK_EQ(told.calls, 0);
  CHECK_OK(acre_vm_protect(base, page, old, NULL)); /* and takes it back */
  read_byte(base);
  CHECK_EQ(told.calls, 1);
  CHECK_EQ(query(base).protection, ACRE_VM_EXECUTE_READ);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(what_cannot_be_done_with_guard_pages) {
  size_t page = page_bytes();
  char *base = told_region(8);
  CHECK_OK(acre_vm_commit(base, 4 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_protect(base + page, page, GUARDED, NULL));
  CHECK_RESULT(acre_vm_populate(base, 4 * page), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(acre_vm_lock(base, 4 * page), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(acre_vm_reset(base, 4 * page), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(acre_vm_undo_reset(base, 4 * page), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(acre_vm_protect(base, page, ACRE_VM_NO_ACCESS | ACRE_VM_GUARD, NULL), ACRE_E_INVALID_PROTECTION);
  CHECK_RESULT(acre_vm_protect(base, page, ACRE_VM_GUARD, NULL), ACRE_E_INVALID_PROTECTION);
  CHECK_RESULT(acre_vm_commit(base, page, ACRE_VM_NO_ACCESS | ACRE_VM_GUARD), ACRE_E_INVALID_PROTECTION);
  CHECK_RESULT(acre_vm_commit(base, page, (acre_vm_protection)(ACRE_VM_READ | 32)), ACRE_E_INVALID_PROTECTION);
  CHECK_RESULT(acre_vm_protect(base + 4 * page, page, GUARDED, NULL), ACRE_E_NOT_COMMITTED);
  acre_vm_options options = {.protection = GUARDED};
  void *other;
  options.protection = (acre_vm_protection)(ACRE_VM_NO_ACCESS | ACRE_VM_GUARD);
  CHECK_RESULT(acre_vm_reserve(page, &options, &other), ACRE_E_INVALID_PROTECTION);
  options.protection = ACRE_VM_NO_ACCESS;
  REQUIRE_OK(acre_vm_reserve(page, &options, &other));
  CHECK_RESULT(acre_vm_commit(other, page, ACRE_VM_GUARD), ACRE_E_INVALID_PROTECTION);
  CHECK_EQ(query(other).state, ACRE_VM_RESERVED);
  CHECK_OK(acre_vm_release(other));
  CHECK_EQ(told.calls, 0);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_decommit(base, 4 * page));
  CHECK_EQ(query(base).size, 8 * page);
  CHECK_OK(acre_vm_release(base));
}

TEST(locked_pages_stay_locked) {
  size_t page = page_bytes();
  char *base = told_region(2);
  CHECK_OK(acre_vm_commit(base, page, ACRE_VM_DEFAULT));
  acre_result result = acre_vm_lock(base, page);
  if (result == ACRE_E_LOCK_LIMIT) test_skip("this process may not lock memory");
  CHECK_OK(result);
  CHECK_OK(acre_vm_protect(base, page, GUARDED, NULL));
  write_byte(base, 1);
  CHECK_EQ(told.calls, 1);
  CHECK_OK(acre_vm_unlock(base, page));
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- threads */

enum { THREADS = 4, ROUNDS = SANITIZED ? 100 : 1000, RACE_PAGES = 16 };

static char *race_base;
static size_t race_page;
static pthread_barrier_t barrier;

static acre_vm_fault_answer count(const acre_vm_fault *fault, void *context) {
  (void)context;
  atomic_fetch_add(&told.calls, 1);
  atomic_fetch_add(&told.guards, fault->reason == ACRE_VM_FAULT_GUARD);
  return ACRE_VM_FAULT_HANDLED;
}

__attribute__((no_sanitize("thread"))) static void *touch_the_same(void *unused) {
  for (unsigned round = 0; round < ROUNDS; round++) {
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < RACE_PAGES; i++) *(volatile char *)(race_base + i * race_page) = 1;
    pthread_barrier_wait(&barrier);
  }
  return unused;
}

/* Several at once: each guard is told exactly once, and nobody gets a fault that he cannot explain. */
TEST(one_of_several_threads_is_told) {
  pthread_t threads[THREADS];
  race_page = page_bytes();
  race_base = told_region(RACE_PAGES);
  REQUIRE_OK(acre_vm_on_fault(race_base, count, NULL));
  REQUIRE(pthread_barrier_init(&barrier, NULL, THREADS + 1) == 0);
  CHECK_OK(acre_vm_commit(race_base, RACE_PAGES * race_page, ACRE_VM_DEFAULT));
  for (unsigned i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, touch_the_same, NULL) == 0);
  for (unsigned round = 0; round < ROUNDS; round++) {
    CHECK_OK(acre_vm_protect(race_base, RACE_PAGES * race_page, GUARDED, NULL));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(told.guards, (round + 1) * RACE_PAGES);
    CHECK_EQ(told.calls, told.guards);
  }
  for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_OK(acre_vm_release(race_base));
}

/* ------------------------------------------------------------- a model */

enum { MODEL_PAGES = 1100, STEPS = SANITIZED ? 1500 : 8000 };

static struct {
  unsigned char protection[MODEL_PAGES]; /* 0: reserved */
  bool guard[MODEL_PAGES];
  unsigned char content[MODEL_PAGES];
} model;

static void access_model_page(char *base, size_t page, size_t at) {
  bool readable = acre__protection_reads(model.protection[at]),
       writable = acre__protection_writes(model.protection[at]);
  unsigned before = told.guards;
  if (!readable) return;
  CHECK_EQ((unsigned char)base[at * page + 3], model.content[at]);
  CHECK_EQ(told.guards, before + model.guard[at]);
  model.guard[at] = false;
  if (writable) base[at * page + 3] = (char)++model.content[at];
  CHECK_EQ(told.guards, told.calls);
}

TEST(random_operations_against_a_model) {
  static const acre_vm_protection protections[] = {ACRE_VM_READ, ACRE_VM_READ_WRITE, ACRE_VM_EXECUTE_READ};
  size_t page = page_bytes();
  char *base = told_region(MODEL_PAGES);
  memset(&model, 0, sizeof model);
  for (unsigned step = 0; step < STEPS; step++) {
    size_t at = (size_t)test_random_below(MODEL_PAGES);
    size_t count = 1 + (size_t)test_random_below(test_random_below(8) == 0 ? 600 : 6);
    if (count > MODEL_PAGES - at) count = MODEL_PAGES - at;
    acre_vm_protection protection = protections[test_random_below(3)];
    bool guard = test_random_below(2) == 0, all = true, decommit = false, changed = true;
    acre_vm_protection wanted = guard ? protection | ACRE_VM_GUARD : protection;
    for (size_t i = at; i < at + count; i++) all &= model.protection[i] != 0;
    switch (test_random_below(8)) {
      case 0:
      case 1: CHECK_OK(acre_vm_commit(base + at * page, count * page, wanted)); break;
      case 2:
        CHECK_OK(acre_vm_decommit(base + at * page, count * page));
        decommit = true;
        break;
      case 3:
        CHECK_RESULT(acre_vm_protect(base + at * page, count * page, wanted, NULL),
                     all ? ACRE_OK : ACRE_E_NOT_COMMITTED);
        changed = all;
        break;
      default: access_model_page(base, page, at); changed = false;
    }
    for (size_t i = at; changed && i < at + count; i++) {
      if (decommit || model.protection[i] == 0) model.content[i] = 0;
      model.protection[i] = decommit ? 0 : (unsigned char)protection;
      model.guard[i] = !decommit && guard;
    }
    if (step % 500 == 0) CHECK_AGREES(base);
  }
  for (size_t at = 0; at < MODEL_PAGES; at++) {
    acre_vm_info info = query(base + at * page);
    unsigned expected = model.protection[at] == 0 ? (unsigned)ACRE_VM_NO_ACCESS : model.protection[at];
    CHECK_EQ(info.protection, expected | (model.guard[at] ? (unsigned)ACRE_VM_GUARD : 0u));
    CHECK_EQ(info.state, model.protection[at] == 0 ? ACRE_VM_RESERVED : ACRE_VM_COMMITTED);
  }
  for (size_t at = 0; at < MODEL_PAGES; at++) access_model_page(base, page, at);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}
