/* SPDX-License-Identifier: MIT */
/* The on-touch mode: any element below the maximum may be used at once. (Nothing else may: test_array_touch_linux.c.) */
#include <acre/array.h>
#include <acre/vm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static const acre_array_options on_touch = {.mode = ACRE_ARRAY_ON_TOUCH};

static acre_vm_info run_at(const void *address) {
  acre_vm_info info;
  REQUIRE_OK(acre_vm_query(address, &info));
  return info;
}

TEST(any_element_at_once) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 1 << 20, sizeof(uint64_t), &on_touch));
  CHECK_EQ(array.capacity, 1 << 20);
  CHECK_EQ(array.count, 0);
  uint64_t *data = array.data;
  data[123456] = 42;
  CHECK_EQ(data[123456], 42);
  CHECK_EQ(data[123455], 0);
  CHECK_EQ(data[999999], 0); /* reading commits as well */
  CHECK(run_at(&data[500000]).state == ACRE_VM_RESERVED);
  acre_array_destroy(&array);
}

TEST(a_touch_commits_one_step) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 64 << 20, 1, &on_touch));
  *(char *)acre_array_at(&array, (1 << 20) + 5) = 1;
  acre_vm_info info = run_at(acre_array_at(&array, 1 << 20));
  CHECK(info.state == ACRE_VM_COMMITTED);
  CHECK_EQ(info.size, 64 << 10);
  CHECK(run_at(acre_array_at(&array, (1 << 20) - 1)).state == ACRE_VM_RESERVED);
  acre_array_destroy(&array);

  acre_array_options options = {.mode = ACRE_ARRAY_ON_TOUCH, .growth_step = 1 << 20};
  REQUIRE_OK(acre_array_create(&array, 64 << 20, 1, &options));
  *(char *)acre_array_at(&array, (9 << 20) + 12345) = 1;
  info = run_at(acre_array_at(&array, 9 << 20));
  CHECK(info.state == ACRE_VM_COMMITTED);
  CHECK_EQ(info.size, 1 << 20);
  acre_array_destroy(&array);
}

TEST(from_last_to_first) {
  enum { COUNT = 1 << 20 };
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, COUNT, sizeof(uint64_t), &on_touch));
  uint64_t *data = array.data;
  for (size_t i = COUNT; i-- > 0;) data[i] = i;
  for (size_t i = 0; i < COUNT; i++) REQUIRE_EQ(data[i], i);
  CHECK_EQ(run_at(data).size, COUNT * sizeof(uint64_t));
  acre_array_destroy(&array);
}

#ifdef __SANITIZE_THREAD__
#define HUGE ((size_t)1 << 36) /* its shadow leaves little address space */
#else
#define HUGE ((size_t)1 << 40)
#endif

TEST(a_maximum_of_a_tebibyte) {
  acre_array array;
  size_t before = test_resident_bytes(), step = HUGE / 1024;
  REQUIRE_OK(acre_array_create(&array, HUGE, 1, &on_touch));
  for (size_t i = 0; i < 1024; i++) *(char *)acre_array_at(&array, i * step) = (char)(i + 1);
  for (size_t i = 0; i < 1024; i++) REQUIRE_EQ(*(char *)acre_array_at(&array, i * step), (char)(i + 1));
  if (test_resident_is_own()) CHECK(test_resident_bytes() - before < (64 << 20));
  acre_array_destroy(&array);
}

enum { THREADS = 4, SHARED = 1 << 20 };

static _Atomic uint32_t *shared;

static void *add_everywhere(void *context) {
  size_t start = (size_t)context * (SHARED / THREADS);
  for (size_t i = 0; i < SHARED; i += 64) shared[(start + i) % SHARED]++;
  return NULL;
}

TEST(threads_touch_the_same_pages) {
  for (int round = 0; round < 10; round++) {
    acre_array array;
    REQUIRE_OK(acre_array_create(&array, SHARED, sizeof *shared, &on_touch));
    shared = array.data;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, add_everywhere, (void *)i) == 0);
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < SHARED; i += 64) REQUIRE_EQ(shared[i], THREADS); /* none was lost to a second commit */
    acre_array_destroy(&array);
  }
}

TEST(push_append_and_pop) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 100000, sizeof(uint32_t), &on_touch));
  uint32_t block[1000];
  for (uint32_t i = 0; i < 1000; i++) block[i] = i;
  for (uint32_t i = 0; i < 1000; i++) REQUIRE_OK(acre_array_push(&array, &i));
  for (int i = 0; i < 99; i++) REQUIRE_OK(acre_array_append(&array, block, 1000));
  CHECK_RESULT(acre_array_push(&array, block), ACRE_E_FULL);
  CHECK_RESULT(acre_array_append(&array, block, 1), ACRE_E_FULL);
  for (size_t i = 0; i < 100000; i++) REQUIRE_EQ(*(uint32_t *)acre_array_at(&array, i), i % 1000);
  uint32_t value;
  REQUIRE_OK(acre_array_pop(&array, &value));
  CHECK_EQ(value, 999);
  acre_array_destroy(&array);
}

TEST(reserve_commits) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 64 << 20, 1, &on_touch));
  *(char *)array.data = 9;
  REQUIRE_OK(acre_array_reserve(&array, 1 << 20));
  CHECK(run_at(array.data).size == 1 << 20);
  CHECK_EQ(*(char *)array.data, 9);
  CHECK_RESULT(acre_array_reserve(&array, (64 << 20) + 1), ACRE_E_FULL);
  acre_array_destroy(&array);
}

TEST(resize_up_reads_zero_and_touches_nothing) {
  enum { ELEMENT = 24, COUNT = 1 << 18 };
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, COUNT, ELEMENT, &on_touch));
  for (int round = 0; round < 100; round++) {
    for (int i = 0; i < 20; i++) memset(acre_array_at(&array, test_random_below(COUNT)), 0xff, ELEMENT);
    size_t old = (size_t)test_random_below(COUNT), count = old + (size_t)test_random_below(COUNT - old + 1);
    array.count = old;
    REQUIRE_OK(acre_array_resize(&array, count));
    REQUIRE_EQ(array.count, count);
    const unsigned char *bytes = array.data;
    for (size_t i = old * ELEMENT; i < count * ELEMENT; i++) REQUIRE_EQ(bytes[i], 0);
  }
  acre_array_destroy(&array);

  REQUIRE_OK(acre_array_create(&array, HUGE, 1, &on_touch));
  REQUIRE_OK(acre_array_resize(&array, HUGE));
  acre_vm_info info = run_at(array.data);
  CHECK(info.state == ACRE_VM_RESERVED);
  CHECK_EQ(info.size, HUGE);
  acre_array_destroy(&array);
}

TEST(resize_keeps_its_neighbours) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 1 << 20, 1, &on_touch));
  memset(array.data, 0xff, 1 << 20);
  array.count = 5000;
  REQUIRE_OK(acre_array_resize(&array, 5001)); /* within one page */
  REQUIRE_OK(acre_array_resize(&array, 70000));
  const unsigned char *bytes = array.data;
  for (size_t i = 0; i < 5000; i++) REQUIRE_EQ(bytes[i], 0xff);
  for (size_t i = 5000; i < 70000; i++) REQUIRE_EQ(bytes[i], 0);
  for (size_t i = 70000; i < 1 << 20; i++) REQUIRE_EQ(bytes[i], 0xff);
  acre_array_destroy(&array);
}

TEST(shrink_gives_back_what_is_behind) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 64 << 20, 1, &on_touch));
  REQUIRE_OK(acre_array_resize(&array, 64 << 20));
  memset(array.data, 1, 64 << 20);
  size_t before = test_resident_bytes();
  REQUIRE_OK(acre_array_resize(&array, 1 << 20));
  REQUIRE_OK(acre_array_shrink(&array));
  CHECK(test_resident_bytes() + (60 << 20) < before);
  CHECK_EQ(*(char *)acre_array_at(&array, (1 << 20) - 1), 1); /* an element */
  CHECK(run_at(acre_array_at(&array, 1 << 20)).state == ACRE_VM_RESERVED);
  CHECK_EQ(*(char *)acre_array_at(&array, 2 << 20), 0); /* a touch commits anew */
  acre_array_destroy(&array);
}

TEST(ten_thousand_at_once) {
  enum { ARRAYS = 10000 };
  acre_array *arrays = calloc(ARRAYS, sizeof *arrays);
  REQUIRE(arrays != NULL);
  for (size_t i = 0; i < ARRAYS; i++) REQUIRE_OK(acre_array_create(&arrays[i], 1 << 20, sizeof(size_t), &on_touch));
  for (size_t i = 0; i < ARRAYS; i++) ((size_t *)arrays[i].data)[i] = i + 1;
  for (size_t i = 0; i < ARRAYS; i++) REQUIRE_EQ(((size_t *)arrays[i].data)[i], i + 1);
  for (size_t i = 0; i < ARRAYS; i++) acre_array_destroy(&arrays[i]);
  free(arrays);
}
