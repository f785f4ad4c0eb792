/* SPDX-License-Identifier: MIT */
/* Checked heaps: each misuse is found, ends the program with its message, or goes to the heap's callback. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/heap_check.h"

/* ------------------------------------------------------------- messages */

static acre_heap *heap;
static char *block;

static void write_byte(char *address, char value) {
  *(volatile char *)address = value; /* the compiler knows what is wrong with it, too */
}

/* What the misuse says on stderr, before it ends the child by abort. */
static const char *message_of(void (*misuse)(void)) {
  static char text[512];
  int ends[2], status = 0;
  REQUIRE(pipe(ends) == 0);
  fflush(NULL);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    signal(SIGABRT, SIG_DFL);
    heap = make_heap(&(acre_heap_options){.name = "records", .flags = ACRE_HEAP_CHECKED});
    block = acre_heap_alloc(heap, 24);
    misuse();
    _exit(0);
  }
  close(ends[1]);
  size_t length = 0;
  for (ssize_t got; (got = read(ends[0], text + length, sizeof text - 1 - length)) > 0;) length += (size_t)got;
  close(ends[0]);
  text[length] = '\0';
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  return text;
}

/* The message is `wanted`, with an address behind each 0x of it. */
static void expect(void (*misuse)(void), const char *wanted) {
  const char *message = message_of(misuse), *at = message, *left = wanted;
  for (; *at != '\0' && *at == *left; at++, left++) {
    if (strncmp(left, "0x", 2) != 0 || strncmp(at, "0x", 2) != 0) continue;
    size_t digits = strspn(at + 2, "0123456789abcdef");
    if (digits == 0) break;
    at += 1 + digits;
    left++;
  }
  if (*at != '\0' || *left != '\0') test_fail(__FILE__, __LINE__, "the message is: %s", message);
}

static void free_twice(void) {
  (void)acre_heap_free(heap, block);
  (void)acre_heap_free(heap, block);
}

static void free_twice_of_nothing(void) {
  block = acre_heap_alloc(heap, 0);
  free_twice();
}

static void free_twice_of_many(void) {
  block = acre_heap_alloc(heap, 200000);
  free_twice();
}

static void free_twice_of_very_many(void) {
  block = acre_heap_alloc(heap, 50000000);
  free_twice();
}

TEST(double_free) {
  expect(free_twice_of_nothing, "acre: heap 'records': freed or resized a block that is free already: 0x (0 bytes)\n");
  expect(free_twice_of_many,
         "acre: heap 'records': freed or resized a block that is free already: 0x (200000 bytes)\n");
  expect(free_twice_of_very_many,
         "acre: heap 'records': freed or resized a block that is free already: 0x (50000000 bytes)\n");
  expect(free_twice, "acre: heap 'records': freed or resized a block that is free already: 0x (24 bytes)\n");
}

static void free_inside(void) {
  (void)acre_heap_free(heap, block + 8);
}

static void free_inside_of_a_large_one(void) {
  (void)acre_free((char *)acre_heap_alloc(heap, 1 << 20) + 500000);
}

static void free_foreign(void) {
  static char foreign[100];
  (void)acre_heap_free(heap, foreign);
}

TEST(invalid_free) {
  expect(free_inside,
         "acre: heap 'records': freed or resized what is no block of any heap: 0x, inside of 0x (24 bytes)\n");
  expect(free_inside_of_a_large_one,
         "acre: heap 'records': freed or resized what is no block of any heap: 0x, inside of 0x (1048576 bytes)\n");
  expect(free_foreign, "acre: heap 'records': freed or resized what is no block of any heap: 0x\n");
}

static void free_to_another_heap(void) {
  (void)acre_heap_free(heap, acre_heap_alloc(make_heap(NULL), 100));
}

static void resize_in_another_heap(void) {
  acre_heap *others = make_heap(&(acre_heap_options){.name = "others", .flags = ACRE_HEAP_CHECKED});
  (void)acre_heap_realloc(heap, acre_heap_alloc(others, 100), 200);
}

TEST(free_to_the_wrong_heap) {
  expect(free_to_another_heap,
         "acre: heap 'records': freed or resized a block of another heap, 'heap': 0x (112 bytes)\n");
  expect(resize_in_another_heap,
         "acre: heap 'records': freed or resized a block of another heap, 'others': 0x (100 bytes)\n");
}

static void write_one_too_many(void) {
  write_byte(block + 24, 1);
  (void)acre_heap_free(heap, block);
}

static void write_one_too_many_and_validate(void) {
  write_byte(block + 24, 1);
  (void)acre_heap_validate(heap, NULL);
}

static void write_many_too_many(void) {
  for (size_t i = 24; i < 60; i++) write_byte(block + i, 0x41);
  (void)acre_heap_free(heap, block);
}

TEST(overflow_by_one_byte) {
  expect(write_one_too_many, "acre: heap 'records': bytes behind the block's end were overwritten: 0x (24 bytes)\n");
  expect(write_one_too_many_and_validate,
         "acre: heap 'records': bytes behind the block's end were overwritten: 0x (24 bytes)\n");
  expect(write_many_too_many,
         "acre: heap 'records': bytes behind the block's end were overwritten: 0x (at most 24 bytes)\n");
}

static void write_after_free(void) {
  (void)acre_heap_free(heap, block);
  write_byte(block + 3, 1);
  for (int i = 0; i < 1000; i++) (void)acre_heap_free(heap, acre_heap_alloc(heap, 24));
}

static void write_after_free_and_validate(void) {
  (void)acre_heap_free(heap, block);
  write_byte(block + 23, 1);
  (void)acre_heap_validate(heap, NULL);
}

static void write_after_free_of_many(void) {
  block = acre_heap_alloc(heap, 100000);
  (void)acre_heap_free(heap, block);
  write_byte(block + 70000, 1);
  for (int i = 0; i < 1000; i++) (void)acre_heap_free(heap, acre_heap_alloc(heap, 24));
}

TEST(use_after_free) {
  expect(write_after_free_of_many, "acre: heap 'records': a block was written after it was freed: 0x (100000 bytes)\n");
  expect(write_after_free, "acre: heap 'records': a block was written after it was freed: 0x (24 bytes)\n");
  expect(write_after_free_and_validate,
         "acre: heap 'records': a block was written after it was freed: 0x (24 bytes)\n");
}

/* A block that has left the quarantine begins with its list's link. */
static void write_link(void) {
  char *blocks[400];
  for (int i = 0; i < 400; i++) blocks[i] = acre_heap_alloc(heap, 24);
  for (int i = 0; i < 400; i++) (void)acre_heap_free(heap, blocks[i]);
  for (int i = 0; i < 400; i++) memset(blocks[i], 0x41, 8);
  for (int i = 0; i < 400; i++) (void)acre_heap_alloc(heap, 24);
}

TEST(free_list_corruption) {
  expect(write_link, "acre: heap 'records': the heap's own data were overwritten: 0x (at most 24 bytes)\n");
}

static void free_with_another_size(void) {
  (void)acre_heap_free_sized(heap, block, 25);
}

TEST(wrong_size) {
  expect(free_with_another_size,
         "acre: heap 'records': freed a block with a size that is not its own: 0x (24 bytes)\n");
}

static void *allocate(void *from) {
  (void)acre_heap_alloc(from, 10);
  return NULL;
}

static void use_in_another_thread(void) {
  acre_heap *single = make_heap(
      &(acre_heap_options){.name = "mine", .flags = ACRE_HEAP_CHECKED | ACRE_HEAP_SINGLE_THREAD});
  pthread_t thread;
  (void)acre_heap_alloc(single, 10);
  REQUIRE(pthread_create(&thread, NULL, allocate, single) == 0);
  pthread_join(thread, NULL);
}

static void *free_it(void *of_another) {
  (void)acre_free(of_another);
  return NULL;
}

static void free_in_another_thread(void) {
  acre_heap *single = make_heap(
      &(acre_heap_options){.name = "mine", .flags = ACRE_HEAP_CHECKED | ACRE_HEAP_SINGLE_THREAD});
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, free_it, acre_heap_alloc(single, 10)) == 0);
  pthread_join(thread, NULL);
}

TEST(wrong_thread) {
  expect(free_in_another_thread,
         "acre: heap 'mine': a single-thread heap was used by a thread that did not make it: 0x (10 bytes)\n");
  expect(use_in_another_thread,
         "acre: heap 'mine': a single-thread heap was used by a thread that did not make it: 0x\n");
}

/* ------------------------------------------------------------- the callback */

static struct {
  unsigned count;
  acre_heap_error last;
  char text[256];
} told;

static void tell(const acre_heap_error *error, void *context) {
  CHECK(context == &told);
  told.count++;
  told.last = *error;
  strncpy(told.text, error->text, sizeof told.text - 1);
}

static void expect_told(acre_heap_misuse misuse, const void *address, size_t size) {
  CHECK_EQ(told.count, 1);
  CHECK_EQ(told.last.misuse, misuse);
  CHECK(told.last.heap == heap && told.last.block == address);
  CHECK_EQ(told.last.size, size);
  CHECK(strstr(told.text, "heap 'told'") != NULL && strchr(told.text, '\n') == NULL);
  told.count = 0;
}

TEST(the_callback_is_told_and_nothing_happens) {
  heap = make_heap(
      &(acre_heap_options){.name = "told", .flags = ACRE_HEAP_CHECKED, .on_error = tell, .context = &told});
  told.count = 0;
  char *a = acre_heap_alloc(heap, 100), *b = acre_heap_alloc(heap, 20000), *c = acre_heap_alloc(heap, 200000);
  CHECK_RESULT(acre_heap_free(heap, a + 16), ACRE_E_NOT_A_BLOCK);
  expect_told(ACRE_HEAP_NOT_A_BLOCK, a + 16, 100);
  CHECK(acre_heap_realloc(heap, b + 16, 10) == NULL);
  expect_told(ACRE_HEAP_NOT_A_BLOCK, b + 16, 20000);
  CHECK_OK(acre_heap_free(heap, a));
  CHECK_RESULT(acre_heap_free(heap, a), ACRE_E_NOT_A_BLOCK);
  expect_told(ACRE_HEAP_DOUBLE_FREE, a, 100);
  CHECK(acre_heap_realloc(heap, a, 500) == NULL);
  expect_told(ACRE_HEAP_DOUBLE_FREE, a, 100);
  write_byte(b + 20000, 1);
  CHECK_RESULT(acre_heap_validate(heap, b), ACRE_E_HEAP_CORRUPT);
  expect_told(ACRE_HEAP_OVERFLOW, b, 20000);
  CHECK_RESULT(acre_heap_free(heap, b), ACRE_E_NOT_A_BLOCK);
  expect_told(ACRE_HEAP_OVERFLOW, b, 20000);
  write_byte(b + 20000, (char)0xfb); /* as it was */
  CHECK_OK(acre_heap_free(heap, b));
  write_byte(c + 200000, 1);
  CHECK_RESULT(acre_heap_free(heap, c), ACRE_E_NOT_A_BLOCK);
  expect_told(ACRE_HEAP_OVERFLOW, c, 200000);
  write_byte(c + 200000, (char)0xfb);
  CHECK_OK(acre_heap_free_sized(heap, c, 200000));
  CHECK_RESULT(acre_heap_free(heap, c), ACRE_E_NOT_A_BLOCK);
  expect_told(ACRE_HEAP_DOUBLE_FREE, c, 200000);
  CHECK_VALID(heap);
  CHECK_EQ(told.count, 0);
  end_heap(heap);
}

TEST(sizes_are_exact) {
  heap = make_heap(&(acre_heap_options){.flags = ACRE_HEAP_CHECKED});
  for (size_t size = 0; size < 70000; size += size < 300 ? 1 : 777) {
    char *exact = acre_heap_alloc(heap, size);
    REQUIRE(exact != NULL);
    CHECK_EQ(acre_heap_requested(exact), size);
    CHECK_EQ(acre_heap_size(exact), size);
    memset(exact, 1, size);
    CHECK_OK(acre_heap_free_sized(heap, exact, size));
  }
  CHECK_EQ(figures_of(heap).requested, 0);
  end_heap(heap);
}

/* What an unchecked heap finds without looking. */
TEST(an_unchecked_heap_refuses_what_is_not_its_own) {
  heap = make_heap(NULL);
  acre_heap *other = make_heap(NULL);
  char *medium = acre_heap_alloc(heap, 5000), *small = acre_heap_alloc(other, 50);
  CHECK_RESULT(acre_heap_free(heap, small), ACRE_E_NOT_A_BLOCK);
  CHECK_OK(acre_heap_free(heap, medium));
  CHECK_RESULT(acre_heap_free(heap, medium), ACRE_E_NOT_A_BLOCK);
  end_heap(heap);
  end_heap(other);
}

TEST(an_unchecked_heap_is_found_to_be_corrupt) {
  heap = make_heap(NULL);
  char *a = acre_heap_alloc(heap, 64), *b = acre_heap_alloc(heap, 64);
  CHECK_OK(acre_heap_free(heap, a));
  CHECK_OK(acre_heap_free(heap, b));
  char *link = NULL;
  memcpy(&link, b, sizeof link);
  memset(b, 0x41, 8);
  CHECK_RESULT(acre_heap_validate(heap, NULL), ACRE_E_HEAP_CORRUPT);
  memcpy(b, &link, sizeof link);
  CHECK_VALID(heap);
  CHECK_OK(acre_heap_free(heap, b)); /* twice */
  CHECK_RESULT(acre_heap_validate(heap, NULL), ACRE_E_HEAP_CORRUPT);
  CHECK_OK(acre_heap_destroy(heap)); /* which follows no list of blocks */
  CHECK(acre__runs_are_valid());
}
