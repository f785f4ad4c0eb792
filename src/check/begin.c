/* SPDX-License-Identifier: MIT */
/*
 * Which checks the process wants, who does them, and what is looked at when it ends.
 *
 * The first allocation of the process finds out. That is long before libraries can
 * be loaded, so the first blocks have no stacks; from this library's constructor on they have.
 */
#define _GNU_SOURCE
#include <acre/vm.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/lock.h"
#include "base/math.h"
#include "check/canary.h"
#include "check/check.h"
#include "check/guarded.h"
#include "check/leaks.h"
#include "check/stacks.h"
#include "check/story.h"
#include "heap/arena.h"
#include "override/board.h"
#include "override/override.h"
#include "override/report.h"
#include "vm/root.h"
#include "vm/services.h"

struct acre__check acre__check;
ACRE_THREAD_LOCAL uint32_t acre__check_left;

static struct acre__lock making;
static _Atomic bool is_made;
static ACRE_THREAD_LOCAL bool is_making;
static ACRE_THREAD_LOCAL uint64_t random_state;

/* ------------------------------------------------------------- which one */

static void before_fork(void) {
  acre__lock(&making);
  acre__guarded_lock();
  acre__canary_lock();
  acre__stacks_lock();
}

static void after_fork(void) {
  acre__stacks_unlock();
  acre__canary_unlock();
  acre__guarded_unlock();
  acre__unlock(&making);
}

static void in_child(void) {
  acre__story_fork_in_child();
  acre__stacks_reset();
  acre__canary_reset();
  acre__guarded_reset();
  acre__lock_reset(&making);
}

static void make(void) {
  const struct acre__options *options = &acre__root_get()->options;
  size_t limit = options->heap_limit == 0 ? SIZE_MAX : options->heap_limit;
  if (options->page_heap != 0) {
    if (acre__guarded_make(options->page_heap_under, options->page_heap_tight, limit))
      acre__check.mode = ACRE_CHECK_PAGES;
    else
      acre__vm_say("acre: page heap: there are no addresses for it; nothing is checked\n");
  } else if (options->check_canaries || options->check_leaks) {
    acre__canary_make();
    acre__check.mode = ACRE_CHECK_CANARIES;
  }
}

/* false: by this thread, which is about to. */
static bool make_once(void) {
  if (ACRE_LIKELY(atomic_load_explicit(&is_made, memory_order_acquire))) return true;
  if (is_making) return false;
  int error = errno;
  is_making = true;
  (void)acre__vm_at_fork(before_fork, after_fork, in_child);
  acre__lock(&making);
  if (!atomic_load_explicit(&is_made, memory_order_relaxed)) {
    make();
    atomic_store_explicit(&is_made, true, memory_order_release);
  }
  acre__unlock(&making);
  is_making = false;
  errno = error;
  return true;
}

/* How many allocations until the next one: N on average, in no pattern that a program could have too. */
static uint32_t draw_distance(size_t n) {
  if (n <= 1) return 1;
  if (random_state == 0) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    random_state = ((uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec ^ (uintptr_t)&random_state) | 1;
  }
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)(1 + random_state % (2 * acre__min(n, UINT32_MAX / 4) - 1));
}

bool acre__check_draw(size_t size) {
  if (!make_once()) return false;
  if (acre__check.mode == ACRE_CHECK_CANARIES) return true;
  if (acre__check.mode == ACRE_CHECK_NOTHING) {
    acre__check_left = UINT32_MAX;
    return false;
  }
  const struct acre__options *options = &acre__root.options;
  bool first = acre__check_left == 0; /* of the thread: it starts somewhere */
  acre__check_left = draw_distance(options->page_heap);
  if (first && options->page_heap > 1) return false;
  return size >= options->page_heap_least && (options->page_heap_most == 0 || size <= options->page_heap_most);
}

/* ------------------------------------------------------------- malloc's functions */

static ACRE_THREAD_LOCAL size_t asked; /* by the allocation that goes on */

size_t acre__check_asked(size_t size) {
  return asked != 0 ? asked : size;
}

const void *acre__check_caller(void) {
  uintptr_t frames[ACRE_STACK_MOST];
  return acre__stack_now(frames, NULL) > 0 ? (const void *)(frames[0] + 1) : NULL;
}

static void count_up(void) {
  size_t now = atomic_fetch_add_explicit(&acre__check.blocks, 1, memory_order_relaxed) + 1;
  if (now > atomic_load_explicit(&acre__check.blocks_peak, memory_order_relaxed))
    atomic_store_explicit(&acre__check.blocks_peak, now, memory_order_relaxed);
}

static void count_down(void) {
  atomic_fetch_sub_explicit(&acre__check.blocks, 1, memory_order_relaxed);
}

void *acre__check_alloc(size_t size, size_t alignment, bool zero) {
  int error = errno;
  bool refused = false;
  bool pages = acre__check.mode == ACRE_CHECK_PAGES;
  asked = size;
  void *block = pages ? acre__guarded_alloc(size, alignment, &refused) : acre__canary_alloc(size, alignment, zero);
  asked = 0;
  if (block != NULL) {
    count_up();
  } else if (refused) {
    acre__report_limit(size, acre__check_caller());
  } else if (pages) {
    atomic_fetch_add_explicit(&acre__check.plain, 1, memory_order_relaxed);
    block = acre__override_alloc(size, alignment, zero);
  }
  errno = block != NULL ? error : ENOMEM;
  return block;
}

void acre__check_free(void *block, const char *function) {
  if (block == NULL) return;
  int error = errno;
  if (acre__check.mode == ACRE_CHECK_PAGES)
    acre__guarded_free(block, function);
  else
    acre__canary_free(block, function);
  count_down();
  errno = error;
}

/* To another place, always: who still has the old address is found out. */
void *acre__check_realloc(void *block, size_t size) {
  bool pages = acre__check.mode == ACRE_CHECK_PAGES;
  size_t old = pages ? acre__guarded_live(block, "realloc") : acre__canary_live(block, "realloc");
  void *moved = acre__check_alloc(size, 1, false);
  if (moved == NULL) return NULL;
  memcpy(moved, block, acre__min(old, size));
  acre__check_free(block, "realloc");
  return moved;
}

size_t acre__check_usable(const void *block) {
  return acre__check.mode == ACRE_CHECK_PAGES ? acre__guarded_size(block) : acre__canary_size(block);
}

/* ------------------------------------------------------------- pointers that are nobody's */

/* Whether the address lies in the mapping that this call's frame is in. */
static bool is_on_own_stack(const void *pointer) {
  acre_vm_info stack;
  const void *frame = __builtin_frame_address(0);
  return acre_vm_query(frame, &stack) == ACRE_OK &&
         (size_t)((const char *)pointer - (const char *)stack.region_base) < stack.region_size;
}

/* What else lies there. */
static void add_place(struct acre__line *line, const void *pointer) {
  acre_vm_info info;
  Dl_info file;
  if (acre__segment_of((uintptr_t)pointer) != NULL) {
    acre__line_add(line, "no block of the heap starts there, or it is free already");
  } else if (is_on_own_stack(pointer)) {
    acre__line_add(line, "it is on the stack of the thread");
  } else if (acre_vm_query(pointer, &info) == ACRE_OK && info.kind == ACRE_VM_KIND_STACK) {
    acre__line_add(line, "it is on the stack of the first thread");
  } else if (dladdr(pointer, &file) != 0 && file.dli_fname != NULL) {
    const char *slash = strrchr(file.dli_fname, '/');
    acre__line_add(line, "it is in the data of ");
    acre__line_add(line, slash == NULL ? file.dli_fname : slash + 1);
  } else {
    acre__line_add(line, "it is no block of the heap");
  }
}

void acre__check_stray(const void *pointer, const char *function) {
  char text[256];
  struct acre__line line = acre__line_in(text, sizeof text);
  acre__line_add(&line, "invalid free: ");
  acre__story_add_call(&line, function, pointer);
  add_place(&line, pointer);
  acre__story_end(text, NULL);
}

/* ------------------------------------------------------------- beginning and end */

void acre__override_note_checks(struct acre__board_entry *entry) {
  entry->checked = acre__check.mode;
  entry->checked_blocks = atomic_load(&acre__check.blocks);
  entry->checked_peak = atomic_load(&acre__check.blocks_peak);
  entry->checked_not = atomic_load(&acre__check.plain);
}

__attribute__((constructor)) static void begin(void) {
  int error = errno;
  acre__story_begin();
  (void)make_once();
  if (acre__check.mode != ACRE_CHECK_NOTHING) acre__stacks_begin();
  errno = error;
}

__attribute__((destructor)) static void end(void) {
  int error = errno;
  if (acre__check.mode == ACRE_CHECK_CANARIES) acre__canary_look();
  if (acre__check.mode != ACRE_CHECK_NOTHING && acre__root.options.check_leaks) acre__leaks_tell();
  errno = error;
}
