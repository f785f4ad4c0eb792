/* SPDX-License-Identifier: MIT */
/*
 * hooks.h - where the malloc library that checks takes a call away from the plain
 * one: malloc.c and new.c are compiled once for each. In the plain one, these are
 * nothing, and the compiler leaves no trace of them.
 */
#ifndef ACRE_OVERRIDE_HOOKS_H
#define ACRE_OVERRIDE_HOOKS_H

#ifdef ACRE_CHECKS
#include "check/check.h"
#else

#include <stdbool.h>
#include <stddef.h>

static inline bool acre__check_wants(size_t size) {
  (void)size;
  return false;
}
static inline bool acre__check_owns(const void *block) {
  (void)block;
  return false;
}
static inline void *acre__check_alloc(size_t size, size_t alignment, bool zero) {
  (void)size, (void)alignment, (void)zero;
  return NULL;
}
static inline void acre__check_free(void *block, const char *function) {
  (void)block, (void)function;
}
static inline void *acre__check_realloc(void *block, size_t size) {
  (void)block, (void)size;
  return NULL;
}
static inline size_t acre__check_usable(const void *block) {
  (void)block;
  return 0;
}

#endif
#endif
