/* SPDX-License-Identifier: MIT */
#include "array_push.h"

#include <acre/array.h>

ACRE_ARRAY_DEFINE(numbers, uint64_t);

acre_result bench_push(size_t count) {
  numbers array;
  acre_result result = numbers_create(&array, count, NULL);
  for (size_t i = 0; i < count && result == ACRE_OK; i++) result = numbers_push(&array, i);
  numbers_destroy(&array);
  return result;
}

static __attribute__((noinline)) acre_result push_far(numbers *array, uint64_t value) {
  return numbers_push(array, value);
}

acre_result bench_push_far(size_t count) {
  numbers array;
  acre_result result = numbers_create(&array, count, NULL);
  for (size_t i = 0; i < count && result == ACRE_OK; i++) result = push_far(&array, i);
  numbers_destroy(&array);
  return result;
}

void bench_store(uint64_t *to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = i;
}
