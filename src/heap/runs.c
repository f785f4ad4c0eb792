/* SPDX-License-Identifier: MIT */
/*
 * Free runs: their lists, merging, and the way from warm to cold.
 *
 *   record    WARM           NOTHING  NOTHING
 *             COLD or GIVEN  NOTHING  LAST       (COLD alone if the run is one segment)
 *
 * The records inside a run say NOTHING, whoever has the run, so no length of
 * run takes more than two records to set.
 */
#include "heap/runs.h"

#include <acre/vm.h>

#include "vm/services.h"

enum {
  LISTS = ACRE_WARM_LISTS - 1, /* with runs of one length each */
  LOOK_EVERY = 50,             /* milliseconds */
  RECOMMIT = 16,               /* segments of a cold run that get memory at a time */
  LOOK_AT = 32,                /* runs, for the one that fits best */
  LARGE = 16                   /* segments of a run that is worth its memory's staying */
};

/* Memory of all warm runs, in units of a home's page. */
static _Atomic size_t warm_pages;

/* When a large run was last taken from warm memory, in milliseconds. */
static _Atomic uint32_t large_reuse;

size_t acre__runs_warm_bytes(void) {
  return atomic_load_explicit(&warm_pages, memory_order_relaxed) * ACRE_HOME_PAGE;
}

/* ------------------------------------------------------------- lists */

static void push(struct acre__run_list *list, struct acre__segment *run) {
  run->previous = NULL;
  run->next = list->first;
  if (list->first != NULL)
    list->first->previous = run;
  else
    list->last = run;
  list->first = run;
}

static void unlink_run(struct acre__run_list *list, struct acre__segment *run) {
  if (run->previous != NULL)
    run->previous->next = run->next;
  else
    list->first = run->next;
  if (run->next != NULL)
    run->next->previous = run->previous;
  else
    list->last = run->previous;
}

static size_t number_of(const struct acre__arena *arena, const struct acre__segment *segment) {
  return (size_t)(segment - arena->table);
}

static struct acre__zone *zone_of(struct acre__arena *arena, const struct acre__segment *segment) {
  return &arena->zones[acre__zone_of(arena, segment)];
}

/* ------------------------------------------------------------- warm */

static unsigned warm_list(size_t count) {
  return (unsigned)acre__min(count - 1, LISTS);
}

/* Whoever frees an old pointer into it finds nobody's segment. */
static void disown(struct acre__segment *run) {
  atomic_store_explicit(&run->owner, ACRE_OWNER_NOBODY, memory_order_relaxed);
  run->magic = 0;
  run->heap = NULL;
}

/* Of a home not more than was ever used of it; of everything else all. */
static size_t pages_of(const struct acre__arena *arena, const struct acre__segment *run) {
  if (run->count == 1 && acre__zone_of(arena, run) == ACRE_ZONE_HOMES) return run->used_pages;
  return run->count * (size_t)(ACRE_SEGMENT / ACRE_HOME_PAGE);
}

static void push_warm(const struct acre__arena *arena, struct acre__zone *zone, struct acre__segment *run, size_t count,
                      uint32_t stamp) {
  unsigned list = warm_list(count);
  acre__kind_set(run, ACRE_KIND_WARM);
  disown(run);
  run->count = (uint32_t)count;
  run->stamp = stamp;
  push(&zone->warm[list], run);
  zone->warm_any |= UINT32_C(1) << list;
  atomic_fetch_add_explicit(&warm_pages, pages_of(arena, run), memory_order_relaxed);
}

static void unlink_warm(const struct acre__arena *arena, struct acre__zone *zone, struct acre__segment *run) {
  unsigned list = warm_list(run->count);
  unlink_run(&zone->warm[list], run);
  if (zone->warm[list].first == NULL) zone->warm_any &= ~(UINT32_C(1) << list);
  acre__kind_set(run, ACRE_KIND_NOTHING);
  atomic_fetch_sub_explicit(&warm_pages, pages_of(arena, run), memory_order_relaxed);
}

/* What is behind the first `count` segments of a run that was warm stays so. */
static void cut_warm(const struct acre__arena *arena, struct acre__zone *zone, struct acre__segment *run,
                     size_t count) {
  if (run->count == count) return;
  struct acre__segment *rest = run + count;
  rest->start = acre__arena_address(arena, number_of(arena, rest));
  rest->fresh = run->fresh;
  rest->used_pages = 0; /* its memory is there, but nobody has touched it */
  push_warm(arena, zone, rest, run->count - count, run->stamp);
}

/* The shortest that is long enough, among the first ones; NULL: none is. */
static struct acre__segment *best_of_longer(struct acre__segment *run, size_t count) {
  struct acre__segment *best = NULL;
  for (unsigned seen = 0; run != NULL && seen < LOOK_AT; run = run->next, seen++)
    if (run->count >= count && (best == NULL || run->count < best->count)) best = run;
  return best;
}

static struct acre__segment *take_warm(const struct acre__arena *arena, struct acre__zone *zone, size_t count) {
  uint32_t lists = zone->warm_any >> warm_list(count);
  if (lists == 0) return NULL;
  unsigned list = warm_list(count) + (unsigned)__builtin_ctz(lists);
  struct acre__segment *run = zone->warm[list].first;
  if (list == LISTS) run = best_of_longer(run, count); /* those of the other lists are all as long */
  if (run == NULL) return NULL;
  unlink_warm(arena, zone, run);
  cut_warm(arena, zone, run, count);
  return run;
}

/* ------------------------------------------------------------- cold and given */

static struct acre__run_list *cold_list(struct acre__zone *zone, size_t count) {
  return &zone->cold[63 - __builtin_clzll(count)];
}

static void mark(struct acre__segment *run, enum acre__kind kind, size_t count) {
  acre__kind_set(&run[count - 1], ACRE_KIND_LAST);
  run[count - 1].count = (uint32_t)count;
  acre__kind_set(run, kind);
  run->count = (uint32_t)count;
}

static void unmark(struct acre__segment *run, size_t count) {
  acre__kind_set(&run[count - 1], ACRE_KIND_NOTHING);
  acre__kind_set(run, ACRE_KIND_NOTHING);
}

/* The run of that kind that ends before the segment, in the same zone, or NULL. */
static struct acre__segment *run_before(struct acre__arena *arena, const struct acre__zone *zone,
                                        struct acre__segment *segment, enum acre__kind kind) {
  if (number_of(arena, segment) == 0) return NULL;
  struct acre__segment *last = segment - 1;
  struct acre__segment *first = acre__kind_of(last) == ACRE_KIND_LAST ? segment - last->count : last;
  return acre__kind_of(first) == kind && zone_of(arena, first) == zone ? first : NULL;
}

static struct acre__segment *run_behind(struct acre__arena *arena, const struct acre__zone *zone,
                                        struct acre__segment *segment, enum acre__kind kind) {
  if (number_of(arena, segment) >= arena->all.frontier) return NULL;
  return acre__kind_of(segment) == kind && zone_of(arena, segment) == zone ? segment : NULL;
}

/* Adds a run to the given ones, or to the cold ones, and merges it with its neighbours there. */
static void add(struct acre__arena *arena, struct acre__zone *zone, struct acre__segment *run, size_t count,
                enum acre__kind kind, struct acre__run_list *given) {
  struct acre__segment *before = run_before(arena, zone, run, kind);
  struct acre__segment *behind = run_behind(arena, zone, run + count, kind);
  disown(run);
  acre__kind_set(run, ACRE_KIND_NOTHING); /* it may come to lie inside */
  if (before != NULL) {
    unlink_run(kind == ACRE_KIND_COLD ? cold_list(zone, before->count) : given, before);
    count += before->count;
    unmark(before, before->count);
    run = before;
  }
  if (behind != NULL) {
    unlink_run(kind == ACRE_KIND_COLD ? cold_list(zone, behind->count) : given, behind);
    count += behind->count;
    unmark(behind, behind->count);
  }
  mark(run, kind, count);
  push(kind == ACRE_KIND_COLD ? cold_list(zone, count) : given, run);
}

static void add_cold(struct acre__arena *arena, struct acre__zone *zone, struct acre__segment *run, size_t count) {
  add(arena, zone, run, count, ACRE_KIND_COLD, NULL);
}

/* Segments before the first one in the run that is aligned. */
static size_t skipped(const struct acre__arena *arena, const struct acre__segment *run, size_t alignment) {
  uintptr_t address = (uintptr_t)acre__arena_address(arena, number_of(arena, run));
  return (acre__align_up(address, alignment) - address) >> ACRE_SEGMENT_SHIFT;
}

static struct acre__segment *find_cold(const struct acre__arena *arena, struct acre__zone *zone, size_t count,
                                       size_t alignment) {
  for (unsigned list = 63 - (unsigned)__builtin_clzll(count); list < ACRE_COLD_LISTS; list++)
    for (struct acre__segment *run = zone->cold[list].first; run != NULL; run = run->next) {
      size_t skip = skipped(arena, run, alignment);
      if (skip < run->count && count <= run->count - skip) return run;
    }
  return NULL;
}

/* Cold memory comes in portions, the rest of which is warm at once. */
static acre_result take_cold(struct acre__arena *arena, struct acre__zone *zone, struct acre__segment *run,
                             size_t count, size_t alignment, struct acre__segment **out) {
  size_t length = run->count, skip = skipped(arena, run, alignment), had = count;
  struct acre__segment *got = run + skip;
  char *start = acre__arena_address(arena, number_of(arena, got));
  if (!arena->borrowed) {
    acre_result result = ACRE_E_NO_MEMORY;
    had = acre__min(acre__max(count, RECOMMIT), length - skip);
    if (had > count) result = acre_vm_commit(start, had << ACRE_SEGMENT_SHIFT, ACRE_VM_DEFAULT);
    if (result != ACRE_OK) result = acre_vm_commit(start, (had = count) << ACRE_SEGMENT_SHIFT, ACRE_VM_DEFAULT);
    if (result != ACRE_OK) return result;
  }
  unlink_run(cold_list(zone, length), run);
  unmark(run, length);
  if (skip > 0) add_cold(arena, zone, run, skip);
  if (skip + had < length) add_cold(arena, zone, got + had, length - skip - had);
  got->start = start;
  got->fresh = !arena->borrowed;
  got->used_pages = 0;
  got->count = (uint32_t)had;
  got->stamp = (uint32_t)acre__vm_milliseconds();
  cut_warm(arena, zone, got, count);
  *out = got;
  return ACRE_OK;
}

/* ------------------------------------------------------------- warm and cold in a row */

/*
 * Where no warm run is long enough, one with its free neighbours may be, so that
 * most of a large block has memory already, and free memory does not pile up in pieces:
 *
 *   first                                       first + count
 *     | warm | cold | warm |  cold ...................|.....| taken
 *                                        or the frontier ^
 */
struct span {
  struct acre__segment *first; /* NULL: there is none */
  size_t warm;                 /* segments in it */
  size_t behind;               /* segments of it behind the frontier */
};

static struct span span_from(struct acre__arena *arena, const struct acre__zone *zone, struct acre__segment *first,
                             size_t count) {
  struct span span = {first, 0, 0};
  for (size_t length = 0; length < count;) {
    struct acre__segment *piece = first + length;
    if (number_of(arena, piece) == arena->all.frontier) {
      span.behind = count - length;
      break;
    }
    bool warm = acre__kind_of(piece) == ACRE_KIND_WARM;
    if ((!warm && acre__kind_of(piece) != ACRE_KIND_COLD) || zone_of(arena, piece) != zone) return (struct span){0};
    if (warm) span.warm += acre__min(piece->count, count - length);
    length += piece->count;
  }
  return span;
}

/* The one with the most memory, among some that begin with a warm run. */
static struct span best_span(struct acre__arena *arena, struct acre__zone *zone, size_t count) {
  struct span best = {0};
  unsigned seen = 0;
  for (uint32_t any = zone->warm_any; any != 0 && seen < LOOK_AT;) {
    unsigned list = 31 - (unsigned)__builtin_clz(any); /* the longest first */
    any &= ~(UINT32_C(1) << list);
    for (struct acre__segment *run = zone->warm[list].first; run != NULL && seen < LOOK_AT; run = run->next, seen++) {
      struct span span = span_from(arena, zone, run, count);
      if (span.first != NULL && span.warm > best.warm) best = span;
    }
  }
  return best;
}

/* Gives the cold pieces of the span memory. On failure all is as it was. */
static acre_result commit_span(struct acre__arena *arena, const struct span *span, size_t count) {
  size_t before = count - span->behind;
  acre_result result = ACRE_OK;
  struct acre__segment *piece = span->first;
  for (; piece < span->first + before && result == ACRE_OK && !arena->borrowed; piece += piece->count) {
    size_t left = (size_t)(span->first + before - piece), bytes = acre__min(piece->count, left) << ACRE_SEGMENT_SHIFT;
    char *start = acre__arena_address(arena, number_of(arena, piece));
    if (acre__kind_of(piece) == ACRE_KIND_COLD) result = acre_vm_commit(start, bytes, ACRE_VM_DEFAULT);
  }
  if (result == ACRE_OK && span->behind > 0) result = acre__frontier_extend(arena, span->behind);
  if (result == ACRE_OK) return ACRE_OK;
  for (struct acre__segment *undo = span->first; undo < piece; undo += undo->count)
    if (acre__kind_of(undo) == ACRE_KIND_COLD)
      (void)acre_vm_decommit(acre__arena_address(arena, number_of(arena, undo)),
                             (size_t)undo->count << ACRE_SEGMENT_SHIFT);
  return result;
}

/* The first `count` segments of the span, which have memory, are in no list any more. */
static void unlink_span(struct acre__arena *arena, struct acre__zone *zone, const struct span *span, size_t count) {
  size_t before = count - span->behind;
  for (size_t length = 0; length < before;) {
    struct acre__segment *piece = span->first + length;
    size_t size = piece->count, kept = acre__min(size, before - length);
    if (acre__kind_of(piece) == ACRE_KIND_WARM) {
      unlink_warm(arena, zone, piece);
      cut_warm(arena, zone, piece, kept);
    } else {
      unlink_run(cold_list(zone, size), piece);
      unmark(piece, size);
      if (kept < size) add_cold(arena, zone, piece + kept, size - kept);
    }
    length += kept;
  }
}

static struct acre__segment *take_span(struct acre__arena *arena, struct acre__zone *zone, size_t count) {
  if (arena->borrowed || count == 1) return NULL;
  struct span span = best_span(arena, zone, count);
  if (span.first == NULL || commit_span(arena, &span, count) != ACRE_OK) return NULL;
  unlink_span(arena, zone, &span, count);
  span.first->fresh = false;
  return span.first;
}

/* ------------------------------------------------------------- from warm to cold */

/* The warm run of the arena that was given back first; its list's last. */
static struct acre__segment *oldest(struct acre__arena *arena, struct acre__zone **zone, uint32_t now) {
  struct acre__segment *found = NULL;
  for (unsigned z = 0; z < ACRE_ZONES; z++)
    for (uint32_t any = arena->zones[z].warm_any; any != 0; any &= any - 1) {
      struct acre__segment *run = arena->zones[z].warm[__builtin_ctz(any)].last;
      if (found != NULL && now - run->stamp <= now - found->stamp) continue;
      found = run;
      *zone = &arena->zones[z];
    }
  return found;
}

static bool is_over(size_t most) {
  return acre__runs_warm_bytes() > most;
}

/* What may be warm now. */
static size_t warm_most(const struct acre__arena *arena, uint32_t now) {
  if (arena->row << ACRE_SEGMENT_SHIFT > ACRE_WARM_ROW) return ACRE_WARM_ROW_MOST;
  bool wanted = now - atomic_load_explicit(&large_reuse, memory_order_relaxed) < ACRE_WARM_TIME;
  return wanted ? 2 * (size_t)ACRE_WARM_MOST : ACRE_WARM_MOST;
}

/* Collects what is too much or too old; merged. */
static struct acre__run_list collect(struct acre__arena *arena, size_t most, uint32_t age) {
  struct acre__run_list given = {NULL, NULL};
  uint32_t now = (uint32_t)acre__vm_milliseconds();
  struct acre__zone *zone = NULL;
  for (struct acre__segment *run; (run = oldest(arena, &zone, now)) != NULL;) {
    if (!is_over(most) && now - run->stamp < age) break;
    unlink_warm(arena, zone, run);
    add(arena, zone, run, run->count, ACRE_KIND_GIVEN, &given);
  }
  return given;
}

/*
 * With the lock, which is let go of while the system works. Nobody else gives
 * back in the same arena meanwhile, so that given runs are one thread's alone.
 */
static size_t give_to_system(struct acre__arena *arena, size_t most, uint32_t age) {
  size_t bytes = 0;
  bool failed = false;
  if (arena->giving || arena->borrowed) return 0;
  arena->giving = true;
  while (!failed) {
    struct acre__run_list given = collect(arena, most, age);
    if (given.first == NULL) break;
    while (given.first != NULL) {
      struct acre__segment *run = given.first;
      size_t count = run->count;
      char *start = acre__arena_address(arena, number_of(arena, run));
      struct acre__zone *zone = zone_of(arena, run);
      acre__unlock(&arena->lock);
      acre_result result = acre_vm_decommit(start, count << ACRE_SEGMENT_SHIFT);
      acre__lock(&arena->lock);
      unlink_run(&given, run);
      unmark(run, count);
      if (result == ACRE_OK) {
        add_cold(arena, zone, run, count);
        bytes += count << ACRE_SEGMENT_SHIFT;
      } else { /* what it was, but nobody knows any more what is in it; it stays warm until it is wanted */
        failed = true;
        run->start = start;
        run->fresh = false;
        if (acre_vm_commit(start, count << ACRE_SEGMENT_SHIFT, ACRE_VM_DEFAULT) == ACRE_OK)
          push_warm(arena, zone, run, count, (uint32_t)acre__vm_milliseconds());
        else
          acre__kind_set(run, ACRE_KIND_SPARE); /* lost */
      }
    }
  }
  arena->giving = false;
  return bytes;
}

/* With the lock: now and then, lets go of what is old. */
static void look_for_old(struct acre__arena *arena) {
  uint32_t now = (uint32_t)acre__vm_milliseconds();
  if (now - arena->last_look < LOOK_EVERY) return;
  arena->last_look = now;
  give_to_system(arena, warm_most(arena, now), ACRE_WARM_TIME);
}

/* Those that are not shared may be going away; and they do not keep much. */
static size_t on_all_arenas(size_t (*work)(struct acre__arena *arena)) {
  size_t sum = 0;
  for (struct acre__arena *arena = &acre__arena; arena != NULL;
       arena = atomic_load_explicit(&arena->next, memory_order_acquire)) {
    acre__lock(&arena->lock);
    sum += work(arena);
    acre__unlock(&arena->lock);
  }
  return sum;
}

static size_t tick(struct acre__arena *arena) {
  look_for_old(arena);
  return 0;
}

static size_t give_all(struct acre__arena *arena) {
  return give_to_system(arena, 0, 0);
}

void acre__runs_tick(void) {
  on_all_arenas(tick);
}

size_t acre__runs_compact_own(struct acre__arena *own) {
  acre__lock(&own->lock);
  size_t bytes = give_all(own) + acre__frontier_trim(own);
  acre__unlock(&own->lock);
  return bytes;
}

size_t acre__runs_compact(struct acre__arena *own) {
  size_t bytes = on_all_arenas(give_all);
  return own == NULL ? bytes : bytes + acre__runs_compact_own(own);
}

void acre__runs_forget(struct acre__arena *arena) {
  for (unsigned z = 0; z < ACRE_ZONES; z++)
    for (unsigned list = 0; list < ACRE_WARM_LISTS; list++)
      while (arena->zones[z].warm[list].first != NULL)
        unlink_warm(arena, &arena->zones[z], arena->zones[z].warm[list].first);
}

/* ------------------------------------------------------------- taking */

static acre_result take_at_frontier(struct acre__arena *arena, unsigned zone_number, size_t count, size_t alignment,
                                    struct acre__segment **out) {
  struct acre__stretch skipped;
  struct acre__zone *runs = &arena->zones[ACRE_ZONE_RUNS];
  acre_result result = acre__frontier_take(arena, zone_number, count, alignment, &skipped, out);
  /* What alignment has skipped is free, some of it with memory. */
  size_t cold = arena->borrowed ? skipped.frontier : skipped.committed;
  if (skipped.frontier < cold) {
    struct acre__segment *rest = &arena->table[skipped.frontier];
    rest->start = acre__arena_address(arena, skipped.frontier);
    rest->fresh = true;
    push_warm(arena, runs, rest, cold - skipped.frontier, (uint32_t)acre__vm_milliseconds());
  }
  if (cold < skipped.end) add_cold(arena, runs, &arena->table[cold], skipped.end - cold);
  return result;
}

static acre_result take_from(struct acre__arena *arena, unsigned zone_number, size_t count, size_t alignment,
                             struct acre__segment **out) {
  struct acre__zone *zone = &arena->zones[zone_number];
  acre_result result = ACRE_OK;
  acre__lock(&arena->lock);
  arena->row = 0;
  struct acre__segment *run = alignment <= ACRE_SEGMENT ? take_warm(arena, zone, count) : NULL;
  if (run == NULL && alignment <= ACRE_SEGMENT) run = take_span(arena, zone, count);
  if (run != NULL && count >= LARGE)
    atomic_store_explicit(&large_reuse, (uint32_t)acre__vm_milliseconds(), memory_order_relaxed);
  if (run == NULL) {
    struct acre__segment *cold = find_cold(arena, zone, count, alignment);
    result = cold != NULL ? take_cold(arena, zone, cold, count, alignment, &run)
                          : take_at_frontier(arena, zone_number, count, alignment, &run);
    if (!arena->borrowed) look_for_old(arena);
  }
  acre__unlock(&arena->lock);
  if (result != ACRE_OK) return result;
  run->count = (uint32_t)count;
  *out = run;
  return ACRE_OK;
}

static acre_result take_home_among_runs(struct acre__arena *arena, struct acre__segment **out) {
  acre__lock(&arena->lock);
  arena->homes_in_runs = true;
  acre__unlock(&arena->lock);
  return take_from(arena, ACRE_ZONE_RUNS, 1, ACRE_SEGMENT, out);
}

/* A block that fits no shared arena: one of its own, a bit larger for the alignment. */
static acre_result take_alone(size_t count, size_t alignment, struct acre__segment **out) {
  size_t bytes;
  struct acre__arena *arena;
  if (!acre__checked_multiply(count, ACRE_SEGMENT, &bytes) || !acre__checked_add(bytes, alignment, &bytes))
    return ACRE_E_NO_ADDRESS_SPACE;
  acre_result result = acre__arena_make(NULL, bytes, ACRE_ARENA_PLAIN, &arena);
  if (result != ACRE_OK) return result;
  arena->alone = true;
  result = take_from(arena, ACRE_ZONE_RUNS, count, alignment, out);
  if (result != ACRE_OK) acre__arena_release(arena);
  return result;
}

static acre_result take_shared(unsigned zone, size_t count, size_t alignment, struct acre__segment **out) {
  acre_result result = ACRE_E_NO_ADDRESS_SPACE;
  for (struct acre__arena *arena = &acre__arena; arena != NULL;
       arena = atomic_load_explicit(&arena->next, memory_order_acquire)) {
    result = take_from(arena, zone, count, alignment, out);
    if (result == ACRE_E_NO_ADDRESS_SPACE && zone == ACRE_ZONE_HOMES) result = take_home_among_runs(arena, out);
    if (result != ACRE_E_NO_ADDRESS_SPACE) return result;
  }
  return result;
}

acre_result acre__run_take(struct acre__arena *arena, unsigned zone, size_t count, size_t alignment,
                           struct acre__segment **out) {
  if (count > UINT32_MAX) return ACRE_E_NO_ADDRESS_SPACE;
  if (arena != NULL) {
    acre_result result = take_from(arena, ACRE_ZONE_RUNS, count, alignment, out);
    return result == ACRE_E_NO_ADDRESS_SPACE ? ACRE_E_NO_MEMORY : result;
  }
  acre_result result = take_shared(zone, count, alignment, out);
  if (result != ACRE_E_NO_ADDRESS_SPACE) return result;
  if (count << ACRE_SEGMENT_SHIFT >= ACRE_ALONE_LEAST || alignment > ACRE_SEGMENT)
    return take_alone(count, alignment, out);
  result = acre__arena_add(count);
  return result == ACRE_OK ? take_shared(zone, count, alignment, out) : result;
}

/* ------------------------------------------------------------- giving back */

void acre__runs_give(struct acre__segment *runs) {
  uint32_t now = (uint32_t)acre__vm_milliseconds();
  while (runs != NULL) {
    struct acre__arena *arena = acre__arena_of((uintptr_t)runs->start);
    if (arena->alone) {
      runs = runs->next_run;
      acre__arena_release(arena);
      continue;
    }
    uintptr_t base = atomic_load_explicit(&arena->base, memory_order_relaxed);
    acre__lock(&arena->lock);
    while (runs != NULL && (uintptr_t)runs->start - base < arena->bytes) {
      struct acre__segment *run = runs;
      struct acre__zone *zone = zone_of(arena, run);
      runs = run->next_run;
      run->fresh = false;
      if (run->heap != NULL && run->heap->process) arena->row += run->count;
      if (arena->borrowed)
        add_cold(arena, zone, run, run->count);
      else
        push_warm(arena, zone, run, run->count, now);
    }
    size_t most = warm_most(arena, now);
    if (is_over(most)) /* some more than must be, so that it is seldom */
      give_to_system(arena, most - most / 8, ACRE_WARM_TIME);
    else if (!arena->borrowed)
      look_for_old(arena);
    if (most == ACRE_WARM_ROW_MOST) (void)acre__frontier_trim(arena); /* large pages may reach behind it */
    acre__unlock(&arena->lock);
  }
}

/* ------------------------------------------------------------- in place */

static acre_result grow(struct acre__arena *arena, struct acre__segment *run, size_t more) {
  struct acre__zone *zone = zone_of(arena, run);
  struct span span = span_from(arena, zone, run + run->count, more);
  if (span.first == NULL) return ACRE_E_NO_SPACE;
  acre_result result = commit_span(arena, &span, more);
  if (result == ACRE_OK) unlink_span(arena, zone, &span, more);
  return result;
}

acre_result acre__run_grow(struct acre__segment *run, size_t count) {
  if (count > UINT32_MAX) return ACRE_E_NO_SPACE;
  struct acre__arena *arena = acre__arena_of((uintptr_t)run->start);
  acre__lock(&arena->lock);
  acre_result result = grow(arena, run, count - run->count);
  if (result == ACRE_OK) run->count = (uint32_t)count;
  acre__unlock(&arena->lock);
  return result;
}

void acre__run_shrink(struct acre__segment *run, size_t count) {
  struct acre__segment *rest = run + count;
  rest->start = run->start + (count << ACRE_SEGMENT_SHIFT);
  rest->count = run->count - (uint32_t)count;
  rest->next_run = NULL;
  run->count = (uint32_t)count;
  if (acre__arena_of((uintptr_t)run->start)->alone) { /* it goes with the block; its memory does not wait */
    (void)acre_vm_decommit(rest->start, (size_t)rest->count << ACRE_SEGMENT_SHIFT);
    return;
  }
  acre__runs_give(rest);
}

/* ------------------------------------------------------------- validity */

static bool lists_are_valid(const struct acre__arena *arena, const struct acre__zone *zone, size_t *listed,
                            size_t *warm) {
  for (unsigned list = 0; list < ACRE_WARM_LISTS; list++) {
    if (((zone->warm_any >> list & 1) != 0) != (zone->warm[list].first != NULL)) return false;
    for (const struct acre__segment *run = zone->warm[list].first; run != NULL; run = run->next) {
      if (acre__kind_of(run) != ACRE_KIND_WARM || warm_list(run->count) != list || run->heap != NULL) return false;
      ++*listed;
      *warm += pages_of(arena, run);
    }
  }
  for (unsigned list = 0; list < ACRE_COLD_LISTS; list++)
    for (const struct acre__segment *run = zone->cold[list].first; run != NULL; run = run->next) {
      const struct acre__segment *last = run + run->count - 1;
      if (acre__kind_of(run) != ACRE_KIND_COLD || run->count >> list != 1) return false;
      if (run->count > 1 && (acre__kind_of(last) != ACRE_KIND_LAST || last->count != run->count)) return false;
      ++*listed;
    }
  return true;
}

/* Every used segment is in one run. */
static bool records_are_valid(const struct acre__arena *arena, size_t *free_runs) {
  for (size_t i = 0; i < arena->all.frontier;) {
    const struct acre__segment *run = &arena->table[i];
    if (i == arena->homes.frontier && i < arena->homes.end) {
      i = arena->homes.end;
      continue;
    }
    if (i == arena->start.frontier && i < arena->start.end) {
      i = arena->start.end;
      continue;
    }
    if (acre__kind_of(run) == ACRE_KIND_NOTHING || acre__kind_of(run) == ACRE_KIND_INSIDE ||
        acre__kind_of(run) == ACRE_KIND_LAST)
      return false;
    if (run->count == 0 || run->count > arena->all.frontier - i) return false;
    *free_runs += acre__kind_of(run) == ACRE_KIND_WARM || acre__kind_of(run) == ACRE_KIND_COLD;
    i += run->count;
  }
  return true;
}

bool acre__runs_are_valid(void) {
  size_t warm = 0;
  bool valid = true;
  for (struct acre__arena *arena = &acre__arena; arena != NULL && valid;
       arena = atomic_load_explicit(&arena->next, memory_order_acquire)) {
    size_t listed = 0, found = 0;
    acre__lock(&arena->lock);
    for (unsigned zone = 0; zone < ACRE_ZONES && valid; zone++)
      valid = lists_are_valid(arena, &arena->zones[zone], &listed, &warm);
    valid = valid && records_are_valid(arena, &found) && listed == found;
    acre__unlock(&arena->lock);
  }
  return valid && warm <= atomic_load_explicit(&warm_pages, memory_order_relaxed);
}
