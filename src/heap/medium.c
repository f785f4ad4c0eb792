/* SPDX-License-Identifier: MIT */
#include "heap/medium.h"

#include "heap/arena.h"
#include "heap/check.h"
#include "heap/runs.h"
#include "vm/meta.h"

enum { STACK_MOST = 8, KEPT_MOST = 4 << 20, FILL = 4, TICK_EVERY = 256 };

struct acre__medium {
  size_t bytes; /* in all stacks */
  uint32_t pops;
  uint8_t counts[ACRE_MEDIUM_CLASSES];
  void *stacks[ACRE_MEDIUM_CLASSES][STACK_MOST];
};

static unsigned stack_of(unsigned size_class) {
  unsigned stack = size_class - ACRE_SMALL_CLASSES;
  if (stack >= ACRE_MEDIUM_CLASSES) __builtin_unreachable();
  return stack;
}

void *acre__medium_pop(unsigned size_class) {
  struct acre__thread *thread = &acre__this_thread;
  unsigned i = stack_of(size_class);
  void *block = NULL;
  bool tick = false;
  if (acre__enter(thread) && thread->medium != NULL && thread->medium->counts[i] > 0) {
    block = thread->medium->stacks[i][--thread->medium->counts[i]];
    thread->medium->bytes -= acre__class_size(size_class);
    tick = ++thread->medium->pops % TICK_EVERY == 0;
  }
  acre__leave(thread);
  if (tick) acre__runs_tick(); /* a program that takes no segments has the old ones go, too */
  return block;
}

static bool has_room(const struct acre__medium *medium, unsigned size_class, unsigned most) {
  return medium->counts[stack_of(size_class)] < most && medium->bytes + acre__class_size(size_class) <= KEPT_MOST;
}

/* The thread may touch its own. False: there is no room. */
static bool push(struct acre__medium *medium, unsigned size_class, void *block) {
  unsigned i = stack_of(size_class);
  if (!has_room(medium, size_class, STACK_MOST)) return false;
  medium->stacks[i][medium->counts[i]++] = block;
  medium->bytes += acre__class_size(size_class);
  return true;
}

static bool has(const struct acre__medium *medium, unsigned size_class, const void *block) {
  unsigned i = stack_of(size_class);
  for (unsigned n = 0; n < medium->counts[i]; n++)
    if (medium->stacks[i][n] == block) return true;
  return false;
}

/* Memory is had outside of the stretch: another thread that stops this one must not wait for the system. */
static bool make(struct acre__thread *thread) {
  if (atomic_load_explicit(&thread->gate, memory_order_relaxed) != 0) return false;
  struct acre__medium *made = acre__meta_alloc(sizeof *made);
  if (made == NULL) return false;
  bool open = acre__enter(thread);
  if (open) thread->medium = made;
  acre__leave(thread);
  if (!open) acre__meta_free(made, sizeof *made);
  return open;
}

bool acre__medium_push(acre_heap *heap, unsigned size_class, void *block) {
  struct acre__thread *thread = &acre__this_thread;
  acre__thread_join(thread);
  if (thread->number == ACRE_OWNER_NONE) return false;
  if (thread->medium == NULL && !make(thread)) return false;
  bool twice = false, done = false;
  if (acre__enter(thread)) {
    twice = has(thread->medium, size_class, block);
    done = !twice && push(thread->medium, size_class, block);
  }
  acre__leave(thread);
  if (twice) acre__misuse(heap, ACRE_HEAP_DOUBLE_FREE, block, acre__class_size(size_class));
  return done;
}

bool acre__medium_free(void *block) {
  struct acre__thread *thread = &acre__this_thread;
  struct acre__segment *segment = acre__segment_fast((uintptr_t)block);
  if (segment == NULL || thread->medium == NULL) return false;
  if (acre__kind_of(segment) == ACRE_KIND_INSIDE) segment -= segment->count;
  const acre_heap *heap = segment->heap;
  if (acre__kind_of(segment) != ACRE_KIND_MEDIUM || heap == NULL || !heap->process || heap->checked) return false;
  unsigned size_class = segment->size_class;
  uint32_t offset = (uint32_t)((char *)block - segment->start), size = (uint32_t)acre__class_size(size_class);
  if (offset % size != 0 || offset / size >= segment->capacity) return false;
  bool done = acre__enter(thread) && !has(thread->medium, size_class, block) && push(thread->medium, size_class, block);
  acre__leave(thread);
  return done;
}

/* Blocks that are no thread's any more; double frees show here at the latest. */
static void give_back(acre_heap *heap, void *const *blocks, unsigned count) {
  for (unsigned n = 0; n < count; n++) {
    struct acre__found found = acre__block_find(blocks[n]);
    if (found.segment == NULL || acre__block_free(heap, &found, blocks[n]) != ACRE_OK)
      acre__misuse(heap, ACRE_HEAP_DOUBLE_FREE, blocks[n], found.size);
  }
}

void acre__medium_fill(acre_heap *heap, unsigned size_class) {
  struct acre__thread *thread = &acre__this_thread;
  unsigned i = stack_of(size_class);
  bool open = acre__enter(thread);
  while (open && thread->medium != NULL && has_room(thread->medium, size_class, FILL) && heap->medium[i] != NULL) {
    acre_result why; /* none: the slab has a block */
    push(thread->medium, size_class, acre__block_alloc(heap, acre__class_size(size_class), 1, NULL, &why));
  }
  acre__leave(thread);
}

/* Those that were freed first stay. */
void acre__medium_trim(acre_heap *heap, unsigned size_class) {
  struct acre__thread *thread = &acre__this_thread;
  unsigned i = stack_of(size_class), count = 0;
  void *taken[STACK_MOST]; /* given back outside, where it may take as long as it likes */
  if (acre__enter(thread) && thread->medium != NULL) {
    struct acre__medium *medium = thread->medium;
    for (unsigned left = medium->counts[i] / 2; medium->counts[i] > left;)
      taken[count++] = medium->stacks[i][--medium->counts[i]];
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
  }
  medium->bytes = 0;
  if (!end) return;
  thread->medium = NULL;
  acre__meta_free(medium, sizeof *medium);
}
