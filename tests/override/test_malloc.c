/* SPDX-License-Identifier: MIT */
/* The malloc family, by its standards and manual pages. The program is linked with the malloc library. */
#include <acre/heap.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* Declared by newer headers only. */
void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);
#ifndef __GLIBC__
void *pvalloc(size_t size);
int malloc_trim(size_t pad);
#endif

/* Sizes that compilers cannot reason about. */
static size_t given(size_t size) {
  __asm__("" : "+r"(size));
  return size;
}

/* Whether the call gave no block, and said why. */
static bool fails(void *block, int error) {
  if (block != NULL) free(block);
  return block == NULL && errno == error;
}

/* Called so, a block that was not freed may be used again. */
static void *(*volatile resize)(void *block, size_t size) = realloc;

static bool is_acre(const void *block) {
  return block != NULL && acre_heap_of(block) == acre_process_heap();
}

TEST(blocks_are_the_process_heaps) {
  char *block = malloc(given(100));
  REQUIRE(block != NULL);
  memset(block, 1, 100);
  CHECK(is_acre(block));
  CHECK((uintptr_t)block % 16 == 0);
  CHECK(malloc_usable_size(block) >= 100);
  CHECK_EQ(malloc_usable_size(block), acre_heap_size(block));
  CHECK_OK(acre_free(block));
  block = acre_heap_alloc(acre_process_heap(), 100);
  free(block);
  CHECK_EQ(malloc_usable_size(NULL), 0);
  char *copy = strdup("of the C library's");
  CHECK(is_acre(copy));
  free(copy);
}

TEST(no_size_gives_a_block_of_its_own) {
  void *first = malloc(given(0)), *second = malloc(given(0)), *third = calloc(given(0), 8);
  CHECK(first != NULL && second != NULL && third != NULL);
  CHECK(first != second && second != third);
  free(first);
  free(second);
  free(third);
  free(NULL);
}

TEST(what_cannot_be_is_enomem) {
  size_t sizes[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 + 2, SIZE_MAX - 65535, PTRDIFF_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t size = given(sizes[i]);
    void *out = &out;
    char *block = malloc(16);
    strcpy(block, "stays");
    errno = 0;
    CHECK(fails(malloc(size), ENOMEM));
    errno = 0;
    CHECK(fails(calloc(1, size), ENOMEM));
    errno = 0;
    CHECK(resize(block, size) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(fails(memalign(64, size), ENOMEM));
    errno = 0;
    CHECK(fails(aligned_alloc(4096, size), ENOMEM));
    errno = 0;
    CHECK(fails(valloc(size), ENOMEM));
    errno = 0;
    CHECK(fails(pvalloc(size), ENOMEM));
    errno = 7;
    CHECK_EQ(posix_memalign(&out, 64, size), ENOMEM);
    CHECK(errno == 7 && out == &out);
    CHECK(strcmp(block, "stays") == 0);
    free(block);
  }
  errno = 0;
  CHECK(fails(calloc(given(SIZE_MAX / 2), 3), ENOMEM));
  errno = 0;
  CHECK(fails(reallocarray(NULL, given(SIZE_MAX / 2), 3), ENOMEM));
}

TEST(zeros_are_zeros_in_used_memory) {
  for (size_t size = 1; size < 300000; size = size * 3 / 2 + 1) {
    void *block = malloc(size);
    memset(block, 0xa5, size);
    free(block);
    unsigned char *zeros = calloc(1, size);
    size_t wrong = 0;
    for (size_t i = 0; i < size; i++) wrong += zeros[i] != 0;
    CHECK_EQ(wrong, 0);
    memset(zeros, 0xa5, size);
    free(zeros);
  }
}

TEST(errno_stays_when_all_is_well) {
  for (size_t size = 1; size < (64 << 20); size *= 7) {
    errno = EXDEV;
    char *block = malloc(size);
    block = realloc(block, size * 2);
    block[size] = 1;
    block = realloc(block, size / 2 + 1);
    free(block);
    free(calloc(size, 1));
    CHECK_EQ(errno, EXDEV);
  }
}

TEST(alignments) {
  for (size_t alignment = 8; alignment <= ((size_t)1 << 30); alignment *= 2) {
    for (size_t size = 0; size <= 100000; size = size * 5 + 1) {
      void *block = NULL, *other = memalign(alignment, size), *third = aligned_alloc(alignment, size);
      REQUIRE(posix_memalign(&block, alignment, size) == 0);
      CHECK_EQ((uintptr_t)block % alignment, 0);
      CHECK_EQ((uintptr_t)other % alignment, 0);
      CHECK_EQ((uintptr_t)third % alignment, 0);
      CHECK(malloc_usable_size(block) >= size);
      memset(block, 1, size);
      memset(other, 2, size);
      free(block);
      free_aligned_sized(third, alignment, size);
      other = realloc(other, size + 1); /* which need not keep the alignment */
      CHECK(size == 0 || *(char *)other == 2);
      free(other);
    }
  }
  void *block = &block;
  CHECK_EQ(posix_memalign(&block, given(24), 1), EINVAL);
  CHECK_EQ(posix_memalign(&block, given(4), 1), EINVAL);
  CHECK_EQ(posix_memalign(&block, given(0), 1), EINVAL);
  CHECK(block == &block);
  errno = 0;
  CHECK(fails(aligned_alloc(given(24), 24), EINVAL));
  block = memalign(given(24), 100); /* rounded up, as in glibc */
  CHECK_EQ((uintptr_t)block % 32, 0);
  free(block);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  block = valloc(100);
  CHECK_EQ((uintptr_t)block % page, 0);
  free(block);
  block = pvalloc(100);
  CHECK_EQ((uintptr_t)block % page, 0);
  CHECK(malloc_usable_size(block) >= page);
  free_sized(block, 100);
}

TEST(realloc_keeps_content) {
  char *block = NULL;
  for (size_t size = 1; size < (40 << 20); size = size * 2 + 3) {
    block = realloc(block, size);
    REQUIRE(block != NULL);
    CHECK(size < 4 || memcmp(block, "kept", size < 8 ? 1 : 4) == 0);
    memcpy(block, "kept", size < 4 ? size : 4);
    block[size - 1] = 'k';
  }
  for (size_t size = 40 << 20; size >= 8; size /= 3) {
    block = realloc(block, size);
    CHECK(memcmp(block, "kept", 4) == 0);
  }
  block = reallocarray(block, 10, 1000);
  CHECK(memcmp(block, "kept", 4) == 0);
#ifdef __GLIBC__
  CHECK(realloc(block, given(0)) == NULL); /* freed */
#else
  free(realloc(block, given(0)));
#endif
}

/* A program that goes on with little: blocks of one size alone, so many that they do not all come from where the last went. */
static size_t resident_after(size_t pause_ms, size_t size) {
  enum { MOST = 3000 };
  static void *volatile live[MOST];
  size_t count_of_live = size < 100 ? MOST : MOST * 100 / size;
  for (size_t waited = 0, i = 0; waited < pause_ms; waited += 20) {
    usleep(20000);
    for (size_t count = 0; count < 1000; count++, i++) {
      free(live[i * 7 % count_of_live]);
      live[i * 7 % count_of_live] = malloc(size + i % 100);
    }
  }
  for (size_t i = 0; i < count_of_live; i++) {
    free(live[i]);
    live[i] = NULL;
  }
  return test_resident_bytes();
}

/* Returns what was resident, with all of it freed again. */
static size_t make_a_peak(void) {
  enum { BLOCKS = 200000 };
  static char *blocks[BLOCKS], *large[40];
  for (size_t i = 0; i < BLOCKS; i++) {
    size_t bytes = 16 + test_random_below(1500);
    blocks[i] = memset(malloc(bytes), 1, bytes);
  }
  for (size_t i = 0; i < 40; i++) large[i] = memset(malloc(4 << 20), 1, 4 << 20);
  size_t peak = test_resident_bytes();
  for (size_t i = 0; i < 40; i++) free(large[i]);
  for (size_t i = 0; i < BLOCKS; i++) free(blocks[i]);
  return peak;
}

static void go_over_a_peak(size_t size) {
  size_t peak = make_a_peak(), now = resident_after(1800, size);
  printf("  peak %zu KiB, two seconds later %zu KiB\n", peak >> 10, now >> 10);
  CHECK(now < peak / 20);
}

/* At once, as this program calls nothing any more. */
TEST(memory_goes_back_from_an_idle_program) {
  size_t peak = make_a_peak(), now = test_resident_bytes();
  printf("  peak %zu KiB, then %zu KiB\n", peak >> 10, now >> 10);
  CHECK(now < peak / 20);
}

TEST(memory_goes_back_after_a_peak) {
  go_over_a_peak(100);
  go_over_a_peak(10000);
  go_over_a_peak(100000);
}

/* ------------------------------------------------------------- threads and fork */

static void *few_blocks(void *context) {
  uint64_t state = (uintptr_t)context;
  void *blocks[64] = {NULL};
  for (unsigned i = 0; i < 300; i++) {
    void **slot = &blocks[test_random_next(&state) % 64];
    free(*slot);
    size_t size = test_random_next(&state) % 3000;
    *slot = malloc(size);
    if (*slot != NULL && size > 0) memset(*slot, 1, size);
  }
  for (unsigned i = 0; i < 63; i++) free(blocks[i]);
  return blocks[63]; /* freed by another thread, when this one has ended */
}

static pthread_barrier_t all_at_work;

/* All four have their part of the heap at the same time, in each round. */
static void *few_blocks_together(void *context) {
  void *last = few_blocks(context);
  pthread_barrier_wait(&all_at_work);
  return last;
}

TEST(thousands_of_short_threads) {
  size_t before = 0;
  REQUIRE(pthread_barrier_init(&all_at_work, NULL, 4) == 0);
  for (unsigned round = 0; round < 1000; round++) {
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
      REQUIRE(pthread_create(&threads[i], NULL, few_blocks_together, (void *)(i + 1)) == 0);
    for (unsigned i = 0; i < 4; i++) {
      void *last;
      pthread_join(threads[i], &last);
      free(last);
    }
    if (round == 100) before = test_resident_bytes();
  }
  CHECK(test_resident_bytes() < before + (4 << 20));
  CHECK_OK(acre_heap_validate(acre_process_heap(), NULL));
}

static pthread_key_t key;

static void allocate_late(void *block) {
  free(block);
  free(malloc(1000));
  static _Thread_local unsigned rounds;
  if (rounds++ < 3) pthread_setspecific(key, calloc(1, 10)); /* called again */
}

static void *with_late_destructor(void *context) {
  pthread_setspecific(key, calloc(1, 100));
  return context;
}

TEST(destructors_of_threads_allocate) {
  REQUIRE(pthread_key_create(&key, allocate_late) == 0);
  for (unsigned i = 0; i < 200; i++) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, with_late_destructor, NULL) == 0);
    pthread_join(thread, NULL);
  }
  CHECK_OK(acre_heap_validate(acre_process_heap(), NULL));
}

static _Atomic bool over;

static void *allocate_always(void *context) {
  while (!over) free(few_blocks(context));
  return NULL;
}

TEST(forks_of_a_threaded_program) {
  pthread_t threads[3];
  over = false;
  for (uintptr_t i = 0; i < 3; i++) REQUIRE(pthread_create(&threads[i], NULL, allocate_always, (void *)(i + 1)) == 0);
  unsigned failed = 0;
  for (unsigned i = 0; i < 60; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(20);
      pthread_t thread;
      void *last;
      if (pthread_create(&thread, NULL, few_blocks, (void *)9) != 0) _exit(2);
      pthread_join(thread, &last);
      free(last);
      _exit(acre_heap_validate(acre_process_heap(), NULL) == ACRE_OK ? 0 : 3);
    }
    int status = -1;
    waitpid(child, &status, 0);
    failed += status != 0;
  }
  over = true;
  for (unsigned i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  CHECK_EQ(failed, 0);
}

/* ------------------------------------------------------------- figures */

TEST(figures_tell_of_the_heap) {
  acre_heap_figures before, after;
  REQUIRE_OK(acre_heap_stats(acre_process_heap(), &before));
  void *volatile small = malloc(1000), *volatile large = malloc(1 << 20);
  REQUIRE_OK(acre_heap_stats(acre_process_heap(), &after));
  CHECK_EQ(after.blocks, before.blocks + 2);
  CHECK_EQ(after.large, before.large + 1);
  CHECK(after.in_use >= before.in_use + 1000 + (1 << 20));
#ifdef __GLIBC__
  struct mallinfo2 info = mallinfo2();
  CHECK_EQ(info.hblks, after.large);
  CHECK_EQ(info.uordblks + info.hblkhd, after.in_use);
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  CHECK_EQ(malloc_info(0, stream), 0);
  fclose(stream);
  CHECK(strncmp(text, "<malloc version", 15) == 0 && strcmp(text + size - 10, "</malloc>\n") == 0);
  free(text);
  CHECK_EQ(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
#endif
  free(small);
  free(large);
  malloc_trim(0);
  CHECK_EQ(malloc_trim(0), 0); /* all was given back */
}

/* ------------------------------------------------------------- misuse */

static void free_what_is_no_block(void *pointer) {
  free(pointer);
}

static void resize_what_is_no_block(void *pointer) {
  pointer = realloc(pointer, 100);
  free(pointer);
}

TEST(what_is_no_block_ends_the_program) {
  static char here[64] __attribute__((aligned(16)));
  char local[64] __attribute__((aligned(16)));
  char *block = malloc(100);
  void *pointers[] = {here, local, block + 16, block + 1, (void *)16, (void *)~(uintptr_t)15};
  for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
    CHECK(test_died_by(test_in_child(free_what_is_no_block, pointers[i]), SIGABRT));
    CHECK(test_died_by(test_in_child(resize_what_is_no_block, pointers[i]), SIGABRT));
  }
  free(block);
}
