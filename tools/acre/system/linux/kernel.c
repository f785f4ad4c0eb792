/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says about this process (see kernel.h).
 *
 * Guard markers (Linux 6.13) make single pages of a mapping inaccessible. The
 * kernel shows them in pagemap from 6.15 on; between, a forked child tries the
 * pages in question with a system call that answers EFAULT, as trying them here
 * would put memory behind those that are accessible.
 */
#define _DEFAULT_SOURCE
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)
#define PAGEMAP_GUARD (UINT64_C(1) << 58)
#define MADVISE_GUARD_INSTALL 102
#define BATCH 4096 /* pagemap entries read at once */

/* ------------------------------------------------------------- lines of /proc files */

struct lines {
  int fd;
  size_t begin, end;
  char buffer[16384];
};

static bool lines_open(struct lines *lines, const char *path) {
  lines->begin = lines->end = 0;
  lines->fd = open(path, O_RDONLY | O_CLOEXEC);
  return lines->fd >= 0;
}

/* The next line without its end, or NULL at the end of the file or after an error (errno is not 0 then). */
static char *lines_next(struct lines *lines) {
  for (;;) {
    char *start = lines->buffer + lines->begin;
    char *newline = memchr(start, '\n', lines->end - lines->begin);
    if (newline != NULL) {
      *newline = '\0';
      lines->begin = (size_t)(newline + 1 - lines->buffer);
      return start;
    }
    memmove(lines->buffer, start, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
    ssize_t got = read(lines->fd, lines->buffer + lines->end, sizeof lines->buffer - lines->end);
    if (got <= 0) {
      if (got == 0) errno = 0;
      return NULL;
    }
    lines->end += (size_t)got;
  }
}

static void lines_close(struct lines *lines) {
  int saved = errno;
  close(lines->fd);
  errno = saved;
}

/* The number after `name` at the start of a line ("Rss:   123 kB" gives 123). */
static bool number_after(const char *line, const char *name, uint64_t *out) {
  size_t length = strlen(name);
  if (strncmp(line, name, length) != 0) return false;
  char *end;
  *out = strtoull(line + length, &end, 10);
  return end != line + length;
}

bool linux_number(const char *path, uint64_t *out) {
  struct lines lines;
  if (!lines_open(&lines, path)) return false;
  const char *line = lines_next(&lines);
  bool found = line != NULL && number_after(line, "", out);
  if (line != NULL && !found) errno = EINVAL;
  lines_close(&lines);
  return found;
}

/* ------------------------------------------------------------- the process */

bool kernel_process(struct kernel_process *out) {
  static struct lines lines;
  *out = (struct kernel_process){0};
  /* The roll-up walks the page tables and is exact; the counters in statm lag behind by some pages. */
  if (!lines_open(&lines, "/proc/self/smaps_rollup")) return false;
  uint64_t kilobytes = 0;
  bool found = false;
  for (char *line; !found && (line = lines_next(&lines)) != NULL;) found = number_after(line, "Rss:", &kilobytes);
  lines_close(&lines);
  if (!found) return false;
  out->rss = kilobytes * 1024;

  if (!lines_open(&lines, "/proc/self/maps")) return false;
  while (lines_next(&lines) != NULL) out->mappings++;
  bool complete = errno == 0;
  lines_close(&lines);
  return complete;
}

bool kernel_transferred(uint64_t *out) {
  struct lines lines;
  uint64_t in = 0, written = 0;
  if (!lines_open(&lines, "/proc/self/io")) return false;
  for (char *line; (line = lines_next(&lines)) != NULL;) {
    number_after(line, "rchar:", &in);
    number_after(line, "wchar:", &written);
  }
  bool complete = errno == 0;
  lines_close(&lines);
  *out = in + written;
  return complete;
}

/* The sum of the lines of smaps that begin with one of the names (the last one NULL), for the mapping that begins at `base`. */
static bool sum_of_mapping(const void *base, const char *const *names, uint64_t *out) {
  static struct lines lines;
  if (!lines_open(&lines, "/proc/self/smaps")) return false;
  uint64_t total = 0;
  bool inside = false, found = false;
  for (char *line; (line = lines_next(&lines)) != NULL;) {
    uintptr_t start, end;
    uint64_t kilobytes;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2) {
      inside = start == (uintptr_t)base;
      found |= inside;
      continue;
    }
    for (const char *const *name = names; inside && *name != NULL; name++)
      if (number_after(line, *name, &kilobytes)) total += kilobytes * 1024;
  }
  bool complete = errno == 0;
  lines_close(&lines);
  *out = total;
  if (complete && !found) errno = ENOENT;
  return complete && found;
}

bool kernel_dirty(const void *base, uint64_t *out) {
  static const char *const names[] = {"Shared_Dirty:", "Private_Dirty:", NULL};
  return sum_of_mapping(base, names, out);
}

bool kernel_anonymous(const void *base, uint64_t *out) {
  static const char *const names[] = {"Anonymous:", NULL};
  return sum_of_mapping(base, names, out);
}

/* ------------------------------------------------------------- the states of pages */

enum guard_sight { GUARD_UNKNOWN, GUARD_IN_PAGEMAP, GUARD_BY_TRYING };

struct look {
  int pagemap;
  size_t page;
  enum guard_sight guards;
  struct kernel_range *sums;
  kernel_visitor visitor;
  void *context;
};

static void add_run(struct look *look, uintptr_t start, uintptr_t end, enum page_state state) {
  if (start == end) return;
  uint64_t bytes = end - start;
  switch (state) {
    case PAGE_FREE: look->sums->free += bytes; break;
    case PAGE_RESERVED: look->sums->reserved += bytes; break;
    case PAGE_TOUCHED: look->sums->touched += bytes; /* fall through */
    case PAGE_COMMITTED: look->sums->committed += bytes; break;
  }
  if (look->visitor != NULL) look->visitor(start, end, state, look->context);
}

static bool read_entries(int pagemap, size_t page, uintptr_t start, size_t count, uint64_t *entries) {
  size_t wanted = count * sizeof *entries, done = 0;
  while (done < wanted) {
    off_t offset = (off_t)(start / page * sizeof *entries + done);
    ssize_t got = pread(pagemap, (char *)entries + done, wanted - done, offset);
    if (got <= 0) {
      if (got == 0) errno = EIO;
      return false;
    }
    done += (size_t)got;
  }
  return true;
}

/* Finds out once how guard markers can be seen here. */
static enum guard_sight guard_sight(int pagemap, size_t page) {
  static enum guard_sight known = GUARD_UNKNOWN;
  if (known != GUARD_UNKNOWN) return known;
  known = GUARD_IN_PAGEMAP;
  void *probe = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return known;
  uint64_t entry = 0;
  if (madvise(probe, page, MADVISE_GUARD_INSTALL) == 0 && read_entries(pagemap, page, (uintptr_t)probe, 1, &entry) &&
      (entry & PAGEMAP_GUARD) == 0)
    known = GUARD_BY_TRYING;
  munmap(probe, page);
  return known;
}

/*
 * Sets PAGEMAP_GUARD in the entries of pages that a system call can't read. Those present are not tried;
 * those swapped are, as kernels that do not know the guard bit say so of guard markers.
 */
static bool try_pages(const struct look *look, uintptr_t start, size_t count, uint64_t *entries) {
  size_t present = 0;
  while (present < count && (entries[present] & PAGEMAP_PRESENT) != 0) present++;
  if (present == count) return true;
  unsigned char *answers = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (answers == MAP_FAILED) return false;
  pid_t child = fork();
  if (child == 0) {
    int ends[2];
    if (pipe(ends) != 0) _exit(1);
    for (size_t i = 0; i < count; i++) {
      char drained;
      if ((entries[i] & PAGEMAP_PRESENT) != 0) continue;
      if (write(ends[1], (const char *)(start + i * look->page), 1) == 1)
        answers[i] = read(ends[0], &drained, 1) == 1 ? 0 : 1;
      else
        answers[i] = errno == EFAULT;
    }
    _exit(0);
  }
  int status = 1;
  while (child > 0 && waitpid(child, &status, 0) == -1 && errno == EINTR) continue;
  bool answered = child > 0 && status == 0;
  for (size_t i = 0; answered && i < count; i++)
    if (answers[i] != 0) entries[i] |= PAGEMAP_GUARD;
  munmap(answers, count);
  if (child > 0 && !answered) errno = ECHILD;
  return answered;
}

/* The pages of an accessible mapping, one by one. */
static bool look_at_pages(struct look *look, uintptr_t start, uintptr_t end) {
  static uint64_t entries[BATCH];
  while (start < end) {
    size_t count = (end - start) / look->page;
    if (count > BATCH) count = BATCH;
    if (!read_entries(look->pagemap, look->page, start, count, entries)) return false;
    if (look->guards == GUARD_BY_TRYING && !try_pages(look, start, count, entries)) return false;
    uintptr_t run = start;
    enum page_state state = PAGE_FREE;
    for (size_t i = 0; i < count; i++) {
      enum page_state here = (entries[i] & PAGEMAP_GUARD) != 0                         ? PAGE_RESERVED
                             : (entries[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) != 0 ? PAGE_TOUCHED
                                                                                       : PAGE_COMMITTED;
      uintptr_t at = start + i * look->page;
      if (i > 0 && here != state) {
        add_run(look, run, at, state);
        run = at;
      }
      state = here;
    }
    add_run(look, run, start + count * look->page, state);
    start += count * look->page;
  }
  return true;
}

static bool look_at_mappings(struct look *look, struct lines *maps, uintptr_t start, uintptr_t end) {
  uintptr_t at = start;
  for (char *line; at < end && (line = lines_next(maps)) != NULL;) {
    uintptr_t from, to;
    char access[5];
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, access) != 3) continue;
    if (to <= at) continue;
    if (from >= end) break;
    if (from < at) from = at;
    if (to > end) to = end;
    add_run(look, at, from, PAGE_FREE);
    if (strncmp(access, "---", 3) == 0)
      add_run(look, from, to, PAGE_RESERVED);
    else if (!look_at_pages(look, from, to))
      return false;
    at = to;
    errno = 0;
  }
  if (at < end && errno != 0) return false;
  add_run(look, at, end, PAGE_FREE);
  return true;
}

bool kernel_range(const void *base, size_t size, struct kernel_range *out, kernel_visitor visitor, void *context) {
  static struct lines maps;
  *out = (struct kernel_range){0};
  struct look look = {.page = (size_t)sysconf(_SC_PAGESIZE), .sums = out, .visitor = visitor, .context = context};
  look.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (look.pagemap < 0) return false;
  look.guards = guard_sight(look.pagemap, look.page);
  bool told = false;
  if (lines_open(&maps, "/proc/self/maps")) {
    errno = 0;
    told = look_at_mappings(&look, &maps, (uintptr_t)base, (uintptr_t)base + size);
    lines_close(&maps);
  }
  int saved = errno;
  close(look.pagemap);
  errno = saved;
  return told;
}
