/* SPDX-License-Identifier: MIT */
/*
 * The system's pool of large pages, for tests that want some: taken where the
 * test may, and given back. And what smaps says of a range.
 */
#ifndef ACRE_TESTS_OS_LARGE_POOL_H
#define ACRE_TESTS_OS_LARGE_POOL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness.h"

#define LARGE_POOL "/proc/sys/vm/nr_hugepages"

static inline long large_pool_read(void) {
  long pages = -1;
  FILE *file = fopen(LARGE_POOL, "re");
  if (file == NULL) return -1;
  if (fscanf(file, "%ld", &pages) != 1) pages = -1;
  fclose(file);
  return pages;
}

static inline bool large_pool_write(long pages) {
  FILE *file = fopen(LARGE_POOL, "we");
  if (file == NULL) return false;
  bool written = fprintf(file, "%ld\n", pages) > 0;
  return fclose(file) == 0 && written;
}

static long large_pool_before = -1;
static FILE *large_pool_lock; /* of all programs that change it: one at a time */

static inline void large_pool_restore(void) {
  if (large_pool_before >= 0) large_pool_write(large_pool_before);
  large_pool_before = -1;
  if (large_pool_lock != NULL) fclose(large_pool_lock);
  large_pool_lock = NULL;
}

/* Adds `pages` to the pool until large_pool_restore, or the end of the program; skips the test where that cannot be. */
static inline void large_pool_take(long pages) {
  static bool registered;
  large_pool_restore();
  large_pool_lock = fopen(LARGE_POOL, "re");
  if (large_pool_lock != NULL) REQUIRE(flock(fileno(large_pool_lock), LOCK_EX) == 0);
  long before = large_pool_read();
  if (before < 0) test_skip("this kernel has no pool of large pages");
  if (!registered) atexit(large_pool_restore);
  registered = true;
  if (!large_pool_write(before + pages)) test_skip("only an administrator may add pages to vm.nr_hugepages");
  large_pool_before = before;
  if (large_pool_read() < before + pages) {
    large_pool_restore();
    test_skip("the system has no %ld large pages free", pages);
  }
}

/* Bytes that /proc/self/smaps gives under `key` ("AnonHugePages:") for the mappings that touch [start, start + size). */
static inline size_t smaps_bytes(const void *start, size_t size, const char *key) {
  FILE *file = fopen("/proc/self/smaps", "re");
  REQUIRE(file != NULL);
  char line[512];
  bool inside = false;
  size_t bytes = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    unsigned long from, to, kibibytes;
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
      inside = from < (uintptr_t)start + size && (uintptr_t)start < to;
    else if (inside && strncmp(line, key, strlen(key)) == 0 && sscanf(line + strlen(key), "%lu", &kibibytes) == 1)
      bytes += kibibytes << 10;
  }
  fclose(file);
  return bytes;
}

/* Whether the mapping that begins at `start` has this word ("hg") among smaps' VmFlags. */
static inline bool smaps_has_flag(const void *start, const char *flag) {
  FILE *file = fopen("/proc/self/smaps", "re");
  REQUIRE(file != NULL);
  char line[512], word[8];
  bool inside = false, found = false;
  snprintf(word, sizeof word, " %s ", flag);
  while (fgets(line, sizeof line, file) != NULL) {
    unsigned long from, to;
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
      inside = from <= (uintptr_t)start && (uintptr_t)start < to;
    else if (inside && strncmp(line, "VmFlags:", 8) == 0)
      found |= strstr(line, word) != NULL;
  }
  fclose(file);
  return found;
}

#endif
