/* SPDX-License-Identifier: MIT */
#include "heap/medium.h"

#include <string.h>

#include "heap/check.h"
#include "vm/meta.h"

enum { FILL = 7, MOST = 8 << 20, LEAST = 1 << 20, OF_ALL = 32 << 20 };

/* Threads that have some. What each may keep is its part of what all may, when it begins. */
static _Atomic unsigned keepers;

#define SIZE(c) ((uint64_t)(128 + 16 * ((c) % 8 + 1)) << ((c) / 8 - 1))
#define MAGIC(c) UINT64_MAX / SIZE(c) + 1
#define EIGHT(c)                                                                                            \
  MAGIC(c), MAGIC((c) + 1), MAGIC((c) + 2), MAGIC((c) + 3), MAGIC((c) + 4), MAGIC((c) + 5), MAGIC((c) + 6), \
      MAGIC((c) + 7)

const uint64_t acre__medium_magic[] = {EIGHT(48), EIGHT(56), EIGHT(64), EIGHT(72)};

_Static_assert(sizeof acre__medium_magic == ACRE_MEDIUM_CLASSES * sizeof(uint64_t) && ACRE_SMALL_CLASSES == 48,
               "a row is missing");

static bool has_room(const struct acre__medium *medium, unsigned size_class, unsigned most) {
  return medium->counts[acre__medium_stack(size_class)] < most &&
         medium->bytes + acre__class_size(size_class) <= medium->most;
}

static void drop(struct acre__medium *medium) {
  atomic_fetch_sub_explicit(&keepers, 1, memory_order_relaxed);
  acre__meta_free(medium, sizeof *medium);
}

/* Memory is had outside of the stretch: another thread that stops this one must not wait for the system. */
static bool make(const acre_heap *heap, struct acre__thread *thread) {
  if (atomic_load_explicit(&thread->gate, memory_order_relaxed) != 0) return false;
  struct acre__medium *made = acre__meta_alloc(sizeof *made);
  if (made == NULL) return false;
  made->heap = heap;
  unsigned others = atomic_fetch_add_explicit(&keepers, 1, memory_order_relaxed);
  made->most = acre__max(acre__min(OF_ALL / (others + 1), MOST), LEAST);
  bool open = acre__enter(thread);
  if (open) thread->medium = made;
  acre__leave(thread);
  if (!open) drop(made);
  return open;
}

static ACRE_COLD void freed_twice(acre_heap *heap, const void *block, size_t size) {
  acre__misuse(heap, &(struct acre__misuse){.what = ACRE_HEAP_DOUBLE_FREE, .block = block, .size = size});
}

bool acre__medium_push(acre_heap *heap, unsigned size_class, void *block) {
  struct acre__thread *thread = &acre__this_thread;
  acre__thread_join(thread);
  if (thread->number == ACRE_OWNER_NONE || acre__segment_fast((uintptr_t)block) == NULL) return false;
  if (thread->medium == NULL && !make(heap, thread)) return false;
  acre__medium_place place = acre__medium_place_of(block);
  bool twice = false, done = false;
  if (acre__enter(thread)) {
    twice = acre__medium_has(thread->medium, size_class, place);
    done = !twice && acre__medium_put(thread->medium, size_class, place);
  }
  acre__leave(thread);
  if (twice) freed_twice(heap, block, acre__class_size(size_class));
  return done;
}

/* Blocks that are no thread's any more; double frees show here at the latest. */
static void give_back(acre_heap *heap, const acre__medium_place *places, unsigned count) {
  for (unsigned n = 0; n < count; n++) {
    void *block = acre__medium_block_at(places[n]);
    struct acre__found found = acre__block_find(block);
    if (found.segment == NULL || acre__block_free(heap, &found, block) != ACRE_OK) freed_twice(heap, block, found.size);
  }
}

/* Whether the next block of the class comes from where there are places. */
static bool has_next(const acre_heap *heap, unsigned i) {
  return heap->medium[i] != NULL && acre__segment_fast((uintptr_t)heap->medium[i]->start) != NULL;
}

void acre__medium_fill(acre_heap *heap, unsigned size_class) {
  struct acre__thread *thread = &acre__this_thread;
  unsigned i = acre__medium_stack(size_class);
  bool open = acre__enter(thread);
  struct acre__medium *medium = open ? thread->medium : NULL;
  while (medium != NULL && has_room(medium, size_class, FILL) && has_next(heap, i)) {
    acre_result why; /* none: the slab has a block */
    void *block = acre__block_alloc(heap, acre__class_size(size_class), 1, NULL, &why);
    acre__medium_put(medium, size_class, acre__medium_place_of(block));
  }
  acre__leave(thread);
}

/* Those that were freed first stay. */
void acre__medium_trim(acre_heap *heap, unsigned size_class) {
  struct acre__thread *thread = &acre__this_thread;
  unsigned i = acre__medium_stack(size_class), count = 0;
  acre__medium_place taken[ACRE_MEDIUM_STACK]; /* given back outside, where it may take as long as it likes */
  if (acre__enter(thread) && thread->medium != NULL) {
    struct acre__medium *medium = thread->medium;
    for (unsigned left = medium->counts[i] / 2; medium->counts[i] > left;) {
      acre__medium_place *last = &medium->stacks[i][--medium->counts[i]];
      taken[count++] = *last;
      *last = 0;
    }
    medium->bytes -= count * acre__class_size(size_class);
  }
  acre__leave(thread);
  give_back(heap, taken, count);
}

void acre__medium_empty(acre_heap *heap, struct acre__thread *thread, bool end) {
  struct acre__medium *medium = thread->medium;
  if (medium == NULL) return;
  for (unsigned i = 0; i < ACRE_MEDIUM_CLASSES; i++) {
    unsigned count = medium->counts[i];
    medium->counts[i] = 0;
    give_back(heap, medium->stacks[i], count);
    memset(medium->stacks[i], 0, sizeof medium->stacks[i]);
  }
  medium->bytes = 0;
  if (!end) return;
  thread->medium = NULL;
  drop(medium);
}

static void empty_one(struct acre__thread *thread, void *heap) {
  acre__medium_empty(heap, thread, false);
}

void acre__medium_empty_each(acre_heap *heap) {
  acre__threads_visit(empty_one, heap);
}
