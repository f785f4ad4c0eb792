/* SPDX-License-Identifier: MIT */
/*
 * local.h - threads and their locals: who has which, and how a thread works on
 * its own without a lock while another one can stop it.
 *
 *   owner    busy = 1; gate == 0 ? ......... its locals ......... busy = 0
 *   stopper  gate = 1; a fence in every thread; waits for busy == 0 ... gate = 0
 *
 * The owner pays two stores and a load of its own memory. The order of its store
 * and its load is the stopper's business, who makes every thread pass a fence
 * (membarrier). A thread that finds its gate closed takes the heap's lock for
 * what it does, and so does everybody where there is no membarrier: their gates
 * are never open.
 *
 * A thread finds its local in a small cache by the heap's id. Ids are never
 * used again, so an entry of a heap that is gone matches nothing, and a stale
 * local is never touched. What is not in the cache is found by the heap's lock.
 *
 * A local outlives its thread: it is nobody's until the next thread comes that
 * has none. A thread that is past its end (it runs what other libraries put there) works on a
 * local that is nobody's, with the heap's lock.
 *
 * Locks: that of all heaps (heaps.h) keeps heaps from going away; the one here is
 * for the list of threads and for closing gates.
 */
#ifndef ACRE_HEAP_LOCAL_H
#define ACRE_HEAP_LOCAL_H

#include "heap/heap.h"

enum { ACRE_CACHE_SLOTS = 8 };

struct acre__cache_entry {
  uint64_t id; /* 0: none */
  struct acre__local *local;
};

/* Each thread's own; in the list of threads from its first use of a shared heap to its end. */
struct acre__thread {
  _Atomic uint32_t busy;
  _Atomic uint32_t gate;          /* how many keep it closed */
  uint32_t number;                /* ACRE_OWNER_NONE: not in the list */
  acre_result why;                /* its last allocation failed */
  struct acre__bin *process_bins; /* of its local of the process heap; acre__no_bins: it has none */
  struct acre__cache_entry cache[ACRE_CACHE_SLOTS];
  struct acre__medium *medium; /* blocks at hand, or NULL: medium.h */
  bool ended, evicted;         /* past its end; has had more locals than the cache holds */
  struct acre__thread *next, *previous;
};

extern ACRE_THREAD_LOCAL struct acre__thread acre__this_thread;

/* A heap's slot, in bytes, as every allocation adds it. */
static inline uint32_t acre__cache_slot(uint64_t id) {
  return (uint32_t)(offsetof(struct acre__thread, cache) + id % ACRE_CACHE_SLOTS * sizeof(struct acre__cache_entry));
}

/* The one entry of the thread's cache that may be the heap's. */
static inline struct acre__cache_entry *acre__cache_entry_of(struct acre__thread *thread, const acre_heap *heap) {
  return (struct acre__cache_entry *)(void *)((char *)thread + heap->slot);
}

/* Bins of nobody's, with nothing in them, that nobody writes. */
extern struct acre__bin acre__no_bins[ACRE_SMALL_CLASSES];

/* From here to acre__leave the thread may touch its locals, if this says true; else it needs the heap's lock. */
static inline bool acre__enter(struct acre__thread *thread) {
  atomic_store_explicit(&thread->busy, 1, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
  return ACRE_LIKELY(atomic_load_explicit(&thread->gate, memory_order_acquire) == 0);
}

static inline void acre__leave(struct acre__thread *thread) {
  atomic_store_explicit(&thread->busy, 0, memory_order_release);
}

/* Puts the calling thread into the list, unless it is there or past its end. */
void acre__thread_join(struct acre__thread *thread);

/*
 * With the heap's lock: the caller's local, made if need be, and noted in the
 * cache. On failure *out is NULL: ACRE_E_HEAP_LIMIT, ACRE_E_NO_MEMORY...
 */
acre_result acre__local_claim(acre_heap *heap, struct acre__local **out);

/* A fresh local in a home, whose memory may hold anything; `clean`: it is as acre__local_clean has left it. */
void acre__local_init(struct acre__local *local, acre_heap *heap, struct acre__segment *home, uint32_t number,
                      bool clean);

/*
 * Of a local without slabs, that nobody uses any more: bins, units and what is carved are zero
 * afterwards, at the cost of what was used of them. Zeros all over are half of what a short-lived heap costs.
 */
void acre__local_clean(struct acre__local *local);

/* Nothing is in it any more, and it is its thread's still. */
void acre__local_empty(struct acre__local *local);

/* With the heap's lock: a run of segments for the heap, within its limit, linked to its others. */
acre_result acre__heap_take(acre_heap *heap, unsigned zone, size_t count, size_t alignment, struct acre__segment **out);

/* With the heap's lock: gives one of its runs back. */
void acre__heap_give(acre_heap *heap, struct acre__segment *run);

/*
 * The heap's lock, for whoever does not have it already; returns whether it was
 * taken. A single-thread heap has it against forks alone.
 */
static inline bool acre__heap_lock(acre_heap *heap) {
  if (ACRE_UNLIKELY(acre__lock_is_mine(&heap->lock))) return false;
  acre__lock(&heap->lock);
  return true;
}

static inline void acre__heap_unlock(acre_heap *heap, bool taken) {
  if (taken) acre__unlock(&heap->lock);
}

/* Stops all other threads that use heaps, outside what needs a lock; and lets them go. May be called by several. */
void acre__threads_stop(void);
void acre__threads_go(void);

/* Calls `visit` for every thread of the list, with its lock, which the caller may have. */
void acre__threads_visit(void (*visit)(struct acre__thread *thread, void *context), void *context);

/* Around fork: acre__threads_stop and the lock. */
void acre__threads_fork_before(void);
void acre__threads_fork_in_parent(void);
void acre__threads_fork_in_child(void);

/* Sets up what threads need, once. */
acre_result acre__threads_prepare(void);

#endif
