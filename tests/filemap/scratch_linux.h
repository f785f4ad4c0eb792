/* SPDX-License-Identifier: MIT */
/* What Linux tells of a mapping, for tests that look behind Acre's back. */
#ifndef ACRE_TESTS_FILEMAP_SCRATCH_LINUX_H
#define ACRE_TESTS_FILEMAP_SCRATCH_LINUX_H

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "scratch.h"

/* Dirty bytes of the mapping at `address`, as smaps tells; SIZE_MAX: it does not. */
static inline size_t scratch_dirty(const void *address) {
  FILE *in = fopen("/proc/self/smaps", "re");
  char line[512];
  size_t dirty = SIZE_MAX;
  bool found = false;
  while (in != NULL && fgets(line, sizeof line, in) != NULL) {
    unsigned long long start, end, kib;
    if (sscanf(line, "%llx-%llx ", &start, &end) == 2) {
      found = start <= (uintptr_t)address && (uintptr_t)address < end;
      if (found) dirty = 0;
    } else if (found &&
               (sscanf(line, "Shared_Dirty: %llu", &kib) == 1 || sscanf(line, "Private_Dirty: %llu", &kib) == 1)) {
      dirty += (size_t)kib << 10;
    }
  }
  if (in != NULL) fclose(in);
  return dirty;
}

#endif
