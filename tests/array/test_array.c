/* SPDX-License-Identifier: MIT */
/* The explicit mode: growth, what reads zero, what is given back, and every refusal. */
#include <acre/array.h>
#include <acre/vm.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "harness.h"

/*
 * Sanitizers keep shadows of what is used, which count as resident: ThreadSanitizer's always, AddressSanitizer's where
 * the kernel gives what is only read pages of its own.
 */
enum { IS_SHADOWED = ACRE_SANITIZED };
#ifdef __SANITIZE_THREAD__ /* which leaves 1.5 TiB of address space */
#define MOST_ELEMENTS ((size_t)1 << 34)
#else
#define MOST_ELEMENTS ((size_t)1 << 37)
#endif

static const acre_array zeroed;

static size_t page_size(void) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  return system.page_size;
}

static acre_vm_state state_of(const void *address) {
  acre_vm_info info;
  REQUIRE_OK(acre_vm_query(address, &info));
  return info.state;
}

static bool all_zero(const void *from, size_t size) {
  const unsigned char *bytes = from;
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0) return false;
  return true;
}

static bool is_zeroed(const acre_array *array) {
  return memcmp(array, &zeroed, sizeof zeroed) == 0;
}

/* What is committed beyond the elements is at most 3 % of them and one least step. */
static void check_waste(const acre_array *array) {
  size_t used = array->count * array->element_size;
  CHECK(array->committed - used <= used * 3 / 100 + (64 << 10));
}

TEST(push_and_pop) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 1 << 20, sizeof(uint64_t), NULL));
  CHECK_EQ(array.count, 0);
  CHECK_EQ(array.capacity, 0);
  CHECK_EQ(array.maximum, 1 << 20);
  void *data = array.data;
  for (uint64_t i = 0; i < 1 << 20; i++) {
    uint64_t value = i * i;
    REQUIRE_OK(acre_array_push(&array, &value));
    if (i % 4096 == 0) check_waste(&array);
  }
  CHECK(array.data == data);
  uint64_t value = 7;
  CHECK_RESULT(acre_array_push(&array, &value), ACRE_E_FULL);
  CHECK_RESULT(acre_array_grow(&array), ACRE_E_FULL);
  CHECK_EQ(array.count, 1 << 20);
  for (uint64_t i = 1 << 20; i-- > 0;) {
    REQUIRE_OK(acre_array_pop(&array, i % 2 == 0 ? &value : NULL));
    if (i % 2 == 0) REQUIRE_EQ(value, i * i);
  }
  CHECK_RESULT(acre_array_pop(&array, &value), ACRE_E_OUT_OF_RANGE);
  acre_array_destroy(&array);
  CHECK(is_zeroed(&array));
}

TEST(growth_reaches_large_steps) {
  enum { COUNT = 48 << 20 }; /* 384 MiB of 64-bit integers */
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, COUNT, sizeof(uint64_t), NULL));
  size_t before = test_resident_bytes();
  size_t committed = 0, largest = 0, steps = 0;
  for (uint64_t i = 0; i < COUNT; i++) {
    REQUIRE_OK(acre_array_push(&array, &i));
    if (array.committed == committed) continue;
    check_waste(&array);
    size_t step = array.committed - committed;
    largest = step > largest ? step : largest;
    committed = array.committed;
    steps++;
  }
  CHECK_EQ(array.committed, COUNT * sizeof(uint64_t));
  CHECK_EQ(largest, 4 << 20);
  CHECK(steps < 400);
  if (!IS_SHADOWED) CHECK(test_resident_bytes() - before <= COUNT * sizeof(uint64_t) / 100 * 103);
  uint64_t *data = array.data;
  for (size_t i = 0; i < COUNT; i += 511) REQUIRE_EQ(data[i], i);
  acre_array_destroy(&array);
  if (!IS_SHADOWED) CHECK(test_resident_bytes() < before + (16 << 20));
}

TEST(steps_of_a_given_size) {
  size_t page = page_size();
  acre_array array;
  acre_array_options options = {.growth_step = 3 * page - 1};
  REQUIRE_OK(acre_array_create(&array, 10 * page, 1, &options));
  CHECK_EQ(array.growth_step, 3 * page);
  char byte = 1;
  for (size_t i = 0; i < 10 * page; i++) {
    REQUIRE_OK(acre_array_push(&array, &byte));
    size_t expected = i / (3 * page) * 3 * page + 3 * page;
    REQUIRE_EQ(array.committed, expected < 10 * page ? expected : 10 * page);
  }
  acre_array_destroy(&array);

  options.growth_step = SIZE_MAX; /* as much as there is */
  REQUIRE_OK(acre_array_create(&array, 10 * page, 1, &options));
  REQUIRE_OK(acre_array_push(&array, &byte));
  CHECK_EQ(array.committed, 10 * page);
  acre_array_destroy(&array);
}

TEST(an_element_larger_than_a_step) {
  enum { ELEMENT = 300001 };
  char *element = malloc(ELEMENT);
  REQUIRE(element != NULL);
  memset(element, 0x5a, ELEMENT);
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 5, ELEMENT, NULL));
  for (int i = 0; i < 5; i++) REQUIRE_OK(acre_array_push(&array, element));
  CHECK_RESULT(acre_array_push(&array, element), ACRE_E_FULL);
  for (size_t i = 0; i < 5; i++) CHECK(memcmp(acre_array_at(&array, i), element, ELEMENT) == 0);
  CHECK_EQ(array.capacity, 5);
  acre_array_destroy(&array);
  free(element);
}

TEST(a_step_has_its_memory_at_once) {
  acre_array_options options = {.growth_step = 8 << 20};
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 64 << 20, 1, &options));
  char byte = 1;
  REQUIRE_OK(acre_array_push(&array, &byte));
  for (size_t at = 0; at < 8 << 20; at += page_size()) REQUIRE(test_is_resident((char *)array.data + at));
  acre_array_destroy(&array);
}

TEST(reserve_uses_no_memory) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 64 << 20, 1, NULL));
  size_t before = test_resident_bytes();
  REQUIRE_OK(acre_array_reserve(&array, 32 << 20));
  CHECK(test_resident_bytes() < before + (1 << 20));
  CHECK_EQ(array.count, 0);
  CHECK_EQ(array.capacity, 32 << 20);
  CHECK(state_of(acre_array_at(&array, (32 << 20) - 1)) == ACRE_VM_COMMITTED);
  CHECK(state_of(acre_array_at(&array, 32 << 20)) == ACRE_VM_RESERVED);
  REQUIRE_OK(acre_array_reserve(&array, 1)); /* never less */
  CHECK_EQ(array.capacity, 32 << 20);
  CHECK_RESULT(acre_array_reserve(&array, (64 << 20) + 1), ACRE_E_FULL);
  CHECK_RESULT(acre_array_reserve(&array, SIZE_MAX), ACRE_E_FULL);
  acre_array_destroy(&array);
}

TEST(resize_up_reads_zero) {
  enum { ELEMENT = 3000, COUNT = 500 }; /* elements cross pages */
  char element[ELEMENT];
  memset(element, 0xff, sizeof element);
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, COUNT, ELEMENT, NULL));
  for (int round = 0; round < 200; round++) {
    size_t count = (size_t)test_random_below(COUNT + 1);
    size_t old = array.count;
    REQUIRE_OK(acre_array_resize(&array, count));
    REQUIRE_EQ(array.count, count);
    if (count > old) REQUIRE(all_zero(acre_array_at(&array, old), (count - old) * ELEMENT));
    if (count > 0) memset(array.data, 0xff, count * ELEMENT);
    switch (test_random_below(4)) {
      case 0: REQUIRE_OK(acre_array_shrink(&array)); break;
      case 1: acre_array_clear(&array); break;
      case 2:
        for (uint64_t i = test_random_below(array.count + 1); i > 0; i--) REQUIRE_OK(acre_array_pop(&array, NULL));
        break;
      default:
        while (array.count < COUNT && test_random_below(8) != 0) REQUIRE_OK(acre_array_push(&array, element));
    }
  }
  acre_array_destroy(&array);
}

TEST(resize_clears_the_part_of_an_element_that_shrink_left) {
  size_t page = page_size();
  size_t element = page * 3 / 4;
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 100, element, NULL));
  REQUIRE_OK(acre_array_resize(&array, 2)); /* one page and a half */
  memset(array.data, 0xff, 2 * element);
  REQUIRE_OK(acre_array_resize(&array, 1));
  REQUIRE_OK(acre_array_shrink(&array)); /* keeps the first page and in it a quarter page of element 1 */
  CHECK_EQ(array.committed, page);
  CHECK_EQ(array.capacity, 1);
  REQUIRE_OK(acre_array_resize(&array, 2));
  CHECK(all_zero(acre_array_at(&array, 1), element));
  acre_array_destroy(&array);
}

TEST(resize_does_not_touch_fresh_memory) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 256 << 20, 1, NULL));
  size_t before = test_resident_bytes();
  REQUIRE_OK(acre_array_resize(&array, 256 << 20));
  CHECK(test_resident_bytes() < before + (1 << 20));
  CHECK_EQ(array.count, 256 << 20);
  CHECK_EQ(*(char *)acre_array_at(&array, (256 << 20) - 1), 0);
  CHECK_RESULT(acre_array_resize(&array, (256 << 20) + 1), ACRE_E_FULL);
  CHECK_RESULT(acre_array_resize(&array, SIZE_MAX), ACRE_E_FULL);
  CHECK_EQ(array.count, 256 << 20);
  acre_array_destroy(&array);
}

TEST(append_many_and_from_itself) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 1 << 20, sizeof(uint32_t), NULL));
  uint32_t first[3] = {1, 2, 3};
  REQUIRE_OK(acre_array_append(&array, first, 3));
  REQUIRE_OK(acre_array_append(&array, NULL, 0));
  while (array.count <= (1 << 19)) REQUIRE_OK(acre_array_append(&array, array.data, array.count)); /* doubles */
  const uint32_t *data = array.data;
  for (size_t i = 0; i < array.count; i++) REQUIRE_EQ(data[i], i % 3 + 1);
  size_t count = array.count, capacity = array.capacity;
  CHECK_RESULT(acre_array_append(&array, array.data, (1 << 20) - count + 1), ACRE_E_FULL);
  CHECK_RESULT(acre_array_append(&array, array.data, SIZE_MAX), ACRE_E_FULL);
  CHECK_RESULT(acre_array_append(&array, NULL, 1), ACRE_E_INVALID_ARGUMENT);
  CHECK_EQ(array.count, count);
  CHECK_EQ(array.capacity, capacity);
  acre_array_destroy(&array);
}

TEST(shrink_gives_pages_back) {
  size_t page = page_size();
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 64 << 20, 1, NULL));
  REQUIRE_OK(acre_array_resize(&array, 32 << 20));
  memset(array.data, 1, 32 << 20);
  size_t before = test_resident_bytes();
  REQUIRE_OK(acre_array_resize(&array, page + 1));
  CHECK_EQ(array.committed, 32 << 20); /* until it is asked for */
  REQUIRE_OK(acre_array_shrink(&array));
  CHECK_EQ(array.committed, 2 * page);
  CHECK_EQ(array.capacity, 2 * page);
  CHECK(test_resident_bytes() + (31 << 20) < before);
  CHECK(state_of(acre_array_at(&array, 2 * page - 1)) == ACRE_VM_COMMITTED);
  CHECK(state_of(acre_array_at(&array, 2 * page)) == ACRE_VM_RESERVED);
  CHECK_EQ(*(char *)acre_array_at(&array, page), 1);
  CHECK(!test_can_read(acre_array_at(&array, 2 * page)));
  acre_array_clear(&array);
  REQUIRE_OK(acre_array_shrink(&array));
  CHECK_EQ(array.capacity, 0);
  CHECK(state_of(array.data) == ACRE_VM_RESERVED);
  REQUIRE_OK(acre_array_push(&array, "x"));
  CHECK_EQ(*(char *)array.data, 'x');
  acre_array_destroy(&array);
}

TEST(bad_arguments) {
  acre_array array;
  memset(&array, 0xaa, sizeof array);
  CHECK_RESULT(acre_array_create(NULL, 1, 1, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_array_create(&array, 0, 1, NULL), ACRE_E_INVALID_SIZE);
  CHECK(is_zeroed(&array));
  CHECK_RESULT(acre_array_create(&array, 1, 0, NULL), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_array_create(&array, SIZE_MAX, 2, NULL), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_array_create(&array, SIZE_MAX, 1, NULL), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_array_create(&array, SIZE_MAX / 4, 1, NULL), ACRE_E_NO_ADDRESS_SPACE);
  acre_array_options options = {.mode = (acre_array_mode)2};
  CHECK_RESULT(acre_array_create(&array, 1, 1, &options), ACRE_E_INVALID_ARGUMENT);
  CHECK(is_zeroed(&array));
  CHECK_RESULT(acre_array_reserve(NULL, 0), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_array_resize(NULL, 0), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_array_append(NULL, "x", 1), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_array_grow(NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_array_shrink(NULL), ACRE_E_INVALID_ARGUMENT);
  acre_array_destroy(NULL);
}

TEST(a_zeroed_array_is_empty_and_full) {
  acre_array array = {0};
  CHECK_RESULT(acre_array_push(&array, "x"), ACRE_E_FULL);
  CHECK_RESULT(acre_array_append(&array, "x", 1), ACRE_E_FULL);
  CHECK_OK(acre_array_append(&array, NULL, 0));
  CHECK_RESULT(acre_array_resize(&array, 1), ACRE_E_FULL);
  CHECK_OK(acre_array_resize(&array, 0));
  CHECK_RESULT(acre_array_reserve(&array, 1), ACRE_E_FULL);
  CHECK_OK(acre_array_reserve(&array, 0));
  CHECK_RESULT(acre_array_pop(&array, NULL), ACRE_E_OUT_OF_RANGE);
  CHECK_OK(acre_array_shrink(&array));
  acre_array_clear(&array);
  acre_array_destroy(&array);
  CHECK(is_zeroed(&array));
}

TEST(a_maximum_of_a_tebibyte) {
  size_t before = test_resident_bytes();
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, MOST_ELEMENTS, sizeof(uint64_t), NULL));
  for (uint64_t i = 0; i < 100000; i++) REQUIRE_OK(acre_array_push(&array, &i));
  if (test_resident_is_own()) CHECK(test_resident_bytes() < before + (4 << 20));
  CHECK_EQ(*(uint64_t *)acre_array_at(&array, 99999), 99999);
  acre_array_destroy(&array);
}

TEST(ten_thousand_at_once) {
  enum { ARRAYS = 10000 };
  acre_array *arrays = calloc(ARRAYS, sizeof *arrays);
  REQUIRE(arrays != NULL);
  for (size_t i = 0; i < ARRAYS; i++) REQUIRE_OK(acre_array_create(&arrays[i], 1 << 20, sizeof(size_t), NULL));
  for (size_t round = 0; round < 10; round++)
    for (size_t i = 0; i < ARRAYS; i++) {
      size_t value = i * 10 + round;
      REQUIRE_OK(acre_array_push(&arrays[i], &value));
    }
  for (size_t i = 0; i < ARRAYS; i++) {
    REQUIRE_EQ(arrays[i].count, 10);
    for (size_t round = 0; round < 10; round++) REQUIRE_EQ(((size_t *)arrays[i].data)[round], i * 10 + round);
    acre_array_destroy(&arrays[i]);
  }
  free(arrays);
}

struct forked {
  acre_array *array;
};

static void push_in_child(void *context) {
  acre_array *array = ((struct forked *)context)->array;
  for (uint64_t i = 1000; i < 100000; i++) REQUIRE_OK(acre_array_push(array, &i));
  for (uint64_t i = 0; i < 100000; i++) REQUIRE_EQ(*(uint64_t *)acre_array_at(array, i), i);
  acre_array_destroy(array);
}

TEST(a_child_has_its_own_copy) {
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, 1 << 20, sizeof(uint64_t), NULL));
  for (uint64_t i = 0; i < 1000; i++) REQUIRE_OK(acre_array_push(&array, &i));
  struct forked context = {&array};
  CHECK_EQ(test_in_child(push_in_child, &context), 0);
  CHECK_EQ(array.count, 1000);
  for (uint64_t i = 0; i < 1000; i++) REQUIRE_EQ(*(uint64_t *)acre_array_at(&array, i), i);
  acre_array_destroy(&array);
}
