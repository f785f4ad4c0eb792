/* SPDX-License-Identifier: MIT */
/*
 * Making, resetting and destroying heaps, all of them at a look, and fork.
 *
 *   home   [ heap | local | units ........ ]
 *
 * A heap is where its home is; whoever has a pointer to it has the home's segment.
 */
#include "heap/heaps.h"

#include <string.h>

#include "heap/arena.h"
#include "heap/check.h"
#include "heap/look.h"
#include "heap/medium.h"
#include "heap/purge.h"
#include "heap/runs.h"
#include "vm/root.h"
#include "vm/services.h"

enum {
  HOMES_MOST = 64,         /* that wait */
  LOOK_FOR_OLD = 256,      /* heaps that end between two looks for warm runs that are too old */
  PROCESS_LEAST = 1 << 20, /* the least limit of the process heap: no program begins with less */
  PROCESS_START = 1 << 20, /* what it begins with, if nobody says otherwise */
  LARGE_PAGE = 2 << 20
};

/* Addresses for a heap on the paging file that has no limit; the most that one with a limit gets. */
#define PAGED_ARENA ((size_t)1 << 40)
#define PAGED_ARENA_MOST ((size_t)1 << 44)

struct acre__heaps acre__heaps;

static _Atomic(acre_heap *) process_heap;

/* ------------------------------------------------------------- fork */

/*
 * A thread may hold one heap's lock for long (acre_heap_lock) and make or end
 * another heap meanwhile; so nobody waits for a heap's lock while it has the lock of all heaps.
 */
static bool try_lock(acre_heap *heap, void *context) {
  bool *complete = context;
  if (!acre__lock_is_mine(&heap->lock))
    *complete = acre__try_lock(&heap->lock);
  else
    heap->lock_depth++; /* by the caller's acre_heap_lock: it has it still in the child */
  return *complete;
}

static bool unlock(acre_heap *heap, void *context) {
  (void)context;
  if (!acre__lock_is_mine(&heap->lock)) return false; /* here try_lock ended */
  if (heap->lock_depth > 0)
    heap->lock_depth--;
  else
    acre__unlock(&heap->lock);
  return true;
}

static void end_medium(struct acre__thread *thread, void *heap) {
  if (thread != &acre__this_thread) acre__medium_empty(heap, thread, true);
}

/* Before the first heap there is the one lock. */
static void fork_before(void) {
  acre_heap *process = atomic_load_explicit(&process_heap, memory_order_acquire);
  for (;;) {
    bool complete = true;
    acre__lock(&acre__heaps.lock);
    if (!acre__heaps.ready) return;
    acre__heaps_visit(try_lock, &complete);
    if (complete) break;
    acre__heaps_visit(unlock, NULL);
    acre__unlock(&acre__heaps.lock);
    acre__park(&acre__heaps.lock.word, UINT32_MAX); /* which it never is: lets others run */
  }
  acre__threads_fork_before();
  if (process != NULL) acre__medium_empty_each(process); /* in the child the other threads have none */
  acre__arenas_fork_before();
}

static void fork_in_parent(void) {
  if (acre__heaps.ready) {
    acre__arenas_fork_in_parent();
    acre__threads_fork_in_parent();
    acre__heaps_visit(unlock, NULL);
  }
  acre__unlock(&acre__heaps.lock);
}

/* What was on the paging file is the parent's. The heap keeps its homes, with nothing in them, and gets no more. */
static void lose(acre_heap *heap) {
  acre__arena_empty(heap->arena);
  heap->lost = true;
  heap->runs = NULL;
  heap->segments = 0;
  heap->spare = NULL;
  memset(heap->medium, 0, sizeof heap->medium);
  atomic_store_explicit(&heap->quarantine, NULL, memory_order_relaxed);
  for (struct acre__local *local = heap->locals; local != NULL; local = local->next) {
    struct acre__segment *home = local->home;
    acre__local_empty(local);
    home->previous_run = NULL;
    home->next_run = heap->runs;
    if (heap->runs != NULL) heap->runs->previous_run = home;
    heap->runs = home;
    heap->segments++;
  }
}

/* The other threads' locals are nobody's, and their locks nobody's who could give them back. */
static bool settle_in_child(acre_heap *heap, void *context) {
  for (struct acre__local *local = heap->locals; local != NULL; local = local->next)
    if (atomic_load_explicit(&local->thread, memory_order_relaxed) != context)
      atomic_store_explicit(&local->thread, NULL, memory_order_relaxed);
  if (heap->paged) lose(heap);
  if (heap->lock_depth > 0)
    heap->lock_depth--;
  else
    acre__lock_reset(&heap->lock);
  return true;
}

static void fork_in_child(void) {
  acre_heap *process = atomic_load_explicit(&process_heap, memory_order_acquire);
  if (!acre__heaps.ready) {
    acre__lock_reset(&acre__heaps.lock);
    return;
  }
  acre__arenas_fork_in_child();
  if (process != NULL) acre__threads_visit(end_medium, process); /* which are empty */
  acre__threads_fork_in_child();
  acre__heaps_visit(settle_in_child, &acre__this_thread);
  acre__lock_reset(&acre__heaps.lock);
  acre__purge_fork_in_child();
}

/* ------------------------------------------------------------- all heaps */

struct visitor {
  bool (*visit)(acre_heap *heap, void *context);
  void *context;
  bool more;
};

/* Of a heap's homes, the one that it lies in. */
static bool visit_home(struct acre__segment *home, void *context) {
  struct visitor *visitor = context;
  if ((char *)home->heap == home->start) visitor->more = visitor->visit(home->heap, visitor->context);
  return visitor->more;
}

void acre__heaps_visit(bool (*visit)(acre_heap *heap, void *context), void *context) {
  struct visitor visitor = {visit, context, true};
  acre__homes_visit(visit_home, &visitor);
  for (acre_heap *heap = acre__heaps.apart; heap != NULL && visitor.more; heap = heap->next_apart)
    visitor.more = visit(heap, context);
}

/* By the record of the segment that it is the start of: the address itself may be anything's. */
static bool is_heap(const acre_heap *heap) {
  const struct acre__segment *segment = acre__segment_fast((uintptr_t)heap);
  if (ACRE_UNLIKELY(segment == NULL)) segment = acre__segment_of((uintptr_t)heap);
  return segment != NULL && acre__kind_of(segment) == ACRE_KIND_HOME && segment->heap == heap;
}

acre_result acre_heap_query(const acre_heap *heap, acre_heap_options *out) {
  if (!is_heap(heap)) return ACRE_E_INVALID_ARGUMENT;
  if (out == NULL) return ACRE_OK;
  const struct acre__arena *borrowed = heap->arena != NULL && heap->arena->borrowed ? heap->arena : NULL;
  *out = (acre_heap_options){
      .name = heap->name,
      .flags = heap->flags,
      .backing = heap->paged ? ACRE_VM_BACKING_PAGING_FILE : ACRE_VM_BACKING_MEMORY,
      .limit = heap->limit > SIZE_MAX >> (ACRE_SEGMENT_SHIFT + 1) ? 0 : heap->limit << ACRE_SEGMENT_SHIFT,
      .initial_commit = heap->initial << ACRE_SEGMENT_SHIFT,
      .range = borrowed != NULL ? acre__arena_address(borrowed, 0) : NULL,
      .range_size = borrowed != NULL ? borrowed->bytes : 0,
      .on_destroy = heap->on_destroy,
      .on_error = heap->on_error,
      .context = heap->context};
  return ACRE_OK;
}

struct list {
  acre_heap **out;
  size_t room, count;
};

static bool list_heap(acre_heap *heap, void *context) {
  struct list *list = context;
  if (list->count < list->room) list->out[list->count] = heap;
  list->count++;
  return true;
}

size_t acre_heap_list(acre_heap **out, size_t room) {
  struct list list = {out, room, 0};
  acre__lock(&acre__heaps.lock);
  acre__heaps_visit(list_heap, &list);
  acre__unlock(&acre__heaps.lock);
  return list.count;
}

/* ------------------------------------------------------------- making */

static bool is_paged(const acre_heap_options *options) {
  return options->backing == ACRE_VM_BACKING_PAGING_FILE;
}

static acre_result check_options(const acre_heap_options *options) {
  const unsigned known = ACRE_HEAP_SINGLE_THREAD | ACRE_HEAP_CHECKED | ACRE_HEAP_LARGE_PAGES;
  bool large_pages = (options->flags & ACRE_HEAP_LARGE_PAGES) != 0;
  if ((options->flags & ~known) != 0) return ACRE_E_INVALID_ARGUMENT;
  if (options->backing != ACRE_VM_BACKING_MEMORY && options->backing != ACRE_VM_BACKING_PAGING_FILE)
    return ACRE_E_INVALID_ARGUMENT;
  if (is_paged(options) + large_pages + (options->range != NULL) > 1) return ACRE_E_INVALID_ARGUMENT;
  if (large_pages && options->limit == 0) return ACRE_E_INVALID_ARGUMENT;
  size_t least = is_paged(options) ? 2 * (size_t)ACRE_SEGMENT : ACRE_SEGMENT;
  if (options->limit != 0 && options->limit < least) return ACRE_E_INVALID_SIZE;
  if (options->limit != 0 && options->initial_commit > options->limit) return ACRE_E_INVALID_SIZE;
  if (options->initial_commit > PTRDIFF_MAX) return ACRE_E_INVALID_SIZE;
  return ACRE_OK;
}

/* Room for what holes between blocks take, where the system has the addresses; they cost nothing. */
static acre_result make_paged_arena(size_t limit, struct acre__arena **out) {
  bool limited = limit != 0 && limit < PAGED_ARENA;
  size_t least = limited ? acre__align_up(limit, LARGE_PAGE) : LARGE_PAGE;
  size_t size = limited ? 2 * least : acre__max(PAGED_ARENA, acre__min(limit, PAGED_ARENA_MOST));
  for (;; size = acre__max(size / 8, least)) {
    acre_result result = acre__arena_make(NULL, size, ACRE_ARENA_PAGING_FILE, out);
    bool too_much = result == ACRE_E_NO_ADDRESS_SPACE || result == ACRE_E_FILE_TOO_LARGE;
    if (!too_much || size == least) return result;
  }
}

static acre_result make_arena(const acre_heap_options *options, struct acre__arena **out) {
  if (is_paged(options)) return make_paged_arena(options->limit, out);
  if (options->range == NULL) {
    /* One segment more than the limit: the first one of a large page may be missed by rounding. */
    size_t size = acre__align_up(acre__min(options->limit, PTRDIFF_MAX), LARGE_PAGE);
    return acre__arena_make(NULL, size, ACRE_ARENA_LARGE_PAGES, out);
  }
  uintptr_t start = (uintptr_t)options->range, end;
  if (!acre__checked_add(start, options->range_size, &end)) return ACRE_E_INVALID_SIZE;
  if (!acre__checked_align_up(start, ACRE_SEGMENT, &start)) return ACRE_E_INVALID_SIZE;
  end = acre__align_down(end, ACRE_SEGMENT);
  if (start >= end) return ACRE_E_INVALID_SIZE;
  return acre__arena_make((void *)start, end - start, ACRE_ARENA_BORROWED, out);
}

/* With the lock. *clean: its local is as acre__local_clean has left it. */
static acre_result take_home(struct acre__arena *arena, struct acre__segment **out, bool *clean) {
  struct acre__segment *home = acre__heaps.homes;
  *clean = false;
  if (arena != NULL || home == NULL) return acre__run_take(arena, ACRE_ZONE_HOMES, 1, ACRE_SEGMENT, out);
  acre__heaps.homes = home->next;
  acre__heaps.home_count--;
  *clean = home->clean;
  *out = home;
  return ACRE_OK;
}

void acre__heaps_drop_homes(void) {
  while (acre__heaps.homes != NULL) {
    struct acre__segment *home = acre__heaps.homes;
    acre__heaps.homes = home->next;
    home->next_run = NULL;
    acre__runs_give(home);
  }
  acre__heaps.home_count = 0;
}

static void copy_name(char *out, size_t room, const char *name) {
  size_t length = name == NULL ? 0 : strlen(name);
  if (length >= room) length = room - 1;
  if (length > 0) memcpy(out, name, length);
  out[length] = '\0';
}

/* Unlike zero, and nobody's guess. */
static uint64_t new_cookie(const acre_heap *heap, uint64_t id) {
  uint64_t mixed = (id + acre__vm_milliseconds() + (uintptr_t)heap) * UINT64_C(0x9e3779b97f4a7c15);
  return (mixed ^ mixed >> 29) | 1;
}

/* What is the heap's from its options stays over a reset; this is all the rest. */
static void begin(acre_heap *heap, struct acre__segment *home, bool clean) {
  home->heap = heap;
  home->next_run = home->previous_run = NULL;
  heap->id = ++acre__heaps.last_id;
  heap->slot = acre__cache_slot(heap->id);
  heap->cookie = heap->checked ? new_cookie(heap, heap->id) : 0;
  atomic_store_explicit(&heap->quarantine, NULL, memory_order_relaxed);
  heap->lost = false;
  heap->runs = home;
  heap->segments = 1;
  heap->spare = NULL;
  memset(heap->medium, 0, acre__unknown(sizeof heap->medium));
  heap->locals = acre__first_local(heap);
  uint32_t owner = heap->checked ? ACRE_OWNER_NOBODY : heap->single ? ACRE_OWNER_ANYBODY : ACRE_OWNER_NOBODY;
  acre__local_init(heap->locals, heap, home, owner, clean);
}

/* Segments that the heap has from the start. */
static acre_result take_initial(acre_heap *heap) {
  while (heap->segments < heap->initial) {
    struct acre__segment *run, *spare = heap->spare;
    heap->spare = NULL;
    acre_result result = acre__heap_take(heap, ACRE_ZONE_RUNS, 1, ACRE_SEGMENT, &run);
    heap->spare = spare;
    if (result != ACRE_OK) return result;
    acre__kind_set(run, ACRE_KIND_SPARE);
    run->next = heap->spare;
    heap->spare = run;
  }
  return ACRE_OK;
}

/* Before the lock is taken for the first time: a fork is to take it, too. */
static acre_result tell_fork(void) {
  static _Atomic bool told;
  if (ACRE_LIKELY(atomic_load_explicit(&told, memory_order_acquire))) return ACRE_OK;
  acre_result result = acre__vm_at_fork(fork_before, fork_in_parent, fork_in_child);
  if (result == ACRE_OK) atomic_store_explicit(&told, true, memory_order_release);
  return result;
}

/* With the lock: what must be there before the first heap. */
static acre_result get_ready(void) {
  if (acre__heaps.ready) return ACRE_OK;
  acre_result result = acre__threads_prepare();
  if (result == ACRE_OK) result = acre__arena_make_first();
  acre__heaps.ready = result == ACRE_OK;
  return result;
}

static void fill(acre_heap *heap, const acre_heap_options *options, struct acre__arena *arena) {
  memset(heap, 0, acre__unknown(sizeof *heap));
  heap->flags = options->flags;
  heap->checked = (options->flags & ACRE_HEAP_CHECKED) != 0;
  heap->paged = is_paged(options);
  heap->single = (options->flags & ACRE_HEAP_SINGLE_THREAD) != 0 && !heap->checked;
  heap->maker = heap->checked ? acre__thread_self() : 0;
  heap->limit = options->limit == 0 ? SIZE_MAX >> ACRE_SEGMENT_SHIFT : options->limit >> ACRE_SEGMENT_SHIFT;
  heap->initial = (options->initial_commit + ACRE_SEGMENT - 1) >> ACRE_SEGMENT_SHIFT;
  heap->arena = arena;
  heap->on_destroy = options->on_destroy;
  heap->on_error = options->on_error;
  heap->context = options->context;
  heap->peak = 1;
  copy_name(heap->name, sizeof heap->name, options->name == NULL ? "heap" : options->name);
}

acre_result acre_heap_create(const acre_heap_options *options, acre_heap **out) {
  static const acre_heap_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (options == NULL) options = &defaults;
  acre_result result = check_options(options);
  if (result == ACRE_OK) result = tell_fork();
  if (result != ACRE_OK) return result;

  struct acre__arena *arena = NULL;
  struct acre__segment *home = NULL;
  bool clean = false;
  acre__lock(&acre__heaps.lock);
  result = get_ready();
  bool apart = options->range != NULL || (options->flags & ACRE_HEAP_LARGE_PAGES) != 0;
  if (result == ACRE_OK && (apart || is_paged(options))) result = make_arena(options, &arena);
  if (result == ACRE_OK) result = take_home(apart ? arena : NULL, &home, &clean);
  acre_heap *heap = NULL;
  if (result == ACRE_OK) {
    heap = (acre_heap *)(void *)home->start;
    fill(heap, options, arena);
    begin(heap, home, clean);
    if (apart) {
      heap->next_apart = acre__heaps.apart;
      acre__heaps.apart = heap;
    }
  } else if (arena != NULL) {
    acre__arena_release(arena);
  }
  acre__unlock(&acre__heaps.lock);
  if (result != ACRE_OK) return result;
  if (ACRE_UNLIKELY(heap->initial > 1)) {
    bool taken = acre__heap_lock(heap);
    result = take_initial(heap);
    acre__heap_unlock(heap, taken);
    if (result != ACRE_OK) {
      heap->on_destroy = NULL;
      (void)acre_heap_destroy(heap);
      return result;
    }
  }
  *out = heap;
  return ACRE_OK;
}

/*
 * What the process heap begins with, as the user or the program's link says:
 *   -Wl,--defsym=acre_process_heap_reserve=SIZE
 * gives the symbol that address.
 */
extern char acre_process_heap_reserve[] __attribute__((weak, visibility("default")));

/* From memory: an instruction that makes the address would take it for one that moves with the program. */
static char *volatile linked_start = acre_process_heap_reserve;

static size_t start_size(void) {
  size_t asked = acre__root_get()->options.heap_reserve;
  if (asked == 0) asked = (uintptr_t)linked_start;
  return asked != 0 ? acre__max(asked, ACRE_SEGMENT) : PROCESS_START;
}

acre_heap *acre_process_heap(void) {
  acre_heap *heap = atomic_load_explicit(&process_heap, memory_order_acquire);
  if (heap != NULL) return heap;
  acre_heap *made, *none = NULL;
  size_t limit = acre__root_get()->options.heap_limit;
  if (limit != 0) limit = acre__max(limit, PROCESS_LEAST);
  if (acre_heap_create(&(acre_heap_options){.name = "process", .limit = limit}, &made) != ACRE_OK) return NULL;
  made->process = made->starts = true;
  acre__start_set_aside(start_size());
  if (atomic_compare_exchange_strong_explicit(&process_heap, &none, made, memory_order_acq_rel, memory_order_acquire))
    return made;
  made->process = false;
  (void)acre_heap_destroy(made);
  return none;
}

/* ------------------------------------------------------------- ending */

static void leave_home(struct acre__segment *home) {
  size_t used = home->local->unit * (size_t)ACRE_UNIT;
  home->used_pages = (uint16_t)acre__max(home->used_pages, (used + ACRE_HOME_PAGE - 1) / ACRE_HOME_PAGE);
  atomic_store_explicit(&home->home_of, 0, memory_order_release);
}

/* All runs but the home are taken out of the heap; returned linked. Nobody finds their blocks from here on. */
static struct acre__segment *disown_runs(acre_heap *heap, struct acre__segment *home) {
  struct acre__segment *rest = NULL, *next;
  for (struct acre__segment *run = heap->runs; run != NULL; run = next) {
    next = run->next_run;
    if (acre__kind_of(run) == ACRE_KIND_HOME) leave_home(run);
    if (acre__kind_of(run) == ACRE_KIND_MEDIUM)
      for (uint32_t i = 1; i < run->count; i++) {
        acre__kind_set(&run[i], ACRE_KIND_NOTHING);
        run[i].heap = NULL;
      }
    if (run == home) continue;
    acre__kind_set(run, ACRE_KIND_SPARE); /* no blocks are there any more */
    run->heap = NULL;                     /* which may be gone when the run is given back */
    run->next_run = rest;
    rest = run;
  }
  return rest;
}

static void leave_list_of_apart(const acre_heap *heap) {
  acre_heap **link = &acre__heaps.apart;
  while (*link != heap) link = &(*link)->next_apart;
  *link = heap->next_apart;
}

/* With the lock: the home waits for the next heap; true: it should go to its arena. */
static bool keep_home(struct acre__segment *home) {
  acre__kind_set(home, ACRE_KIND_SPARE);
  home->heap = NULL;
  atomic_store_explicit(&home->owner, ACRE_OWNER_NOBODY, memory_order_relaxed);
  if (acre__heaps.home_count == HOMES_MOST) return false;
  home->clean = !home->local->has_slabs;
  if (home->clean) acre__local_clean(home->local);
  home->next = acre__heaps.homes;
  acre__heaps.homes = home;
  acre__heaps.home_count++;
  return true;
}

/* Of a heap's runs those that do not lie in its own arena, which goes as a whole. */
static struct acre__segment *homes_of(struct acre__segment *runs, const struct acre__arena *own) {
  struct acre__segment *homes = NULL, *next;
  for (struct acre__segment *run = runs; run != NULL; run = next) {
    next = run->next_run;
    if ((size_t)(run->start - acre__arena_address(own, 0)) < own->bytes) continue;
    run->next_run = homes;
    homes = run;
  }
  return homes;
}

acre_result acre_heap_destroy(acre_heap *heap) {
  if (heap == NULL) return ACRE_OK;
  if (ACRE_UNLIKELY(!is_heap(heap)) || heap->process) return ACRE_E_INVALID_ARGUMENT;
  if (heap->on_destroy != NULL) heap->on_destroy(heap, heap->context);
  acre__heap_unlock_all(heap);
  struct acre__segment *home = acre__first_local(heap)->home;
  struct acre__arena *arena = heap->arena, *paged = heap->paged ? arena : NULL;
  acre__lock(&acre__heaps.lock);
  struct acre__segment *rest = disown_runs(heap, home);
  if (paged != NULL) {
    rest = homes_of(rest, paged);
  } else if (arena != NULL) {
    leave_list_of_apart(heap);
    acre__unlock(&acre__heaps.lock);
    acre__arena_release(arena);
    return ACRE_OK;
  }
  bool look = ++acre__heaps.ended % LOOK_FOR_OLD == 0;
  if (!keep_home(home)) {
    home->next_run = rest;
    rest = home;
  }
  acre__unlock(&acre__heaps.lock);
  if (paged != NULL) acre__arena_release(paged);
  if (rest != NULL)
    acre__runs_give(rest);
  else if (look)
    acre__runs_tick();
  return ACRE_OK;
}

acre_result acre_heap_reset(acre_heap *heap) {
  if (!is_heap(heap) || heap->process) return ACRE_E_INVALID_ARGUMENT;
  if (heap->on_destroy != NULL) heap->on_destroy(heap, heap->context);
  struct acre__segment *home = acre__first_local(heap)->home;
  acre__lock(&acre__heaps.lock);
  struct acre__segment *rest = disown_runs(heap, home);
  begin(heap, home, false);
  acre__unlock(&acre__heaps.lock);
  acre__runs_give(rest);
  if (heap->paged) acre__runs_compact_own(heap->arena); /* the disk's blocks do not wait */
  bool taken = acre__heap_lock(heap);
  (void)take_initial(heap); /* it had them before; short of memory, it does without */
  acre__heap_unlock(heap, taken);
  return ACRE_OK;
}
