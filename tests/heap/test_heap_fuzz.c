/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of operations by several threads on several heaps, against a
 * model that all threads share: slots, each with what is known of one block.
 *
 *   threads   take a slot, do something to its block, put it back     (an epoch)
 *   one       with the others waiting: validates every heap, resets, destroys
 *             and makes some, compacts, forks a child that does the same
 *
 * ACRE_FUZZ_SECONDS says how long; two as part of the tests. --seed runs other
 * sequences; how the threads meet is another matter in every run.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "heap/heap_check.h"

enum { THREADS = 3, HEAPS = 6, SLOTS = 1500, EPOCH = SANITIZED ? 1500 : 6000, PATIENCE = 60 };

struct slot {
  atomic_flag taken;
  unsigned heap;
  unsigned char *block; /* NULL: none */
  size_t size;
  uint64_t mark;
};

static struct {
  acre_heap *heaps[HEAPS];
  acre_heap_options options[HEAPS];
  struct slot slots[SLOTS];
  pthread_barrier_t begin, end;
  atomic_bool stop;
  uint64_t seed;
  _Atomic uint64_t operations;
} fuzz;

static uint64_t below(uint64_t *state, uint64_t limit) {
  return test_random_next(state) % limit;
}

/* ------------------------------------------------------------- one operation */

static size_t random_size(uint64_t *state) {
  switch (below(state, 16)) {
    case 0: return (size_t)below(state, 200000);
    case 1:
    case 2: return (size_t)below(state, 20000);
    case 3: return (size_t)1 << below(state, 17);
    default: return (size_t)below(state, 700);
  }
}

static bool is_good(const struct slot *slot, size_t size) {
  return block_is_filled(slot->block, size, slot->size, slot->mark);
}

static void fill(struct slot *slot, void *block, size_t size, uint64_t mark) {
  slot->block = block;
  slot->size = size;
  slot->mark = mark;
  fill_block(block, size, mark);
}

static void allocate(struct slot *slot, uint64_t *state) {
  size_t size = random_size(state), alignment = 16;
  slot->heap = (unsigned)below(state, HEAPS);
  acre_heap *heap = fuzz.heaps[slot->heap];
  unsigned char *block;
  switch (below(state, 6)) {
    case 0:
      alignment = (size_t)1 << below(state, 18);
      block = acre_heap_alloc_aligned(heap, size, alignment);
      break;
    case 1:
      block = acre_heap_zalloc(heap, size);
      for (size_t i = 0; block != NULL && i < size; i += 1 + size / 64) CHECK_EQ(block[i], 0);
      break;
    default: block = acre_heap_alloc(heap, size); break;
  }
  if (block == NULL) {
    CHECK(fuzz.options[slot->heap].limit != 0 || fuzz.options[slot->heap].range != NULL);
    return;
  }
  CHECK_EQ((uintptr_t)block % alignment, 0);
  CHECK(acre_heap_of(block) == heap && acre_heap_size(block) >= size);
  fill(slot, block, size, test_random_next(state));
}

static void release(struct slot *slot, uint64_t *state) {
  acre_heap *heap = fuzz.heaps[slot->heap];
  CHECK(is_good(slot, slot->size));
  switch (below(state, 3)) {
    case 0: CHECK_OK(acre_free(slot->block)); break;
    case 1: CHECK_OK(acre_heap_free_sized(heap, slot->block, slot->size)); break;
    default: CHECK_OK(acre_heap_free(heap, slot->block)); break;
  }
  slot->block = NULL;
}

static void resize(struct slot *slot, uint64_t *state) {
  acre_heap *heap = fuzz.heaps[slot->heap];
  size_t size = random_size(state);
  CHECK(is_good(slot, slot->size));
  unsigned char *block = slot->block;
  if (below(state, 3) == 0) {
    if (acre_heap_resize_in_place(heap, block, size) != ACRE_OK) return;
  } else {
    block = acre_heap_realloc(heap, block, size);
    if (block == NULL) return;
  }
  slot->block = block;
  CHECK(is_good(slot, size < slot->size ? size : slot->size));
  fill(slot, block, size, slot->mark);
}

/* Slabs that fill, and are given back as their last block is free. */
static void allocate_and_release_many(uint64_t *state) {
  void *blocks[200];
  unsigned count = (unsigned)below(state, sizeof blocks / sizeof *blocks), from = (unsigned)below(state, count + 1);
  size_t size = (size_t)below(state, 2) == 0 ? 4096 : random_size(state);
  acre_heap *heap = fuzz.heaps[below(state, HEAPS)];
  for (unsigned i = 0; i < count; i++) blocks[i] = acre_heap_alloc(heap, size);
  for (unsigned i = 0; i < count; i++) CHECK_OK(acre_heap_free(heap, blocks[(from + i) % count]));
}

static bool see_nothing(const acre_heap_entry *entry, void *context) {
  (void)entry;
  (void)context;
  return true;
}

static void look(uint64_t *state) {
  acre_heap *heap = fuzz.heaps[below(state, HEAPS)];
  acre_heap_figures figures;
  acre_heap *heaps[HEAPS];
  switch (below(state, 8)) {
    case 0: CHECK_VALID(heap); break;
    case 1: CHECK_OK(acre_heap_stats(heap, &figures)); break;
    case 2: CHECK_OK(acre_heap_walk(heap, see_nothing, NULL)); break;
    case 3: (void)acre_heap_compact(below(state, 4) == 0 ? NULL : heap); break;
    case 4: CHECK(acre_heap_list(heaps, HEAPS) >= HEAPS); break;
    case 5: allocate_and_release_many(state); break;
    case 6:
      acre_heap_lock(heap);
      CHECK_OK(acre_heap_free(heap, acre_heap_alloc(heap, 100)));
      CHECK_OK(acre_heap_unlock(heap));
      break;
    default: { /* a heap of its own meanwhile */
      acre_heap *own = make_heap(below(state, 2) == 0 ? NULL : &(acre_heap_options){.flags = ACRE_HEAP_SINGLE_THREAD});
      for (uint64_t i = below(state, 100); i > 0; i--) CHECK(acre_heap_alloc(own, random_size(state)) != NULL);
      CHECK_OK(acre_heap_destroy(own));
      break;
    }
  }
}

static void operate(uint64_t *state) {
  if (below(state, 200) == 0) look(state);
  struct slot *slot = &fuzz.slots[below(state, SLOTS)];
  if (atomic_flag_test_and_set_explicit(&slot->taken, memory_order_acquire)) return;
  if (slot->block == NULL)
    allocate(slot, state);
  else if (below(state, 4) == 0)
    resize(slot, state);
  else
    release(slot, state);
  atomic_flag_clear_explicit(&slot->taken, memory_order_release);
}

/* ------------------------------------------------------------- epochs */

static void *run_epochs(void *number) {
  uint64_t state = fuzz.seed * 1000 + (uintptr_t)number;
  for (;;) {
    pthread_barrier_wait(&fuzz.begin);
    if (atomic_load(&fuzz.stop)) return NULL;
    for (unsigned i = 0; i < EPOCH; i++) operate(&state);
    atomic_fetch_add(&fuzz.operations, EPOCH);
    pthread_barrier_wait(&fuzz.end);
  }
}

static void *run_short(void *number) {
  uint64_t state = fuzz.seed * 77 + (uintptr_t)number;
  for (unsigned i = 0; i < EPOCH / 4; i++) operate(&state);
  return NULL;
}

static void make(unsigned i) {
  static char memory[(size_t)8 << 20];
  static const acre_heap_options options[HEAPS] = {{.name = "shared"},
                                                   {.name = "limited", .limit = 2 << 20},
                                                   {.name = "checked", .flags = ACRE_HEAP_CHECKED},
                                                   {.name = "borrowed", .range = memory, .range_size = sizeof memory},
                                                   {.name = "begun", .initial_commit = 3 << 20, .limit = 100 << 20},
                                                   {.name = "tight", .limit = 4 * ACRE_HEAP_SEGMENT}};
  fuzz.options[i] = options[i];
  fuzz.heaps[i] = make_heap(&options[i]);
}

static void check_all(void) {
  size_t blocks[HEAPS] = {0};
  for (unsigned i = 0; i < SLOTS; i++) {
    const struct slot *slot = &fuzz.slots[i];
    if (slot->block == NULL) continue;
    blocks[slot->heap]++;
    CHECK(is_good(slot, slot->size));
    if (i % 16 == 0) CHECK_OK(acre_heap_validate(fuzz.heaps[slot->heap], slot->block));
  }
  for (unsigned i = 0; i < HEAPS; i++) {
    CHECK_VALID(fuzz.heaps[i]);
    CHECK_EQ(figures_of(fuzz.heaps[i]).blocks, blocks[i]);
  }
  CHECK(acre__runs_are_valid());
}

static void end_some(uint64_t *state) {
  unsigned ended = (unsigned)below(state, HEAPS);
  for (unsigned i = 0; i < SLOTS; i++)
    if (fuzz.slots[i].heap == ended) fuzz.slots[i].block = NULL;
  if (below(state, 2) == 0) {
    CHECK_OK(acre_heap_reset(fuzz.heaps[ended]));
  } else {
    CHECK_OK(acre_heap_destroy(fuzz.heaps[ended]));
    make(ended);
  }
}

static void go_on_in_child(void *state) {
  test_end_after(PATIENCE);
  check_all();
#ifndef __SANITIZE_THREAD__
  pthread_t threads[2];
  for (uintptr_t i = 0; i < 2; i++) REQUIRE(pthread_create(&threads[i], NULL, run_short, (void *)(i + 50)) == 0);
  for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
#endif
  run_short((void *)60);
  end_some(state);
  check_all();
}

TEST(many_threads_and_heaps) {
  const char *wish = getenv("ACRE_FUZZ_SECONDS");
  long seconds = wish != NULL ? atol(wish) : 2;
  time_t until = time(NULL) + seconds;
  pthread_t threads[THREADS];
  fuzz.seed = test_random();
  uint64_t state = fuzz.seed, epochs = 0;
  for (unsigned i = 0; i < HEAPS; i++) make(i);
  REQUIRE(pthread_barrier_init(&fuzz.begin, NULL, THREADS + 1) == 0);
  REQUIRE(pthread_barrier_init(&fuzz.end, NULL, THREADS + 1) == 0);
  for (uintptr_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, run_epochs, (void *)i) == 0);
  do {
    pthread_barrier_wait(&fuzz.begin);
    pthread_barrier_wait(&fuzz.end);
    check_all();
    if (epochs % 3 == 0) end_some(&state);
    if (epochs % 5 == 0 && test_can_fork()) CHECK_EQ(test_in_child(go_on_in_child, &state), 0);
    if (epochs % 7 == 0) (void)acre_heap_compact(NULL);
    epochs++;
  } while (time(NULL) < until);
  atomic_store(&fuzz.stop, true);
  pthread_barrier_wait(&fuzz.begin);
  for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  if (wish != NULL)
    printf("  %llu epochs, %llu operations\n", (unsigned long long)epochs,
           (unsigned long long)atomic_load(&fuzz.operations));
  for (unsigned i = 0; i < HEAPS; i++) end_heap(fuzz.heaps[i]);
}
