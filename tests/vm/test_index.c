/* SPDX-License-Identifier: MIT */
/*
 * The index against a sorted array, and its readers against a writer. The
 * regions are never looked into, so a made-up handle that tells the base will do.
 */
#include "vm/index.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { MOST = 4000, GRANULE = 65536 };

struct model {
  size_t count;
  uintptr_t base[MOST];
};

static struct acre__region *region_of(uintptr_t base) {
  return acre__meta_at((acre__meta_handle)(base / GRANULE + 1));
}

static uintptr_t base_of(const struct acre__region *region) {
  return region == NULL ? 0 : (uintptr_t)(acre__meta_handle_of(region) - 1) * GRANULE;
}

/* How many bases are not above the address. */
static size_t rank(const struct model *model, uintptr_t address) {
  size_t low = 0, high = model->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (model->base[middle] <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void insert(struct acre__index *index, struct model *model, uintptr_t base) {
  size_t at = rank(model, base);
  if (at > 0 && model->base[at - 1] == base) return;
  acre__lock(&index->lock);
  REQUIRE(acre__index_prepare(index));
  acre__index_insert(index, base, region_of(base));
  acre__unlock(&index->lock);
  memmove(model->base + at + 1, model->base + at, (model->count - at) * sizeof *model->base);
  model->base[at] = base;
  model->count++;
}

static void remove_at(struct acre__index *index, struct model *model, size_t at) {
  acre__lock(&index->lock);
  REQUIRE(acre__index_prepare(index));
  acre__index_remove(index, model->base[at]);
  acre__unlock(&index->lock);
  model->count--;
  memmove(model->base + at, model->base + at + 1, (model->count - at) * sizeof *model->base);
}

static void compare_at(struct acre__index *index, const struct model *model, uintptr_t address) {
  size_t r = rank(model, address);
  REQUIRE_EQ(base_of(acre__index_find(index, address)), r == 0 ? 0 : model->base[r - 1]);
  REQUIRE_EQ(base_of(acre__index_next(index, address)), r == model->count ? 0 : model->base[r]);
}

static void compare(struct acre__index *index, const struct model *model) {
  REQUIRE(acre__index_is_valid(index));
  REQUIRE_EQ(index->count, model->count);
  compare_at(index, model, 0);
  compare_at(index, model, UINTPTR_MAX);
  for (unsigned i = 0; i < 8 && model->count > 0; i++) {
    uintptr_t base = model->base[test_random_below(model->count)];
    compare_at(index, model, base);
    compare_at(index, model, base - 1);
    compare_at(index, model, base + 1);
    compare_at(index, model, (uintptr_t)test_random_below((uint64_t)MOST * 4 * GRANULE));
  }
}

static void compare_all(struct acre__index *index, const struct model *model) {
  uintptr_t address = 0;
  for (size_t i = 0; i < model->count; i++) {
    address = base_of(acre__index_next(index, address));
    REQUIRE_EQ(address, model->base[i]);
    REQUIRE_EQ(base_of(acre__index_find(index, address + GRANULE / 2)), address);
  }
  REQUIRE(acre__index_next(index, address) == NULL);
}

static uintptr_t random_base(void) {
  return (uintptr_t)(1 + test_random_below(MOST * 4)) * GRANULE;
}

static struct acre__index *new_index(void) {
  static struct acre__index index;
  memset(&index, 0, sizeof index); /* its nodes stay with the metadata allocator, as a process's index does */
  return &index;
}

static struct model model;

TEST(an_empty_index_has_nothing) {
  struct acre__index *index = new_index();
  model.count = 0;
  compare(index, &model);
  insert(index, &model, GRANULE);
  compare(index, &model);
  remove_at(index, &model, 0);
  compare(index, &model);
}

TEST(ascending_and_descending) {
  for (unsigned order = 0; order < 4; order++) {
    struct acre__index *index = new_index();
    model.count = 0;
    for (unsigned i = 0; i < 2000; i++) {
      insert(index, &model, (uintptr_t)(order % 2 == 0 ? i + 1 : 2000 - i) * GRANULE);
      if (i % 50 == 0 || i < 100) compare(index, &model);
    }
    compare_all(index, &model);
    while (model.count > 0) {
      remove_at(index, &model, order < 2 ? 0 : model.count - 1);
      if (model.count % 50 == 0 || model.count < 100) compare(index, &model);
    }
  }
}

/* The count drifts up and down between nothing and thousands, so that every split and every join happens. */
TEST(random_inserts_and_removals) {
  struct acre__index *index = new_index();
  model.count = 0;
  for (unsigned step = 0; step < 40000; step++) {
    bool grow = step / 4000 % 2 == 0;
    if (model.count == 0 || (model.count < MOST - 1 && test_random_below(4) < (grow ? 3u : 1u)))
      insert(index, &model, random_base());
    else
      remove_at(index, &model, (size_t)test_random_below(model.count));
    if (step % 8 == 0) compare(index, &model);
    if (step % 4000 == 0) compare_all(index, &model);
  }
  compare_all(index, &model);
}

/* Clusters go as a whole: whole subtrees empty at once, and lower bounds get stale. */
TEST(whole_stretches_go_and_come_back) {
  struct acre__index *index = new_index();
  model.count = 0;
  for (unsigned i = 1; i <= 3000; i++) insert(index, &model, (uintptr_t)i * 2 * GRANULE);
  for (unsigned round = 0; round < 60; round++) {
    size_t length = 1 + (size_t)test_random_below(model.count / 2 + 1);
    size_t start = (size_t)test_random_below(model.count - length + 1);
    for (size_t i = 0; i < length; i++) remove_at(index, &model, start);
    compare(index, &model);
    for (size_t i = 0; i < length; i++) insert(index, &model, random_base());
    compare(index, &model);
    if (model.count == 0) insert(index, &model, random_base());
  }
  compare_all(index, &model);
}

TEST(a_prepared_change_need_not_happen) {
  struct acre__index *index = new_index();
  model.count = 0;
  for (unsigned i = 0; i < 500; i++) {
    acre__lock(&index->lock);
    REQUIRE(acre__index_prepare(index));
    acre__unlock(&index->lock);
    insert(index, &model, random_base());
    compare(index, &model);
  }
}

/* ------------------------------------------------------------- readers without a lock */

enum { LASTING = 300, READERS = 3 };

static struct {
  struct acre__index index;
  atomic_bool stop;
  atomic_ulong lookups;
  atomic_ulong wrong;
} shared;

/* Every LASTING_STEP-th base is there all the time; those between come and go. */
static uintptr_t lasting_base(uint64_t i) {
  return (uintptr_t)(i + 1) * 64 * GRANULE;
}

static void *read_all_the_time(void *seed) {
  uint64_t state = (uintptr_t)seed;
  while (!atomic_load(&shared.stop)) {
    uint64_t i = test_random_next(&state) % LASTING;
    uintptr_t address = lasting_base(i) + (uintptr_t)(test_random_next(&state) % (64 * GRANULE));
    uintptr_t found = base_of(acre__index_find(&shared.index, address));
    if (found > address || found < lasting_base(i) || found % GRANULE != 0) atomic_fetch_add(&shared.wrong, 1);
    atomic_fetch_add_explicit(&shared.lookups, 1, memory_order_relaxed);
  }
  return NULL;
}

static void change(bool add, uintptr_t base) {
  acre__lock(&shared.index.lock);
  CHECK(acre__index_prepare(&shared.index));
  if (add)
    acre__index_insert(&shared.index, base, region_of(base));
  else
    acre__index_remove(&shared.index, base);
  acre__unlock(&shared.index.lock);
}

TEST(readers_see_what_lasts_while_a_writer_works) {
  static bool there[LASTING * 64];
  memset(&shared, 0, sizeof shared);
  memset(there, 0, sizeof there);
  for (uint64_t i = 0; i < LASTING; i++) change(true, lasting_base(i));
  pthread_t readers[READERS];
  for (uintptr_t i = 0; i < READERS; i++)
    REQUIRE(pthread_create(&readers[i], NULL, read_all_the_time, (void *)(i + 1)) == 0);

  for (unsigned step = 0; step < 60000 || atomic_load(&shared.lookups) < 20000; step++) {
    size_t slot = (size_t)test_random_below(LASTING * 64);
    if (step / 5000 % 3 == 2) slot = slot / 64 * 64 + slot % 4; /* some parts of the tree more than others */
    if (slot % 64 == 0) continue;                               /* a lasting one */
    there[slot] = !there[slot];
    change(there[slot], lasting_base(slot / 64) + slot % 64 * GRANULE);
  }
  atomic_store(&shared.stop, true);
  for (unsigned i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
  CHECK_EQ(atomic_load(&shared.wrong), 0);
  CHECK(acre__index_is_valid(&shared.index));
}
