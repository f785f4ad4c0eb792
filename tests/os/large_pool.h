/* SPDX-License-Identifier: MIT */
/*
 * The system's pool of large pages, for tests that want some: taken where the
 * test may, and given back. And what smaps says of a range.
 */
#ifndef ACRE_TESTS_OS_LARGE_POOL_H
#define ACRE_TESTS_OS_LARGE_POOL_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
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

/*
 * A child gives the pages back when this program says so or is gone, however it
 * ended. Until then it has the lock of all programs that change the pool.
 */
static struct {
  pid_t child;
  int end; /* of a pipe: the child waits for its closing */
} large_pool_keeper;

static inline void large_pool_restore(void) {
  if (large_pool_keeper.child == 0) return;
  close(large_pool_keeper.end);
  while (waitpid(large_pool_keeper.child, NULL, 0) < 0 && errno == EINTR) continue;
  large_pool_keeper.child = 0;
}

static inline void large_pool_keep(int lock, long before) {
  int ends[2];
  char nothing;
  REQUIRE(pipe(ends) == 0);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[1]);
    while (read(ends[0], &nothing, 1) < 0 && errno == EINTR) continue;
    _exit(large_pool_write(before) ? 0 : 1);
  }
  close(ends[0]);
  close(lock); /* the child's copy keeps it */
  large_pool_keeper.child = child;
  large_pool_keeper.end = ends[1];
}

/* Adds `pages` to the pool until large_pool_restore, or the end of the program; skips the test where that cannot be. */
static inline void large_pool_take(long pages) {
  large_pool_restore();
  int lock = open(LARGE_POOL, O_RDONLY | O_CLOEXEC);
  if (lock >= 0) REQUIRE(flock(lock, LOCK_EX) == 0);
  long before = large_pool_read();
  if (before < 0) test_skip("this kernel has no pool of large pages");
  if (!large_pool_write(before + pages)) {
    close(lock);
    test_skip("only an administrator may add pages to vm.nr_hugepages");
  }
  large_pool_keep(lock, before);
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
