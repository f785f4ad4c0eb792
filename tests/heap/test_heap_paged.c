/* SPDX-License-Identifier: MIT */
/* Heaps on the paging file: where their blocks lie, what a full disk does to them, and what a child of fork finds. */
#include <pthread.h>
#include <sys/wait.h>

#include "heap/heap_check.h"
#include "vm/paging_check.h"

#define PAGED .backing = ACRE_VM_BACKING_PAGING_FILE

enum { BLOCKS = 400 };

static acre_heap *heap;
static unsigned char *blocks[BLOCKS];

static size_t size_of(size_t i) {
  return i % 100 == 0 ? 3000000 : i % 10 == 0 ? 30000 : 1 + i * 5;
}

static void fill_heap(void) {
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = acre_heap_alloc(heap, size_of(i));
    REQUIRE(blocks[i] != NULL);
    fill_block(blocks[i], size_of(i), i);
  }
}

static void check_content(size_t first, size_t step) {
  for (size_t i = first; i < BLOCKS; i += step) CHECK(block_is_filled(blocks[i], size_of(i), size_of(i), i));
}

static const acre_heap_options kinds[] = {
    {.name = "shared", PAGED},
    {.name = "single", .flags = ACRE_HEAP_SINGLE_THREAD, PAGED},
    {.name = "checked", .flags = ACRE_HEAP_CHECKED, PAGED},
    {.name = "limited", .limit = (size_t)64 << 20, PAGED},
    {.name = "begun", .initial_commit = 1 << 20, PAGED},
};

static void on_each_kind(void (*run)(void)) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    set_paging_file(0);
    heap = make_heap(&kinds[i]);
    run();
    end_heap(heap);
    CHECK_EQ(paging_bytes_used(), 0);
    unset_paging_file();
  }
}

/* ------------------------------------------------------------- where blocks lie */

static void check_is_paged(const void *block) {
  struct acre__region *region = acre__region_lock((uintptr_t)block);
  REQUIRE(region != NULL);
  CHECK(region->paged);
  acre__region_unlock(region);
}

static void blocks_are_on_the_disk(void) {
  fill_heap();
  for (size_t i = 0; i < BLOCKS; i++) check_is_paged(blocks[i]);
  CHECK(paging_bytes_used() >= figures_of(heap).reserved - ACRE_HEAP_SEGMENT); /* all but the home */
  CHECK(blocks_of_file(blocks[0]) >= paging_bytes_used());
  check_content(0, 1);
  for (size_t i = 0; i < BLOCKS; i += 2) CHECK_OK(acre_heap_free(heap, blocks[i]));
  for (size_t i = 0; i < BLOCKS; i += 2) CHECK((blocks[i] = acre_heap_alloc(heap, size_of(i))) != NULL);
  check_content(1, 2);
  CHECK_VALID(heap);
}

TEST(blocks_are_on_the_disk) {
  on_each_kind(blocks_are_on_the_disk);
}

static void the_disk_gets_its_blocks_back(void) {
  uint64_t initial = paging_bytes_used();
  fill_heap();
  CHECK_OK(acre_heap_reset(heap));
  CHECK_EQ(paging_bytes_used(), initial);
  CHECK_EQ(figures_of(heap).blocks, 0);
  fill_heap();
  for (size_t i = 0; i < BLOCKS; i++) CHECK_OK(acre_free(blocks[i]));
  CHECK(acre_heap_compact(heap) > 0);
  CHECK_EQ(paging_bytes_used(),
           figures_of(heap).reserved - ACRE_HEAP_SEGMENT); /* a checked heap has a block of its own */
  fill_heap();
  check_content(0, 1);
  CHECK_VALID(heap);
}

TEST(the_disk_gets_its_blocks_back) {
  on_each_kind(the_disk_gets_its_blocks_back);
}

static void *fill_as_a_thread(void *nothing) {
  for (size_t i = 0; i < 1000; i++) {
    void *block = acre_heap_alloc(heap, 1 + i);
    REQUIRE(block != NULL);
    check_is_paged(block);
    if (i % 3 == 0) CHECK_OK(acre_heap_free(heap, block));
  }
  return nothing;
}

TEST(threads_have_their_blocks_on_the_disk_too) {
  set_paging_file(0);
  heap = make_heap(&kinds[0]);
  fill_heap();
  pthread_t threads[3];
  for (size_t i = 0; i < 3; i++) REQUIRE(pthread_create(&threads[i], NULL, fill_as_a_thread, NULL) == 0);
  for (size_t i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  check_content(0, 1);
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_reset(heap));
  CHECK_VALID(heap);
  end_heap(heap);
  CHECK_EQ(paging_bytes_used(), 0);
  unset_paging_file();
}

/* ------------------------------------------------------------- options */

static void refused(const acre_heap_options *options, acre_result expected) {
  acre_heap *made = (acre_heap *)(void *)&made;
  CHECK_RESULT(acre_heap_create(options, &made), expected);
  CHECK(made == NULL);
}

TEST(options_that_do_not_go_together) {
  static char memory[3 * 65536];
  refused(&(acre_heap_options){PAGED}, ACRE_E_NOT_SUPPORTED); /* no paging file */
  refused(&(acre_heap_options){.backing = (acre_vm_backing)2}, ACRE_E_INVALID_ARGUMENT);
  set_paging_file(0);
  refused(&(acre_heap_options){PAGED, .limit = 1 << 20, .flags = ACRE_HEAP_LARGE_PAGES}, ACRE_E_INVALID_ARGUMENT);
  refused(&(acre_heap_options){PAGED, .range = memory, .range_size = sizeof memory}, ACRE_E_INVALID_ARGUMENT);
  refused(&(acre_heap_options){PAGED, .limit = 2 * ACRE_HEAP_SEGMENT - 1}, ACRE_E_INVALID_SIZE);
  heap = make_heap(&(acre_heap_options){PAGED, .limit = 2 * ACRE_HEAP_SEGMENT});
  size_t count = 0;
  while (acre_heap_alloc(heap, 1000) != NULL) count++;
  CHECK_EQ(count, ACRE_HEAP_SEGMENT / 1024);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_HEAP_LIMIT);
  end_heap(heap);
  heap = make_heap(&(acre_heap_options){PAGED, .limit = SIZE_MAX});
  CHECK(acre_heap_alloc(heap, 1000) != NULL);
  end_heap(heap);
  unset_paging_file();
}

TEST(the_paging_files_maximum) {
  set_paging_file(1 << 20);
  heap = make_heap(&(acre_heap_options){PAGED});
  size_t count = 0;
  while (acre_heap_alloc(heap, 64 << 10) != NULL) count++;
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_COMMIT_LIMIT);
  CHECK_EQ(count, 16); /* to the last segment */
  refused(&(acre_heap_options){PAGED, .initial_commit = 1 << 20}, ACRE_E_COMMIT_LIMIT);
  end_heap(heap);
  unset_paging_file();
}

/* ------------------------------------------------------------- a full disk */

static void fill_the_disk(void *context) {
  (void)context;
  if (!mount_paging_disk("size=4m,huge=never")) _exit(77);
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 0));
  for (unsigned flags = 0; flags <= ACRE_HEAP_CHECKED; flags++) {
    heap = make_heap(&(acre_heap_options){PAGED, .flags = flags});
    size_t count = 0;
    void *first = NULL, *block;
    while ((block = acre_heap_alloc(heap, 4000)) != NULL) {
      if (count++ == 0) first = block;
      memset(block, 1, 4000); /* no SIGBUS */
    }
    CHECK_RESULT(acre_heap_why(heap), ACRE_E_NO_SPACE);
    CHECK(count > 900);
    CHECK_VALID(heap);
    CHECK(acre_heap_alloc(heap, 10 << 20) == NULL);
    CHECK_RESULT(acre_heap_why(heap), ACRE_E_NO_SPACE);
    CHECK_OK(acre_heap_free(heap, first));                               /* it stays usable */
    if ((flags & ACRE_HEAP_CHECKED) != 0) (void)acre_heap_compact(heap); /* out of the quarantine */
    CHECK(acre_heap_alloc(heap, 4000) != NULL);
    CHECK_OK(acre_heap_reset(heap));
    CHECK_EQ(paging_bytes_used(), 0);
    for (size_t i = 0; i < count; i++) memset(acre_heap_alloc(heap, 4000), 2, 4000);
    end_heap(heap);
  }
  CHECK_EQ(paging_bytes_used(), 0);
}

TEST(a_full_disk_is_an_error_of_the_allocation) {
  make_paging_directory();
  int status = test_in_child(fill_the_disk, NULL);
  CHECK(rmdir(paging_directory) == 0);
  if (status == 77 << 8) test_skip("needs a mount namespace of its own");
  CHECK_EQ(status, 0);
}

/* ------------------------------------------------------------- fork */

static void touch_a_block(void *block) {
  ((volatile char *)block)[0] = 1;
}

static void *allocate_nothing(void *nothing) {
  CHECK(acre_heap_alloc(heap, 100) == NULL);
  CHECK_RESULT(acre_heap_why(heap), ACRE_E_CONTENT_LOST);
  return nothing;
}

/* The child's calls say what has become of the heap. */
static void find_nothing(void *context) {
  (void)context;
  allocate_nothing(NULL);
  for (size_t i = 0; i < BLOCKS; i += 7) {
    CHECK(acre_heap_alloc(heap, size_of(i)) == NULL);
    CHECK_RESULT(acre_heap_why(heap), ACRE_E_CONTENT_LOST);
    CHECK_RESULT(acre_heap_free(heap, blocks[i]), ACRE_E_CONTENT_LOST);
    CHECK_RESULT(acre_heap_resize_in_place(heap, blocks[i], 10), ACRE_E_CONTENT_LOST);
    CHECK(acre_heap_realloc(heap, blocks[i], 10) == NULL);
    CHECK_RESULT(acre_heap_why(heap), ACRE_E_CONTENT_LOST);
    CHECK_RESULT(acre_free(blocks[i]), ACRE_E_NOT_A_BLOCK);
    CHECK_RESULT(acre_heap_validate(heap, blocks[i]), ACRE_E_NOT_A_BLOCK);
    CHECK(acre_heap_of(blocks[i]) == NULL);
  }
  CHECK_VALID(heap);
  acre_heap_figures figures = figures_of(heap);
  CHECK_EQ(figures.blocks, 0);
  CHECK_EQ(figures.reserved, figures.locals * ACRE_HEAP_SEGMENT);
  CHECK_EQ(paging_bytes_used(), 0);
  int status = test_in_child(touch_a_block, blocks[100]);
  CHECK(SANITIZED ? status != 0 : WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  (void)acre_heap_compact(heap);
  CHECK_VALID(heap);
  CHECK(acre__runs_are_valid());
}

static void be_a_child(void *reset) {
  find_nothing(NULL);
#ifndef __SANITIZE_THREAD__ /* which allows no threads in the child of a process that had some */
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, allocate_nothing, NULL) == 0);
  pthread_join(thread, NULL);
#endif
  if (reset != NULL) {
    CHECK_OK(acre_heap_reset(heap)); /* from here on it is a heap like any other */
    fill_heap();
    check_is_paged(blocks[5]);
    check_content(0, 1);
    CHECK_VALID(heap);
    CHECK_EQ(test_in_child(find_nothing, NULL), 0); /* and its children lose it as well */
    check_content(0, 1);
  }
  CHECK_OK(acre_heap_destroy(heap));
  CHECK(acre__runs_are_valid());
  CHECK_EQ(paging_bytes_used(), 0);
}

static void a_child_has_lost_it(void) {
  fill_heap();
  CHECK_EQ(test_in_child(be_a_child, NULL), 0);
  CHECK_EQ(test_in_child(be_a_child, heap), 0);
  check_content(0, 1); /* the parent has everything */
  CHECK_VALID(heap);
  CHECK(acre_heap_alloc(heap, 100) != NULL);
}

TEST(a_child_has_lost_it) {
  on_each_kind(a_child_has_lost_it);
}

static void work_in_the_child(void *other) {
  CHECK(acre_heap_alloc(other, 100) != NULL);
  find_nothing(NULL);
}

static atomic_bool stop;

static void *work(void *nothing) {
  while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
    void *small = acre_heap_alloc(heap, 100), *large = acre_heap_alloc(heap, 100000);
    CHECK(small != NULL && large != NULL);
    CHECK_OK(acre_heap_free(heap, small));
    CHECK_OK(acre_heap_free(heap, large));
  }
  return nothing;
}

TEST(forks_while_others_allocate) {
  set_paging_file(0);
  heap = make_heap(&kinds[0]);
  acre_heap *other = make_heap(NULL);
  fill_heap();
  atomic_store(&stop, false);
  pthread_t threads[2];
  for (size_t i = 0; i < 2; i++) REQUIRE(pthread_create(&threads[i], NULL, work, NULL) == 0);
  for (int i = 0; i < (SANITIZED ? 10 : 50); i++) CHECK_EQ(test_in_child(work_in_the_child, other), 0);
  atomic_store(&stop, true);
  for (size_t i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  check_content(0, 1);
  end_heap(other);
  end_heap(heap);
  unset_paging_file();
}

static void lock_in_the_child(void *context) {
  find_nothing(context);
  CHECK_OK(acre_heap_unlock(heap));
  CHECK_OK(acre_heap_destroy(heap));
}

TEST(a_locked_one_is_locked_in_the_child) {
  set_paging_file(0);
  heap = make_heap(&kinds[0]);
  fill_heap();
  acre_heap_lock(heap);
  CHECK_EQ(test_in_child(lock_in_the_child, NULL), 0);
  CHECK_OK(acre_heap_unlock(heap));
  end_heap(heap);
  unset_paging_file();
}
