/* SPDX-License-Identifier: MIT */
/*
 * The tour's chapter on heaps: a list destroyed at once against freed node by
 * node, two heaps against fragmentation, a heap to each thread, and a limit met.
 */
#define _POSIX_C_SOURCE 200809L
#include <acre/heap.h>
#include <pthread.h>
#include <stdio.h>

#include "message.h"
#include "progress.h"
#include "text.h"
#include "tour.h"

#define NODES 1000000
#define RECORDS 100000
#define RECORD_SIZE 64
#define THREADS 2
#define THREAD_BLOCKS 200000
#define LIMIT ((size_t)1 << 20)
#define LIMIT_BLOCK 10000

struct node {
  struct node *next;
  uint64_t value;
};

static size_t reserved_by(acre_heap *heap) {
  acre_heap_figures figures;
  return acre_heap_stats(heap, &figures) == ACRE_OK ? figures.reserved : 0;
}

/* ------------------------------------------------------------- a list */

static struct node *build_list(acre_heap *heap, size_t count) {
  struct node *first = NULL;
  for (size_t i = 0; i < count; i++) {
    struct node *node = acre_heap_alloc(heap, sizeof *node);
    if (node == NULL) break;
    *node = (struct node){first, i};
    first = node;
  }
  return first;
}

static size_t list_length(const struct node *node) {
  size_t length = 0;
  for (; node != NULL; node = node->next) length++;
  return length;
}

static size_t free_each(acre_heap *heap, struct node *node) {
  size_t freed = 0;
  for (struct node *next; node != NULL; node = next) {
    next = node->next;
    if (acre_heap_free(heap, node) == ACRE_OK) freed++;
  }
  return freed;
}

static void destroy_list(struct tour *tour) {
  char explanation[512];
  snprintf(explanation, sizeof explanation,
           _("Two lists of %s nodes, each in a heap of its own. One is freed node by node, as with malloc and free; "
             "a node that is forgotten is lost. The other one goes with its heap, in one call: nobody walks along it, "
             "and nothing can be forgotten."),
           text_count(NODES).s);
  tour_step(tour, _("A list, gone at once"), explanation);
  acre_heap *one = NULL, *other = NULL;
  double started = progress_clock();
  acre_result result = acre_heap_create(NULL, &one);
  if (result == ACRE_OK) result = acre_heap_create(NULL, &other);
  if (tour_call(tour, result, ACRE_OK, progress_clock() - started, _("acre_heap_create(NULL, &heap)  // twice"))) {
    struct node *walked = build_list(one, NODES), *dropped = build_list(other, NODES);
    bool complete = list_length(walked) == NODES && list_length(dropped) == NODES;
    started = progress_clock();
    size_t freed = free_each(one, walked);
    double each = progress_clock() - started;
    tour_call(tour, ACRE_OK, ACRE_OK, each, _("acre_heap_free(one, node)  // %s times"), text_count(freed).s);
    started = progress_clock();
    result = acre_heap_destroy(other);
    double at_once = progress_clock() - started;
    tour_call(tour, result, ACRE_OK, at_once, _("acre_heap_destroy(other)  // once"));
    if (at_once > 0)
      tour_say(_("Destroying the heap was %s times as fast as freeing each node."),
               text_count((uint64_t)(each / at_once)).s);
    tour_check(tour, complete && freed == NODES, _("both lists had all their nodes, and each node was freed"));
    tour_check(tour, acre_heap_of(dropped) == NULL, _("no node of the destroyed heap is a block any more"));
  }
  if (one != NULL) (void)acre_heap_destroy(one);
  tour_step_end(tour);
}

/* ------------------------------------------------------------- fragmentation */

/* Short-lived and long-lived records in turns; the short-lived ones go. Returns the segments' bytes that stay. */
static size_t mix(acre_heap *short_lived, acre_heap *long_lived, bool *complete) {
  static void *records[RECORDS];
  for (size_t i = 0; i < RECORDS; i++) {
    records[i] = acre_heap_alloc(short_lived, RECORD_SIZE);
    if (records[i] == NULL || acre_heap_alloc(long_lived, RECORD_SIZE) == NULL) *complete = false;
  }
  if (short_lived != long_lived) {
    (void)acre_heap_destroy(short_lived);
    return reserved_by(long_lived);
  }
  for (size_t i = 0; i < RECORDS; i++) (void)acre_heap_free(short_lived, records[i]);
  (void)acre_heap_compact(short_lived);
  return reserved_by(short_lived);
}

static void separate(struct tour *tour) {
  char explanation[512];
  snprintf(explanation, sizeof explanation,
           _("%s records that live shortly and as many that live long are made in turns. In one heap they lie side by "
             "side: when the short-lived ones go, they leave holes, and hardly any memory can go back. In two heaps "
             "the one goes as a whole."),
           text_count(RECORDS).s);
  tour_step(tour, _("Two heaps against fragmentation"), explanation);
  acre_heap *mixed = NULL, *short_lived = NULL, *long_lived = NULL;
  acre_result result = acre_heap_create(&(acre_heap_options){.name = "mixed"}, &mixed);
  if (result == ACRE_OK) result = acre_heap_create(&(acre_heap_options){.name = "short-lived"}, &short_lived);
  if (result == ACRE_OK) result = acre_heap_create(&(acre_heap_options){.name = "long-lived"}, &long_lived);
  if (result == ACRE_OK) {
    bool complete = true;
    size_t in_one = mix(mixed, mixed, &complete), in_two = mix(short_lived, long_lived, &complete);
    short_lived = NULL; /* destroyed */
    tour_figure(_("one heap"), _("%s held for %s of records"), text_size(in_one).s,
                text_size((uint64_t)RECORDS * RECORD_SIZE).s);
    tour_figure(_("two heaps"), _("%s held for %s of records"), text_size(in_two).s,
                text_size((uint64_t)RECORDS * RECORD_SIZE).s);
    tour_check(tour, complete && in_one > in_two + in_two / 2, _("one heap holds the holes too; two heaps do not"));
  } else {
    tour_check(tour, false, _("three heaps can be made"));
  }
  if (mixed != NULL) (void)acre_heap_destroy(mixed);
  if (short_lived != NULL) (void)acre_heap_destroy(short_lived);
  if (long_lived != NULL) (void)acre_heap_destroy(long_lived);
  tour_step_end(tour);
}

/* ------------------------------------------------------------- threads */

struct worker {
  pthread_t thread;
  acre_heap *heap;
  size_t made;
  double seconds;
};

static void *work(void *context) {
  struct worker *worker = context;
  double started = progress_clock();
  for (size_t i = 0; i < THREAD_BLOCKS; i++)
    if (acre_heap_alloc(worker->heap, 16 + i % 200) != NULL) worker->made++;
  worker->seconds = progress_clock() - started;
  return NULL;
}

static void heap_per_thread(struct tour *tour) {
  tour_step(tour, _("A heap to each thread"),
            _("A heap that one thread alone uses needs no lock and no atomic operation: it is made with "
              "ACRE_HEAP_SINGLE_THREAD. (A heap that threads share needs no lock either, most of the time: each thread "
              "has a part of it.) Two threads fill a heap each; then another thread destroys both."));
  struct worker workers[THREADS] = {{0}};
  unsigned started = 0;
  acre_heap_options options = {.name = "worker", .flags = ACRE_HEAP_SINGLE_THREAD};
  for (; started < THREADS; started++) {
    struct worker *worker = &workers[started];
    if (acre_heap_create(&options, &worker->heap) != ACRE_OK) break;
    if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
      (void)acre_heap_destroy(worker->heap);
      break;
    }
  }
  bool complete = started == THREADS;
  for (unsigned i = 0; i < started; i++) {
    pthread_join(workers[i].thread, NULL);
    acre_heap_figures figures;
    if (workers[i].made != THREAD_BLOCKS || acre_heap_stats(workers[i].heap, &figures) != ACRE_OK ||
        figures.blocks != THREAD_BLOCKS)
      complete = false;
    tour_say(_("thread %u: %s blocks, %.1f ns each, in a heap of %s"), i + 1, text_count(workers[i].made).s,
             workers[i].seconds * 1e9 / THREAD_BLOCKS, text_size(reserved_by(workers[i].heap)).s);
    if (acre_heap_destroy(workers[i].heap) != ACRE_OK) complete = false;
  }
  tour_check(tour, complete, _("each heap held its own thread's blocks, and no others"));
  tour_step_end(tour);
}

/* ------------------------------------------------------------- a limit */

static void meet_limit(struct tour *tour) {
  tour_step(tour, _("A limit, met"),
            _("A heap can have a hard limit, which a part of a program cannot exceed, whatever it does. At the limit "
              "an allocation fails, and says why; the heap goes on, and other heaps do not notice."));
  acre_heap *limited = NULL, *other = NULL;
  double started = progress_clock();
  acre_result result = acre_heap_create(&(acre_heap_options){.name = "limited", .limit = LIMIT}, &limited);
  double seconds = progress_clock() - started;
  if (result == ACRE_OK) result = acre_heap_create(NULL, &other);
  if (tour_call(tour, result, ACRE_OK, seconds, _("acre_heap_create(&(acre_heap_options){.limit = %zu}, &heap)  // %s"),
                LIMIT, text_size(LIMIT).s)) {
    size_t count = 0;
    void *last = NULL;
    for (void *block; (block = acre_heap_alloc(limited, LIMIT_BLOCK)) != NULL; last = block) count++;
    tour_say(_("%s blocks of %s bytes were had; the next one: NULL, %s"), text_count(count).s,
             text_count(LIMIT_BLOCK).s, acre_result_name(acre_heap_why(limited)));
    tour_check(tour, acre_heap_why(limited) == ACRE_E_HEAP_LIMIT && reserved_by(limited) <= LIMIT,
               _("the limit was met, and not exceeded: %s"), text_size(reserved_by(limited)).s);
    tour_check(tour, acre_heap_alloc(other, LIMIT_BLOCK) != NULL, _("another heap is not touched by it"));
    tour_check(tour, acre_heap_free(limited, last) == ACRE_OK && acre_heap_alloc(limited, LIMIT_BLOCK) != NULL,
               _("with one block freed there is room for another"));
  }
  if (limited != NULL) (void)acre_heap_destroy(limited);
  if (other != NULL) (void)acre_heap_destroy(other);
  tour_step_end(tour);
}

void tour_heap(struct tour *tour) {
  tour_chapter(tour, _("Heaps of one's own"));
  destroy_list(tour);
  separate(tour);
  heap_per_thread(tour);
  meet_limit(tour);
}
