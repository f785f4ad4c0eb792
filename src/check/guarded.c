/* SPDX-License-Identifier: MIT */
#include "check/guarded.h"

#include <acre/vm.h>
#include <stdatomic.h>
#include <string.h>

#include "base/lock.h"
#include "base/math.h"
#include "check/check.h"
#include "check/pool.h"
#include "check/signals.h"
#include "check/stacks.h"
#include "check/story.h"
#include "vm/bare.h"
#include "vm/root.h"

enum {
  CHUNK_SHIFT = 21,
  SHARED_PAGES =
      64, /* longer slots have chunks of their own, and what is more than a chunk has, where pages are large */
  LARGE_CLASSES = 24,
  CLASSES = SHARED_PAGES + LARGE_CLASSES,
  FILL = 0xfb,
  MALLOC_ALIGNMENT = 16
};

#define CHUNK ((size_t)1 << CHUNK_SHIFT)
#define RANGE_BYTES ((size_t)1 << 40)
#define RANGE_LEAST ((size_t)1 << 30)
#define QUARANTINE ((size_t)1 << 30)

enum state { FRESH, LIVE, FREED };

/* A slot's record. */
struct acre__guarded {
  char *block;
  size_t size;
  _Atomic uint32_t state;
  uint32_t next;  /* in its class's queue; lock */
  uint32_t first; /* page of the range */
  uint32_t pages; /* the guard included */
  uint32_t allocation, freeing;
  uint32_t allocated_by, freed_by;
  uint32_t mark; /* leaks.c's */
};

/* What lies in a chunk. `slots` 0: nothing yet. */
struct chunk {
  uint32_t before; /* chunks from the first one of its slot */
  uint32_t pages;  /* of a slot */
  uint32_t slots;
  uint32_t record; /* of the first slot */
};

/* Slots of one length, which is exact up to SHARED_PAGES, and then a power of two of chunks. */
struct slot_class {
  uint32_t oldest, newest; /* freed slots; 0: none */
  size_t waiting;          /* bytes of their addresses */
  uint32_t fresh, left;    /* slots of the newest chunk that were never used */
};

static struct {
  struct acre__lock lock;
  char *base;
  size_t size, page;
  unsigned page_shift;
  bool under, tight;
  size_t limit;          /* bytes that blocks may have; SIZE_MAX: no limit */
  size_t most;           /* blocks in use that the system has mappings for */
  _Atomic size_t bytes;  /* of the pages of blocks in use */
  _Atomic size_t chunks; /* that are used, in ascending order */
  struct chunk *table;   /* of all chunks */
  struct acre__pool table_pool, records;
  struct slot_class classes[CLASSES];
} heap;

/* ------------------------------------------------------------- slots */

static struct acre__guarded *record_of(uint32_t number) {
  return (struct acre__guarded *)(void *)heap.records.base + number;
}

static uint32_t number_of(const struct acre__guarded *slot) {
  return (uint32_t)(slot - record_of(0));
}

static char *start_of(const struct acre__guarded *slot) {
  return heap.base + ((size_t)slot->first << heap.page_shift);
}

static char *guard_of(const struct acre__guarded *slot) {
  return start_of(slot) + ((size_t)(slot->pages - 1) << heap.page_shift);
}

/* Whether slots of that length share chunks. */
static bool is_shared(size_t pages) {
  return pages <= acre__min(SHARED_PAGES, CHUNK >> heap.page_shift);
}

static unsigned class_of(size_t pages) {
  if (is_shared(pages)) return (unsigned)pages - 1;
  unsigned class = SHARED_PAGES;
  for (size_t room = CHUNK >> heap.page_shift; room < pages; room *= 2) class ++;
  return class;
}

/* Pages of a slot of the class. */
static size_t pages_of(unsigned class) {
  return class < SHARED_PAGES ? class + 1 : (CHUNK >> heap.page_shift) << (class - SHARED_PAGES);
}

/* The slot that the address lies in or right behind; NULL: none was made there. Without the lock. */
static struct acre__guarded *find(uintptr_t address) {
  size_t offset = address - (uintptr_t)heap.base;
  size_t index = offset >> CHUNK_SHIFT;
  if (index >= atomic_load_explicit(&heap.chunks, memory_order_acquire)) return NULL;
  index -= heap.table[index].before;
  const struct chunk *chunk = &heap.table[index];
  if (chunk->slots == 0) return NULL;
  size_t slot = ((offset - (index << CHUNK_SHIFT)) >> heap.page_shift) / chunk->pages;
  return record_of(chunk->record + (uint32_t)acre__min(slot, chunk->slots - 1));
}

/* With the lock: chunks for slots of the class. false: the addresses are used up, or there is no memory. */
static bool add_chunk(unsigned class, size_t pages) {
  size_t count = acre__max(pages << heap.page_shift >> CHUNK_SHIFT, 1), index = atomic_load(&heap.chunks);
  uint32_t slots = is_shared(pages) ? (uint32_t)((CHUNK >> heap.page_shift) / pages) : 1;
  if (count > (heap.size >> CHUNK_SHIFT) - index) return false;
  if (acre__bare_prepare(heap.base + (index << CHUNK_SHIFT), count << CHUNK_SHIFT) != ACRE_OK) return false;
  struct acre__guarded *records = acre__pool_take(&heap.records, slots * sizeof *records);
  if (records == NULL) return false;
  for (uint32_t i = 0; i < slots; i++) {
    records[i].first = (uint32_t)((index << CHUNK_SHIFT >> heap.page_shift) + i * pages);
    records[i].pages = (uint32_t)pages;
  }
  for (size_t i = 0; i < count; i++)
    heap.table[index + i] = (struct chunk){(uint32_t)i, (uint32_t)pages, slots, number_of(records)};
  heap.classes[class].fresh = number_of(records);
  heap.classes[class].left = slots;
  atomic_store_explicit(&heap.chunks, index + count, memory_order_release);
  return true;
}

static struct acre__guarded *pop_oldest(struct slot_class *class) {
  struct acre__guarded *slot = record_of(class->oldest);
  class->oldest = slot->next;
  if (class->oldest == 0) class->newest = 0;
  class->waiting -= (size_t)slot->pages << heap.page_shift;
  return slot;
}

/* A slot with nothing committed, or NULL. */
static struct acre__guarded *take_slot(size_t pages) {
  unsigned number = class_of(pages);
  if (number >= CLASSES) return NULL;
  struct slot_class *class = &heap.classes[number];
  struct acre__guarded *slot = NULL;
  acre__lock(&heap.lock);
  if (class->waiting <= QUARANTINE && (class->left > 0 || add_chunk(number, pages_of(number)))) {
    slot = record_of(class->fresh++);
    class->left--;
  } else if (class->oldest != 0) {
    slot = pop_oldest(class);
  }
  acre__unlock(&heap.lock);
  return slot;
}

static void give_slot(struct acre__guarded *slot) {
  struct slot_class *class = &heap.classes[class_of(slot->pages)];
  uint32_t number = number_of(slot);
  acre__lock(&heap.lock);
  slot->next = 0;
  if (class->newest != 0)
    record_of(class->newest)->next = number;
  else
    class->oldest = number;
  class->newest = number;
  class->waiting += (size_t)slot->pages << heap.page_shift;
  acre__unlock(&heap.lock);
}

/* ------------------------------------------------------------- what a block leaves of its pages */

struct span {
  char *start;
  size_t size;
};

/* The pages that the block lies in. */
static struct span pages_under(const char *block, size_t size) {
  uintptr_t start = acre__align_down((uintptr_t)block, heap.page);
  uintptr_t end = acre__align_up((uintptr_t)block + size, heap.page);
  return (struct span){(char *)start, size == 0 ? 0 : end - start};
}

static struct span before(const struct acre__guarded *slot) {
  struct span pages = pages_under(slot->block, slot->size);
  return (struct span){pages.start, pages.size == 0 ? 0 : (size_t)(slot->block - pages.start)};
}

static struct span behind(const struct acre__guarded *slot) {
  struct span pages = pages_under(slot->block, slot->size);
  char *end = slot->block + slot->size;
  return (struct span){end, pages.size == 0 ? 0 : (size_t)(pages.start + pages.size - end)};
}

static void fill(struct span span) {
  if (span.size != 0) memset(span.start, FILL, span.size);
}

static bool is_filled(struct span span) {
  const char *start = span.start;
  return span.size == 0 ||
         ((unsigned char)start[0] == FILL && memcmp(start, start + 1, span.size - 1) == 0); /* each as the next */
}

/* The first byte of it that is not as it was filled, or NULL. */
static const char *changed(struct span span) {
  if (is_filled(span)) return NULL;
  for (size_t i = 0; i < span.size; i++)
    if ((unsigned char)span.start[i] != FILL) return span.start + i;
  return NULL;
}

/* The last one. */
static const char *changed_last(struct span span) {
  if (is_filled(span)) return NULL;
  for (size_t i = span.size; i-- > 0;)
    if ((unsigned char)span.start[i] != FILL) return span.start + i;
  return NULL;
}

/* ------------------------------------------------------------- allocating */

/* Where in the slot a block of that size begins. */
static char *place(const struct acre__guarded *slot, size_t size, size_t alignment) {
  if (heap.under) return (char *)acre__align_up((uintptr_t)start_of(slot), alignment);
  return (char *)acre__align_down((uintptr_t)guard_of(slot) - size, alignment);
}

void *acre__guarded_alloc(size_t size, size_t alignment, bool *refused) {
  size_t room;
  *refused = false;
  if (!heap.tight) alignment = acre__max(alignment, MALLOC_ALIGNMENT);
  if (!acre__checked_add(acre__max(size, 1), alignment > heap.page ? alignment : 0, &room)) return NULL;
  if (room > heap.size || atomic_load_explicit(&acre__check.blocks, memory_order_relaxed) >= heap.most) return NULL;
  size_t pages = (room >> heap.page_shift) + ((room & (heap.page - 1)) != 0) + 1;
  size_t bytes = acre__align_up(size, heap.page);
  size_t had = atomic_fetch_add_explicit(&heap.bytes, bytes, memory_order_relaxed);
  struct acre__guarded *slot = NULL;
  if (bytes > heap.limit || had > heap.limit - bytes)
    *refused = true;
  else
    slot = take_slot(pages);
  if (slot != NULL) {
    char *block = place(slot, size, alignment);
    struct span under = pages_under(block, size);
    if (under.size == 0 || acre__bare_open(under.start, under.size) == ACRE_OK) {
      slot->block = block;
      slot->size = size;
      slot->allocation = acre__stack_store();
      slot->allocated_by = acre__stack_thread();
      slot->freeing = slot->freed_by = 0;
      fill(before(slot));
      fill(behind(slot));
      atomic_store_explicit(&slot->state, LIVE, memory_order_release);
      return block;
    }
    give_slot(slot);
  }
  atomic_fetch_sub_explicit(&heap.bytes, bytes, memory_order_relaxed);
  return NULL;
}

/* ------------------------------------------------------------- telling */

static struct acre__told_block told(const struct acre__guarded *slot) {
  return (struct acre__told_block){(uintptr_t)slot->block, slot->size,         slot->allocation,
                                   slot->freeing,          slot->allocated_by, slot->freed_by};
}

/* The pointer is not a block in use. */
_Noreturn static void end_bad_pointer(const void *pointer, const char *function) {
  const struct acre__guarded *slot = find((uintptr_t)pointer);
  uint32_t state = slot == NULL ? FRESH : atomic_load(&slot->state);
  if (state == FRESH) acre__check_stray(pointer, function);
  struct acre__told_block block = told(slot);
  acre__story_end_bad_pointer(&block, state == FREED, pointer, function);
}

/* ------------------------------------------------------------- freeing */

static void look_beside(const struct acre__guarded *slot, const char *function) {
  const char *byte = changed(behind(slot));
  if (byte == NULL) byte = changed_last(before(slot));
  if (byte == NULL) return;
  struct acre__told_block block = told(slot);
  acre__story_end_written(&block, byte, function);
}

size_t acre__guarded_live(const void *block, const char *function) {
  struct acre__guarded *slot = find((uintptr_t)block);
  if (slot == NULL || slot->block != block || atomic_load_explicit(&slot->state, memory_order_acquire) != LIVE)
    end_bad_pointer(block, function);
  return slot->size;
}

void acre__guarded_free(void *block, const char *function) {
  struct acre__guarded *slot = find((uintptr_t)block);
  uint32_t live = LIVE;
  if (slot == NULL || slot->block != block ||
      !atomic_compare_exchange_strong_explicit(&slot->state, &live, FREED, memory_order_acq_rel, memory_order_acquire))
    end_bad_pointer(block, function);
  look_beside(slot, function);
  slot->freeing = acre__stack_store();
  slot->freed_by = acre__stack_thread();
  struct span under = pages_under(slot->block, slot->size);
  atomic_fetch_sub_explicit(&heap.bytes, acre__align_up(slot->size, heap.page), memory_order_relaxed);
  /* A slot whose pages stay is not used again, so that what is in them is nobody's. */
  if (under.size == 0 || acre__bare_close(under.start, under.size) == ACRE_OK) give_slot(slot);
}

size_t acre__guarded_size(const void *block) {
  const struct acre__guarded *slot = find((uintptr_t)block);
  return slot != NULL && slot->block == block && atomic_load(&slot->state) == LIVE ? slot->size : 0;
}

/* ------------------------------------------------------------- faults */

/* How far the address is from the slot's block; 0: in it. SIZE_MAX: there never was one. */
static size_t distance(const struct acre__guarded *slot, const char *at) {
  if (slot == NULL || atomic_load_explicit(&slot->state, memory_order_acquire) == FRESH) return SIZE_MAX;
  if (at < slot->block) return (size_t)(slot->block - at);
  size_t inside = (size_t)(at - slot->block);
  return inside < slot->size ? 0 : inside - slot->size + 1;
}

/* The block that was most likely meant: the nearest. */
static const struct acre__guarded *meant(const char *at) {
  const struct acre__guarded *here = find((uintptr_t)at);
  if (here == NULL) return NULL;
  const struct acre__guarded *next = find((uintptr_t)guard_of(here) + heap.page);
  if (at < guard_of(here) || next == here) next = NULL;
  size_t far = distance(here, at), farther = distance(next, at);
  if (far == SIZE_MAX && farther == SIZE_MAX) return NULL;
  return farther < far ? next : here;
}

static void describe(struct acre__line *line, const struct acre__guarded *slot, const char *access, const char *at) {
  bool freed = atomic_load(&slot->state) == FREED, ahead = at < slot->block;
  size_t inside = (size_t)(at - slot->block);
  bool beside = ahead || inside >= slot->size;
  acre__line_add(line, freed ? "use after free: " : ahead ? "underflow: " : "overflow: ");
  acre__line_add(line, access);
  acre__line_add(line, " at ");
  acre__story_add_address(line, (uintptr_t)at);
  acre__line_add(line, ", ");
  acre__story_add_bytes(line, ahead ? (size_t)(slot->block - at) : beside ? inside - slot->size : inside);
  acre__line_add(line, ahead ? " before the start of the " : beside ? " past the end of the " : " into the ");
  if (freed) acre__line_add(line, "freed ");
  struct acre__told_block block = told(slot);
  acre__story_add_block(line, &block);
}

static acre_vm_fault_answer on_fault(const acre_vm_fault *fault, void *context) {
  static const char *const accesses[] = {"read", "write", "execute"};
  const char *access = accesses[acre__min((size_t)fault->access, 2)];
  const struct acre__guarded *slot = meant(fault->address);
  struct acre__told_place where = {access, fault->registers};
  char text[256];
  struct acre__line line = acre__line_in(text, sizeof text);
  (void)context;
  if (slot != NULL && distance(slot, fault->address) == 0 && atomic_load(&slot->state) == LIVE)
    return ACRE_VM_FAULT_NOT_MINE; /* the program has protected it itself, and has a handler, perhaps */
  if (slot == NULL) {
    acre__line_add(&line, "wild ");
    acre__line_add(&line, access);
    acre__line_add(&line, " at ");
    acre__story_add_address(&line, (uintptr_t)fault->address);
    acre__line_add(&line, ", among the page heap's addresses, where there never was a block");
    acre__story_tell(text, &where, NULL);
    return ACRE_VM_FAULT_FAIL;
  }
  describe(&line, slot, access, fault->address);
  struct acre__told_block block = told(slot);
  acre__story_tell(text, &where, &block);
  return ACRE_VM_FAULT_FAIL;
}

/* ------------------------------------------------------------- making, forking */

bool acre__guarded_make(bool under, bool tight, size_t limit) {
  const struct acre__root *root = acre__root_get();
  size_t size = RANGE_BYTES;
  void *base = NULL;
  heap.page = root->system.page_size;
  heap.page_shift = root->page_shift;
  heap.under = under;
  heap.tight = tight;
  heap.limit = limit;
  /* A block splits the mapping twice where markers are not to be had. */
  heap.most = acre__bare_uses_markers() ? SIZE_MAX : acre__root_mapping_budget() / 3;
  acre__signals_keep();
  while (size >= RANGE_LEAST && acre__bare_reserve(size, on_fault, &base) != ACRE_OK) size /= 2;
  if (base == NULL) return false;
  heap.base = base;
  heap.size = size;
  bool made = acre__pool_make(&heap.table_pool, (size >> CHUNK_SHIFT) * sizeof *heap.table + CHUNK) &&
              acre__pool_make(&heap.records, (size >> heap.page_shift) * sizeof(struct acre__guarded) / 2) &&
              acre__pool_take(&heap.records, sizeof(struct acre__guarded)) != NULL; /* number 0 is no slot's */
  heap.table = made ? acre__pool_take(&heap.table_pool, (size >> CHUNK_SHIFT) * sizeof *heap.table) : NULL;
  if (heap.table == NULL) return false;
  atomic_store_explicit(&acre__check.base, (uintptr_t)base, memory_order_relaxed);
  atomic_store_explicit(&acre__check.size, size, memory_order_relaxed);
  return true;
}

void acre__guarded_lock(void) {
  acre__lock(&heap.lock);
  acre__lock(&heap.records.lock);
}

void acre__guarded_unlock(void) {
  acre__unlock(&heap.records.lock);
  acre__unlock(&heap.lock);
}

void acre__guarded_reset(void) {
  acre__lock_reset(&heap.records.lock);
  acre__lock_reset(&heap.lock);
}

/* ------------------------------------------------------------- for leaks.c */

void acre__guarded_each(void (*visit)(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context),
                        void *context) {
  size_t records = atomic_load(&heap.records.used) / sizeof(struct acre__guarded);
  for (uint32_t i = 1; i < records; i++) {
    struct acre__guarded *slot = record_of(i);
    if (atomic_load_explicit(&slot->state, memory_order_acquire) == LIVE)
      visit(slot->block, slot->size, &slot->mark, slot->allocation, context);
  }
}

void *acre__guarded_find(uintptr_t address, size_t *size, uint32_t **mark) {
  if (address - (uintptr_t)heap.base >= heap.size) return NULL;
  struct acre__guarded *slot = find(address);
  if (slot == NULL || atomic_load_explicit(&slot->state, memory_order_acquire) != LIVE) return NULL;
  size_t inside = address - (uintptr_t)slot->block;
  if (inside >= acre__max(slot->size, 1)) return NULL; /* its end is another's start, and no use of it */
  *size = slot->size;
  *mark = &slot->mark;
  return slot->block;
}

bool acre__guarded_has(const void *address) {
  return (size_t)((const char *)address - heap.base) < heap.size || acre__pool_has(&heap.records, address) ||
         acre__pool_has(&heap.table_pool, address);
}
