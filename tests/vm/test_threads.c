/* SPDX-License-Identifier: MIT */
/* Several threads: on regions of their own, on the same one, and on regions that are being released. */
#include <pthread.h>

#include "vm/vm_check.h"

enum { THREADS = 4 };

static size_t page;
static atomic_bool stop;

static void run(void *(*fn)(void *), uintptr_t count) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < count; i++) REQUIRE(pthread_create(&threads[i], NULL, fn, (void *)i) == 0);
  for (uintptr_t i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

/* ------------------------------------------------------------- regions of one's own */

static void *own_regions(void *argument) {
  uint64_t state = (uintptr_t)argument + 1;
  for (unsigned round = 0; round < 150; round++) {
    void *got;
    size_t pages = 1 + (size_t)(test_random_next(&state) % 1200);
    acre_vm_options options = {.flags = round % 3 == 0 ? ACRE_VM_COMMIT : 0};
    CHECK_OK(acre_vm_reserve(pages * page, &options, &got));
    char *base = got;
    for (unsigned i = 0; i < 20; i++) {
      size_t at = (size_t)(test_random_next(&state) % pages);
      char *address = base + at * page;
      CHECK_OK(acre_vm_commit(address, page, ACRE_VM_DEFAULT));
      *address = (char)i;
      if (i % 4 == 0) CHECK_OK(acre_vm_decommit(address, page));
      acre_vm_info info;
      CHECK_OK(acre_vm_query(address, &info));
      CHECK_EQ(info.state, i % 4 == 0 ? ACRE_VM_RESERVED : ACRE_VM_COMMITTED);
    }
    CHECK_OK(acre_vm_release(base));
  }
  return NULL;
}

TEST(regions_of_their_own) {
  page = page_bytes();
  size_t regions = system_figures().regions;
  uint64_t charge = system_figures().commit_charge;
  run(own_regions, THREADS);
  CHECK_INDEX();
  CHECK_EQ(system_figures().regions, regions);
  CHECK_EQ(system_figures().commit_charge, charge);
}

/* ------------------------------------------------------------- one region */

enum { SHARED_PAGES = 1600 };

static char *shared;

/* Pages number i, i + THREADS, ... belong to thread i: each chunk has pages of all of them. */
static void *own_pages(void *argument) {
  uintptr_t self = (uintptr_t)argument;
  uint64_t state = self + 10;
  static _Thread_local unsigned char model[SHARED_PAGES];
  for (unsigned step = 0; step < 3000; step++) {
    size_t at = (size_t)(test_random_next(&state) % (SHARED_PAGES / THREADS)) * THREADS + self;
    char *address = shared + at * page;
    switch (test_random_next(&state) % 4) {
      case 0:
        CHECK_OK(acre_vm_decommit(address, page));
        model[at] = 0;
        break;
      case 1:
        if (model[at] == 0) break;
        CHECK_OK(acre_vm_protect(address, page, ACRE_VM_READ, NULL));
        CHECK_EQ((unsigned char)*address, model[at]);
        CHECK_OK(acre_vm_protect(address, page, ACRE_VM_READ_WRITE, NULL));
        break;
      default:
        CHECK_OK(acre_vm_commit(address, page, ACRE_VM_DEFAULT));
        CHECK_EQ((unsigned char)*address, model[at]);
        model[at] = (unsigned char)(1 + step % 255);
        *address = (char)model[at];
    }
  }
  for (size_t at = self; at < SHARED_PAGES; at += THREADS)
    CHECK_EQ(query(shared + at * page).state, model[at] != 0 ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED);
  return NULL;
}

TEST(pages_of_their_own_in_one_region) {
  page = page_bytes();
  shared = reserve_pages(SHARED_PAGES);
  run(own_pages, THREADS);
  CHECK_AGREES(shared);
  CHECK_OK(acre_vm_release(shared));
}

/* The same pages: whoever comes last wins, and nobody may see a half of anything. */
static void *same_pages(void *argument) {
  uint64_t state = (uintptr_t)argument + 20;
  for (unsigned step = 0; step < 1500; step++) {
    size_t at = (size_t)(test_random_next(&state) % 1000), pages = 1 + (size_t)(test_random_next(&state) % 600);
    acre_vm_protection old;
    acre_result result = ACRE_OK;
    switch (test_random_next(&state) % 4) {
      case 0: result = acre_vm_decommit(shared + at * page, pages * page); break;
      case 1:
        result = acre_vm_protect(shared + at * page, pages * page, ACRE_VM_READ, &old);
        if (result == ACRE_E_NOT_COMMITTED) result = ACRE_OK;
        break;
      case 2:
        result = acre_vm_populate(shared + at * page, pages * page);
        if (result == ACRE_E_NOT_COMMITTED || result == ACRE_E_ACCESS_DENIED) result = ACRE_OK;
        break;
      default: result = acre_vm_commit(shared + at * page, pages * page, ACRE_VM_READ_WRITE);
    }
    CHECK_OK(result);
  }
  return NULL;
}

TEST(the_same_pages_of_one_region) {
  page = page_bytes();
  shared = reserve_pages(SHARED_PAGES);
  run(same_pages, THREADS);
  CHECK_AGREES(shared);
  CHECK_OK(acre_vm_commit(shared, SHARED_PAGES * page, ACRE_VM_READ_WRITE));
  CHECK(all_bytes_are(shared, SHARED_PAGES * page, 0));
  CHECK_OK(acre_vm_release(shared));
}

/* ------------------------------------------------------------- query meanwhile */

static void *query_all_the_time(void *argument) {
  uint64_t state = (uintptr_t)argument + 30;
  while (!atomic_load(&stop)) {
    size_t at = (size_t)(test_random_next(&state) % SHARED_PAGES);
    acre_vm_info info;
    CHECK_OK(acre_vm_query(shared + at * page + 5, &info));
    CHECK(info.region_base == shared);
    CHECK(info.base == shared + at * page);
    CHECK_EQ(info.region_size, SHARED_PAGES * page);
    CHECK(info.size >= page && info.size <= (SHARED_PAGES - at) * page);
    /* Whole hundreds are committed and decommitted at once: a run ends where a hundred ends. */
    CHECK_EQ((at + info.size / page) % 100, 0);
  }
  return NULL;
}

TEST(query_while_pages_come_and_go) {
  page = page_bytes();
  shared = reserve_pages(SHARED_PAGES);
  atomic_store(&stop, false);
  pthread_t readers[2];
  for (uintptr_t i = 0; i < 2; i++) REQUIRE(pthread_create(&readers[i], NULL, query_all_the_time, (void *)i) == 0);
  for (unsigned i = 0; i < 1500; i++) {
    char *address = shared + (size_t)test_random_below(SHARED_PAGES / 100) * 100 * page;
    if (i % 2 == 0)
      CHECK_OK(acre_vm_commit(address, 100 * page, ACRE_VM_DEFAULT));
    else
      CHECK_OK(acre_vm_decommit(address, 100 * page));
  }
  atomic_store(&stop, true);
  for (unsigned i = 0; i < 2; i++) pthread_join(readers[i], NULL);
  CHECK_AGREES(shared);
  CHECK_OK(acre_vm_release(shared));
}

static bool look(const acre_vm_info *info, void *context) {
  uintptr_t *next = context;
  CHECK_EQ((uintptr_t)info->base, *next);
  CHECK(info->size != 0);
  *next = (uintptr_t)info->base + info->size;
  return !atomic_load(&stop);
}

static void *walk_all_the_time(void *argument) {
  (void)argument;
  while (!atomic_load(&stop)) {
    uintptr_t next = 0;
    CHECK_OK(acre_vm_walk(look, &next));
  }
  return NULL;
}

TEST(walks_while_regions_come_and_go) {
  page = page_bytes();
  atomic_store(&stop, false);
  pthread_t walker;
  REQUIRE(pthread_create(&walker, NULL, walk_all_the_time, NULL) == 0);
  run(own_regions, 2);
  atomic_store(&stop, true);
  pthread_join(walker, NULL);
  CHECK_INDEX();
}

/* ------------------------------------------------------------- releases */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  char *base;
  unsigned round, ready;
  atomic_uint released;
} race = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

enum { ROUNDS = 400 };

/* All release the same region: one does it, and the others are told that there is none. */
static void *release_the_same(void *argument) {
  (void)argument;
  for (unsigned round = 1; round <= ROUNDS; round++) {
    pthread_mutex_lock(&race.lock);
    while (race.round != round) pthread_cond_wait(&race.changed, &race.lock);
    char *base = race.base;
    pthread_mutex_unlock(&race.lock);
    acre_result result = acre_vm_release(base);
    CHECK(result == ACRE_OK || result == ACRE_E_NOT_A_REGION);
    if (result == ACRE_OK) atomic_fetch_add(&race.released, 1);
    pthread_mutex_lock(&race.lock);
    race.ready++;
    pthread_cond_broadcast(&race.changed);
    pthread_mutex_unlock(&race.lock);
  }
  return NULL;
}

TEST(one_of_many_releases_wins) {
  page = page_bytes();
  pthread_t threads[THREADS];
  atomic_store(&race.released, 0);
  for (unsigned i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, release_the_same, NULL) == 0);
  for (unsigned round = 1; round <= ROUNDS; round++) {
    acre_vm_options options = {.flags = round % 2 == 0 ? ACRE_VM_COMMIT : 0};
    void *got = NULL;
    CHECK_OK(acre_vm_reserve((round % 8 == 0 ? 5000 : 20) * page, &options, &got)); /* 20 MiB: emptied beforehand */
    pthread_mutex_lock(&race.lock);
    race.base = got;
    race.ready = 0;
    race.round = round;
    pthread_cond_broadcast(&race.changed);
    while (race.ready < THREADS) pthread_cond_wait(&race.changed, &race.lock);
    pthread_mutex_unlock(&race.lock);
    CHECK_EQ(atomic_load(&race.released), round);
  }
  for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_INDEX();
}

static _Atomic(char *) moving;

/* An error of the program, but Acre's tables must stay whole: operations on a region that goes under them. */
static void *use_what_may_be_gone(void *argument) {
  uint64_t state = (uintptr_t)argument + 40;
  while (!atomic_load(&stop)) {
    char *base = atomic_load(&moving);
    if (base == NULL) continue;
    acre_vm_info info;
    size_t at = (size_t)(test_random_next(&state) % 64);
    acre_result result = test_random_next(&state) % 2 == 0 ? acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT)
                                                           : acre_vm_decommit(base + at * page, page);
    CHECK(result == ACRE_OK || result == ACRE_E_NOT_A_REGION || result == ACRE_E_SPANS_REGIONS);
    CHECK_OK(acre_vm_query(base + at * page, &info));
  }
  return NULL;
}

TEST(operations_on_regions_that_go) {
  page = page_bytes();
  pthread_t threads[3];
  atomic_store(&stop, false);
  size_t regions = system_figures().regions;
  for (uintptr_t i = 0; i < 3; i++) REQUIRE(pthread_create(&threads[i], NULL, use_what_may_be_gone, (void *)i) == 0);
  for (unsigned i = 0; i < 1500; i++) {
    void *got;
    CHECK_OK(acre_vm_reserve(64 * page, NULL, &got));
    atomic_store(&moving, got);
    CHECK_OK(acre_vm_commit(got, 3 * page, ACRE_VM_DEFAULT));
    atomic_store(&moving, i % 2 == 0 ? got : NULL);
    CHECK_OK(acre_vm_release(got));
  }
  atomic_store(&stop, true);
  for (unsigned i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  CHECK_INDEX();
  CHECK_EQ(system_figures().regions, regions);
}
