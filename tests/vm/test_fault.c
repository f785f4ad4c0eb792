/* SPDX-License-Identifier: MIT */
/*
 * acre_vm_on_fault: what a handler is told, what its answers do, and what it may
 * do. And a touch step that is set later. Signals: test_fault_linux.c.
 */
#include <pthread.h>

#include "vm/fault_check.h"

/* ------------------------------------------------------------- a handler that notes what it is told */

TEST(a_handler_commits) {
  size_t page = page_bytes();
  char *base = noted_region(100, NULL);
  notes.act = commit_page;
  write_byte(base + 7 * page + 12, 5);
  CHECK_EQ(notes.calls, 1);
  CHECK(notes.fault.address == base + 7 * page + 12);
  CHECK_EQ(notes.fault.access, ACRE_VM_ACCESS_WRITE);
  CHECK_EQ(notes.fault.reason, ACRE_VM_FAULT_RESERVED);
  CHECK_EQ(notes.fault.state, ACRE_VM_RESERVED);
  CHECK_EQ(notes.fault.protection, ACRE_VM_NO_ACCESS);
  CHECK_EQ(notes.fault.kind, ACRE_VM_KIND_PRIVATE);
  CHECK_RESULT(notes.fault.result, ACRE_OK);
  CHECK(notes.fault.region_base == base);
  CHECK_EQ(notes.fault.region_size, 100 * page);
  CHECK(notes.fault.registers != NULL);
  CHECK_EQ(base[7 * page + 12], 5);
  read_byte(base + 9 * page);
  CHECK_EQ(notes.calls, 2);
  CHECK_EQ(notes.fault.access, ACRE_VM_ACCESS_READ);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_handler_changes_a_protection) {
  size_t page = page_bytes();
  char *base = noted_region(16, NULL);
  notes.act = make_writable;
  CHECK_OK(acre_vm_commit(base, 4 * page, ACRE_VM_READ));
  CHECK_OK(acre_vm_protect(base + page, page, ACRE_VM_NO_ACCESS, NULL));
  read_byte(base); /* no fault */
  CHECK_EQ(notes.calls, 0);
  write_byte(base, 1);
  CHECK_EQ(notes.calls, 1);
  CHECK_EQ(notes.fault.reason, ACRE_VM_FAULT_PROTECTED);
  CHECK_EQ(notes.fault.state, ACRE_VM_COMMITTED);
  CHECK_EQ(notes.fault.protection, ACRE_VM_READ);
  read_byte(base + page);
  CHECK_EQ(notes.fault.protection, ACRE_VM_NO_ACCESS);
  CHECK_EQ(notes.calls, 2);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- what a handler may do */

static char *touched_by_handler;

static acre_result use_everything(const acre_vm_fault *fault) {
  char *base = fault->region_base;
  size_t page = acre__root.system.page_size;
  acre_vm_info info;
  acre_result result = acre_vm_query(fault->address, &info);
  if (result != ACRE_OK || info.state != ACRE_VM_RESERVED) return ACRE_E_UNEXPECTED;
  result = acre_vm_commit(base, 8 * page, ACRE_VM_DEFAULT);
  if (result == ACRE_OK) result = acre_vm_populate(base, 4 * page);
  if (result == ACRE_OK) result = acre_vm_protect(base + page, page, ACRE_VM_READ, NULL);
  if (result == ACRE_OK) result = acre_vm_decommit(base + 2 * page, page);
  if (result == ACRE_OK) result = acre_vm_commit(touched_by_handler + page, page, ACRE_VM_DEFAULT); /* another region */
  write_byte(touched_by_handler, 3); /* commit on touch */
  return result;
}

TEST(a_handler_may_use_its_region_and_others) {
  size_t page = page_bytes();
  acre_vm_options options = {.touch_step = page};
  touched_by_handler = reserve_with(16, &options);
  char *base = noted_region(16, NULL);
  notes.act = use_everything;
  write_byte(base, 1);
  CHECK_EQ(notes.calls, 1);
  CHECK_EQ(touched_by_handler[0], 3);
  CHECK_EQ(query(base + page).protection, ACRE_VM_READ);
  CHECK_EQ(query(base + 2 * page).state, ACRE_VM_RESERVED);
  CHECK_AGREES(base);
  CHECK_AGREES(touched_by_handler);
  CHECK_OK(acre_vm_release(base));
  CHECK_OK(acre_vm_release(touched_by_handler));
}

static char *chain[8];

/* Each region's handler touches the next region, whose handler ... */
static acre_vm_fault_answer touch_next(const acre_vm_fault *fault, void *context) {
  uintptr_t self = (uintptr_t)context;
  if (self + 1 < sizeof chain / sizeof *chain) write_byte(chain[self + 1], (char)self);
  return acre_vm_commit(fault->address, 1, ACRE_VM_DEFAULT) == ACRE_OK ? ACRE_VM_FAULT_HANDLED : ACRE_VM_FAULT_FAIL;
}

TEST(faults_nest) {
  size_t count = sizeof chain / sizeof *chain;
  for (uintptr_t i = 0; i < count; i++) {
    chain[i] = reserve_pages(1);
    REQUIRE_OK(acre_vm_on_fault(chain[i], touch_next, (void *)i));
  }
  write_byte(chain[0], 9);
  for (size_t i = 1; i < count; i++) CHECK_EQ(*chain[i], (char)(i - 1));
  for (size_t i = 0; i < count; i++) CHECK_OK(acre_vm_release(chain[i]));
}

/* ------------------------------------------------------------- Acre's own means come first */

TEST(touches_are_repaired_before_the_handler_is_asked) {
  size_t page = page_bytes();
  acre_vm_options options = {.touch_step = 4 * page};
  char *base = noted_region(64, &options);
  notes.act = make_writable;
  write_byte(base + 5 * page, 1);
  CHECK_EQ(notes.calls, 0);
  CHECK_OK(acre_vm_protect(base + 5 * page, page, ACRE_VM_READ, NULL));
  write_byte(base + 5 * page, 1);
  CHECK_EQ(notes.calls, 1);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_touch_step_is_set_later) {
  size_t page = page_bytes();
  char *base = noted_region(64, NULL);
  notes.act = commit_page;
  write_byte(base, 1);
  CHECK_EQ(notes.calls, 1);
  CHECK_OK(acre_vm_set_touch_step(base, 3 * page + 1));
  write_byte(base + 9 * page, 1);
  CHECK_EQ(notes.calls, 1);
  CHECK_EQ(query(base + 8 * page).size, 4 * page);
  CHECK_OK(acre_vm_set_touch_step(base, page));
  write_byte(base + 20 * page, 1);
  CHECK_EQ(query(base + 20 * page).size, page);
  CHECK_OK(acre_vm_set_touch_step(base, 0));
  write_byte(base + 30 * page, 1);
  CHECK_EQ(notes.calls, 2);
  CHECK_OK(acre_vm_set_touch_step(base, (size_t)1 << 40)); /* cut to the region */
  write_byte(base + 40 * page, 1);
  CHECK_EQ(query(base + 31 * page).size, 33 * page);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  base = reserve_pages(4);
  CHECK_OK(acre_vm_set_touch_step(base, 0)); /* it had none */
  CHECK_OK(acre_vm_set_touch_step(base, 1));
  write_byte(base + 3 * page, 1);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- bad input, and who has the signal */

TEST(bad_input) {
  size_t page = page_bytes();
  char *base = reserve_pages(32);
  CHECK_RESULT(acre_vm_on_fault(NULL, note, &notes), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_on_fault(&base, note, &notes), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_vm_on_fault(base + page, note, &notes), ACRE_E_NOT_REGION_BASE);
  CHECK_RESULT(acre_vm_on_fault(base + 1, NULL, NULL), ACRE_E_NOT_REGION_BASE);
  CHECK_OK(acre_vm_on_fault(base, NULL, NULL));
  CHECK_RESULT(acre_vm_set_touch_step(NULL, page), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_set_touch_step(&base, page), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_vm_set_touch_step(base + page, page), ACRE_E_NOT_REGION_BASE);
  CHECK_RESULT(acre_vm_set_touch_step(base, SIZE_MAX), ACRE_E_INVALID_SIZE);
  CHECK_OK(acre_vm_release(base));
  CHECK_RESULT(acre_vm_on_fault(base, note, &notes), ACRE_E_NOT_A_REGION);
}

/* ------------------------------------------------------------- threads */

enum { THREADS = 4 };

static struct {
  char *base;
  size_t page, pages;
  atomic_bool stop;
  atomic_uint wrong;
} race;

static acre_vm_fault_answer answer_a(const acre_vm_fault *fault, void *context) {
  if (context != &race.base) atomic_fetch_add(&race.wrong, 1);
  return acre_vm_commit(fault->address, 1, ACRE_VM_DEFAULT) == ACRE_OK ? ACRE_VM_FAULT_HANDLED : ACRE_VM_FAULT_FAIL;
}

static acre_vm_fault_answer answer_b(const acre_vm_fault *fault, void *context) {
  if (context != &race.page) atomic_fetch_add(&race.wrong, 1);
  return acre_vm_commit(fault->address, 1, ACRE_VM_DEFAULT) == ACRE_OK ? ACRE_VM_FAULT_HANDLED : ACRE_VM_FAULT_FAIL;
}

/* The pages are touched by all, and taken away by each; the stores race with that, and are meant to. */
__attribute__((no_sanitize("thread"))) static void *touch_and_take(void *argument) {
  uint64_t state = (uintptr_t)argument + 1;
  for (unsigned i = 0; !atomic_load(&race.stop); i++) {
    char *address = race.base + (size_t)(test_random_next(&state) % race.pages) * race.page;
    *(volatile char *)address = 1;
    if (i % 4 == 0) CHECK_OK(acre_vm_decommit(address, race.page));
  }
  return NULL;
}

/* The handler changes under the faults: handler and context always belong together. */
TEST(handlers_are_replaced_while_they_work) {
  pthread_t threads[THREADS];
  race.page = page_bytes();
  race.pages = 200;
  race.base = reserve_pages(race.pages);
  atomic_store(&race.stop, false);
  REQUIRE_OK(acre_vm_on_fault(race.base, answer_a, &race.base));
  for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, touch_and_take, (void *)i) == 0);
  for (unsigned i = 0; i < (SANITIZED ? 2000 : 20000); i++)
    CHECK_OK(i % 2 == 0 ? acre_vm_on_fault(race.base, answer_b, &race.page)
                        : acre_vm_on_fault(race.base, answer_a, &race.base));
  atomic_store(&race.stop, true);
  for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_EQ(race.wrong, 0);
  CHECK_AGREES(race.base);
  CHECK_OK(acre_vm_release(race.base));
}

/* Regions come and go beside faults, in the same places. */
static void *come_and_go(void *argument) {
  uint64_t state = (uintptr_t)argument + 100;
  for (unsigned i = 0; i < (SANITIZED ? 300 : 3000); i++) {
    size_t pages = 1 + (size_t)(test_random_next(&state) % 40);
    void *got;
    CHECK_OK(acre_vm_reserve(pages * race.page, NULL, &got));
    char *base = got;
    CHECK_OK(acre_vm_on_fault(base, answer_a, &race.base));
    for (size_t at = 0; at < pages; at += 3) write_byte(base + at * race.page, 1);
    if (i % 2 == 0) CHECK_OK(acre_vm_on_fault(base, NULL, NULL));
    CHECK_OK(acre_vm_release(base));
  }
  return NULL;
}

TEST(regions_with_handlers_come_and_go) {
  pthread_t threads[THREADS];
  race.page = page_bytes();
  for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, come_and_go, (void *)i) == 0);
  for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_EQ(race.wrong, 0);
  CHECK_INDEX();
}
