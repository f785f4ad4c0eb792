/* SPDX-License-Identifier: MIT */
/*
 * dirty.c - how much of a file is not on the disk yet, on Linux.
 *
 *   cachestat(2)       Linux 6.5: counts the file's pages in the page cache, dirty and under write-back
 *   /proc/self/smaps   before, and where it is forbidden: counts what is dirty behind a mapping. The kernel walks
 *                      through the pages of all mappings below it as well
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ------------------------------------------------------------- cachestat */

enum { CACHESTAT = 451 }; /* the same number on every processor */

/* As in <linux/mman.h>. */
struct cachestat_range {
  uint64_t offset, length;
};

struct cachestat {
  uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

static bool ask_cache(int fd, uint64_t offset, uint64_t size, uint64_t *out) {
  struct cachestat_range range = {offset, size};
  struct cachestat counts;
  if (syscall(CACHESTAT, fd, &range, &counts, 0) != 0) return false;
  *out = (counts.dirty + counts.writeback) * (uint64_t)sysconf(_SC_PAGESIZE);
  return true;
}

/* ------------------------------------------------------------- smaps */

/* A number in `base`, 10 or 16, which *text is moved past; false: there is none. */
static bool read_number(const char **text, unsigned base, uint64_t *out) {
  static const char digits[] = "0123456789abcdef";
  const char *start = *text;
  for (*out = 0; **text != '\0'; (*text)++) {
    const char *digit = memchr(digits, **text, base);
    if (digit == NULL) break;
    *out = *out * base + (uint64_t)(digit - digits);
  }
  return *text != start;
}

/* "55e0-5600 rw-s ...": false for every other line. */
static bool read_range(const char *line, uint64_t *start, uint64_t *end) {
  if (!read_number(&line, 16, start) || *line++ != '-') return false;
  return read_number(&line, 16, end) && *line == ' ';
}

/* "Shared_Dirty:     12 kB" and "Private_Dirty: ..." */
static uint64_t dirty_in(const char *line) {
  static const char *const names[] = {"Shared_Dirty:", "Private_Dirty:"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    size_t length = strlen(names[i]);
    if (strncmp(line, names[i], length) != 0) continue;
    const char *text = line + length + strspn(line + length, " ");
    uint64_t kib;
    return read_number(&text, 10, &kib) ? kib << 10 : 0;
  }
  return 0;
}

/* Mappings that reach out of the range count whole: no more can be known. */
static acre_result ask_mappings(uintptr_t from, uintptr_t to, uint64_t *out) {
  char text[4096];
  struct acre__linux_lines lines = {open("/proc/self/smaps", O_RDONLY | O_CLOEXEC), text, sizeof text, 0, 0};
  if (lines.file < 0) return ACRE_E_NOT_SUPPORTED;
  bool inside = false;
  uint64_t start, end;
  *out = 0;
  for (const char *line; (line = acre__linux_next_line(&lines)) != NULL;) {
    if (read_range(line, &start, &end)) {
      if (start >= to) break;
      inside = end > from;
    } else if (inside) {
      *out += dirty_in(line);
    }
  }
  close(lines.file);
  return ACRE_OK;
}

/* ------------------------------------------------------------- the contract */

acre_result acre__os_file_dirty(struct acre__os_file file, uint64_t offset, uint64_t size, const void *mapping,
                                uint64_t *out) {
  int error = errno;
  bool told = !acre__linux_switches.dirty_by_mapping && ask_cache((int)file.handle, offset, size, out);
  acre_result result = told ? ACRE_OK : ask_mappings((uintptr_t)mapping, (uintptr_t)mapping + size, out);
  errno = error;
  return result;
}

void acre__os_force_dirty_by_mapping(bool by_mapping) {
  acre__linux_switches.dirty_by_mapping = by_mapping;
}
