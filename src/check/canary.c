/* SPDX-License-Identifier: MIT */
#include "check/canary.h"

#include <string.h>

#include "base/lock.h"
#include "base/math.h"
#include "check/check.h"
#include "check/stacks.h"
#include "check/story.h"
#include "heap/block.h"
#include "override/override.h"

enum { CANARY = 16, FILL = 0xfb, FILL_FREED = 0xdf, FILLED_MOST = 1 << 20 };

#define QUARANTINE ((size_t)64 << 20)
#define MAGIC_LIVE UINT64_C(0xac7e6c6976652121)
#define MAGIC_FREED UINT64_C(0xac7e667265656421)

struct head {
  struct head *next; /* freed after it. (The heap's own link is here, when the block is the heap's) */
  uint64_t reserved;
  uint64_t magic;
  size_t size;
  uint32_t offset; /* of the block */
  uint32_t mark;   /* leaks.c's */
  uint32_t allocation, freeing;
  uint32_t allocated_by, freed_by;
};

enum {
  FRONT = (sizeof(struct head) + CANARY + ACRE_BLOCK_ALIGNMENT - 1) / ACRE_BLOCK_ALIGNMENT * ACRE_BLOCK_ALIGNMENT
};

static struct {
  struct acre__lock lock;
  struct head *oldest, *newest; /* of the blocks that wait */
  size_t bytes;
} quarantine;

/* ------------------------------------------------------------- heads */

static uint64_t magic_for(const struct head *head, uint64_t magic) {
  return magic ^ (uintptr_t)head;
}

static bool is_in_state(const struct head *head, uint64_t magic) {
  return head->magic == magic_for(head, magic);
}

static char *block_of(struct head *head) {
  return (char *)head + head->offset;
}

/* What stands between the block's end and the heap's, at least: CANARY bytes, and what alignment leaves. */
static size_t behind(size_t size) {
  return acre__align_up(size, ACRE_BLOCK_ALIGNMENT) - size + CANARY;
}

/* The head of the block of the heap's that the address lies in; NULL: it lies in none, or that has no head. */
static struct head *head_around(const void *address) {
  char *start;
  struct acre__found found = acre__block_around(address, &start);
  if (found.segment == NULL || found.size < FRONT + CANARY) return NULL;
  struct head *head = (struct head *)(void *)start;
  return is_in_state(head, MAGIC_LIVE) || is_in_state(head, MAGIC_FREED) ? head : NULL;
}

/* ------------------------------------------------------------- telling */

static const char *first_other(const char *bytes, size_t size, unsigned char value) {
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)bytes[i] != value) return bytes + i;
  return NULL;
}

static struct acre__told_block told(struct head *head) {
  return (struct acre__told_block){(uintptr_t)block_of(head), head->size,    head->allocation, head->freeing,
                                   head->allocated_by,        head->freed_by};
}

_Noreturn static void end_written(struct head *head, const char *byte, const char *function) {
  struct acre__told_block block = told(head);
  acre__story_end_written(&block, byte, function);
}

static void look_at_live(struct head *head, const char *function) {
  char *block = block_of(head), *end = block + head->size;
  const char *byte = first_other(end, behind(head->size), FILL);
  if (byte != NULL) end_written(head, byte, function);
  const char *front = block - CANARY;
  byte = NULL;
  for (size_t i = CANARY; i-- > 0 && byte == NULL;)
    if ((unsigned char)front[i] != FILL) byte = front + i;
  if (byte != NULL) end_written(head, byte, function);
}

static void look_at_freed(struct head *head, const char *function) {
  const char *byte = first_other(block_of(head), acre__min(head->size, FILLED_MOST), FILL_FREED);
  if (byte != NULL) end_written(head, byte, function);
}

_Noreturn static void end_bad_pointer(const void *pointer, const char *function) {
  struct head *head = head_around(pointer);
  if (head == NULL) acre__check_stray(pointer, function);
  struct acre__told_block block = told(head);
  acre__story_end_bad_pointer(&block, is_in_state(head, MAGIC_FREED), pointer, function);
}

/* ------------------------------------------------------------- blocks */

/* The head of a block in use; anything else ends the process. */
static struct head *live_head(const void *block, const char *function) {
  struct head *head = head_around(block);
  if (head == NULL || block_of(head) != block || !is_in_state(head, MAGIC_LIVE)) end_bad_pointer(block, function);
  return head;
}

/* With the lock. */
static struct head *pop_oldest(void) {
  struct head *head = quarantine.oldest;
  quarantine.oldest = head->next;
  if (head->next == NULL) quarantine.newest = NULL;
  quarantine.bytes -= head->size + FRONT + CANARY;
  return head;
}

/* Until no more than so many bytes wait. */
static void let_go(size_t most, const char *function) {
  for (;;) {
    acre__lock(&quarantine.lock);
    struct head *head = quarantine.bytes > most ? pop_oldest() : NULL;
    acre__unlock(&quarantine.lock);
    if (head == NULL) return;
    look_at_freed(head, function);
    acre__override_plain_free(head);
  }
}

static void *take(size_t room) {
  void *base = acre__override_plain(room);
  if (base != NULL || quarantine.bytes == 0) return base;
  let_go(0, "malloc");
  return acre__override_plain(room);
}

void *acre__canary_alloc(size_t size, size_t alignment, bool zero) {
  size_t room, more = alignment > ACRE_BLOCK_ALIGNMENT ? alignment : 0;
  if (size > PTRDIFF_MAX || more > UINT32_MAX / 2 || !acre__checked_add(size, FRONT + behind(size) + more, &room))
    return NULL;
  struct head *head = take(room);
  if (head == NULL) return NULL;
  uintptr_t block = acre__align_up((uintptr_t)head + FRONT, acre__max(alignment, ACRE_BLOCK_ALIGNMENT));
  head->next = NULL;
  head->size = size;
  head->offset = (uint32_t)(block - (uintptr_t)head);
  head->mark = 0;
  head->allocation = acre__stack_store();
  head->allocated_by = acre__stack_thread();
  head->freeing = head->freed_by = 0;
  memset((char *)block - CANARY, FILL, CANARY);
  memset((char *)block + size, FILL, behind(size));
  if (zero) memset((char *)block, 0, size);
  head->magic = magic_for(head, MAGIC_LIVE);
  return (void *)block;
}

size_t acre__canary_live(const void *block, const char *function) {
  struct head *head = live_head(block, function);
  look_at_live(head, function);
  return head->size;
}

void acre__canary_free(void *block, const char *function) {
  struct head *head = live_head(block, function);
  look_at_live(head, function);
  head->freeing = acre__stack_store();
  head->freed_by = acre__stack_thread();
  head->next = NULL;
  memset(block, FILL_FREED, acre__min(head->size, FILLED_MOST));
  size_t bytes = head->size + FRONT + CANARY;
  head->magic = magic_for(head, MAGIC_FREED);
  if (bytes > QUARANTINE / 4) { /* it would push all others out */
    acre__override_plain_free(head);
    return;
  }
  acre__lock(&quarantine.lock);
  if (quarantine.newest != NULL)
    quarantine.newest->next = head;
  else
    quarantine.oldest = head;
  quarantine.newest = head;
  quarantine.bytes += bytes;
  acre__unlock(&quarantine.lock);
  let_go(QUARANTINE, function);
}

size_t acre__canary_size(const void *block) {
  struct head *head = head_around(block);
  return head != NULL && block_of(head) == block && is_in_state(head, MAGIC_LIVE) ? head->size : 0;
}

/* ------------------------------------------------------------- all of them */

struct visit {
  void (*visit)(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context);
  void *context;
};

static bool visit_entry(const acre_heap_entry *entry, void *context) {
  const struct visit *visit = context;
  if (entry->kind != ACRE_HEAP_BUSY || entry->size < FRONT + CANARY) return true;
  struct head *head = (struct head *)(uintptr_t)entry->address;
  if (is_in_state(head, MAGIC_LIVE))
    visit->visit(block_of(head), head->size, &head->mark, head->allocation, visit->context);
  return true;
}

void acre__canary_each(void (*visit)(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context),
                       void *context) {
  (void)acre_heap_walk(acre_process_heap(), visit_entry, &(struct visit){visit, context});
}

static void note_damaged(void *block, size_t size, uint32_t *mark, uint32_t allocation, void *context) {
  struct head *head = (struct head *)(void *)((char *)mark - offsetof(struct head, mark));
  struct head **damaged = context;
  (void)allocation;
  const char *front = (char *)block - CANARY;
  bool whole = first_other((char *)block + size, behind(size), FILL) == NULL &&
               first_other(front, CANARY, FILL) == NULL;
  if (!whole && *damaged == NULL) *damaged = head;
}

void acre__canary_look(void) {
  struct head *damaged = NULL;
  acre__lock(&quarantine.lock);
  for (struct head *head = quarantine.oldest; head != NULL; head = head->next) look_at_freed(head, "the end");
  acre__unlock(&quarantine.lock);
  acre__canary_each(note_damaged, &damaged); /* whose heap is locked: what is found is told of afterwards */
  if (damaged != NULL) look_at_live(damaged, "the end");
}

void *acre__canary_find(uintptr_t address, size_t *size, uint32_t **mark) {
  struct head *head = head_around((const void *)address);
  if (head == NULL || !is_in_state(head, MAGIC_LIVE)) return NULL;
  size_t inside = address - (uintptr_t)block_of(head);
  if (inside >= acre__max(head->size, 1)) return NULL;
  *size = head->size;
  *mark = &head->mark;
  return block_of(head);
}

/* ------------------------------------------------------------- making, forking */

void acre__canary_make(void) {
  atomic_store_explicit(&acre__check.size, SIZE_MAX, memory_order_relaxed);
}

void acre__canary_lock(void) {
  acre__lock(&quarantine.lock);
}

void acre__canary_unlock(void) {
  acre__unlock(&quarantine.lock);
}

void acre__canary_reset(void) {
  acre__lock_reset(&quarantine.lock);
}
