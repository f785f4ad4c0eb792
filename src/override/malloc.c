/* SPDX-License-Identifier: MIT */
/*
 * The malloc family on the process heap.
 *
 * Where the two C libraries differ, the one that this is compiled for is followed:
 * realloc(p, 0) frees in glibc, and gives a block of no size in musl.
 *
 * All functions are in one object on purpose: a static program that takes one of
 * them from here must not find another one in its C library.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/line.h"
#include "heap/fast.h"
#include "heap/medium.h"
#include "override/hooks.h"
#include "override/override.h"
#include "override/report.h"
#include "vm/root.h"
#include "vm/services.h"

#ifdef __GLIBC__
#define REALLOC_OF_ZERO_FREES true
#else
#define REALLOC_OF_ZERO_FREES false
#endif

/* ------------------------------------------------------------- before there is a heap */

/*
 * Making the heap may itself allocate: musl's pthread_atfork does. That gets
 * its few bytes here, and for ever.
 */
enum { EARLY_BYTES = 4096 };

static _Alignas(ACRE_BLOCK_ALIGNMENT) char early[EARLY_BYTES];
static _Atomic size_t early_used;
static ACRE_THREAD_LOCAL bool is_making; /* the heap, in this thread */

static ACRE_COLD void *alloc_early(size_t size) {
  if (size > EARLY_BYTES) return NULL;
  size_t from = atomic_fetch_add_explicit(&early_used, acre__align_up(acre__max(size, 1), ACRE_BLOCK_ALIGNMENT),
                                          memory_order_relaxed);
  return from <= EARLY_BYTES - size ? early + from : NULL;
}

/* How many bytes there are from it on; 0: it is none of them. */
static size_t early_size(const void *block) {
  size_t offset = (uintptr_t)block - (uintptr_t)early;
  return offset < EARLY_BYTES ? EARLY_BYTES - offset : 0;
}

/* NULL: it cannot be made, or is being made by this thread. */
static acre_heap *get_heap(void) {
  if (ACRE_UNLIKELY(is_making)) return NULL;
  is_making = true;
  acre_heap *heap = acre_process_heap();
  is_making = false;
  return heap;
}

/* ------------------------------------------------------------- the slow ways */

static ACRE_COLD void *no_memory(void) {
  errno = ENOMEM;
  return NULL;
}

/* The heap had no block of that size for the caller. */
static ACRE_COLD void *refused(size_t size, const void *caller) {
#ifdef ACRE_CHECKS
  caller = acre__check_caller();
  size = acre__check_asked(size);
#endif
  if (acre_heap_why(NULL) == ACRE_E_HEAP_LIMIT) acre__report_limit(size, caller);
  return no_memory();
}

__attribute__((noinline)) void *acre__override_alloc(size_t size, size_t alignment, bool zero) {
  int error = errno;
  acre_heap *heap = get_heap();
  if (ACRE_UNLIKELY(heap == NULL) && is_making && alignment <= ACRE_BLOCK_ALIGNMENT) return alloc_early(size);
  if (ACRE_UNLIKELY(heap == NULL || size > PTRDIFF_MAX)) return no_memory();
  if (ACRE_UNLIKELY(acre__report_entry != NULL)) acre__report_growth();
  void *block = acre__alloc_slow(heap, size, alignment, zero);
  if (ACRE_UNLIKELY(block == NULL)) return refused(size, __builtin_return_address(0));
  errno = error;
  return block;
}

__attribute__((noinline)) void acre__override_free(void *block) {
  int error = errno;
  if (acre__free_slow(NULL, block, SIZE_MAX) != ACRE_OK && early_size(block) == 0)
    acre__override_not_a_block("free", block);
  errno = error;
}

ACRE_COLD _Noreturn void acre__override_not_a_block(const char *function, const void *pointer) {
#ifdef ACRE_CHECKS
  acre__check_stray(pointer, function);
#endif
  char text[128];
  struct acre__line line = acre__line_in(text, sizeof text);
  acre__line_add(&line, "acre: ");
  acre__line_add(&line, function);
  acre__line_add(&line, "(0x");
  acre__line_add_number(&line, (uintptr_t)pointer, 16);
  acre__line_add(&line, "): no block of the heap starts there, or it is free already\n");
  acre__vm_die(text);
}

/* ------------------------------------------------------------- allocating */

/* What is no small block at hand. Not inline, so that the way to one saves no registers for it. */
__attribute__((noinline)) static void *alloc_other(size_t size) {
  if (size > ACRE_SMALL_MOST && size <= ACRE_MEDIUM_MOST) {
    void *block = acre__medium_pop(acre__class_of(size));
    if (ACRE_LIKELY(block != NULL)) return block;
  }
  return acre__override_alloc(size, 1, false);
}

static inline void *plain(size_t size) {
  if (ACRE_LIKELY(size <= ACRE_SMALL_MOST)) {
    void *block = acre__process_alloc_fast(acre__small_class[(size + 15) / 16]);
    if (ACRE_LIKELY(block != NULL)) return block;
  }
  return alloc_other(size);
}

void *acre__override_plain(size_t size) {
  return plain(size);
}

ACRE_EXPORT void *malloc(size_t size) {
  return acre__check_wants(size) ? acre__check_alloc(size, 1, false) : plain(size);
}

static inline void *zalloc(size_t size) {
  if (acre__check_wants(size)) return acre__check_alloc(size, 1, true);
  if (ACRE_LIKELY(size <= ACRE_SMALL_MOST)) {
    void *block = acre__process_alloc_fast(acre__small_class[(size + 15) / 16]);
    if (ACRE_LIKELY(block != NULL)) return memset(block, 0, size);
  }
  return acre__override_alloc(size, 1, true);
}

ACRE_EXPORT void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (ACRE_UNLIKELY(!acre__checked_multiply(count, size, &bytes))) return no_memory();
  return zalloc(bytes);
}

/* `alignment` is a power of two. */
static void *alloc_aligned(size_t size, size_t alignment) {
  if (ACRE_UNLIKELY(alignment > ACRE_HEAP_ALIGNMENT_MOST || size > PTRDIFF_MAX)) return no_memory();
  if (acre__check_wants(size)) return acre__check_alloc(size, alignment, false);
  if (alignment <= ACRE_BLOCK_ALIGNMENT) return plain(size);
  unsigned size_class = acre__class_aligned(size, alignment);
  if (size_class < ACRE_SMALL_CLASSES) {
    void *block = acre__process_alloc_fast(size_class);
    if (ACRE_LIKELY(block != NULL)) return block;
  }
  return acre__override_alloc(size, alignment, false);
}

ACRE_EXPORT void *aligned_alloc(size_t alignment, size_t size) {
  if (ACRE_UNLIKELY(!acre__is_power_of_two(alignment))) {
    errno = EINVAL;
    return NULL;
  }
  return alloc_aligned(size, alignment);
}

/* glibc takes any alignment up to the next power of two. */
ACRE_EXPORT void *memalign(size_t alignment, size_t size) {
  if (ACRE_UNLIKELY(!acre__is_power_of_two(alignment))) {
    if (alignment > ACRE_HEAP_ALIGNMENT_MOST) {
      errno = EINVAL;
      return NULL;
    }
    size_t wanted = ACRE_BLOCK_ALIGNMENT;
    while (wanted < alignment) wanted *= 2;
    alignment = wanted;
  }
  return alloc_aligned(size, alignment);
}

ACRE_EXPORT int posix_memalign(void **out, size_t alignment, size_t size) {
  if (!acre__is_power_of_two(alignment) || alignment % sizeof(void *) != 0) return EINVAL;
  int error = errno;
  void *block = alloc_aligned(size, alignment);
  errno = error;
  if (block == NULL) return ENOMEM;
  *out = block;
  return 0;
}

ACRE_EXPORT void *valloc(size_t size) {
  return alloc_aligned(size, acre__root_get()->system.page_size);
}

ACRE_EXPORT void *pvalloc(size_t size) {
  size_t page = acre__root_get()->system.page_size;
  if (size > PTRDIFF_MAX - page) return no_memory();
  return alloc_aligned(size == 0 ? page : acre__align_up(size, page), page);
}

/* ------------------------------------------------------------- freeing */

__attribute__((noinline)) static void free_other(void *block) {
  if (!ACRE_LIKELY(acre__medium_free(block))) acre__override_free(block);
}

__attribute__((always_inline)) static inline void plain_free(void *block) {
  if (!ACRE_LIKELY(acre__free_fast(NULL, false, block))) free_other(block);
}

void acre__override_plain_free(void *block) {
  plain_free(block);
}

ACRE_EXPORT void free(void *block) {
  if (acre__check_owns(block))
    acre__check_free(block, "free");
  else
    plain_free(block);
}

/* C23. The size is not needed, and a wrong one is not looked for. */
ACRE_EXPORT void free_sized(void *block, size_t size) {
  (void)size;
  free(block);
}

ACRE_EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size) {
  (void)alignment;
  (void)size;
  free(block);
}

/* ------------------------------------------------------------- resizing */

ACRE_EXPORT void *realloc(void *block, size_t size) {
  if (block == NULL) return malloc(size);
  if (size == 0 && REALLOC_OF_ZERO_FREES) {
    free(block);
    return NULL;
  }
  if (ACRE_UNLIKELY(size > PTRDIFF_MAX)) return no_memory();
  if (acre__check_owns(block)) return acre__check_realloc(block, size);
  int error = errno;
  acre_heap *heap = acre_heap_of(block);
  if (ACRE_UNLIKELY(heap == NULL)) {
    size_t known = early_size(block);
    if (known == 0) acre__override_not_a_block("realloc", block);
    void *copy = malloc(size);
    return copy == NULL ? NULL : memcpy(copy, block, acre__min(known, size));
  }
  if (ACRE_UNLIKELY(acre__report_entry != NULL)) acre__report_growth();
  void *moved = acre_heap_realloc(heap, block, size);
  if (ACRE_UNLIKELY(moved == NULL)) return refused(size, __builtin_return_address(0));
  errno = error;
  return moved;
}

ACRE_EXPORT void *reallocarray(void *block, size_t count, size_t size) {
  size_t bytes;
  if (!acre__checked_multiply(count, size, &bytes)) return no_memory();
  return realloc(block, bytes);
}

ACRE_EXPORT size_t malloc_usable_size(void *block) {
  if (block == NULL) return 0;
  return acre__check_owns(block) ? acre__check_usable(block) : acre_heap_size(block);
}

/* ------------------------------------------------------------- glibc's other names of them */

#ifdef __GLIBC__

#define ALIAS(name) __attribute__((alias(#name), visibility("default")))

/* Some libraries call these, so that nobody's malloc is in between; a block must not have two owners. */
void *__libc_malloc(size_t size) ALIAS(malloc);
void *__libc_calloc(size_t count, size_t size) ALIAS(calloc);
void *__libc_realloc(void *block, size_t size) ALIAS(realloc);
void __libc_free(void *block) ALIAS(free);
void *__libc_memalign(size_t alignment, size_t size) ALIAS(memalign);
void *__libc_valloc(size_t size) ALIAS(valloc);
void *__libc_pvalloc(size_t size) ALIAS(pvalloc);
int __posix_memalign(void **out, size_t alignment, size_t size) ALIAS(posix_memalign);

#endif
