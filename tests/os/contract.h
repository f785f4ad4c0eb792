/* SPDX-License-Identifier: MIT */
/* What the contract tests of os.h share: pages, patterns, temporary files, less privileged children. */
#ifndef ACRE_TESTS_OS_CONTRACT_H
#define ACRE_TESTS_OS_CONTRACT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"

/* Sanitizers take much address space themselves. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

enum { NOBODY = 65534 };

static inline size_t page_size(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

static inline char *reserve(size_t pages) {
  void *base = NULL;
  REQUIRE_OK(acre__os_reserve(NULL, pages * page_size(), ACRE_OS_ANYWHERE, &base));
  REQUIRE(base != NULL);
  REQUIRE_EQ((uintptr_t)base % page_size(), 0);
  return base;
}

static inline char *reserve_committed(size_t pages) {
  char *base = reserve(pages);
  REQUIRE_OK(acre__os_commit(base, pages * page_size(), ACRE_VM_READ_WRITE));
  return base;
}

static inline void release(char *base, size_t pages) {
  CHECK_OK(acre__os_release(base, pages * page_size()));
}

static inline bool all_bytes_are(const char *bytes, size_t size, int value) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != (char)value) return false;
  return true;
}

/* Whether something is mapped at the page: an exact reservation there is refused. Takes nothing away. */
static inline bool is_taken(void *page) {
  void *got;
  acre_result result = acre__os_reserve(page, page_size(), ACRE_OS_EXACTLY, &got);
  if (result == ACRE_OK) CHECK_OK(acre__os_release(got, page_size()));
  return result == ACRE_E_ADDRESS_IN_USE;
}

/* In a child: gives root's rights up, if it has them. */
static inline void become_nobody(void) {
  if (geteuid() == 0) REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static inline void set_limit(int resource, rlim_t value) {
  struct rlimit limit = {value, value};
  REQUIRE(setrlimit(resource, &limit) == 0);
}

#define CHECK_IN_CHILD(fn, context) CHECK_EQ(test_in_child(fn, context), 0)

#endif
