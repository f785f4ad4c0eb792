/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "check/leaks.h"

#include <acre/vm.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/math.h"
#include "check/canary.h"
#include "check/check.h"
#include "check/guarded.h"
#include "check/pool.h"
#include "check/stacks.h"
#include "check/story.h"
#include "heap/arena.h"
#include "vm/root.h"
#include "vm/services.h"

enum { WINDOW = 64 << 10, SHOWN = 50, PAGES_AT_ONCE = 512 };

struct block {
  const char *start;
  size_t size;
};

/* Blocks whose place of allocation is the same. */
struct group {
  uint32_t allocation;
  size_t blocks, bytes;
};

static struct {
  int memory, pagemap; /* of /proc/self */
  size_t page;
  struct block *work; /* marked, and not looked through */
  size_t work_count, work_most;
  size_t in_use, in_use_bytes; /* marked or not */
  struct group *groups;
  size_t group_room, group_count, lost, lost_bytes;
  struct acre__pool pool; /* for these */
  uintptr_t stack;        /* of the calling thread; below are calls of this file */
  uintptr_t window[WINDOW / sizeof(uintptr_t)];
} leaks;

/* ------------------------------------------------------------- marking */

static void *find(uintptr_t address, size_t *size, uint32_t **mark) {
  return acre__check.mode == ACRE_CHECK_PAGES ? acre__guarded_find(address, size, mark)
                                              : acre__canary_find(address, size, mark);
}

static void mark_words(size_t bytes) {
  for (size_t i = 0; i < bytes / sizeof(uintptr_t); i++) {
    size_t size;
    uint32_t *mark;
    const char *block = find(leaks.window[i], &size, &mark);
    if (block == NULL || *mark != 0 || leaks.work_count == leaks.work_most) continue;
    *mark = 1;
    leaks.work[leaks.work_count++] = (struct block){block, size};
  }
}

/* Every word of [start, start + size), which is whole words; what cannot be read is passed over. */
static void scan(uintptr_t start, size_t size) {
  while (size >= sizeof(uintptr_t)) {
    size_t part = acre__min(size, WINDOW);
    ssize_t got = pread(leaks.memory, leaks.window, part, (off_t)start);
    if (got > 0) mark_words((size_t)got);
    if (got < (ssize_t)part) { /* up to here; the page behind is nobody's */
      uintptr_t bad = start + (got > 0 ? (size_t)got : 0);
      part = acre__min(acre__align_down(bad, leaks.page) + leaks.page - start, size);
    }
    start += part;
    size -= part;
  }
}

static void scan_work(void) {
  while (leaks.work_count > 0) {
    struct block block = leaks.work[--leaks.work_count];
    uintptr_t start = acre__align_up((uintptr_t)block.start, sizeof(uintptr_t)),
              end = (uintptr_t)block.start + block.size;
    if (end > start) scan(start, acre__align_down(end - start, sizeof(uintptr_t)));
  }
}

/* ------------------------------------------------------------- roots */

/* Whether the page holds blocks, which are found by pointers, or records that name them. */
static bool is_ours(uintptr_t page) {
  const void *address = (const void *)page;
  if (acre__stacks_have(address) || acre__pool_has(&leaks.pool, address)) return true;
  if (acre__check.mode == ACRE_CHECK_PAGES) return acre__guarded_has(address);
  return acre__segment_of(page) != NULL;
}

/* Which of the pages [start, start + count * page) have content; all, where the system does not say. */
static void get_present(uintptr_t start, size_t count, bool *out) {
  enum { PRESENT = 63, SWAPPED = 62 };
  uint64_t entries[PAGES_AT_ONCE];
  size_t wanted = count * sizeof *entries;
  off_t from = (off_t)(start / leaks.page * sizeof *entries);
  bool known = leaks.pagemap >= 0 && pread(leaks.pagemap, entries, wanted, from) == (ssize_t)wanted;
  for (size_t i = 0; i < count; i++)
    out[i] = !known || (entries[i] >> PRESENT & 1) != 0 || (entries[i] >> SWAPPED & 1) != 0;
}

/* Whole pages. */
static void scan_present(uintptr_t start, uintptr_t end) {
  bool present[PAGES_AT_ONCE];
  while (start < end) {
    size_t count = acre__min((end - start) / leaks.page, PAGES_AT_ONCE);
    get_present(start, count, present);
    for (size_t i = 0; i < count;) {
      size_t first = i;
      while (i < count && present[i] && !is_ours(start + i * leaks.page)) i++;
      scan(start + first * leaks.page, (i - first) * leaks.page);
      if (i == first) i++;
    }
    start += count * leaks.page;
    scan_work();
  }
}

static bool scan_run(const acre_vm_info *run, void *context) {
  uintptr_t start = (uintptr_t)run->base, end = start + run->size;
  (void)context;
  bool is_data = run->protection == ACRE_VM_READ_WRITE || run->protection == ACRE_VM_EXECUTE_READ_WRITE;
  if (run->state != ACRE_VM_COMMITTED || !is_data) return true;
  if (leaks.stack - start < run->size) { /* what is below are calls that have ended, and this one */
    start = acre__align_up(leaks.stack, leaks.page);
    scan(leaks.stack, start - leaks.stack);
  }
  scan_present(start, end);
  return true;
}

/* ------------------------------------------------------------- what is lost */

static void each(void (*visit)(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context)) {
  if (acre__check.mode == ACRE_CHECK_PAGES)
    acre__guarded_each(visit, NULL);
  else
    acre__canary_each(visit, NULL);
}

static void count(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context) {
  (void)block, (void)allocation, (void)context;
  *mark = 0;
  leaks.in_use++;
  leaks.in_use_bytes += size;
}

static void add_lost(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context) {
  (void)block, (void)context;
  if (*mark != 0 || leaks.lost == leaks.work_most) return; /* what came after the count is not looked at */
  *mark = 1;                                               /* told of */
  leaks.lost++;
  leaks.lost_bytes += size;
  size_t at = allocation * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (leaks.group_room - 1);
  while (leaks.groups[at].blocks != 0 && leaks.groups[at].allocation != allocation)
    at = (at + 1) & (leaks.group_room - 1);
  leaks.group_count += leaks.groups[at].blocks == 0;
  leaks.groups[at].allocation = allocation;
  leaks.groups[at].blocks++;
  leaks.groups[at].bytes += size;
}

/* The most bytes first. */
static int compare(const void *a, const void *b) {
  const struct group *left = a, *right = b;
  if (left->bytes != right->bytes) return left->bytes < right->bytes ? 1 : -1;
  if (left->blocks != right->blocks) return left->blocks < right->blocks ? 1 : -1;
  return left->allocation < right->allocation ? -1 : left->allocation > right->allocation;
}

static void add_blocks(struct acre__line *line, size_t blocks, size_t bytes) {
  acre__line_add_number(line, blocks, 10);
  acre__line_add(line, blocks == 1 ? " block, " : " blocks, ");
  acre__story_add_bytes(line, bytes);
}

static void tell_summary(void) {
  char text[256];
  struct acre__line line = acre__line_in(text, sizeof text);
  acre__line_add(&line, "acre: leaks: ");
  if (leaks.lost == 0) {
    acre__line_add(&line, "none");
  } else {
    add_blocks(&line, leaks.lost, leaks.lost_bytes);
    acre__line_add(&line, " lost, allocated at ");
    acre__line_add_number(&line, leaks.group_count, 10);
    acre__line_add(&line, leaks.group_count == 1 ? " place" : " places");
  }
  acre__line_add(&line, "; reachable: ");
  add_blocks(&line, leaks.in_use - leaks.lost, leaks.in_use_bytes - leaks.lost_bytes);
  acre__line_add(&line, "\n");
  acre__vm_say(text);
}

static void tell_groups(void) {
  char text[128];
  for (size_t i = 0; i < leaks.group_count && i < SHOWN; i++) {
    const struct group *group = &leaks.groups[i];
    struct acre__line line = acre__line_in(text, sizeof text);
    acre__line_add(&line, "lost: ");
    add_blocks(&line, group->blocks, group->bytes);
    acre__line_add(&line, group->allocation == 0 ? ", allocated before the process could tell where" : ", allocated:");
    acre__story_heading(text);
    acre__story_stack(group->allocation);
  }
  if (leaks.group_count <= SHOWN) return;
  struct acre__line line = acre__line_in(text, sizeof text);
  acre__line_add(&line, "... and at ");
  acre__line_add_number(&line, leaks.group_count - SHOWN, 10);
  acre__line_add(&line, " more places, with fewer bytes each");
  acre__story_heading(text);
}

/* ------------------------------------------------------------- all of it */

static bool make_room(void) {
  leaks.work_most = leaks.in_use;
  leaks.group_room = 16;
  while (leaks.group_room < 2 * leaks.in_use) leaks.group_room *= 2;
  size_t work = leaks.work_most * sizeof *leaks.work, groups = leaks.group_room * sizeof *leaks.groups;
  if (!acre__pool_make(&leaks.pool, acre__max(work + groups + leaks.page, (size_t)64 << 20))) return false;
  leaks.work = acre__pool_take(&leaks.pool, work + sizeof *leaks.work);
  leaks.groups = acre__pool_take(&leaks.pool, groups);
  return leaks.work != NULL && leaks.groups != NULL;
}

void acre__leaks_tell(void) {
  leaks.page = acre__root_get()->system.page_size;
  leaks.stack = acre__align_down((uintptr_t)__builtin_frame_address(0), sizeof(uintptr_t));
  leaks.memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  leaks.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  each(count);
  if (leaks.memory < 0 || !make_room()) {
    acre__vm_say(leaks.memory < 0 ? "acre: leaks: cannot look for them, as /proc/self/mem cannot be read\n"
                                  : "acre: leaks: cannot look for them: no memory\n");
    return;
  }
  (void)acre_vm_walk(scan_run, NULL);
  each(add_lost);
  struct group *end = leaks.groups;
  for (size_t i = 0; i < leaks.group_room; i++)
    if (leaks.groups[i].blocks != 0) *end++ = leaks.groups[i];
  qsort(leaks.groups, leaks.group_count, sizeof *leaks.groups, compare);
  tell_summary();
  if (leaks.lost != 0) {
    acre__story_open();
    tell_groups();
    acre__story_close();
  }
  close(leaks.memory);
  if (leaks.pagemap >= 0) close(leaks.pagemap);
}
