/* SPDX-License-Identifier: MIT */
/* Alignment and checked arithmetic, at the edges where they could wrap. */
#include "base/math.h"

#include "harness.h"

TEST(powers_of_two) {
  CHECK(!acre__is_power_of_two(0));
  for (unsigned bit = 0; bit < sizeof(uintptr_t) * 8; bit++) {
    uintptr_t power = (uintptr_t)1 << bit;
    CHECK(acre__is_power_of_two(power));
    CHECK(power == 1 || !acre__is_power_of_two(power | 1));
    CHECK(bit < 2 || !acre__is_power_of_two(power - 1));
  }
  CHECK(!acre__is_power_of_two(UINTPTR_MAX));
}

TEST(alignment) {
  CHECK_EQ(acre__align_down(0, 4096), 0);
  CHECK_EQ(acre__align_down(4095, 4096), 0);
  CHECK_EQ(acre__align_down(4096, 4096), 4096);
  CHECK_EQ(acre__align_down(UINTPTR_MAX, 4096), UINTPTR_MAX - 4095);
  CHECK_EQ(acre__align_up(0, 4096), 0);
  CHECK_EQ(acre__align_up(1, 4096), 4096);
  CHECK_EQ(acre__align_up(4096, 4096), 4096);
  CHECK_EQ(acre__align_up(4097, 4096), 8192);
  CHECK_EQ(acre__align_up(UINTPTR_MAX, 4096), 0); /* wraps, as it says */
  CHECK(acre__is_aligned(0, 65536) && acre__is_aligned(65536, 65536) && acre__is_aligned(7, 1));
  CHECK(!acre__is_aligned(32768, 65536) && !acre__is_aligned(65537, 65536));
}

TEST(alignment_by_random_numbers) {
  for (int i = 0; i < 10000; i++) {
    uintptr_t alignment = (uintptr_t)1 << test_random_below(20);
    uintptr_t n = (uintptr_t)test_random() >> 1;
    uintptr_t down = acre__align_down(n, alignment), up = acre__align_up(n, alignment);
    CHECK(down % alignment == 0 && down <= n && n - down < alignment);
    CHECK(up % alignment == 0 && up >= n && up - n < alignment);
    CHECK_EQ(acre__is_aligned(n, alignment), up == down);
  }
}

TEST(checked_addition) {
  size_t sum = 7;
  CHECK(acre__checked_add(SIZE_MAX - 1, 1, &sum));
  CHECK_EQ(sum, SIZE_MAX);
  CHECK(acre__checked_add(0, 0, &sum));
  CHECK_EQ(sum, 0);
  CHECK(!acre__checked_add(SIZE_MAX, 1, &sum));
  CHECK(!acre__checked_add(SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1, &sum));
}

TEST(checked_multiplication) {
  size_t product = 7;
  CHECK(acre__checked_multiply(SIZE_MAX, 1, &product));
  CHECK_EQ(product, SIZE_MAX);
  CHECK(acre__checked_multiply(SIZE_MAX, 0, &product));
  CHECK_EQ(product, 0);
  CHECK(acre__checked_multiply(SIZE_MAX / 3, 3, &product));
  CHECK_EQ(product, SIZE_MAX / 3 * 3);
  CHECK(!acre__checked_multiply(SIZE_MAX / 2 + 1, 2, &product));
  CHECK(!acre__checked_multiply(SIZE_MAX, SIZE_MAX, &product));
}

TEST(checked_alignment) {
  size_t up = 7;
  CHECK(acre__checked_align_up(0, 4096, &up));
  CHECK_EQ(up, 0);
  CHECK(acre__checked_align_up(4097, 4096, &up));
  CHECK_EQ(up, 8192);
  CHECK(acre__checked_align_up(SIZE_MAX - 4095, 4096, &up));
  CHECK_EQ(up, SIZE_MAX - 4095);
  up = 7;
  CHECK(!acre__checked_align_up(SIZE_MAX - 4094, 4096, &up));
  CHECK(!acre__checked_align_up(SIZE_MAX, 2, &up));
  CHECK_EQ(up, 7);
}

TEST(smaller_and_larger) {
  CHECK_EQ(acre__min(1, SIZE_MAX), 1);
  CHECK_EQ(acre__min(SIZE_MAX, 1), 1);
  CHECK_EQ(acre__max(1, SIZE_MAX), SIZE_MAX);
  CHECK_EQ(acre__max(3, 3), 3);
}
