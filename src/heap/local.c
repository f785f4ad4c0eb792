/* SPDX-License-Identifier: MIT */
#include "heap/local.h"

#include <string.h>

#include "heap/heaps.h"
#include "heap/medium.h"
#include "heap/runs.h"
#include "vm/services.h"

struct acre__bin acre__no_bins[ACRE_SMALL_CLASSES];

ACRE_THREAD_LOCAL struct acre__thread acre__this_thread = {.number = ACRE_OWNER_NONE, .process_bins = acre__no_bins};

/* All threads that use shared heaps. */
static struct {
  struct acre__lock lock;
  struct acre__thread *first;
  uint32_t stops; /* that are in force */
  bool fences;    /* membarrier works; else every gate is closed for ever */
} threads;

/* ------------------------------------------------------------- the list */

void acre__thread_join(struct acre__thread *thread) {
  if (thread->number != ACRE_OWNER_NONE || thread->ended) return;
  /* What asks for the end of a thread may itself allocate: until that is settled, the thread is as past its end. */
  thread->ended = true;
  if (acre__vm_want_thread_exit() != ACRE_OK) return;
  thread->ended = false;
  acre__lock(&threads.lock);
  thread->number = acre__thread_self();
  atomic_store_explicit(&thread->gate, threads.stops + !threads.fences, memory_order_relaxed);
  thread->previous = NULL;
  thread->next = threads.first;
  if (threads.first != NULL) threads.first->previous = thread;
  threads.first = thread;
  acre__unlock(&threads.lock);
}

static void leave_list(struct acre__thread *thread) {
  acre__lock(&threads.lock);
  if (thread->previous != NULL)
    thread->previous->next = thread->next;
  else
    threads.first = thread->next;
  if (thread->next != NULL) thread->next->previous = thread->previous;
  acre__unlock(&threads.lock);
}

/* ------------------------------------------------------------- stopping the others */

/* Lets others run: nobody is parked on a value that the word never has. */
static void yield(_Atomic uint32_t *word) {
  acre__park(word, UINT32_MAX);
}

void acre__threads_stop(void) {
  struct acre__thread *self = &acre__this_thread;
  acre__thread_join(self);
  acre__lock(&threads.lock);
  threads.stops++;
  for (struct acre__thread *thread = threads.first; thread != NULL; thread = thread->next)
    if (thread != self) atomic_fetch_add_explicit(&thread->gate, 1, memory_order_seq_cst);
  if (threads.fences && threads.first != NULL && (threads.first != self || self->next != NULL)) {
    acre__vm_fence_threads();
    for (struct acre__thread *thread = threads.first; thread != NULL; thread = thread->next)
      while (thread != self && atomic_load_explicit(&thread->busy, memory_order_acquire) != 0) yield(&thread->busy);
  }
  acre__unlock(&threads.lock);
}

void acre__threads_go(void) {
  struct acre__thread *self = &acre__this_thread;
  acre__lock(&threads.lock);
  threads.stops--;
  for (struct acre__thread *thread = threads.first; thread != NULL; thread = thread->next)
    if (thread != self) atomic_fetch_sub_explicit(&thread->gate, 1, memory_order_release);
  acre__unlock(&threads.lock);
}

void acre__threads_visit(void (*visit)(struct acre__thread *thread, void *context), void *context) {
  bool taken = !acre__lock_is_mine(&threads.lock);
  if (taken) acre__lock(&threads.lock);
  for (struct acre__thread *thread = threads.first; thread != NULL; thread = thread->next) visit(thread, context);
  if (taken) acre__unlock(&threads.lock);
}

void acre__threads_fork_before(void) {
  acre__threads_stop();
  acre__lock(&threads.lock);
}

void acre__threads_fork_in_parent(void) {
  acre__unlock(&threads.lock);
  acre__threads_go();
}

/* The others are not in the child. What this thread has locked itself, it has locked there too. */
void acre__threads_fork_in_child(void) {
  struct acre__thread *self = &acre__this_thread;
  acre__lock_reset(&threads.lock);
  threads.stops--;
  threads.first = NULL;
  if (threads.fences) threads.fences = acre__vm_fence_prepare() == ACRE_OK;
  if (self->number == ACRE_OWNER_NONE) return;
  atomic_store_explicit(&self->gate, !threads.fences, memory_order_relaxed);
  self->next = self->previous = NULL;
  threads.first = self;
}

/* ------------------------------------------------------------- the end of a thread */

/*
 * With the lock of all heaps, which a thread that has locked this heap may
 * want: so nobody waits for a heap's lock here. False: it must be tried again.
 */
static bool let_go(acre_heap *heap, struct acre__thread *thread) {
  if (heap->single || heap->checked) return true;
  bool taken = false;
  if (!acre__lock_is_mine(&heap->lock) && !(taken = acre__try_lock(&heap->lock))) return false;
  for (struct acre__local *local = heap->locals; local != NULL; local = local->next)
    if (atomic_load_explicit(&local->thread, memory_order_relaxed) == thread)
      atomic_store_explicit(&local->thread, NULL, memory_order_relaxed);
  acre__heap_unlock(heap, taken);
  return true;
}

struct search {
  struct acre__thread *thread;
  bool complete;
};

static bool let_go_visited(acre_heap *heap, void *context) {
  struct search *search = context;
  if (!let_go(heap, search->thread)) search->complete = false;
  return true;
}

/* The locals in the cache, if their heaps are there still. */
static bool let_go_of_cached(struct acre__thread *thread) {
  bool complete = true;
  for (unsigned i = 0; i < ACRE_CACHE_SLOTS; i++) {
    struct acre__cache_entry *entry = &thread->cache[i];
    struct acre__segment *home = entry->id != 0 ? acre__segment_fast((uintptr_t)entry->local) : NULL;
    if (home == NULL || atomic_load_explicit(&home->home_of, memory_order_acquire) != entry->id) continue;
    if (let_go(home->heap, thread))
      entry->id = 0;
    else
      complete = false;
  }
  return complete;
}

static bool let_go_of_all(struct acre__thread *thread) {
  struct search search = {thread, true};
  acre__lock(&acre__heaps.lock);
  if (thread->evicted) {
    acre__heaps_visit(let_go_visited, &search);
  } else {
    search.complete = let_go_of_cached(thread);
    for (acre_heap *heap = acre__heaps.apart; heap != NULL; heap = heap->next_apart) let_go_visited(heap, &search);
  }
  acre__unlock(&acre__heaps.lock);
  return search.complete;
}

static void thread_ends(void) {
  struct acre__thread *thread = &acre__this_thread;
  if (thread->number == ACRE_OWNER_NONE) return;
  if (thread->medium != NULL) {
    acre_heap *heap = acre_process_heap();
    bool taken = acre__heap_lock(heap);
    acre__medium_empty(heap, thread, true);
    acre__heap_unlock(heap, taken);
  }
  while (!let_go_of_all(thread)) yield(&acre__heaps.lock.word);
  leave_list(thread);
  memset(thread->cache, 0, sizeof thread->cache);
  thread->process_bins = acre__no_bins;
  thread->number = ACRE_OWNER_NONE;
  thread->ended = true;
}

acre_result acre__threads_prepare(void) {
  threads.fences = acre__vm_fence_prepare() == ACRE_OK;
  return acre__vm_at_thread_exit(thread_ends);
}

/* ------------------------------------------------------------- locals */

/* For debug builds. */
__attribute__((unused)) static bool is_clean(const struct acre__local *local) {
  const unsigned char *bytes = (const unsigned char *)local;
  for (size_t i = 0; i < offsetof(struct acre__local, heap); i++)
    if (bytes[i] != 0) return false;
  for (size_t i = 0; i < ACRE_UNITS; i++)
    if (local->units[i].class_and_1 != 0) return false;
  return true;
}

void acre__local_init(struct acre__local *local, acre_heap *heap, struct acre__segment *home, uint32_t number,
                      bool clean) {
  if (!clean) memset(local, 0, acre__unknown(sizeof *local));
  ACRE_ASSERT(is_clean(local));
  local->heap = heap;
  local->next = NULL;
  local->home = home;
  atomic_store_explicit(&local->notified, NULL, memory_order_relaxed);
  atomic_store_explicit(&local->thread, NULL, memory_order_relaxed);
  local->number = number;
  local->has_slabs = false;
  local->unit = ACRE_FIRST_UNIT;
  local->refills = 0;
  home->magic = 0;
  home->free = NULL;
  home->local = local;
  acre__kind_set(home, ACRE_KIND_HOME); /* when its local is known to who asks about an address in it */
  atomic_store_explicit(&home->remote, NULL, memory_order_relaxed);
  atomic_store_explicit(&home->owner, number, memory_order_relaxed);
  atomic_store_explicit(&home->home_of, heap->id, memory_order_release);
}

void acre__local_clean(struct acre__local *local) {
  uint64_t any;
  for (unsigned eight = 0; eight < ACRE_SMALL_CLASSES; eight += sizeof any) {
    memcpy(&any, local->carved + eight, sizeof any);
    if (any == 0) continue;
    for (unsigned c = eight; c < eight + sizeof any; c++)
      if (local->carved[c] != 0) local->bins[c] = (struct acre__bin){0};
    memset(local->carved + eight, 0, sizeof any);
  }
  for (unsigned unit = ACRE_FIRST_UNIT; unit < local->unit; unit++) local->units[unit] = (struct acre__unit){0, 0};
}

void acre__local_empty(struct acre__local *local) {
  struct acre__local *next = local->next;
  struct acre__thread *thread = atomic_load_explicit(&local->thread, memory_order_relaxed);
  acre__local_init(local, local->heap, local->home, local->number, false);
  local->next = next;
  atomic_store_explicit(&local->thread, thread, memory_order_relaxed);
}

/* The thread's own, else one that is nobody's. */
static struct acre__local *find_local(acre_heap *heap, const struct acre__thread *thread) {
  struct acre__local *nobodys = NULL;
  for (struct acre__local *local = heap->locals; local != NULL; local = local->next) {
    struct acre__thread *owner = atomic_load_explicit(&local->thread, memory_order_relaxed);
    if (owner == thread) return local;
    if (owner == NULL) nobodys = local;
  }
  return nobodys;
}

static acre_result new_local(acre_heap *heap, struct acre__local **out) {
  struct acre__segment *home;
  acre_result result = acre__heap_take(heap, ACRE_ZONE_HOMES, 1, ACRE_SEGMENT, &home);
  if (result != ACRE_OK) return result;
  *out = &((struct acre__home *)(void *)home->start)->local;
  acre__local_init(*out, heap, home, ACRE_OWNER_NOBODY, false);
  (*out)->next = heap->locals;
  heap->locals = *out;
  return ACRE_OK;
}

/* Frees of the thread are the local's own from now on. */
static void adopt(struct acre__local *local, struct acre__thread *thread) {
  atomic_store_explicit(&local->thread, thread, memory_order_relaxed);
  if (local->number == thread->number) return;
  local->number = thread->number;
  for (struct acre__segment *run = local->heap->runs; run != NULL; run = run->next_run)
    if (run->local == local && (acre__kind_of(run) == ACRE_KIND_SLAB || acre__kind_of(run) == ACRE_KIND_HOME))
      atomic_store_explicit(&run->owner, thread->number, memory_order_relaxed);
}

/* Whether the entry's heap is there still, as far as can be told without touching it. */
static bool is_alive(const struct acre__cache_entry *entry) {
  const struct acre__segment *home = acre__segment_fast((uintptr_t)entry->local);
  return home == NULL || atomic_load_explicit(&home->home_of, memory_order_relaxed) == entry->id;
}

static void note_in_cache(struct acre__thread *thread, acre_heap *heap, struct acre__local *local) {
  struct acre__cache_entry *entry = acre__cache_entry_of(thread, heap);
  if (entry->id != 0 && entry->id != heap->id && !thread->evicted) thread->evicted = is_alive(entry);
  /* What lies in another shared arena than the first is not found by its entry when the thread ends. */
  bool shared = heap->arena == NULL || heap->paged;
  if (ACRE_UNLIKELY(shared && acre__segment_fast((uintptr_t)local) == NULL)) thread->evicted = true;
  *entry = (struct acre__cache_entry){heap->id, local};
  if (heap->process) thread->process_bins = local->bins;
}

acre_result acre__local_claim(acre_heap *heap, struct acre__local **out) {
  if (heap->single || heap->checked) {
    *out = acre__first_local(heap);
    return ACRE_OK;
  }
  struct acre__thread *thread = &acre__this_thread;
  acre__thread_join(thread);
  bool past_its_end = thread->number == ACRE_OWNER_NONE;
  struct acre__local *local = find_local(heap, past_its_end ? NULL : thread);
  if (local == NULL) {
    acre_result result = new_local(heap, &local);
    if (result != ACRE_OK) {
      *out = NULL;
      return result;
    }
  }
  *out = local;
  if (past_its_end) return ACRE_OK;
  adopt(local, thread);
  note_in_cache(thread, heap, local);
  return ACRE_OK;
}

/* ------------------------------------------------------------- the heap's segments */

static struct acre__segment *take_spare(acre_heap *heap) {
  struct acre__segment *run = heap->spare;
  if (run != NULL) heap->spare = run->next;
  return run;
}

acre_result acre__heap_take(acre_heap *heap, unsigned zone, size_t count, size_t alignment,
                            struct acre__segment **out) {
  if (heap->lost) return ACRE_E_CONTENT_LOST;
  struct acre__arena *arena = heap->paged && zone == ACRE_ZONE_HOMES ? NULL : heap->arena;
  bool spare = count == 1 && alignment <= ACRE_SEGMENT && arena == heap->arena;
  if (spare && (*out = take_spare(heap)) != NULL) return ACRE_OK;
  if (count > heap->limit - heap->segments) return ACRE_E_HEAP_LIMIT;
  struct acre__segment *run;
  acre_result result = ACRE_E_NO_SPACE;
  if (heap->starts && zone == ACRE_ZONE_RUNS && alignment <= ACRE_SEGMENT) {
    result = acre__start_take(count, &run);
    heap->starts = result == ACRE_OK || count > 1;
  }
  if (result != ACRE_OK) result = acre__run_take(arena, zone, count, alignment, &run);
  if (result != ACRE_OK) return result;
  run->heap = heap;
  run->local = NULL;
  run->previous_run = NULL;
  run->next_run = heap->runs;
  if (heap->runs != NULL) heap->runs->previous_run = run;
  heap->runs = run;
  heap->segments += count;
  heap->peak = acre__max(heap->peak, heap->segments);
  *out = run;
  return ACRE_OK;
}

void acre__heap_give(acre_heap *heap, struct acre__segment *run) {
  if (run->previous_run != NULL)
    run->previous_run->next_run = run->next_run;
  else
    heap->runs = run->next_run;
  if (run->next_run != NULL) run->next_run->previous_run = run->previous_run;
  heap->segments -= run->count;
  run->next_run = NULL;
  acre__runs_give(run);
}
