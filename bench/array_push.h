/* SPDX-License-Identifier: MIT */
/* The two loops of array.cc that are C. */
#ifndef BENCH_ARRAY_PUSH_H
#define BENCH_ARRAY_PUSH_H

#include <acre/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pushes 0 to count - 1 onto a new array of so many 64-bit integers, and destroys it. */
acre_result bench_push(size_t count);

/* Stores 0 to count - 1. */
void bench_store(uint64_t *to, size_t count);

#ifdef __cplusplus
}
#endif

#endif
