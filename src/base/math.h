/* SPDX-License-Identifier: MIT */
/* Alignment and checked arithmetic. Alignments are powers of two. */
#ifndef ACRE_BASE_MATH_H
#define ACRE_BASE_MATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool acre__is_power_of_two(uintptr_t n) {
  return n != 0 && (n & (n - 1)) == 0;
}

static inline uintptr_t acre__align_down(uintptr_t n, uintptr_t alignment) {
  return n & ~(alignment - 1);
}

/* Wraps to 0 past UINTPTR_MAX; use acre__checked_align_up where that can be. */
static inline uintptr_t acre__align_up(uintptr_t n, uintptr_t alignment) {
  return (n + alignment - 1) & ~(alignment - 1);
}

static inline bool acre__is_aligned(uintptr_t n, uintptr_t alignment) {
  return (n & (alignment - 1)) == 0;
}

/* Each stores the result in *out and returns true, or returns false on overflow. */
static inline bool acre__checked_add(size_t a, size_t b, size_t *out) {
  return !__builtin_add_overflow(a, b, out);
}

static inline bool acre__checked_multiply(size_t a, size_t b, size_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}

static inline bool acre__checked_align_up(size_t n, size_t alignment, size_t *out) {
  size_t sum;
  if (!acre__checked_add(n, alignment - 1, &sum)) return false;
  *out = sum & ~(alignment - 1);
  return true;
}

static inline size_t acre__min(size_t a, size_t b) {
  return a < b ? a : b;
}

static inline size_t acre__max(size_t a, size_t b) {
  return a > b ? a : b;
}

#endif
