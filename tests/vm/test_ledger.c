/* SPDX-License-Identifier: MIT */
/*
 * The ledger: what is charged and when, the limit to the page, from one thread
 * and from several, in a fault handler, in a child; and the figures about it.
 * Each test runs in a child of its own, so that each starts with nothing charged.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <acre/array.h>

#include "vm/vm_check.h"

enum { THREADS = 4, MANY = 4096 };

static size_t page;

static void limit_to(size_t pages) {
  CHECK_OK(acre_vm_set_commit_limit((uint64_t)pages * page));
}

static uint64_t charged(void) {
  return acre__ledger_charged() / page;
}

static acre_result commit(char *base, size_t start, size_t end) {
  return acre_vm_commit(base + start * page, (end - start) * page, ACRE_VM_DEFAULT);
}

static acre_result decommit(char *base, size_t start, size_t end) {
  return acre_vm_decommit(base + start * page, (end - start) * page);
}

/* TEST(name), with its body in a child. */
#define CHILD_TEST(name)                            \
  static void child_##name(void *context);          \
  TEST(name) {                                      \
    CHECK_EQ(test_in_child(child_##name, NULL), 0); \
  }                                                 \
  static void child_##name(void *context __attribute__((unused)))

/* ------------------------------------------------------------- what is charged */

CHILD_TEST(every_page_once) {
  page = page_bytes();
  char *base = reserve_pages(MANY);
  CHECK_EQ(charged(), 0);
  CHECK_OK(commit(base, 10, 20));
  CHECK_EQ(charged(), 10);
  CHECK_OK(commit(base, 5, 25)); /* half of it again */
  CHECK_EQ(charged(), 20);
  CHECK_OK(acre_vm_protect(base + 5 * page, 20 * page, ACRE_VM_NO_ACCESS, NULL));
  CHECK_EQ(charged(), 20);
  CHECK_OK(decommit(base, 0, 15));
  CHECK_OK(decommit(base, 0, 15));
  CHECK_EQ(charged(), 10);
  CHECK_OK(commit(base, 0, MANY));
  CHECK_EQ(charged(), MANY);
  CHECK_CHARGE();
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(charged(), 0);
}

CHILD_TEST(a_region_that_is_born_committed) {
  page = page_bytes();
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  char *base = reserve_with(3000, &options);
  CHECK_EQ(charged(), 3000);
  CHECK_AGREES(base);
  CHECK_CHARGE();
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(charged(), 0);
}

/* ------------------------------------------------------------- the limit */

CHILD_TEST(to_the_page) {
  static struct picture before, after;
  page = page_bytes();
  char *base = reserve_pages(MANY);
  limit_to(100);
  CHECK_OK(commit(base, 0, 40));
  CHECK_OK(commit(base, 1000, 1040));
  take_picture(base, MANY * page, &before);
  CHECK_RESULT(commit(base, 2000, 2021), ACRE_E_COMMIT_LIMIT);
  CHECK_RESULT(commit(base, 0, MANY), ACRE_E_COMMIT_LIMIT);
  CHECK_RESULT(commit(base, 1030, 1061), ACRE_E_COMMIT_LIMIT); /* 21 of it are new */
  take_picture(base, MANY * page, &after);
  CHECK(same_picture(&before, &after));
  CHECK_AGREES(base);
  CHECK_EQ(charged(), 80);
  CHECK_OK(commit(base, 2000, 2020));
  CHECK_EQ(charged(), 100);
  CHECK_OK(commit(base, 2000, 2020)); /* nothing of it is new */
  CHECK_RESULT(commit(base, 3000, 3001), ACRE_E_COMMIT_LIMIT);
  CHECK_OK(decommit(base, 0, 1));
  CHECK_OK(commit(base, 3000, 3001));
  CHECK_RESULT(commit(base, 3001, 3002), ACRE_E_COMMIT_LIMIT);
  limit_to(101);
  CHECK_OK(commit(base, 3001, 3002));
  limit_to(0); /* none */
  CHECK_OK(commit(base, 3002, 3500));
  CHECK_OK(acre_vm_release(base));
}

CHILD_TEST(a_region_that_would_be_born_committed) {
  page = page_bytes();
  limit_to(100);
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  void *base = &base;
  size_t regions = system_figures().regions;
  CHECK_RESULT(acre_vm_reserve(101 * page, &options, &base), ACRE_E_COMMIT_LIMIT);
  CHECK(base == NULL);
  CHECK_EQ(system_figures().regions, regions);
  CHECK_EQ(charged(), 0);
  CHECK_OK(acre_vm_reserve(100 * page, &options, &base));
  CHECK_OK(acre_vm_release(base));
}

/* What one thread holds as credit is not lost to another one's request. */
CHILD_TEST(below_the_charge) {
  page = page_bytes();
  char *base = reserve_pages(MANY);
  CHECK_OK(commit(base, 0, 200));
  limit_to(50);
  CHECK_EQ(charged(), 200);
  CHECK_RESULT(commit(base, 300, 301), ACRE_E_COMMIT_LIMIT);
  CHECK_OK(decommit(base, 0, 149));
  CHECK_EQ(charged(), 51);
  CHECK_RESULT(commit(base, 300, 301), ACRE_E_COMMIT_LIMIT);
  CHECK_OK(decommit(base, 149, 151));
  CHECK_OK(commit(base, 300, 301));
  CHECK_RESULT(commit(base, 301, 302), ACRE_E_COMMIT_LIMIT);
  acre_system system = system_figures();
  CHECK_EQ(system.commit_limit, 50 * page);
  CHECK_EQ(system.commit_bound, ACRE_COMMIT_BOUND_USER);
  CHECK_OK(acre_vm_set_commit_limit(page - 1)); /* not one page */
  CHECK_EQ(system_figures().commit_limit, 0);
  CHECK_OK(acre_vm_release(base));
  base = reserve_pages(1);
  CHECK_RESULT(commit(base, 0, 1), ACRE_E_COMMIT_LIMIT);
  CHECK_OK(acre_vm_set_commit_limit(UINT64_MAX));
  CHECK_OK(commit(base, 0, 1));
}

CHILD_TEST(more_than_any_machine_has) {
  page = page_bytes();
  acre_system system = system_figures();
  if (system.commit_bound == ACRE_COMMIT_BOUND_NONE) test_skip("nothing is known of this machine's memory");
  CHECK(system.commit_limit <= system.physical_memory + system.swap);
  size_t pages = (size_t)1 << 32; /* 16 TiB and more */
  void *got;
  if (acre_vm_reserve(pages * page, NULL, &got) != ACRE_OK) test_skip("no address space for it");
  size_t metadata = system_figures().metadata_bytes;
  CHECK_RESULT(acre_vm_commit(got, pages * page, ACRE_VM_DEFAULT), ACRE_E_COMMIT_LIMIT);
  CHECK_EQ(system_figures().metadata_bytes, metadata); /* it is refused before tables are made */
  CHECK_OK(acre_vm_release(got));
}

CHILD_TEST(an_array_takes_what_is_left) {
  page = page_bytes();
  limit_to(20);
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 1000 * page, 1, NULL));
  static const char bytes[1] = {1};
  acre_result result = ACRE_OK;
  while (result == ACRE_OK) result = acre_array_append(&array, bytes, 1);
  CHECK_RESULT(result, ACRE_E_COMMIT_LIMIT);
  CHECK_EQ(array.count, 20 * page);
  CHECK_EQ(charged(), 20);
  acre_array_destroy(&array);
  CHECK_EQ(charged(), 0);
}

CHILD_TEST(room_on_a_disk_widens_what_memory_allows) {
  page = page_bytes();
  acre_system before = system_figures();
  if (before.commit_bound == ACRE_COMMIT_BOUND_NONE) test_skip("nothing is known of this machine's memory");
  acre__ledger_add_room((int64_t)(100 * page));
  CHECK_EQ(system_figures().commit_limit, before.commit_limit + 100 * page);
  limit_to(10);
  CHECK_EQ(system_figures().commit_limit, 10 * page); /* the user's is the user's */
  limit_to(0);
  acre__ledger_add_room(-(int64_t)(100 * page));
  CHECK_EQ(system_figures().commit_limit, before.commit_limit);
}

/* ------------------------------------------------------------- touches */

static void touch_all(void *context) {
  volatile char *bytes = context;
  for (size_t at = 0; at < 65; at++) bytes[at * page] = 1;
}

CHILD_TEST(a_touch_is_charged) {
  page = page_bytes();
  acre_vm_options options = {.touch_step = 16 * page};
  char *base = reserve_with(100, &options);
  limit_to(64);
  for (size_t at = 0; at < 48; at += 16) ((volatile char *)base)[at * page] = 1;
  CHECK_EQ(charged(), 48);
  limit_to(50);
  ((volatile char *)base)[60 * page] = 1; /* its step does not fit, but the page does */
  CHECK_EQ(charged(), 49);
  CHECK_EQ(query(base + 60 * page).size, page);
  CHECK_CHARGE();
  CHECK_AGREES(base);
}

CHILD_TEST(a_touch_over_the_limit_is_a_fault) {
  page = page_bytes();
  acre_vm_options options = {.touch_step = page};
  char *base = reserve_with(100, &options);
  limit_to(64);
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    touch_all(base);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(SANITIZED || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
  CHECK(status != 0);
  limit_to(65);
  touch_all(base);
  CHECK_EQ(charged(), 65);
}

/* ------------------------------------------------------------- several threads */

static void together(void *(*work)(void *)) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
  for (size_t i = 0; i < THREADS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
}

/* Never more than a quarter of the limit each, at times all of it together: nobody may be refused. */
static void *within_a_quarter(void *argument) {
  uint64_t random = (uintptr_t)argument + 1;
  size_t have = 0;
  for (unsigned i = 0; i < 20000; i++) {
    size_t pages = (size_t)(test_random_next(&random) % (MANY / THREADS + 1));
    if (pages > have) CHECK_OK(acre__ledger_charge(pages - have));
    if (pages < have) acre__ledger_uncharge(have - pages);
    have = pages;
  }
  acre__ledger_uncharge(have);
  return NULL;
}

CHILD_TEST(nobody_is_refused_what_is_left) {
  page = page_bytes();
  limit_to(MANY);
  together(within_a_quarter);
  CHECK_EQ(charged(), 0);
  CHECK(system_figures().commit_peak <= MANY * page);
}

static _Atomic size_t granted;

/* As much as is to be had: together never more than the limit. */
static void *greedy(void *argument) {
  uint64_t random = (uintptr_t)argument + 100;
  size_t have = 0;
  for (unsigned i = 0; i < 20000; i++) {
    size_t pages = 1 + (size_t)(test_random_next(&random) % 700);
    if (acre__ledger_charge(pages) == ACRE_OK) {
      have += pages;
      CHECK(atomic_fetch_add(&granted, pages) + pages <= MANY);
    } else if (have > 0) {
      size_t back = 1 + (size_t)(test_random_next(&random) % have);
      atomic_fetch_sub(&granted, back);
      acre__ledger_uncharge(back);
      have -= back;
    }
  }
  atomic_fetch_sub(&granted, have);
  acre__ledger_uncharge(have);
  return NULL;
}

CHILD_TEST(nobody_gets_more_than_there_is) {
  page = page_bytes();
  limit_to(MANY);
  together(greedy);
  CHECK_EQ(atomic_load(&granted), 0);
  CHECK_EQ(charged(), 0);
  CHECK_OK(acre__ledger_charge(MANY));
  CHECK_RESULT(acre__ledger_charge(1), ACRE_E_COMMIT_LIMIT);
  acre__ledger_uncharge(MANY);
}

/* Threads that end leave nothing behind: the limit is there for the next one. */
static void *take_and_give_back(void *argument) {
  (void)argument;
  CHECK_OK(acre__ledger_charge(1));
  acre__ledger_uncharge(1);
  return NULL;
}

CHILD_TEST(threads_that_end_leave_no_charge) {
  page = page_bytes();
  limit_to(100);
  for (unsigned i = 0; i < 20; i++) together(take_and_give_back);
  CHECK_EQ(charged(), 0);
  CHECK_OK(acre__ledger_charge(100));
  acre__ledger_uncharge(100);
}

/* ------------------------------------------------------------- fork */

static atomic_bool stop;

static void *commit_on_and_on(void *argument) {
  uint64_t random = (uintptr_t)argument + 7;
  while (!atomic_load(&stop)) {
    acre_vm_options options = {.flags = test_random_next(&random) % 2 == 0 ? ACRE_VM_COMMIT : 0};
    size_t pages = 1 + (size_t)(test_random_next(&random) % 3000);
    void *base;
    REQUIRE_OK(acre_vm_reserve(pages * page, &options, &base));
    for (unsigned i = 0; i < 10; i++) {
      size_t at = (size_t)(test_random_next(&random) % pages);
      CHECK_OK(commit(base, at, at + 1));
      if (i % 2 == 0) CHECK_OK(decommit(base, at, at + 1));
    }
    CHECK_OK(acre_vm_release(base));
  }
  return NULL;
}

static void check_in_child(void *context) {
  (void)context;
  CHECK_CHARGE();
  uint64_t before = charged();
  char *base = reserve_pages(100);
  CHECK_OK(commit(base, 0, 100));
  CHECK_EQ(charged(), before + 100);
  limit_to((size_t)before + 101);
  CHECK_RESULT(acre__ledger_charge(2), ACRE_E_COMMIT_LIMIT);
  CHECK_OK(acre__ledger_charge(1));
}

CHILD_TEST(a_child_has_the_charge_of_its_tables) {
  page = page_bytes();
  char *base = reserve_pages(MANY);
  CHECK_OK(commit(base, 3, 1000));
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, commit_on_and_on, (void *)i) == 0);
  for (unsigned i = 0; i < (SANITIZED ? 10 : 100); i++) CHECK_EQ(test_in_child(check_in_child, NULL), 0);
  atomic_store(&stop, true);
  for (size_t i = 0; i < THREADS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  CHECK_EQ(charged(), 997);
  CHECK_CHARGE();
}

/* ------------------------------------------------------------- the figures */

CHILD_TEST(the_peak_misses_nothing) {
  page = page_bytes();
  char *base = reserve_pages(100000);
  CHECK_EQ(system_figures().commit_peak, 0);
  CHECK_OK(commit(base, 0, 10));
  CHECK_OK(decommit(base, 0, 10));
  CHECK_EQ(system_figures().commit_peak, 10 * page); /* within one batch */
  for (size_t at = 0; at < 5000; at += 16) CHECK_OK(commit(base, at, at + 16));
  for (size_t at = 5008; at > 7; at -= 16) CHECK_OK(decommit(base, at - 16, at));
  CHECK_EQ(system_figures().commit_peak, 5008 * page);
  CHECK_OK(commit(base, 0, 90001));
  CHECK_OK(decommit(base, 0, 90001));
  CHECK_OK(commit(base, 0, 3));
  CHECK_EQ(system_figures().commit_peak, 90001 * page);
  CHECK_EQ(system_figures().commit_charge, 3 * page);
}

CHILD_TEST(what_there_is_to_say) {
  page = page_bytes();
  char *base = reserve_pages(10), text[256], expected[256];
  CHECK_OK(commit(base, 0, 3));
  limit_to(5);
  snprintf(expected, sizeof expected,
           "12345 bytes asked for, %zu committed, commit limit %zu (set by the program or by ACRE_OPTIONS)", 3 * page,
           5 * page);
  size_t length = acre_vm_commit_limit_text(12345, text, sizeof text);
  CHECK_EQ(length, strlen(expected));
  CHECK(strcmp(text, expected) == 0);
  CHECK_EQ(acre_vm_commit_limit_text(12345, NULL, 0), length);
  for (size_t size = 1; size <= length + 1; size++) {
    memset(text, 'x', sizeof text);
    CHECK_EQ(acre_vm_commit_limit_text(12345, text, size), length);
    CHECK_EQ(strlen(text), size - 1);
    CHECK(memcmp(text, expected, size - 1) == 0 && text[size] == 'x');
  }
  limit_to(0);
  CHECK(acre_vm_commit_limit_text(UINT64_MAX, text, sizeof text) < sizeof text);
  CHECK(strstr(text, "18446744073709551615 bytes asked for") == text);
  acre_commit_bound bound = system_figures().commit_bound;
  if (bound == ACRE_COMMIT_BOUND_MEMORY) CHECK(strstr(text, "RAM, swap and paging file") != NULL);
}

/* ------------------------------------------------------------- the setting */

static void three_pages(void *context) {
  REQUIRE(setenv("ACRE_OPTIONS", context, 1) == 0);
  acre_system system = system_figures(); /* the first call of this process */
  CHECK_EQ(system.commit_limit, 3 << 20);
  CHECK_EQ(system.commit_bound, ACRE_COMMIT_BOUND_USER);
  page = system.page_size;
  char *base = reserve_pages(MANY);
  CHECK_OK(commit(base, 0, (3 << 20) / page));
  CHECK_RESULT(commit(base, (3 << 20) / page, (3 << 20) / page + 1), ACRE_E_COMMIT_LIMIT);
  limit_to(0);
  CHECK_OK(commit(base, 0, MANY));
}

TEST(a_limit_in_acre_options) {
  CHECK_EQ(test_in_child(three_pages, "commit_limit=3M"), 0);
  CHECK_EQ(test_in_child(three_pages, "commit_limit=3145728"), 0);
  CHECK_EQ(test_in_child(three_pages, "commit_limit=3072K"), 0);
}

static void lower_than_the_option(void *context) {
  REQUIRE(setenv("ACRE_OPTIONS", context, 1) == 0);
  CHECK_OK(acre_vm_set_commit_limit(1 << 20)); /* the first call: the option comes before it */
  CHECK_EQ(system_figures().commit_limit, 1 << 20);
}

TEST(the_program_comes_after_acre_options) {
  CHECK_EQ(test_in_child(lower_than_the_option, "commit_limit=3M"), 0);
}
