/* SPDX-License-Identifier: MIT */
/* One heap, many threads: frees across them, their ends, locking, stale locals. */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "heap/heap_check.h"
#include "heap/local.h"
#include "vm/services.h"

enum { WORKERS = 4, ROUNDS = SANITIZED ? 10000 : 60000, SLOTS = 512 };

static pthread_t start(void *(*run)(void *), void *argument) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, run, argument) == 0);
  return thread;
}

static size_t random_size(uint64_t *state) {
  uint64_t number = test_random_next(state);
  switch (number >> 8 & 63) {
    case 0: return (size_t)(number % 100000);
    case 1:
    case 2: return (size_t)(number % 9000);
    default: return (size_t)(number % 300);
  }
}

/* ------------------------------------------------------------- blocks that wander */

struct slot {
  _Atomic(unsigned char *) block;
};

static struct shared {
  acre_heap *heap;
  struct slot slots[SLOTS];
} shared;

/* A block begins with its size, and every byte behind that is the size's. */
static unsigned char *make_block(acre_heap *heap, uint64_t *state) {
  size_t size = sizeof(size_t) + random_size(state);
  unsigned char *block = test_random_next(state) % 8 == 0 ? acre_heap_alloc_aligned(heap, size, 64)
                                                          : acre_heap_alloc(heap, size);
  if (block == NULL) return NULL;
  memcpy(block, &size, sizeof size);
  memset(block + sizeof size, (int)size, size - sizeof size);
  return block;
}

static void check_and_free(acre_heap *heap, unsigned char *block) {
  size_t size;
  memcpy(&size, block, sizeof size);
  CHECK(acre_heap_size(block) >= size);
  for (size_t i = sizeof size; i < size; i++)
    if (block[i] != (unsigned char)size) {
      test_fail(__FILE__, __LINE__, "byte %zu of %zu", i, size);
      break;
    }
  CHECK_OK(acre_heap_free(heap, block));
}

static void *exchange_blocks(void *seed) {
  uint64_t state = (uintptr_t)seed;
  for (size_t i = 0; i < ROUNDS; i++) {
    unsigned char *mine = make_block(shared.heap, &state);
    struct slot *slot = &shared.slots[test_random_next(&state) % SLOTS];
    unsigned char *other = atomic_exchange_explicit(&slot->block, mine, memory_order_acq_rel);
    if (other != NULL) check_and_free(shared.heap, other);
  }
  return NULL;
}

static void exchange(const acre_heap_options *options) {
  pthread_t threads[WORKERS];
  shared.heap = make_heap(options);
  for (int generation = 0; generation < 3; generation++) {
    for (uintptr_t i = 0; i < WORKERS; i++) threads[i] = start(exchange_blocks, (void *)(i + 1));
    for (int look = 0; look < 20; look++) {
      CHECK_VALID(shared.heap);
      usleep(1000);
    }
    for (unsigned i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
    CHECK_VALID(shared.heap);
    /* Threads that end leave their locals to those that come. */
    CHECK(figures_of(shared.heap).locals <= WORKERS + 1);
  }
  for (unsigned i = 0; i < SLOTS; i++) {
    unsigned char *block = atomic_exchange(&shared.slots[i].block, NULL);
    if (block != NULL) check_and_free(shared.heap, block);
  }
  CHECK_EQ(figures_of(shared.heap).blocks, 0);
  (void)acre_heap_compact(shared.heap);
  CHECK_VALID(shared.heap);
  CHECK(figures_of(shared.heap).reserved <= (WORKERS + 1) * ACRE_HEAP_SEGMENT);
  end_heap(shared.heap);
}

TEST(blocks_wander_between_threads) {
  exchange(NULL);
}

TEST(with_a_limit) {
  exchange(&(acre_heap_options){.limit = 2 << 20});
}

TEST(in_a_checked_heap) {
  if (SANITIZED) test_skip("much of the same, and slow");
  exchange(&(acre_heap_options){.flags = ACRE_HEAP_CHECKED});
}

/* ------------------------------------------------------------- producer and consumer */

enum { RING = 1024, GOODS = SANITIZED ? 50000 : 300000 };

static struct {
  acre_heap *heap;
  _Atomic size_t head, tail;
  void *blocks[RING];
} ring;

static void *consume(void *nothing) {
  for (size_t i = 0; i < GOODS; i++) {
    while (atomic_load_explicit(&ring.head, memory_order_acquire) == i) sched_yield();
    CHECK_OK(acre_free(ring.blocks[i % RING]));
    atomic_store_explicit(&ring.tail, i + 1, memory_order_release);
  }
  return nothing;
}

TEST(what_one_makes_another_frees) {
  ring.heap = make_heap(NULL);
  pthread_t consumer = start(consume, NULL);
  for (size_t i = 0; i < GOODS; i++) {
    void *block = acre_heap_alloc(ring.heap, 16 + i % 200);
    REQUIRE(block != NULL);
    memset(block, 1, 16);
    while (i - atomic_load_explicit(&ring.tail, memory_order_acquire) >= RING) sched_yield();
    ring.blocks[i % RING] = block;
    atomic_store_explicit(&ring.head, i + 1, memory_order_release);
  }
  pthread_join(consumer, NULL);
  CHECK_EQ(figures_of(ring.heap).blocks, 0);
  /* What was freed was used again: the ring holds 200 KiB. */
  CHECK(figures_of(ring.heap).peak <= 8 << 20);
  end_heap(ring.heap);
}

/* ------------------------------------------------------------- stale locals */

static struct {
  acre_heap *_Atomic heap;
  _Atomic unsigned turn;
} handed;

static void *use_what_is_handed(void *nothing) {
  for (unsigned i = 0; i < (SANITIZED ? 300 : 5000); i++) {
    while (atomic_load(&handed.turn) != 2 * i + 1) sched_yield();
    acre_heap *heap = atomic_load(&handed.heap);
    for (size_t size = 1; size < 5000; size *= 3) {
      void *block = acre_heap_alloc(heap, size);
      REQUIRE(block != NULL);
      memset(block, 0x55, size);
      if (size % 2 == 0) CHECK_OK(acre_heap_free(heap, block));
    }
    atomic_store(&handed.turn, 2 * i + 2);
  }
  return nothing;
}

/* Made by one thread, used by another, destroyed by the first: at the same address, again and again. */
TEST(a_destroyed_heap_leaves_no_stale_local) {
  atomic_store(&handed.turn, 0);
  pthread_t user = start(use_what_is_handed, NULL);
  for (unsigned i = 0; i < (SANITIZED ? 300 : 5000); i++) {
    acre_heap *heap = make_heap(NULL);
    if (i % 3 == 0) CHECK(acre_heap_alloc(heap, 10) != NULL);
    atomic_store(&handed.heap, heap);
    atomic_store(&handed.turn, 2 * i + 1);
    while (atomic_load(&handed.turn) != 2 * i + 2) sched_yield();
    if (i % 5 == 0) CHECK_OK(acre_heap_reset(heap));
    if (i % 100 == 0) CHECK_VALID(heap);
    CHECK_OK(acre_heap_destroy(heap));
  }
  pthread_join(user, NULL);
  CHECK(acre__runs_are_valid());
}

/* ------------------------------------------------------------- ends of threads */

static void *use_many_heaps(void *heaps) {
  for (unsigned i = 0; i < 30; i++) CHECK(acre_heap_alloc(((acre_heap **)heaps)[i], 100) != NULL);
  return NULL;
}

TEST(threads_that_end_leave_their_locals) {
  static char memory[1 << 20];
  acre_heap *heaps[30];
  for (unsigned i = 0; i < 30; i++)
    heaps[i] = make_heap(i == 3 ? &(acre_heap_options){.range = memory, .range_size = sizeof memory} : NULL);
  for (unsigned round = 0; round < 100; round++) pthread_join(start(use_many_heaps, heaps), NULL);
  for (unsigned i = 0; i < 30; i++) {
    CHECK_EQ(figures_of(heaps[i]).locals, 1);
    CHECK_EQ(figures_of(heaps[i]).blocks, 100);
    end_heap(heaps[i]);
  }
}

enum { ENDING = 3 };

static struct {
  acre_heap *heaps[ENDING]; /* one of each sort */
  _Atomic unsigned done;    /* threads that have no more to do with them */
} ending;

static void *use_and_end(void *nothing) {
  for (unsigned i = 0; i < ENDING; i++)
    for (size_t size = 8; size < 9000; size *= 2) {
      void *block = acre_heap_alloc(ending.heaps[i], size);
      CHECK(block != NULL);
      if ((size & 64) != 0) CHECK_OK(acre_heap_free(ending.heaps[i], block));
    }
  atomic_fetch_add(&ending.done, 1);
  return nothing;
}

/* A thread that ends leaves its local to a heap that may be going, or gone, at this very moment. */
TEST(threads_end_while_their_heaps_go) {
  static char memory[4 << 20];
  for (unsigned round = 0; round < (SANITIZED ? 100 : 1000); round++) {
    pthread_t threads[2];
    ending.heaps[0] = make_heap(NULL);
    ending.heaps[1] = make_heap(&(acre_heap_options){.range = memory, .range_size = sizeof memory});
    ending.heaps[2] = make_heap(&(acre_heap_options){.flags = ACRE_HEAP_CHECKED});
    atomic_store(&ending.done, 0);
    for (unsigned i = 0; i < 2; i++) threads[i] = start(use_and_end, NULL);
    while (atomic_load(&ending.done) < 2) sched_yield();
    for (unsigned i = 0; i < ENDING; i++) {
      if (round % 3 == 0) CHECK_OK(acre_heap_reset(ending.heaps[i]));
      if (round % 7 == 0) CHECK_VALID(ending.heaps[i]);
      CHECK_OK(acre_heap_destroy(ending.heaps[i]));
    }
    for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  }
  CHECK(acre__runs_are_valid());
}

static void *make_and_end(void *nothing) {
  for (unsigned i = 0; i < (SANITIZED ? 5000 : 100000); i++) {
    acre_heap *heap = make_heap(NULL);
    for (size_t size = 1000; size < 60000; size += size / 4) CHECK(acre_heap_alloc(heap, size) != NULL);
    CHECK_OK(acre_heap_destroy(heap));
  }
  atomic_fetch_add(&ending.done, 1);
  return nothing;
}

/* While a heap's runs go back, its home may be another heap's already, or without memory. */
TEST(a_home_is_free_before_its_heaps_runs_are) {
  atomic_store(&ending.done, 0);
  pthread_t threads[2];
  for (unsigned i = 0; i < 2; i++) threads[i] = start(make_and_end, NULL);
  while (atomic_load(&ending.done) < 2) (void)acre_heap_compact(NULL);
  for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  CHECK(acre__runs_are_valid());
}

static struct {
  acre_heap *heap;
  atomic_bool stop;
} emptied;

enum { PAGES = 96 }; /* blocks of 4 KiB: six slabs */

static void fill_and_empty(acre_heap *heap, size_t count) {
  void *blocks[PAGES];
  for (size_t i = 0; i < count; i++) REQUIRE((blocks[i] = acre_heap_alloc(heap, 4096)) != NULL);
  for (size_t i = count; i-- > 0;) CHECK_OK(acre_heap_free(heap, blocks[i]));
}

static void *empty_slabs(void *nothing) {
  while (!atomic_load(&emptied.stop)) fill_and_empty(emptied.heap, PAGES);
  return nothing;
}

static void *compact_again_and_again(void *nothing) {
  while (!atomic_load(&emptied.stop)) (void)acre_heap_compact(emptied.heap);
  return nothing;
}

/* Who has freed a slab's last block finds the slab gone, and another heap's by now, when it has the lock. */
TEST(an_empty_slab_is_given_back_once) {
  emptied.heap = make_heap(NULL);
  atomic_store(&emptied.stop, false);
  pthread_t threads[2] = {start(empty_slabs, NULL), start(compact_again_and_again, NULL)};
  acre_heap *other = make_heap(NULL);
  for (unsigned i = 0; i < (SANITIZED ? 10000 : 300000); i++) {
    fill_and_empty(other, 64);
    if (i % 64 == 0) CHECK_VALID(other);
  }
  atomic_store(&emptied.stop, true);
  for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  end_heap(other);
  end_heap(emptied.heap);
}

static pthread_key_t late;
static acre_heap *late_heap;

/* Runs after Acre's own end of the thread, in whatever order keys are served. */
static void allocate_late(void *times) {
  void *block = acre_heap_alloc(late_heap, 100);
  CHECK(block != NULL);
  CHECK_OK(acre_free(block));
  CHECK(acre_heap_alloc(late_heap, 50) != NULL);
  if ((uintptr_t)times > 1) pthread_setspecific(late, (void *)((uintptr_t)times - 1));
}

static void *allocate_and_end(void *nothing) {
  CHECK(acre_heap_alloc(late_heap, 10) != NULL);
  pthread_setspecific(late, (void *)4);
  return nothing;
}

TEST(a_thread_past_its_end_may_allocate) {
  REQUIRE(pthread_key_create(&late, allocate_late) == 0);
  late_heap = make_heap(NULL);
  for (unsigned i = 0; i < 50; i++) pthread_join(start(allocate_and_end, NULL), NULL);
  CHECK_EQ(figures_of(late_heap).blocks, 50 * 5);
  CHECK_EQ(figures_of(late_heap).locals, 1);
  end_heap(late_heap);
  pthread_key_delete(late);
}

/* ------------------------------------------------------------- locking */

static struct {
  acre_heap *heap;
  atomic_bool stop;
  _Atomic size_t done;
} locked;

static void *work(void *look) {
  while (!atomic_load(&locked.stop)) {
    void *block = acre_heap_alloc(locked.heap, 100);
    CHECK_OK(acre_heap_free(locked.heap, block));
    atomic_fetch_add(&locked.done, 1);
  }
  if (look != NULL) CHECK_EQ(atomic_load(&acre__this_thread.gate), acre__vm_fence_prepare() != ACRE_OK);
  return NULL;
}

TEST(a_locked_heap_waits_for_its_owner) {
  locked.heap = make_heap(NULL);
  acre_heap *other = make_heap(NULL);
  pthread_t worker = start(work, &locked);
  for (unsigned i = 0; i < 20; i++) {
    size_t before = atomic_load(&locked.done);
    while (atomic_load(&locked.done) < before + 100) sched_yield();
    acre_heap_lock(locked.heap);
    acre_heap_lock(locked.heap); /* nests */
    before = atomic_load(&locked.done);
    void *block = acre_heap_alloc(locked.heap, 200); /* its owner goes on */
    CHECK(block != NULL && acre_heap_alloc(other, 10) != NULL);
    usleep(2000);
    CHECK(atomic_load(&locked.done) <= before + 1); /* the call it was leaving */
    CHECK_OK(acre_heap_free(locked.heap, block));
    CHECK_VALID(locked.heap);
    CHECK_OK(acre_heap_unlock(locked.heap));
    CHECK_OK(acre_heap_unlock(locked.heap));
    CHECK_RESULT(acre_heap_unlock(locked.heap), ACRE_E_INVALID_ARGUMENT);
  }
  acre_heap_lock(other);
  acre_heap_lock(other);
  CHECK_OK(acre_heap_destroy(other)); /* and nobody is stopped by it any more */
  atomic_store(&locked.stop, true);
  pthread_join(worker, NULL);
  end_heap(locked.heap);
}
