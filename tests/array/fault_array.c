/* SPDX-License-Identifier: MIT */
/*
 * Every function of the array, with every call to the system failing in turn:
 * alone, together with all later ones (those that tidy up as well), and half
 * done. Whatever fails, the array and its elements are as before, it can be
 * used on, and nothing is left when it is destroyed.
 */
#include <acre/array.h>
#include <acre/vm.h>
#include <string.h>

#include "harness.h"
#include "os/fault/fault.h"

enum { MAXIMUM = 1 << 22, ELEMENTS = 100000, ENOUGH_CALLS = 200 };

static acre_result create_another(acre_array *array) {
  acre_array another;
  acre_array_options options = {.mode = array->mode};
  acre_result result = acre_array_create(&another, 1 << 24, 8, &options);
  if (result != ACRE_OK) {
    static const acre_array zeroed;
    CHECK(memcmp(&another, &zeroed, sizeof zeroed) == 0);
    return result;
  }
  acre__fault_begin(&(struct acre__fault_plan){0}); /* what follows is not under test, but the failure is done */
  acre_array_destroy(&another);
  return ACRE_OK;
}

static acre_result grow(acre_array *array) {
  return acre_array_grow(array);
}

static acre_result reserve(acre_array *array) {
  return acre_array_reserve(array, MAXIMUM / 2);
}

static acre_result resize_up(acre_array *array) {
  return acre_array_resize(array, ELEMENTS * 2);
}

static acre_result append_itself(acre_array *array) {
  return acre_array_append(array, array->data, array->count);
}

static acre_result shrink(acre_array *array) {
  return acre_array_shrink(array);
}

static const struct scenario {
  const char *name;
  acre_array_mode mode;
  acre_result (*run)(acre_array *array);
} scenarios[] = {
    {"create", ACRE_ARRAY_EXPLICIT, create_another},
    {"grow", ACRE_ARRAY_EXPLICIT, grow},
    {"reserve", ACRE_ARRAY_EXPLICIT, reserve},
    {"resize", ACRE_ARRAY_EXPLICIT, resize_up},
    {"append", ACRE_ARRAY_EXPLICIT, append_itself},
    {"shrink", ACRE_ARRAY_EXPLICIT, shrink},
    {"create on touch", ACRE_ARRAY_ON_TOUCH, create_another},
    {"reserve on touch", ACRE_ARRAY_ON_TOUCH, reserve},
    {"resize on touch", ACRE_ARRAY_ON_TOUCH, resize_up},
    {"append on touch", ACRE_ARRAY_ON_TOUCH, append_itself},
    {"shrink on touch", ACRE_ARRAY_ON_TOUCH, shrink},
};

enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

static acre_system system_now(void) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  return system;
}

/* ELEMENTS numbers, and used memory behind them. */
static void fill(acre_array *array, acre_array_mode mode) {
  acre_array_options options = {.mode = mode};
  REQUIRE_OK(acre_array_create(array, MAXIMUM, sizeof(uint64_t), &options));
  REQUIRE_OK(acre_array_resize(array, ELEMENTS * 5 / 4));
  uint64_t *data = array->data;
  for (size_t i = 0; i < array->count; i++) data[i] = ~i;
  REQUIRE_OK(acre_array_resize(array, ELEMENTS));
}

static void check_elements(const acre_array *array) {
  const uint64_t *data = array->data;
  for (size_t i = 0; i < ELEMENTS; i++) REQUIRE_EQ(data[i], ~(uint64_t)i);
}

/* One run with one failure. Returns whether something failed. */
static bool run(const struct scenario *scenario, const struct acre__fault_plan *plan) {
  acre_system before = system_now();
  acre_array array;
  fill(&array, scenario->mode);
  acre_array copy = array;
  acre__fault_begin(plan);
  acre_result result = scenario->run(&array);
  bool failed = acre__fault_end(NULL);
  if (result != ACRE_OK) {
    CHECK_RESULT(result, plan->result);
    CHECK(failed);
    CHECK(memcmp(&array, &copy, sizeof copy) == 0);
  }
  check_elements(&array);

  /* It goes on working, and what is new is zero. */
  array.count = ELEMENTS;
  REQUIRE_OK(acre_array_resize(&array, ELEMENTS * 3));
  check_elements(&array);
  const uint64_t *data = array.data;
  for (size_t i = ELEMENTS; i < ELEMENTS * 3; i++) REQUIRE_EQ(data[i], 0);
  acre_array_destroy(&array);
  acre_system after = system_now();
  CHECK_EQ(after.regions, before.regions);
  CHECK_EQ(after.reserved_bytes, before.reserved_bytes);
  CHECK_EQ(after.commit_charge, before.commit_charge);
  return failed || result != ACRE_OK;
}

static void run_all(struct acre__fault_plan plan) {
  for (size_t i = 0; i < SCENARIOS; i++) {
    struct acre__fault_plan none = {0};
    run(&scenarios[i], &none); /* makes what is made once */
    size_t mappings = test_mapping_count();
    unsigned long failures = 0;
    for (plan.call = 1; plan.call < ENOUGH_CALLS; plan.call++) {
      bool failed = run(&scenarios[i], &plan);
      failures += failed;
      if (!failed) break;
    }
    CHECK(plan.call < ENOUGH_CALLS);
    if (failures == 0) test_fail(__FILE__, __LINE__, "%s: no call was made to fail", scenarios[i].name);
    CHECK(test_mapping_count() <= mappings + 2); /* Acre's own tables may have grown */
  }
}

TEST(each_call_fails) {
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY});
}

TEST(each_call_fails_half_done) {
  run_all((struct acre__fault_plan){.result = ACRE_E_MAPPING_LIMIT, .partly = true});
}

TEST(each_call_and_all_later_ones_fail) {
  run_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .and_later = true});
}

TEST(a_large_step_that_fails_is_tried_smaller) {
  acre_array array;
  acre_array_options options = {.growth_step = 1 << 20};
  REQUIRE_OK(acre_array_create(&array, 1 << 24, 1, &options));
  uint64_t populate = ACRE_FAULT_MASK(ACRE_FAULT_POPULATE);
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_NO_MEMORY, .functions = populate});
  CHECK_OK(acre_array_push(&array, "x"));
  CHECK(acre__fault_end(NULL));
  acre_system system = system_now();
  CHECK_EQ(array.committed, system.page_size);
  CHECK_OK(acre_array_resize(&array, 1 << 24));
  acre_array_destroy(&array);
}

TEST(destroy_gives_the_memory_back_even_so) {
  acre_system before = system_now();
  acre_array array;
  fill(&array, ACRE_ARRAY_EXPLICIT);
  void *data = array.data;
  uint64_t release = ACRE_FAULT_MASK(ACRE_FAULT_RELEASE);
  acre__fault_begin(&(struct acre__fault_plan){.call = 1, .result = ACRE_E_MAPPING_LIMIT, .functions = release});
  acre_array_destroy(&array);
  CHECK(acre__fault_end(NULL));
  CHECK(array.data == NULL);
  acre_system after = system_now();
  CHECK_EQ(after.commit_charge, before.commit_charge);
  CHECK_EQ(after.regions, before.regions + 1); /* the addresses are not free: the system would not have them */
  CHECK_OK(acre_vm_release(data));
}
