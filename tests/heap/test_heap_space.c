/* SPDX-License-Identifier: MIT */
/*
 * Where address space is limited the shared arena is small: there are more of
 * them, and blocks that fit none have their own. A program by itself, as the
 * limit must be there before the first arena.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "heap/arena.h"
#include "heap/heap_check.h"

static void limit_address_space(void) {
  if (SANITIZED) test_skip("a sanitizer's shadow takes the address space");
  struct rlimit limit = {(rlim_t)3 << 29, (rlim_t)3 << 29};
  REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
}

TEST(little_address_space) {
  limit_address_space();
  acre_heap *heap = make_heap(NULL);
  char *alone = acre_heap_alloc(heap, (size_t)400 << 20), *blocks[30];
  REQUIRE(alone != NULL);
  alone[0] = alone[((size_t)400 << 20) - 1] = 1;
  CHECK(acre_heap_of(alone) == heap && acre_heap_of(alone + 65536) == NULL);
  for (size_t i = 0; i < 30; i++) { /* 360 MiB */
    blocks[i] = acre_heap_alloc(heap, (size_t)12 << 20);
    REQUIRE(blocks[i] != NULL);
    CHECK(acre_heap_alloc(heap, 1000) != NULL);
    blocks[i][0] = 1;
  }
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_resize_in_place(heap, alone, (size_t)100 << 20));
  CHECK_RESULT(acre_heap_resize_in_place(heap, alone, (size_t)200 << 20), ACRE_E_NO_SPACE);
  CHECK(acre_heap_alloc(heap, (size_t)4 << 30) == NULL);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_NO_ADDRESS_SPACE);
  CHECK_OK(acre_free(blocks[29]));
  CHECK_OK(acre_free(alone));
  CHECK(acre_heap_of(alone) == NULL);
  for (int i = 0; i < 20; i++) { /* the addresses come back */
    alone = acre_heap_alloc_aligned(heap, (size_t)400 << 20, 1 << 20);
    REQUIRE(alone != NULL);
    CHECK_EQ((uintptr_t)alone % (1 << 20), 0);
    CHECK_OK(acre_heap_free(heap, alone));
  }
  end_heap(heap);
}

/* Whose home is not in the first arena, which is full by then. */
static acre_heap *make_heap_elsewhere(acre_heap *filler) {
  acre_heap *heap = make_heap(NULL);
  for (unsigned i = 0; i < 10000 && acre__segment_fast((uintptr_t)heap) != NULL; i++) {
    REQUIRE(acre_heap_alloc(filler, 1 << 20) != NULL);
    heap = make_heap(NULL);
  }
  REQUIRE(acre__segment_fast((uintptr_t)heap) == NULL);
  return heap;
}

static void *allocate(void *heap) {
  CHECK(acre_heap_alloc(heap, 100) != NULL);
  return NULL;
}

/* Threads one after the other, with their data at several addresses: by those a heap knows its locals' threads. */
TEST(a_local_is_left_to_the_heap_in_any_arena) {
  limit_address_space();
  acre_heap *filler = make_heap(NULL), *heap = make_heap_elsewhere(filler);
  enum { STACKS = 8, STACK = 1 << 17 };
  static _Alignas(4096) char stacks[STACKS][STACK];
  for (unsigned i = 0; i < 2 * STACKS; i++) {
    pthread_attr_t attributes;
    pthread_t thread;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstack(&attributes, stacks[i % STACKS], STACK) == 0);
    REQUIRE(pthread_create(&thread, &attributes, allocate, heap) == 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
  }
  acre_heap_figures figures;
  CHECK_OK(acre_heap_stats(heap, &figures));
  CHECK_EQ(figures.locals, 1);
  CHECK_VALID(heap);
  end_heap(heap);
  end_heap(filler);
}
