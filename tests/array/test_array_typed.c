/* SPDX-License-Identifier: MIT */
/* The typed face of the array: every function that ACRE_ARRAY_DEFINE makes. */
#include <acre/array.h>

#include "harness.h"

struct point {
  double x, y;
  char name[11];
};

ACRE_ARRAY_DEFINE(points, struct point);
ACRE_ARRAY_DEFINE(numbers, uint64_t);

TEST(numbers_push_and_pop) {
  numbers a;
  REQUIRE_OK(numbers_create(&a, 300000, NULL));
  for (uint64_t i = 0; i < 300000; i++) REQUIRE_OK(numbers_push(&a, i * 3));
  CHECK_RESULT(numbers_push(&a, 0), ACRE_E_FULL);
  CHECK_EQ(numbers_count(&a), 300000);
  for (size_t i = 0; i < 300000; i++) REQUIRE_EQ(*numbers_at(&a, i), i * 3);
  uint64_t value = 0;
  REQUIRE_OK(numbers_pop(&a, &value));
  CHECK_EQ(value, 299999 * 3);
  REQUIRE_OK(numbers_pop(&a, NULL));
  CHECK_EQ(numbers_count(&a), 299998);
  numbers_clear(&a);
  CHECK_EQ(numbers_count(&a), 0);
  CHECK_RESULT(numbers_pop(&a, &value), ACRE_E_OUT_OF_RANGE);
  REQUIRE_OK(numbers_shrink(&a));
  CHECK_EQ(a.array.committed, 0);
  numbers_destroy(&a);
  CHECK(numbers_data(&a) == NULL);
}

TEST(points_stay_where_they_are) {
  points a;
  REQUIRE_OK(points_create(&a, 100000, NULL));
  REQUIRE_OK(points_push(&a, (struct point){1, 2, "first"}));
  struct point *first = points_at(&a, 0);
  struct point more[] = {{3, 4, "second"}, {5, 6, "third"}};
  REQUIRE_OK(points_append(&a, more, 2));
  REQUIRE_OK(points_resize(&a, 100000));
  CHECK(points_data(&a) == first);
  CHECK(first->x == 1 && first->y == 2);
  CHECK(points_at(&a, 2)->x == 5);
  CHECK(points_at(&a, 99999)->x == 0 && points_at(&a, 99999)->name[0] == 0);
  CHECK_RESULT(points_reserve(&a, 100001), ACRE_E_FULL);
  points_destroy(&a);
}

TEST(no_array_is_an_argument_like_any_other) {
  numbers *none = NULL;
  CHECK_RESULT(numbers_create(none, 1, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(numbers_grow(none), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(numbers_resize(none, 1), ACRE_E_INVALID_ARGUMENT);
  numbers_destroy(none);
}

TEST(a_failed_creation_leaves_a_valid_array) {
  numbers a;
  CHECK_RESULT(numbers_create(&a, SIZE_MAX, NULL), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(numbers_push(&a, 1), ACRE_E_FULL);
  CHECK_EQ(numbers_count(&a), 0);
  numbers_destroy(&a);
}
