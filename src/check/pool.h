/* SPDX-License-Identifier: MIT */
/*
 * pool.h - memory for the records of the checks: addresses that are reserved once,
 * used from the front, and never given back.
 *
 *   [ used ............ | committed ... | reserved ........................ ]
 */
#ifndef ACRE_CHECK_POOL_H
#define ACRE_CHECK_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/lock.h"

struct acre__pool {
  char *base;
  size_t size;
  _Atomic size_t used;
  size_t committed;       /* lock */
  struct acre__lock lock; /* of taking; also over a fork */
};

/* Reserves the addresses, or a smaller power of two of them, as the process may have few. false: there are none. */
bool acre__pool_make(struct acre__pool *pool, size_t size);

/* `size` bytes that read zero, on a multiple of 8. NULL: it is full, or there is no memory. */
void *acre__pool_take(struct acre__pool *pool, size_t size);

static inline bool acre__pool_has(const struct acre__pool *pool, const void *address) {
  return (size_t)((const char *)address - pool->base) < pool->size;
}

#endif
