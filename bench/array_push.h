/* SPDX-License-Identifier: MIT */
/* The loops of array.cc that are C. */
#ifndef BENCH_ARRAY_PUSH_H
#define BENCH_ARRAY_PUSH_H

#include <acre/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pushes 0 to count - 1 onto a new array of so many 64-bit integers, and destroys it. */
acre_result bench_push(size_t count);

/* The same, each push by a function that gets the array's address, so that its count is in memory. */
acre_result bench_push_far(size_t count);

/* Stores 0 to count - 1. */
void bench_store(uint64_t *to, size_t count);

#ifdef __cplusplus
}
#endif

#endif
