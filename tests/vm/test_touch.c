/* SPDX-License-Identifier: MIT */
/* Commit on touch: what a touch commits, and several threads at it. Signals: test_touch_linux.c. */
#include <pthread.h>

#include "vm/touch_check.h"

/* ------------------------------------------------------------- what a touch does */

TEST(a_touch_commits_its_step) {
  size_t page = page_bytes();
  char *base = touch_region(100, 8);
  write_byte(base + 20 * page + 5, 7);
  CHECK_EQ(query(base).state, ACRE_VM_RESERVED);
  CHECK_EQ(query(base).size, 16 * page);
  CHECK_EQ(query(base + 16 * page).state, ACRE_VM_COMMITTED);
  CHECK_EQ(query(base + 16 * page).size, 8 * page);
  CHECK_EQ(base[20 * page + 5], 7);
  CHECK_EQ(base[20 * page + 4], 0);
  read_byte(base + 99 * page); /* the last step is cut */
  CHECK_EQ(query(base + 96 * page).size, 4 * page);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_touch_leaves_committed_neighbours_alone) {
  size_t page = page_bytes();
  char *base = touch_region(64, 16);
  CHECK_OK(acre_vm_commit(base + 18 * page, 2 * page, ACRE_VM_READ));
  CHECK_OK(acre_vm_commit(base + 30 * page, page, ACRE_VM_NO_ACCESS));
  write_byte(base + 25 * page, 1);
  CHECK_EQ(query(base + 18 * page).protection, ACRE_VM_READ);
  CHECK_EQ(query(base + 18 * page).size, 2 * page);
  CHECK_EQ(query(base + 20 * page).size, 10 * page);
  CHECK_EQ(query(base + 30 * page).protection, ACRE_VM_NO_ACCESS);
  CHECK_EQ(query(base + 31 * page).state, ACRE_VM_RESERVED);
  CHECK_EQ(query(base + 16 * page).state, ACRE_VM_RESERVED);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(every_page_from_first_to_last_and_back) {
  size_t page = page_bytes(), pages = 3000;
  for (unsigned backwards = 0; backwards < 2; backwards++) {
    char *base = touch_region(pages, 1 + backwards * 6);
    for (size_t i = 0; i < pages; i++) write_byte(base + (backwards ? pages - 1 - i : i) * page, 1);
    CHECK_EQ(query(base).size, pages * page);
    CHECK_EQ(query(base).state, ACRE_VM_COMMITTED);
    CHECK_OK(acre_vm_decommit(base, pages * page));
    read_byte(base + 1234 * page);
    CHECK_EQ(base[1234 * page], 0);
    CHECK_OK(acre_vm_release(base));
  }
}

TEST(scattered_touches) {
  size_t page = page_bytes(), pages = 8192;
  char *base = touch_region(pages, 1);
  for (unsigned i = 0; i < 6000; i++) {
    size_t at = (size_t)test_random_below(pages);
    if (i % 4 == 3)
      REQUIRE_OK(acre_vm_decommit(base + at * page, page));
    else
      write_byte(base + at * page + i % page, (char)i);
  }
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_step_larger_than_the_region) {
  acre_vm_options options = {.touch_step = (size_t)1 << 40};
  char *base = reserve_with(40, &options);
  write_byte(base + 39 * page_bytes(), 1);
  CHECK_EQ(query(base).size, 40 * page_bytes());
  CHECK_EQ(query(base).state, ACRE_VM_COMMITTED);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- several threads */

enum { THREADS = 4 };

static struct {
  char *base;
  size_t page, pages;
  atomic_int waiting;
} together;

static void *touch_all(void *argument) {
  uintptr_t self = (uintptr_t)argument;
  atomic_fetch_add(&together.waiting, 1);
  while (atomic_load(&together.waiting) < THREADS) continue;
  for (size_t i = 0; i < together.pages; i++) write_byte(together.base + i * together.page + self, (char)(self + 1));
  return NULL;
}

TEST(threads_touch_the_same_pages_at_once) {
  together.page = page_bytes();
  together.pages = 600;
  for (unsigned round = 0; round < 10; round++) {
    pthread_t threads[THREADS];
    together.base = touch_region(together.pages, 1 + round % 3);
    atomic_store(&together.waiting, 0);
    for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, touch_all, (void *)i) == 0);
    for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < together.pages; i++)
      for (uintptr_t self = 0; self < THREADS; self++)
        REQUIRE_EQ(together.base[i * together.page + self], (char)(self + 1));
    CHECK_OK(acre_vm_release(together.base));
  }
}

static atomic_bool stop;

/* A race with the decommit, and meant to be. */
__attribute__((no_sanitize("thread"))) static void *touch_one_page(void *address) {
  while (!atomic_load(&stop)) *(volatile char *)address = 1;
  return NULL;
}

/* The same page is lost and touched again, by several, tens of thousands of times: each fault must be answered. */
TEST(a_page_that_is_taken_away_all_the_time) {
  char *base = touch_region(16, 1);
  pthread_t threads[2];
  atomic_store(&stop, false);
  for (unsigned i = 0; i < 2; i++) REQUIRE(pthread_create(&threads[i], NULL, touch_one_page, base + i) == 0);
  for (unsigned i = 0; i < 2000; i++) {
    CHECK_OK(acre_vm_decommit(base, page_bytes()));
    if (i % 2 == 0) CHECK_OK(acre_vm_commit(base, page_bytes(), ACRE_VM_DEFAULT));
  }
  atomic_store(&stop, true);
  for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  CHECK_OK(acre_vm_release(base));
}
