/* SPDX-License-Identifier: MIT */
/*
 * Arenas: making them, finding an address in them, and the runs at and behind
 * a frontier. What becomes of free runs is in runs.c.
 */
#include "heap/arena.h"

#include <acre/vm.h>
#include <string.h>

#include "heap/runs.h"
#include "vm/large.h"
#include "vm/meta.h"

enum {
  SHARED_SHIFT_MOST = 40,  /* the first reservation that is tried: 1 TiB */
  SHARED_SHIFT_LEAST = 22, /* the last one: 4 MiB */
  STEP_LEAST = 8,          /* segments committed at a frontier at a time */
  STEP_MOST = 64,
  LARGE_FROM = (64 << 20) / ACRE_SEGMENT, /* segments before the first that get large pages */
  LARGE_LEAST = (2 << 20) / ACRE_SEGMENT, /* of a block that a large page would have to itself */
  TABLE_STEP = 512,                       /* records committed at a time */
  GROUP_BYTES = ACRE_HOME_GROUP << ACRE_SEGMENT_SHIFT,
  GROUPS_LEAST = 16 /* a smaller arena has none */
};

struct acre__arena acre__arena;

/* The arenas that are not shared. Lock: its own, for both lists' links. */
static struct acre__lock arenas_lock;
static struct acre__arena *private_arenas;

/* ------------------------------------------------------------- making */

/* The table first: without it nothing can be said of the segments. */
static acre_result set_up(struct acre__arena *arena, uintptr_t base, size_t segments) {
  void *table;
  acre_result result = acre_vm_reserve(segments * sizeof(struct acre__segment), NULL, &table);
  if (result != ACRE_OK) return result;
  arena->table = table;
  arena->bytes = segments << ACRE_SEGMENT_SHIFT;
  arena->all.end = segments;
  if (arena->borrowed) arena->all.committed = segments;
  atomic_store_explicit(&arena->base, base, memory_order_relaxed);
  return ACRE_OK;
}

/* A shared arena as large as can be had, but at least `least` bytes. */
static acre_result make_shared(struct acre__arena *arena, size_t least) {
  acre_result result = ACRE_E_NO_ADDRESS_SPACE;
  for (unsigned shift = SHARED_SHIFT_MOST; shift >= SHARED_SHIFT_LEAST; shift -= 3) {
    size_t size = (size_t)1 << shift;
    void *base;
    if (size < least) break;
    result = acre_vm_reserve(size, &(acre_vm_options){.alignment = GROUP_BYTES}, &base);
    if (result != ACRE_OK) continue;
    result = set_up(arena, (uintptr_t)base, size >> ACRE_SEGMENT_SHIFT);
    if (result == ACRE_OK) return ACRE_OK;
    (void)acre_vm_release(base);
  }
  return result;
}

acre_result acre__arena_make_first(void) {
  if (acre__arena.bytes != 0) return ACRE_OK;
  return make_shared(&acre__arena, 0);
}

static struct acre__arena *next_of(const struct acre__arena *arena) {
  return atomic_load_explicit(&arena->next, memory_order_acquire);
}

static void set_next(struct acre__arena *arena, struct acre__arena *next) {
  atomic_store_explicit(&arena->next, next, memory_order_release);
}

static void link_private(struct acre__arena *arena) {
  acre__lock(&arenas_lock);
  set_next(arena, private_arenas);
  private_arenas = arena;
  acre__unlock(&arenas_lock);
}

static void unlink_private(const struct acre__arena *arena) {
  acre__lock(&arenas_lock);
  if (private_arenas == arena) {
    private_arenas = next_of(arena);
  } else {
    struct acre__arena *before = private_arenas;
    while (next_of(before) != arena) before = next_of(before);
    set_next(before, next_of(arena));
  }
  acre__unlock(&arenas_lock);
}

static bool overlap(const struct acre__arena *arena, uintptr_t start, size_t size) {
  uintptr_t base = atomic_load_explicit(&arena->base, memory_order_relaxed);
  return start < base + arena->bytes && base < start + size;
}

/* Whether heaps have some of the range: memory of the program's that it gives twice, or a block of a heap. */
static bool is_taken(uintptr_t start, size_t size) {
  struct acre__arena *arena = &acre__arena;
  while (arena != NULL && !overlap(arena, start, size)) arena = next_of(arena);
  if (arena != NULL) return true;
  acre__lock(&arenas_lock);
  arena = private_arenas;
  while (arena != NULL && !overlap(arena, start, size)) arena = next_of(arena);
  acre__unlock(&arenas_lock);
  return arena != NULL;
}

acre_result acre__arena_make(void *range, size_t size, enum acre__arena_memory memory, struct acre__arena **out) {
  if (memory == ACRE_ARENA_BORROWED && is_taken((uintptr_t)range, size)) return ACRE_E_ADDRESS_IN_USE;
  struct acre__arena *arena = acre__meta_alloc(sizeof *arena);
  if (arena == NULL) return ACRE_E_NO_MEMORY;
  acre_result result = ACRE_OK;
  arena->borrowed = memory == ACRE_ARENA_BORROWED;
  if (!arena->borrowed) {
    acre_vm_options options = {.alignment = memory == ACRE_ARENA_LARGE_PAGES ? (size_t)2 << 20 : 0};
    if (memory == ACRE_ARENA_PAGING_FILE) options.backing = ACRE_VM_BACKING_PAGING_FILE;
    result = acre_vm_reserve(size, &options, &range);
  }
  if (result == ACRE_OK) {
    result = set_up(arena, (uintptr_t)range, size >> ACRE_SEGMENT_SHIFT);
    if (result != ACRE_OK && !arena->borrowed) (void)acre_vm_release(range);
  }
  if (result != ACRE_OK) {
    acre__meta_free(arena, sizeof *arena);
    return result;
  }
  if (memory == ACRE_ARENA_LARGE_PAGES) acre__vm_advise_large(range, size);
  link_private(arena);
  *out = arena;
  return ACRE_OK;
}

void acre__arena_release(struct acre__arena *arena) {
  unlink_private(arena);
  acre__lock(&arena->lock); /* nobody else knows it any more; waits for who has just let go of it */
  acre__unlock(&arena->lock);
  acre__runs_forget(arena);
  (void)acre_vm_release(arena->table);
  void *base = acre__arena_address(arena, 0);
  if (!arena->borrowed && acre_vm_release(base) != ACRE_OK)
    (void)acre_vm_decommit(base, arena->bytes); /* the addresses cannot be had back now; the memory at least can */
  acre__meta_free(arena, sizeof *arena);
}

void acre__arena_empty(struct acre__arena *arena) {
  void *base = acre__arena_address(arena, 0);
  acre_vm_info info;
  acre__runs_forget(arena);
  memset(arena->table, 0, arena->all.frontier * sizeof *arena->table);
  memset(arena->zones, 0, sizeof arena->zones);
  arena->all.frontier = arena->all.committed = 0;
  atomic_store_explicit(&arena->used, 0, memory_order_relaxed);
  if (acre_vm_query(base, &info) == ACRE_OK && info.region_base == base && info.kind == ACRE_VM_KIND_PRIVATE) return;
  arena->borrowed = true; /* the child could not get the addresses: they may be anybody's by now */
  arena->all.end = 0;
}

/* ------------------------------------------------------------- finding */

static bool is_in(const struct acre__arena *arena, uintptr_t address) {
  return address - atomic_load_explicit(&arena->base, memory_order_relaxed) < arena->bytes;
}

struct acre__arena *acre__arena_of(uintptr_t address) {
  struct acre__arena *arena = &acre__arena;
  while (arena != NULL && !is_in(arena, address)) arena = next_of(arena);
  if (arena != NULL) return arena;
  acre__lock(&arenas_lock);
  arena = private_arenas;
  while (arena != NULL && !is_in(arena, address)) arena = next_of(arena);
  acre__unlock(&arenas_lock);
  return arena;
}

struct acre__segment *acre__segment_of(uintptr_t address) {
  const struct acre__arena *arena = acre__arena_of(address);
  if (arena == NULL) return NULL;
  size_t offset = address - atomic_load_explicit(&arena->base, memory_order_relaxed);
  if (offset >= atomic_load_explicit(&arena->used, memory_order_acquire)) return NULL;
  return &arena->table[offset >> ACRE_SEGMENT_SHIFT];
}

static bool visit_homes(struct acre__segment *segments, size_t count,
                        bool (*visit)(struct acre__segment *home, void *context), void *context) {
  for (size_t i = 0; i < count; i++)
    if (atomic_load_explicit(&segments[i].home_of, memory_order_acquire) != 0 && !visit(&segments[i], context))
      return false;
  return true;
}

void acre__homes_visit(bool (*visit)(struct acre__segment *home, void *context), void *context) {
  for (struct acre__arena *arena = &acre__arena; arena != NULL; arena = next_of(arena)) {
    acre__lock(&arena->lock);
    size_t frontier = arena->all.frontier;
    bool everywhere = arena->homes_in_runs;
    acre__unlock(&arena->lock);
    for (size_t group = 0; group < frontier; group += ACRE_HOME_GROUP) {
      struct acre__segment *first = &arena->table[group];
      size_t count = acre__min(ACRE_HOME_GROUP, frontier - group);
      if ((everywhere || first->homes) && !visit_homes(first, count, visit, context)) return;
    }
  }
}

/* ------------------------------------------------------------- the frontier */

static acre_result record_up_to(struct acre__arena *arena, size_t end) {
  if (end <= arena->recorded) return ACRE_OK;
  size_t wanted = acre__min(acre__align_up(end, TABLE_STEP), arena->all.end);
  acre_result result = acre_vm_commit(&arena->table[arena->recorded],
                                      (wanted - arena->recorded) * sizeof(struct acre__segment), ACRE_VM_DEFAULT);
  if (result == ACRE_OK) arena->recorded = wanted;
  return result;
}

static acre_result commit_segments(const struct acre__arena *arena, size_t from, size_t end) {
  return acre_vm_commit(acre__arena_address(arena, from), (end - from) << ACRE_SEGMENT_SHIFT, ACRE_VM_DEFAULT);
}

/*
 * Large pages, where they help and cost nothing: a program that has come so far has
 * much memory, and what is cut into small pieces here is used from one end to the
 * other. Not behind a block of a large page's size or more, as who asks for so much may touch little of it.
 */
static void use_large_pages(const struct acre__arena *arena, size_t from, size_t end, size_t wanted) {
  if (from < LARGE_FROM || wanted >= LARGE_LEAST || arena->borrowed) return;
  acre__vm_advise_large(acre__arena_address(arena, from), (end - from) << ACRE_SEGMENT_SHIFT);
}

/* Memory for [start, end) of a stretch, and, where little is wanted, for some more. */
static acre_result commit_up_to(const struct acre__arena *arena, struct acre__stretch *stretch, size_t start,
                                size_t end) {
  if (end <= stretch->committed) return ACRE_OK;
  size_t from = acre__max(start, stretch->committed);
  size_t step = acre__max(STEP_LEAST, acre__min(stretch->frontier / 8, STEP_MOST));
  size_t wanted = acre__max(end, start + step);
  if (from >= LARGE_FROM) wanted = acre__align_up(wanted, LARGE_LEAST); /* a large page is had whole, or not at all */
  wanted = acre__min(wanted, stretch->end);
  acre_result result = commit_segments(arena, from, wanted);
  if (result != ACRE_OK && wanted > end) result = commit_segments(arena, from, wanted = end);
  if (result != ACRE_OK) return result;
  stretch->committed = wanted;
  if (stretch == &arena->all) use_large_pages(arena, from, wanted, end - start);
  return ACRE_OK;
}

static void move_frontier(struct acre__arena *arena, size_t frontier) {
  arena->all.frontier = frontier;
  arena->all.committed = acre__max(arena->all.committed, frontier);
  atomic_store_explicit(&arena->used, frontier << ACRE_SEGMENT_SHIFT, memory_order_release);
}

/* A new group at the frontier, on a multiple of its size. */
static acre_result begin_group(struct acre__arena *arena, struct acre__stretch *skipped) {
  struct acre__stretch *all = &arena->all;
  size_t start = acre__align_up(all->frontier, ACRE_HOME_GROUP), end = start + ACRE_HOME_GROUP;
  if (all->end < GROUPS_LEAST * ACRE_HOME_GROUP || end > all->end) return ACRE_E_NO_ADDRESS_SPACE;
  acre_result result = record_up_to(arena, end);
  if (result != ACRE_OK) return result;
  *skipped = (struct acre__stretch){all->frontier, acre__min(all->committed, start), start};
  arena->homes = (struct acre__stretch){start, acre__min(acre__max(all->committed, start), end), end};
  arena->table[start].homes = true;
  acre__vm_advise_small(acre__arena_address(arena, start), GROUP_BYTES);
  move_frontier(arena, end);
  return ACRE_OK;
}

static void hand_out(const struct acre__arena *arena, size_t start, struct acre__segment **out) {
  *out = &arena->table[start];
  (*out)->start = acre__arena_address(arena, start);
  (*out)->fresh = !arena->borrowed;
  (*out)->used_pages = 0;
}

static acre_result take_home(struct acre__arena *arena, struct acre__stretch *skipped, struct acre__segment **out) {
  struct acre__stretch *homes = &arena->homes;
  acre_result result = homes->frontier == homes->end ? begin_group(arena, skipped) : ACRE_OK;
  if (result == ACRE_OK) result = commit_up_to(arena, homes, homes->frontier, homes->frontier + 1);
  if (result == ACRE_OK) hand_out(arena, homes->frontier++, out);
  return result;
}

acre_result acre__frontier_take(struct acre__arena *arena, unsigned zone, size_t count, size_t alignment,
                                struct acre__stretch *skipped, struct acre__segment **out) {
  *skipped = (struct acre__stretch){0, 0, 0};
  if (zone == ACRE_ZONE_HOMES) return take_home(arena, skipped, out);
  struct acre__stretch *all = &arena->all;
  uintptr_t base = atomic_load_explicit(&arena->base, memory_order_relaxed);
  uintptr_t from = acre__align_up(base + (all->frontier << ACRE_SEGMENT_SHIFT), alignment);
  size_t start = (from - base) >> ACRE_SEGMENT_SHIFT;
  if (start > all->end || count > all->end - start) return ACRE_E_NO_ADDRESS_SPACE;
  struct acre__stretch before = {all->frontier, acre__min(acre__max(all->committed, all->frontier), start), start};
  acre_result result = record_up_to(arena, start + count);
  if (result == ACRE_OK) result = commit_up_to(arena, all, start, start + count);
  if (result != ACRE_OK) return result;
  *skipped = before;
  move_frontier(arena, start + count);
  hand_out(arena, start, out);
  return ACRE_OK;
}

acre_result acre__frontier_extend(struct acre__arena *arena, size_t more) {
  struct acre__stretch *all = &arena->all;
  if (more > all->end - all->frontier) return ACRE_E_NO_SPACE;
  acre_result result = record_up_to(arena, all->frontier + more);
  if (result == ACRE_OK) result = commit_up_to(arena, all, all->frontier, all->frontier + more);
  if (result == ACRE_OK) move_frontier(arena, all->frontier + more);
  return result;
}

void acre__start_set_aside(size_t bytes) {
  struct acre__arena *arena = &acre__arena;
  struct acre__stretch *all = &arena->all;
  size_t count = bytes >> ACRE_SEGMENT_SHIFT;
  acre__lock(&arena->lock);
  size_t from = all->frontier, end = from + count;
  if (arena->start.end == 0 && count > 0 && count <= all->end - from && record_up_to(arena, end) == ACRE_OK) {
    arena->start = (struct acre__stretch){from, acre__min(acre__max(all->committed, from), end), end};
    move_frontier(arena, end);
  }
  acre__unlock(&arena->lock);
}

acre_result acre__start_take(size_t count, struct acre__segment **out) {
  struct acre__arena *arena = &acre__arena;
  struct acre__stretch *start = &arena->start;
  acre_result result = ACRE_E_NO_SPACE;
  acre__lock(&arena->lock);
  if (count <= start->end - start->frontier)
    result = commit_up_to(arena, start, start->frontier, start->frontier + count);
  if (result == ACRE_OK) {
    hand_out(arena, start->frontier, out);
    (*out)->count = (uint32_t)count;
    start->frontier += count;
  }
  acre__unlock(&arena->lock);
  return result;
}

size_t acre__start_left(void) {
  struct acre__arena *arena = &acre__arena;
  acre__lock(&arena->lock);
  size_t left = arena->start.end - arena->start.frontier;
  acre__unlock(&arena->lock);
  return left << ACRE_SEGMENT_SHIFT;
}

size_t acre__frontier_trim(struct acre__arena *arena) {
  struct acre__stretch *all = &arena->all;
  size_t bytes = (all->committed - all->frontier) << ACRE_SEGMENT_SHIFT;
  if (arena->borrowed || all->committed <= all->frontier) return 0;
  if (acre_vm_decommit(acre__arena_address(arena, all->frontier), bytes) != ACRE_OK) return 0;
  all->committed = all->frontier;
  return bytes;
}

acre_result acre__arena_add(size_t count) {
  struct acre__arena *arena = acre__meta_alloc(sizeof *arena);
  if (arena == NULL) return ACRE_E_NO_MEMORY;
  acre_result result = make_shared(arena, (count * 2) << ACRE_SEGMENT_SHIFT);
  if (result != ACRE_OK) {
    acre__meta_free(arena, sizeof *arena);
    return result;
  }
  acre__lock(&arenas_lock);
  set_next(arena, next_of(&acre__arena));
  set_next(&acre__arena, arena);
  acre__unlock(&arenas_lock);
  return ACRE_OK;
}

/* ------------------------------------------------------------- fork */

static void lock_quiet(struct acre__arena *arena) {
  acre__lock(&arena->lock);
  while (arena->giving) { /* its runs would be nobody's in the child; the system will not take long */
    acre__unlock(&arena->lock);
    acre__park(&arena->lock.word, ACRE_LOCK_HANDOFF); /* which it never is: lets others run */
    acre__lock(&arena->lock);
  }
}

void acre__arenas_fork_before(void) {
  acre__lock(&arenas_lock);
  for (struct acre__arena *arena = &acre__arena; arena != NULL; arena = next_of(arena)) lock_quiet(arena);
  for (struct acre__arena *arena = private_arenas; arena != NULL; arena = next_of(arena)) lock_quiet(arena);
}

void acre__arenas_fork_in_parent(void) {
  for (struct acre__arena *arena = private_arenas; arena != NULL; arena = next_of(arena)) acre__unlock(&arena->lock);
  for (struct acre__arena *arena = &acre__arena; arena != NULL; arena = next_of(arena)) acre__unlock(&arena->lock);
  acre__unlock(&arenas_lock);
}

void acre__arenas_fork_in_child(void) {
  for (struct acre__arena *arena = private_arenas; arena != NULL; arena = next_of(arena))
    acre__lock_reset(&arena->lock);
  for (struct acre__arena *arena = &acre__arena; arena != NULL; arena = next_of(arena)) acre__lock_reset(&arena->lock);
  acre__lock_reset(&arenas_lock);
}
