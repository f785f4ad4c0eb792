/* SPDX-License-Identifier: MIT */
/* Queries of regions that another thread changes: see moment_check.h. */
#include <pthread.h>

#include "vm/moment_check.h"

enum { QUERIES = SANITIZED ? 20000 : 200000, TURNS_MOST = 100000 };

static atomic_bool stop;
static atomic_uint turns; /* steps that were made */

/* An even number of steps: it ends as it began. */
static void *change(void *argument) {
  const struct changes *changes = argument;
  for (unsigned number = 0; number % 2 != 0 || !atomic_load(&stop); number++) {
    changes->step(number);
    atomic_store_explicit(&turns, number + 1, memory_order_relaxed);
  }
  return NULL;
}

/* Until both states were seen: steps may take long, and threads may wait for each other's processor. */
static void while_changing(const struct changes *changes) {
  pthread_t thread;
  struct seen seen = {0};
  unsigned last = 0, noticed = 0; /* turns */
  atomic_store(&stop, false);
  atomic_store(&turns, 0);
  REQUIRE(pthread_create(&thread, NULL, change, (void *)changes) == 0);
  for (size_t i = 0; i < QUERIES || ((seen.one == 0 || seen.other == 0) && noticed < TURNS_MOST); i++) {
    ask(changes, &seen);
    unsigned now = atomic_load_explicit(&turns, memory_order_relaxed);
    noticed += now != last;
    last = now;
  }
  atomic_store(&stop, true);
  pthread_join(thread, NULL);
  CHECK(seen.one > 0 && seen.other > 0);
}

/* ------------------------------------------------------------- both ways of a query */

/* What the copy without a lock says is what the record says; and where there is none, the record is asked. */
TEST(with_a_lock_and_without) {
  set_up(0, PAGES, 0);
  struct acre__region copy;
  CHECK(acre__region_look((uintptr_t)base + 17, &copy));
  CHECK_EQ(acre__region_base(&copy), (uintptr_t)base);
  struct acre__region *region = acre__region_lock((uintptr_t)base);
  REQUIRE(region != NULL);
  CHECK(!acre__region_look((uintptr_t)base, &copy)); /* it may be changing */
  acre__region_unlock(region);
  CHECK(!acre__region_look((uintptr_t)base + PAGES * page, &copy) || acre__region_base(&copy) != (uintptr_t)base);
  for (size_t i = 0; i < PAGES; i += 2) {
    bool is_short = i / 2 < 2; /* so many runs fit into the table's word */
    CHECK_OK(acre_vm_commit(base + i * page, page, ACRE_VM_DEFAULT));
    if (is_short) CHECK(acre__region_look((uintptr_t)base, &copy));
  }
  CHECK(!acre__region_look((uintptr_t)base, &copy));
  for (size_t i = 0; i < PAGES; i++)
    CHECK_EQ(query(base + i * page).state, i % 2 == 0 ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED);
  CHECK_OK(acre_vm_release(base));
  CHECK(!acre__region_look((uintptr_t)base, &copy));
}
