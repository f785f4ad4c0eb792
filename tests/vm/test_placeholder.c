/* SPDX-License-Identifier: MIT */
/* Placeholders: split, joined, replaced and restored, what is refused, and that nothing ever lands inside. */
#include <pthread.h>
#include <stdatomic.h>

#include "vm/meta.h"
#include "vm/vm_check.h"

static size_t unit(void) {
  return system_figures().allocation_granularity;
}

static char *reserve_placeholder(size_t size) {
  acre_vm_options options = {.flags = ACRE_VM_PLACEHOLDER};
  void *base = NULL;
  REQUIRE_OK(acre_vm_reserve(size, &options, &base));
  return base;
}

static acre_result replace(void *base, size_t size, unsigned flags) {
  acre_vm_options options = {.address = base, .flags = ACRE_VM_REPLACE | flags};
  void *out = base;
  acre_result result = acre_vm_reserve(size, &options, &out);
  CHECK(result == ACRE_OK ? out == base : out == NULL);
  return result;
}

static bool is_placeholder(const void *base, size_t size) {
  acre_vm_info info = query(base);
  return info.kind == ACRE_VM_KIND_PLACEHOLDER && info.state == ACRE_VM_RESERVED && info.region_base == base &&
         info.region_size == size && info.size == size && info.protection == ACRE_VM_NO_ACCESS;
}

TEST(a_placeholder_holds_addresses_and_nothing_else) {
  acre_system before = system_figures();
  size_t size = 4 * unit();
  char *base = reserve_placeholder(size);
  CHECK(is_placeholder(base, size));
  CHECK_EQ(system_figures().regions, before.regions + 1);
  CHECK_EQ(system_figures().reserved_bytes, before.reserved_bytes + size);
  CHECK_EQ(system_figures().commit_charge, before.commit_charge);
  CHECK(!test_can_read(base));
  CHECK(test_take_memory_at(base + unit(), page_bytes()) == NULL);

  CHECK_RESULT(acre_vm_commit(base, 1, ACRE_VM_DEFAULT), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_decommit(base, 1), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_protect(base, 1, ACRE_VM_READ, NULL), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_populate(base, 1), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_lock(base, 1), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_unlock(base, 1), ACRE_E_NOT_LOCKED);
  CHECK_RESULT(acre_vm_reset(base, 1), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_collapse(base, 1), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_release_to_placeholder(base), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_release(base + unit()), ACRE_E_NOT_REGION_BASE);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(query(base).state, ACRE_VM_FREE);
  CHECK_EQ(system_figures().regions, before.regions);
}

TEST(an_odd_end_stays) {
  size_t page = page_bytes(), size = 3 * unit() + 5 * page;
  char *base = reserve_placeholder(size - page + 1);
  CHECK(is_placeholder(base, size));
  CHECK_OK(acre_vm_split(base, 3 * unit()));
  CHECK(is_placeholder(base + 3 * unit(), 5 * page));
  CHECK_OK(replace(base + 3 * unit(), 5 * page - 7, ACRE_VM_COMMIT));
  memset(base + 3 * unit(), 1, 5 * page);
  CHECK_OK(acre_vm_release_to_placeholder(base + 3 * unit()));
  CHECK_OK(acre_vm_join(base, size - 1));
  CHECK(is_placeholder(base, size));
  CHECK_OK(acre_vm_release(base));
}

TEST(split_and_join) {
  size_t step = unit();
  char *base = reserve_placeholder(8 * step);
  size_t regions = system_figures().regions;
  CHECK_OK(acre_vm_split(base, 3 * step));
  CHECK(is_placeholder(base, 3 * step) && is_placeholder(base + 3 * step, 5 * step));
  CHECK_OK(acre_vm_split(base + 3 * step, step));
  CHECK(is_placeholder(base + 3 * step, step) && is_placeholder(base + 4 * step, 4 * step));
  CHECK_OK(acre_vm_split(base, step));
  CHECK_EQ(system_figures().regions, regions + 3);
  CHECK_INDEX();

  CHECK_OK(acre_vm_join(base + step, 3 * step));
  CHECK(is_placeholder(base + step, 3 * step));
  CHECK_OK(acre_vm_join(base + step, 3 * step)); /* one alone is whole already */
  CHECK_OK(acre_vm_join(base, 8 * step));
  CHECK(is_placeholder(base, 8 * step));
  CHECK_EQ(system_figures().regions, regions);
  CHECK_INDEX();
  CHECK_OK(acre_vm_release(base));
}

TEST(what_split_and_join_refuse) {
  size_t step = unit(), page = page_bytes();
  char *base = reserve_placeholder(4 * step);
  CHECK_RESULT(acre_vm_split(NULL, step), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_split(base, 0), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_split(base, 4 * step), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_split(base, 5 * step), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_split(base, SIZE_MAX - step + 1), ACRE_E_INVALID_SIZE);
  if (page < step) CHECK_RESULT(acre_vm_split(base, page), ACRE_E_INVALID_ALIGNMENT);
  CHECK_RESULT(acre_vm_split(base, step + 1), ACRE_E_INVALID_ALIGNMENT);
  CHECK_RESULT(acre_vm_split(base + step, step), ACRE_E_NOT_REGION_BASE);
  CHECK_RESULT(acre_vm_split(base + 1, step), ACRE_E_NOT_REGION_BASE);

  CHECK_OK(acre_vm_split(base, step));
  CHECK_RESULT(acre_vm_join(NULL, step), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_join(base, 0), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_join(base, SIZE_MAX), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_join(base, SIZE_MAX - page * 2), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_join(base, 2 * step), ACRE_E_INVALID_SIZE); /* the second one goes on */
  CHECK_RESULT(acre_vm_join(base, step / 2), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_join(base + 2 * step, step), ACRE_E_NOT_REGION_BASE);
  CHECK_OK(replace(base + step, 3 * step, 0));
  CHECK_RESULT(acre_vm_join(base, 4 * step), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_split(base + step, step), ACRE_E_WRONG_KIND);
  CHECK(is_placeholder(base, step));
  CHECK_OK(acre_vm_release(base + step));
  CHECK_RESULT(acre_vm_join(base, 4 * step), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_vm_split(base + step, step), ACRE_E_NOT_A_REGION);
  CHECK_OK(acre_vm_release(base));
}

TEST(what_reserve_refuses) {
  void *out;
  size_t step = unit();
  acre_vm_options wrong[] = {
      {.flags = ACRE_VM_PLACEHOLDER | ACRE_VM_COMMIT},
      {.flags = ACRE_VM_PLACEHOLDER | ACRE_VM_LARGE_PAGES},
      {.flags = ACRE_VM_PLACEHOLDER | ACRE_VM_REPLACE, .address = (void *)step},
      {.flags = ACRE_VM_PLACEHOLDER, .protection = ACRE_VM_READ},
      {.flags = ACRE_VM_PLACEHOLDER, .touch_step = 1},
      {.flags = ACRE_VM_PLACEHOLDER, .node = 1},
      {.flags = ACRE_VM_REPLACE},
      {.flags = ACRE_VM_REPLACE | ACRE_VM_TOP_DOWN, .address = (void *)step},
      {.flags = 1U << 31},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    CHECK_RESULT(acre_vm_reserve(step, &wrong[i], &out), ACRE_E_INVALID_ARGUMENT);

  char *base = reserve_placeholder(2 * step);
  CHECK_RESULT(replace(base, step, 0), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(replace(base, 3 * step, 0), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(replace(base + step, step, 0), ACRE_E_NOT_REGION_BASE);
  CHECK_RESULT(replace(base + 1, 2 * step, 0), ACRE_E_NOT_REGION_BASE);
  acre_vm_options aligned = {.address = base, .flags = ACRE_VM_REPLACE, .alignment = (size_t)1 << 46};
  CHECK_RESULT(acre_vm_reserve(2 * step, &aligned, &out), ACRE_E_INVALID_ALIGNMENT);
  CHECK(is_placeholder(base, 2 * step));
  CHECK_OK(replace(base, 2 * step, 0));
  CHECK_RESULT(replace(base, 2 * step, 0), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_release(base));
  CHECK_RESULT(replace(base, 2 * step, 0), ACRE_E_NOT_A_REGION);
}

TEST(a_part_becomes_a_region_and_a_placeholder_again) {
  size_t step = unit(), page = page_bytes();
  char *base = reserve_placeholder(4 * step), *part = base + step;
  uint64_t charge = system_figures().commit_charge;
  CHECK_OK(acre_vm_split(base, step));
  CHECK_OK(acre_vm_split(part, 2 * step));
  for (int round = 0; round < 3; round++) {
    bool commit = round > 0;
    CHECK_OK(replace(part, 2 * step, commit ? ACRE_VM_COMMIT : 0));
    acre_vm_info info = query(part);
    CHECK_EQ(info.kind, ACRE_VM_KIND_PRIVATE);
    CHECK_EQ(info.region_size, 2 * step);
    CHECK_EQ(info.region_protection, ACRE_VM_READ_WRITE);
    CHECK_EQ(info.state, commit ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED);
    if (!commit) { /* every other page, so that some chunk is opened or some runs are there */
      for (size_t at = 0; at < 2 * step; at += 2 * page) CHECK_OK(acre_vm_commit(part + at, 1, ACRE_VM_DEFAULT));
      CHECK_OK(acre_vm_lock(part, 1));
    }
    CHECK_EQ(system_figures().commit_charge, charge + (commit ? 2 * step : step));
    CHECK(all_bytes_are(part, page, 0));
    memset(part, 7, page);
    CHECK_AGREES(part);
    CHECK_OK(acre_vm_release_to_placeholder(part));
    CHECK(is_placeholder(part, 2 * step));
    CHECK_EQ(system_figures().commit_charge, charge);
    CHECK_AGREES(part);
  }
  CHECK_OK(acre_vm_join(base, 4 * step));
  CHECK_OK(acre_vm_release(base));
}

TEST(a_region_that_was_none_becomes_one) {
  size_t page = page_bytes();
  acre_vm_options options = {.flags = ACRE_VM_COMMIT, .touch_step = page};
  char *base = reserve_with(100, &options);
  CHECK_RESULT(acre_vm_release_to_placeholder(NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_release_to_placeholder(base + page), ACRE_E_NOT_REGION_BASE);
  CHECK_OK(acre_vm_release_to_placeholder(base));
  CHECK(is_placeholder(base, 100 * page));
  CHECK(!test_can_read(base)); /* touches commit nothing any more */
  CHECK_OK(acre_vm_release(base));
  CHECK_RESULT(acre_vm_release_to_placeholder(base), ACRE_E_NOT_A_REGION);
}

TEST(a_replaced_region_commits_on_touch) {
  size_t step = unit();
  char *base = reserve_placeholder(step);
  acre_vm_options options = {.address = base, .flags = ACRE_VM_REPLACE, .touch_step = page_bytes()};
  void *out;
  REQUIRE_OK(acre_vm_reserve(step, &options, &out));
  *(volatile char *)(base + page_bytes()) = 1;
  CHECK_EQ(query(base + page_bytes()).state, ACRE_VM_COMMITTED);
  CHECK_EQ(query(base).state, ACRE_VM_RESERVED);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_region_on_the_paging_file_becomes_one_and_is_none) {
  size_t step = unit();
  uint64_t charge = system_figures().commit_charge;
  char directory[TEST_PATH];
  test_make_directory(directory);
  acre_result result = acre_vm_set_paging_file(directory, 0);
  if (result != ACRE_OK) test_remove_directory(directory);
  if (result == ACRE_E_NOT_SUPPORTED) test_skip("there is no paging file of the program's own on this system");
  REQUIRE_OK(result);
  acre_vm_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE, .flags = ACRE_VM_COMMIT};
  void *base, *none;
  REQUIRE_OK(acre_vm_reserve(2 * step, &options, &base));
  memset(base, 1, 2 * step);
  CHECK_RESULT(acre_vm_discard(base, 2 * step), ACRE_E_WRONG_KIND);
  CHECK(all_bytes_are(base, 2 * step, 1));
  CHECK_OK(acre_vm_release_to_placeholder(base));
  CHECK(is_placeholder(base, 2 * step));
  CHECK_EQ(system_figures().commit_charge, charge);
  options = (acre_vm_options){.backing = ACRE_VM_BACKING_PAGING_FILE, .flags = ACRE_VM_REPLACE, .address = base};
  CHECK_RESULT(acre_vm_reserve(2 * step, &options, &none), ACRE_E_INVALID_ARGUMENT);
  options = (acre_vm_options){.backing = ACRE_VM_BACKING_PAGING_FILE, .flags = ACRE_VM_PLACEHOLDER};
  CHECK_RESULT(acre_vm_reserve(2 * step, &options, &none), ACRE_E_INVALID_ARGUMENT);
  CHECK_OK(replace(base, 2 * step, ACRE_VM_COMMIT));
  CHECK(all_bytes_are(base, 2 * step, 0));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  CHECK_OK(acre_vm_set_paging_file(NULL, 0));
  test_remove_directory(directory);
}

TEST(over_the_commit_limit_it_stays_a_placeholder) {
  size_t step = unit();
  char *base = reserve_placeholder(4 * step);
  uint64_t charge = system_figures().commit_charge;
  CHECK_OK(acre_vm_set_commit_limit(charge + 4 * step - page_bytes()));
  CHECK_RESULT(replace(base, 4 * step, ACRE_VM_COMMIT), ACRE_E_COMMIT_LIMIT);
  CHECK(is_placeholder(base, 4 * step));
  CHECK_EQ(system_figures().commit_charge, charge);
  CHECK_OK(replace(base, 4 * step, ACRE_VM_STRICT));
  CHECK_OK(acre_vm_commit(base, step, ACRE_VM_DEFAULT));
  CHECK_EQ(system_figures().commit_charge, charge + step);
  CHECK_OK(acre_vm_release_to_placeholder(base));
  CHECK_EQ(system_figures().commit_charge, charge);
  CHECK_OK(acre_vm_set_commit_limit(0));
  CHECK_OK(acre_vm_release(base));
}

TEST(no_memory_for_tables_changes_nothing) {
  size_t step = unit();
  char *base = reserve_placeholder(64 * step);
  CHECK_OK(acre_vm_split(base, 32 * step));
  bool refused = false;
  size_t regions = system_figures().regions;
  acre__meta_is_closed = true;
  for (size_t i = 1; i < 32 && !refused; i++) { /* until the spare records are used up */
    acre_result result = acre_vm_split(base, (32 - i) * step);
    refused = result == ACRE_E_NO_MEMORY;
    if (refused)
      CHECK(is_placeholder(base, (33 - i) * step));
    else
      REQUIRE_OK(result);
  }
  acre__meta_is_closed = false;
  (void)refused; /* the lists of freed blocks may be long: then all went well */
  CHECK(system_figures().regions >= regions);
  CHECK_INDEX();
  CHECK_OK(acre_vm_join(base, 64 * step));
  CHECK(is_placeholder(base, 64 * step));
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- at random, against a model */

enum { SLOTS = 24, STEPS = 3000 };

/* What each slot of the reservation is part of: the first slot of its region, and what that is. */
struct model {
  unsigned first[SLOTS];
  bool is_region[SLOTS];
};

static size_t length_at(const struct model *model, unsigned first) {
  unsigned end = first;
  while (end < SLOTS && model->first[end] == first) end++;
  return end - first;
}

static void check_model(const struct model *model, char *base, size_t step) {
  for (unsigned slot = 0; slot < SLOTS; slot++) {
    acre_vm_info info = query(base + slot * step);
    unsigned first = model->first[slot];
    CHECK(info.region_base == base + first * step);
    CHECK_EQ(info.region_size, length_at(model, first) * step);
    CHECK_EQ(info.kind, model->is_region[slot] ? ACRE_VM_KIND_PRIVATE : ACRE_VM_KIND_PLACEHOLDER);
  }
}

static void set(struct model *model, unsigned from, size_t count, unsigned first, bool is_region) {
  for (unsigned slot = from; slot < from + count; slot++) {
    model->first[slot] = first;
    model->is_region[slot] = is_region;
  }
}

TEST(random_splits_joins_and_replacements) {
  size_t step = unit();
  char *base = reserve_placeholder(SLOTS * step);
  struct model model = {0};
  size_t regions = system_figures().regions;
  for (int i = 0; i < STEPS; i++) {
    unsigned slot = (unsigned)test_random_below(SLOTS), first = model.first[slot];
    size_t length = length_at(&model, first);
    bool is_region = model.is_region[slot];
    char *at = base + first * step;
    switch (test_random_below(4)) {
      case 0: {
        size_t offset = test_random_below(SLOTS);
        acre_result expected = offset == 0 ? ACRE_E_INVALID_SIZE : is_region ? ACRE_E_WRONG_KIND : ACRE_OK;
        if (expected == ACRE_OK && offset >= length) expected = ACRE_E_INVALID_SIZE;
        CHECK_RESULT(acre_vm_split(at, offset * step), expected);
        if (expected == ACRE_OK)
          set(&model, first + (unsigned)offset, length - offset, first + (unsigned)offset, false);
        break;
      }
      case 1: {
        size_t end = first + length;
        while (end < SLOTS && test_random_below(3) != 0) end += length_at(&model, (unsigned)end);
        acre_result expected = ACRE_OK;
        for (unsigned s = first; s < end; s++)
          if (model.is_region[s]) expected = ACRE_E_WRONG_KIND;
        CHECK_RESULT(acre_vm_join(at, (end - first) * step), expected);
        if (expected == ACRE_OK) set(&model, first, end - first, first, false);
        break;
      }
      case 2: {
        bool commit = test_random_below(2) == 0;
        CHECK_RESULT(replace(at, length * step, commit ? ACRE_VM_COMMIT : 0), is_region ? ACRE_E_WRONG_KIND : ACRE_OK);
        if (!is_region && commit) memset(at, 1, length * step);
        set(&model, first, length, first, true);
        break;
      }
      default:
        CHECK_RESULT(acre_vm_release_to_placeholder(at), is_region ? ACRE_OK : ACRE_E_WRONG_KIND);
        set(&model, first, length, first, false);
    }
    if (i % 16 == 0) check_model(&model, base, step);
  }
  CHECK_INDEX();
  for (unsigned slot = 0; slot < SLOTS; slot++)
    if (model.is_region[slot] && model.first[slot] == slot)
      CHECK_OK(acre_vm_release_to_placeholder(base + slot * step));
  CHECK_OK(acre_vm_join(base, SLOTS * step));
  CHECK_EQ(system_figures().regions, regions);
  CHECK_EQ(system_figures().commit_charge, 0);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- nothing lands inside */

enum { INTRUDERS = 3 };

static struct {
  _Atomic(char *) base;
  size_t size;
  atomic_bool stop;
  atomic_size_t landed, tries;
} race;

static bool is_inside(const void *address) {
  return (size_t)((const char *)address - race.base) < race.size;
}

/* Maps and reserves as fast as it can, and wishes for the very range half of the time. */
static void *intrude(void *seed) {
  uint64_t state = (uintptr_t)seed;
  size_t page = page_bytes();
  while (!atomic_load(&race.stop)) {
    uint64_t number = test_random_next(&state);
    char *wish = race.base + (number >> 8) % race.size / page * page;
    void *got = (number & 1) != 0 ? test_take_memory_at(wish, page) : test_take_memory(page);
    if (got != NULL) {
      if (is_inside(got)) atomic_fetch_add(&race.landed, 1);
      test_give_memory(got, page);
    }
    acre_vm_options options = {.address = (number & 2) != 0 ? wish : NULL};
    void *region = NULL;
    if (acre_vm_reserve(page, &options, &region) == ACRE_OK) {
      if (is_inside(region)) atomic_fetch_add(&race.landed, 1);
      CHECK_OK(acre_vm_release(region));
    }
    acre_vm_info info;
    CHECK_OK(acre_vm_query(wish, &info));
    if (!is_inside(info.region_base) || info.region_base == NULL) atomic_fetch_add(&race.landed, 1);
    if (info.kind != ACRE_VM_KIND_PLACEHOLDER && info.kind != ACRE_VM_KIND_PRIVATE) atomic_fetch_add(&race.landed, 1);
    atomic_fetch_add(&race.tries, 1);
  }
  return NULL;
}

TEST(nothing_lands_inside_while_parts_change) {
  size_t step = unit();
  pthread_t threads[INTRUDERS];
  race.size = 8 * step;
  race.base = reserve_placeholder(race.size);
  atomic_store(&race.stop, false);
  for (size_t i = 0; i < INTRUDERS; i++)
    REQUIRE(pthread_create(&threads[i], NULL, intrude, (void *)(uintptr_t)(test_random() | 1)) == 0);
  size_t rounds = SANITIZED ? 300 : 3000;
  char *base = race.base;
  for (size_t i = 0; i < rounds || atomic_load(&race.tries) < rounds; i++) {
    size_t offset = (1 + i % 7) * step;
    CHECK_OK(acre_vm_split(base, offset));
    CHECK_OK(replace(base, offset, i % 2 == 0 ? ACRE_VM_COMMIT : 0));
    CHECK_OK(replace(base + offset, race.size - offset, ACRE_VM_COMMIT));
    memset(base + offset, 1, page_bytes());
    CHECK_OK(acre_vm_release_to_placeholder(base));
    CHECK_OK(acre_vm_release_to_placeholder(base + offset));
    CHECK_OK(acre_vm_join(base, race.size));
  }
  atomic_store(&race.stop, true);
  for (size_t i = 0; i < INTRUDERS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  CHECK_EQ(atomic_load(&race.landed), 0);
  CHECK_OK(acre_vm_release(base));
  CHECK_INDEX();
}

/* Threads that split, join, replace and release the same placeholder: each result is one that the order can give. */
static void *quarrel(void *seed) {
  uint64_t state = (uintptr_t)seed;
  size_t step = race.size / 8;
  for (int i = 0; i < (SANITIZED ? 500 : 5000); i++) {
    uint64_t number = test_random_next(&state);
    char *at = race.base + number % 8 * step;
    size_t size = (1 + (number >> 8) % 7) * step;
    acre_result result = ACRE_OK;
    switch ((number >> 16) % 4) {
      case 0: result = acre_vm_split(at, size); break;
      case 1: result = acre_vm_join(at, size); break;
      case 2: {
        acre_vm_options options = {.address = at, .flags = ACRE_VM_REPLACE | ((number >> 20) & ACRE_VM_COMMIT)};
        void *out;
        result = acre_vm_reserve(size, &options, &out);
        break;
      }
      default: result = acre_vm_release_to_placeholder(at);
    }
    CHECK(result == ACRE_OK || result == ACRE_E_INVALID_SIZE || result == ACRE_E_NOT_REGION_BASE ||
          result == ACRE_E_WRONG_KIND || result == ACRE_E_NOT_A_REGION);
  }
  return NULL;
}

TEST(threads_may_quarrel_over_one_placeholder) {
  size_t step = unit();
  pthread_t threads[INTRUDERS];
  race.size = 8 * step;
  race.base = reserve_placeholder(race.size);
  uint64_t charge = system_figures().commit_charge;
  for (size_t i = 0; i < INTRUDERS; i++)
    REQUIRE(pthread_create(&threads[i], NULL, quarrel, (void *)(uintptr_t)(test_random() | 1)) == 0);
  for (size_t i = 0; i < INTRUDERS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  CHECK_INDEX();
  for (size_t at = 0; at < race.size;) { /* whole, without a gap */
    acre_vm_info info = query(race.base + at);
    REQUIRE(info.region_base == race.base + at);
    if (info.kind == ACRE_VM_KIND_PRIVATE) {
      CHECK_AGREES(race.base + at);
      CHECK_OK(acre_vm_release_to_placeholder(race.base + at));
    }
    at += info.region_size;
  }
  CHECK_OK(acre_vm_join(race.base, race.size));
  CHECK_EQ(system_figures().commit_charge, charge);
  CHECK_OK(acre_vm_release(race.base));
}
