/* SPDX-License-Identifier: MIT */
#include "heap/check.h"

#include <string.h>

#include "base/line.h"
#include "heap/arena.h"
#include "vm/services.h"

enum {
  FILL_BEHIND = 0xfb,
  FILL_FREED = 0xdf,
  BEHIND_LEAST = 8,
  HELD_MOST = 126, /* blocks in quarantine */
  HELD_BYTES_MOST = 1 << 20,
  HELD_BLOCK_MOST = HELD_BYTES_MOST / 4, /* a larger one would push too many others out */
  GONE_MOST = 62
};

#define STATE_LIVE UINT64_C(0x6c69766520626c6b)
#define STATE_FREED UINT64_C(0x6672656520626c6b)

/* The last bytes of a block. */
struct tail {
  uint64_t size, state;
};

/* A block that was freed and not held back. */
struct gone {
  const void *block;
  size_t size;
};

struct acre__quarantine {
  size_t bytes;
  uint32_t first, count;
  void *blocks[HELD_MOST];
  struct gone gone[GONE_MOST]; /* the last ones */
  uint32_t gone_next;
};

/* ------------------------------------------------------------- telling */

static const char *what_happened(acre_heap_misuse misuse) {
  switch (misuse) {
    case ACRE_HEAP_NOT_A_BLOCK: return "freed or resized what is no block of any heap";
    case ACRE_HEAP_WRONG_HEAP: return "freed or resized a block of another heap";
    case ACRE_HEAP_DOUBLE_FREE: return "freed or resized a block that is free already";
    case ACRE_HEAP_OVERFLOW: return "bytes behind the block's end were overwritten";
    case ACRE_HEAP_USE_AFTER_FREE: return "a block was written after it was freed";
    case ACRE_HEAP_CORRUPT: return "the heap's own data were overwritten";
    case ACRE_HEAP_WRONG_THREAD: return "a single-thread heap was used by a thread that did not make it";
    case ACRE_HEAP_WRONG_SIZE: return "freed a block with a size that is not its own";
  }
  return "misuse";
}

static void add_address(struct acre__line *line, const void *address) {
  acre__line_add(line, "0x");
  acre__line_add_number(line, (uintptr_t)address, 16);
}

static void add_size(struct acre__line *line, const struct acre__misuse *misuse) {
  size_t size = misuse->size != SIZE_MAX ? misuse->size : misuse->most;
  if (misuse->size == SIZE_MAX && misuse->most == 0) return;
  acre__line_add(line, misuse->size != SIZE_MAX ? " (" : " (at most ");
  acre__line_add_number(line, size, 10);
  acre__line_add(line, size == 1 ? " byte)" : " bytes)");
}

ACRE_COLD void acre__misuse(acre_heap *heap, const struct acre__misuse *misuse) {
  char text[256];
  struct acre__line line = acre__line_in(text, sizeof text - 1);
  acre__line_add(&line, "acre: heap '");
  acre__line_add(&line, heap->name);
  acre__line_add(&line, "': ");
  acre__line_add(&line, what_happened(misuse->what));
  if (misuse->owner != NULL) {
    acre__line_add(&line, ", '");
    acre__line_add(&line, misuse->owner->name);
    acre__line_add(&line, "'");
  }
  acre__line_add(&line, ": ");
  add_address(&line, misuse->block);
  if (misuse->inside != NULL) {
    acre__line_add(&line, ", inside of ");
    add_address(&line, misuse->inside);
  }
  add_size(&line, misuse);
  if (heap->on_error != NULL) {
    acre_heap_error error = {.misuse = misuse->what,
                             .heap = heap,
                             .name = heap->name,
                             .block = misuse->block,
                             .size = misuse->size == SIZE_MAX ? 0 : misuse->size,
                             .text = text};
    heap->on_error(&error, heap->context);
    return;
  }
  memcpy(text + strlen(text), "\n", 2); /* the line has left room for it */
  acre__vm_die(text);
}

/* ------------------------------------------------------------- tails */

/* A block's size is a multiple of 16, so its tail is aligned. */
static struct tail *tail_of(const struct acre__found *found, const void *block) {
  return (struct tail *)(void *)((char *)(uintptr_t)block + found->size - sizeof(struct tail));
}

static uint64_t state_for(const acre_heap *heap, const void *block, uint64_t state) {
  return state ^ heap->cookie ^ (uintptr_t)block;
}

static bool is_in_state(const acre_heap *heap, const struct acre__found *found, const void *block, uint64_t state) {
  return tail_of(found, block)->state == state_for(heap, block, state);
}

static size_t room_of(const struct acre__found *found) {
  return found->size - sizeof(struct tail);
}

/* Bytes behind the end that are filled and looked at: all of them, but in large blocks only the nearest. */
static size_t behind(const struct acre__found *found, size_t size) {
  size_t bytes = room_of(found) - size;
  return found->size_class == ACRE_ALL_CLASSES ? acre__min(bytes, 256) : bytes;
}

static bool are_all(const void *from, size_t size, unsigned char value) {
  const unsigned char *bytes = from;
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != value) return false;
  return true;
}

static void make_live(const acre_heap *heap, const struct acre__found *found, void *block, size_t size) {
  struct tail *tail = tail_of(found, block);
  tail->size = size ^ heap->cookie;
  tail->state = state_for(heap, block, STATE_LIVE);
  memset((char *)block + size, FILL_BEHIND, behind(found, size));
}

/* What was asked for; SIZE_MAX if that was overwritten. */
static size_t size_in(const acre_heap *heap, const struct acre__found *found, const void *block) {
  uint64_t size = tail_of(found, block)->size ^ heap->cookie;
  return size <= room_of(found) - BEHIND_LEAST ? (size_t)size : SIZE_MAX;
}

size_t acre__checked_size(const acre_heap *heap, const struct acre__found *found, const void *block) {
  if (block == acre__quarantine_get(heap) || !is_in_state(heap, found, block, STATE_LIVE)) return 0;
  size_t size = size_in(heap, found, block);
  return size == SIZE_MAX ? 0 : size;
}

static void tell(acre_heap *heap, acre_heap_misuse what, const struct acre__found *found, const void *block) {
  acre__misuse(heap, &(struct acre__misuse){.what = what,
                                            .block = block,
                                            .size = size_in(heap, found, block),
                                            .most = room_of(found) - BEHIND_LEAST});
}

/* Of a block that should be in use; tells of what is wrong. */
static bool is_good_live(acre_heap *heap, const struct acre__found *found, const void *block) {
  if (is_in_state(heap, found, block, STATE_FREED)) {
    tell(heap, ACRE_HEAP_DOUBLE_FREE, found, block);
    return false;
  }
  size_t size = size_in(heap, found, block);
  bool good = is_in_state(heap, found, block, STATE_LIVE) && size != SIZE_MAX &&
              are_all((const char *)block + size, behind(found, size), FILL_BEHIND);
  if (!good) tell(heap, ACRE_HEAP_OVERFLOW, found, block);
  return good;
}

/* Of a block that was freed: `linked`, its first bytes are a list's. */
static bool is_good_freed(acre_heap *heap, const struct acre__found *found, const void *block, bool linked) {
  size_t from = linked ? sizeof(struct acre__block) : 0;
  if (are_all((const char *)block + from, room_of(found) - from, FILL_FREED)) return true;
  tell(heap, ACRE_HEAP_USE_AFTER_FREE, found, block);
  return false;
}

/* ------------------------------------------------------------- quarantine */

static struct acre__quarantine *quarantine_of(acre_heap *heap) {
  struct acre__quarantine *held = acre__quarantine_get(heap);
  acre_result why;
  if (held != NULL) return held;
  held = acre__block_alloc(heap, sizeof *held, 1, NULL, &why);
  if (held == NULL) return NULL;
  memset(held, 0, sizeof *held);
  atomic_store_explicit(&heap->quarantine, held, memory_order_relaxed);
  return held;
}

static void let_go_of_oldest(acre_heap *heap, struct acre__quarantine *held) {
  void *block = held->blocks[held->first];
  struct acre__found found = acre__block_find(block);
  held->first = (held->first + 1) % HELD_MOST;
  held->count--;
  held->bytes -= found.size;
  /* One that was written is told of, and never handed out again. */
  if (is_good_freed(heap, &found, block, false)) (void)acre__block_free(heap, &found, block);
}

static void hold_back(acre_heap *heap, const struct acre__found *found, void *block) {
  struct acre__quarantine *held = quarantine_of(heap);
  if (held == NULL) {
    (void)acre__block_free(heap, found, block);
    return;
  }
  while (held->count == HELD_MOST || (held->count > 0 && held->bytes + found->size > HELD_BYTES_MOST))
    let_go_of_oldest(heap, held);
  held->blocks[(held->first + held->count) % HELD_MOST] = block;
  held->count++;
  held->bytes += found->size;
}

void acre__quarantine_empty(acre_heap *heap) {
  struct acre__quarantine *held = acre__quarantine_get(heap);
  while (held != NULL && held->count > 0) let_go_of_oldest(heap, held);
}

bool acre__checked_is_held(const acre_heap *heap, const void *block) {
  const struct acre__quarantine *held = acre__quarantine_get(heap);
  for (uint32_t i = 0; held != NULL && i < held->count; i++)
    if (held->blocks[(held->first + i) % HELD_MOST] == block) return true;
  return false;
}

/* What is not held back. So that a second free of it is told from that of any address. */
static void remember(acre_heap *heap, const void *block, size_t size) {
  struct acre__quarantine *held = quarantine_of(heap);
  if (held == NULL) return;
  held->gone[held->gone_next] = (struct gone){block, size};
  held->gone_next = (held->gone_next + 1) % GONE_MOST;
}

/* The size of the block that began there and is gone, the last of them if there were more; SIZE_MAX: none did. */
static size_t size_of_gone(const acre_heap *heap, const void *block) {
  const struct acre__quarantine *held = acre__quarantine_get(heap);
  for (uint32_t back = 1; held != NULL && block != NULL && back <= GONE_MOST; back++) {
    const struct gone *gone = &held->gone[(held->gone_next + GONE_MOST - back) % GONE_MOST];
    if (gone->block == block) return gone->size;
  }
  return SIZE_MAX;
}

/* ------------------------------------------------------------- the calls */

void acre__checked_not_a_block(acre_heap *heap, const void *pointer, const acre_heap *owner) {
  struct acre__misuse misuse = {.what = ACRE_HEAP_NOT_A_BLOCK, .block = pointer, .size = SIZE_MAX};
  if (owner != NULL && owner != heap) {
    misuse.what = ACRE_HEAP_WRONG_HEAP;
    misuse.owner = owner;
    misuse.size = acre_heap_size(pointer);
  } else {
    char *start;
    bool taken = acre__heap_lock(heap);
    struct acre__found around = acre__block_around(pointer, &start);
    size_t gone = size_of_gone(heap, pointer);
    if (gone != SIZE_MAX) {
      misuse.what = ACRE_HEAP_DOUBLE_FREE;
      misuse.size = gone;
    } else if (around.segment != NULL && around.segment->heap == heap && start != (void *)acre__quarantine_get(heap) &&
               is_in_state(heap, &around, start, STATE_LIVE)) {
      misuse.inside = start;
      misuse.size = size_in(heap, &around, start);
    }
    acre__heap_unlock(heap, taken);
  }
  acre__misuse(heap, &misuse);
}

/* `pointer`: what the call is about: a block, or for want of one the heap. */
static bool is_right_thread(acre_heap *heap, const void *pointer, size_t size) {
  if ((heap->flags & ACRE_HEAP_SINGLE_THREAD) == 0 || heap->maker == acre__thread_self()) return true;
  acre__misuse(heap, &(struct acre__misuse){.what = ACRE_HEAP_WRONG_THREAD, .block = pointer, .size = size});
  return false;
}

/* The bin's first block is handed out next; whoever wrote into it may have changed where its list goes on. */
static bool is_good_link(acre_heap *heap, unsigned size_class) {
  const struct acre__bin *bin = &acre__first_local(heap)->bins[size_class];
  const struct acre__block *first = bin->free;
  const struct acre__block *next = first == NULL ? NULL : acre__link_get(heap, first);
  if (next == NULL) return true;
  struct acre__found found = acre__block_find(next);
  if (found.segment != NULL && found.segment->heap == heap && found.size_class == size_class) return true;
  acre__misuse(heap, &(struct acre__misuse){.what = ACRE_HEAP_CORRUPT,
                                            .block = first,
                                            .size = SIZE_MAX,
                                            .most = acre__class_size(size_class) - sizeof(struct tail) - BEHIND_LEAST});
  return false;
}

void *acre__checked_alloc(acre_heap *heap, size_t size, size_t alignment, bool zero, acre_result *why) {
  size_t room;
  *why = ACRE_E_INVALID_SIZE;
  if (!acre__checked_add(size, BEHIND_LEAST + sizeof(struct tail), &room)) return NULL;
  *why = ACRE_E_INVALID_ARGUMENT;
  if (!is_right_thread(heap, heap, SIZE_MAX)) return NULL;
  unsigned size_class = acre__class_aligned(room, alignment);
  if (size_class < ACRE_SMALL_CLASSES && !is_good_link(heap, size_class)) return NULL;
  bool fresh;
  void *block = acre__block_alloc(heap, room, alignment, &fresh, why);
  if (block == NULL && acre__quarantine_get(heap) != NULL && acre__quarantine_get(heap)->count > 0) {
    acre__quarantine_empty(heap);
    block = acre__block_alloc(heap, room, alignment, &fresh, why);
  }
  if (block == NULL) return NULL;
  struct acre__found found = acre__block_find(block);
  if (is_in_state(heap, &found, block, STATE_FREED) && found.size_class != ACRE_ALL_CLASSES &&
      !is_good_freed(heap, &found, block, found.size_class < ACRE_SMALL_CLASSES)) {
    *why = ACRE_E_INVALID_ARGUMENT; /* the block is lost, as somebody may write it again */
    return NULL;
  }
  make_live(heap, &found, block, size);
  if (zero && !fresh) memset(block, 0, size);
  return block;
}

acre_result acre__checked_free(acre_heap *heap, const struct acre__found *found, void *block, size_t size) {
  if (!is_right_thread(heap, block, size_in(heap, found, block))) return ACRE_E_NOT_A_BLOCK;
  if (block == acre__quarantine_get(heap)) {
    acre__misuse(heap, &(struct acre__misuse){.what = ACRE_HEAP_NOT_A_BLOCK, .block = block, .size = SIZE_MAX});
    return ACRE_E_NOT_A_BLOCK;
  }
  if (!is_good_live(heap, found, block)) return ACRE_E_NOT_A_BLOCK;
  size_t requested = size_in(heap, found, block);
  if (size != SIZE_MAX && size != requested) {
    tell(heap, ACRE_HEAP_WRONG_SIZE, found, block);
    return ACRE_E_NOT_A_BLOCK;
  }
  tail_of(found, block)->state = state_for(heap, block, STATE_FREED);
  if (found->size > HELD_BLOCK_MOST) {
    remember(heap, block, requested);
    return acre__block_free(heap, found, block);
  }
  memset(block, FILL_FREED, room_of(found));
  hold_back(heap, found, block);
  return ACRE_OK;
}

acre_result acre__checked_resize(acre_heap *heap, const struct acre__found *found, void *block, size_t size) {
  size_t room;
  if (!is_right_thread(heap, block, size_in(heap, found, block))) return ACRE_E_NOT_A_BLOCK;
  if (!is_good_live(heap, found, block)) return ACRE_E_NOT_A_BLOCK;
  if (!acre__checked_add(size, BEHIND_LEAST + sizeof(struct tail), &room)) return ACRE_E_NO_SPACE;
  acre_result result = acre__block_resize(heap, found, room);
  if (result != ACRE_OK) return result;
  struct acre__found now = acre__block_find(block);
  make_live(heap, &now, block, size);
  return ACRE_OK;
}

bool acre__checked_is_valid(acre_heap *heap, const struct acre__found *found, const void *block) {
  if (block == acre__quarantine_get(heap)) return true;
  if (acre__checked_is_held(heap, block)) return is_good_freed(heap, found, block, false);
  return is_good_live(heap, found, block);
}

bool acre__checked_free_is_valid(acre_heap *heap, const struct acre__found *found, const void *block) {
  return !is_in_state(heap, found, block, STATE_FREED) || is_good_freed(heap, found, block, true);
}
