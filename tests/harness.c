/* SPDX-License-Identifier: MIT */
/*
 * harness.c - runs the tests that have registered themselves.
 *
 * A test ends early by a jump back to its caller (REQUIRE, test_skip), which
 * only the thread that runs it may do; a CHECK may fail in any thread. What a
 * child process finds comes back as its exit status. What the system must be
 * asked for is in system/.
 */
#include "harness.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_ALL_SKIPPED = 77, DEFAULT_SEED = 20260101 };

static struct {
  struct test *first;
  uint64_t seed;
  uint64_t random;
  atomic_int failures; /* of the test that runs */
  bool skipped;
  jmp_buf end;
  pthread_t runner;
} harness = {.seed = DEFAULT_SEED};

/* Kept in the order in which they stand in the file; constructors come in any. */
void test_register(struct test *test) {
  struct test **at = &harness.first;
  while (*at != NULL && (*at)->line < test->line) at = &(*at)->next;
  test->next = *at;
  *at = test;
}

/* ------------------------------------------------------------- results of a check */

void test_fail(const char *file, int line, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  atomic_fetch_add(&harness.failures, 1);
  printf("  %s:%d: failed: %s\n", file, line, text);
  fflush(stdout);
}

static void jump_to_end(const char *what) {
  if (!pthread_equal(pthread_self(), harness.runner)) {
    printf("  %s in a thread other than the test's: the program can't go on\n", what);
    fflush(stdout);
    abort();
  }
  longjmp(harness.end, 1);
}

_Noreturn void test_end(void) {
  jump_to_end("REQUIRE failed");
  abort();
}

_Noreturn void test_skip(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("  skipped: ");
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  harness.skipped = true;
  jump_to_end("test_skip");
  abort();
}

bool test_check_equal(const char *file, int line, const char *a_text, const char *b_text, uintmax_t a, uintmax_t b) {
  if (a == b) return true;
  test_fail(file, line, "%s is %ju (0x%jx), not %s, %ju (0x%jx)", a_text, a, a, b_text, b, b);
  return false;
}

bool test_check_result(const char *file, int line, const char *text, acre_result result, acre_result expected) {
  if (result == expected) return true;
  test_fail(file, line, "%s is %s, not %s", text, acre_result_name(result), acre_result_name(expected));
  return false;
}

/* ------------------------------------------------------------- random numbers */

/* splitmix64: any state will do, and every test starts from the same one. */
uint64_t test_random_next(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t test_random(void) {
  return test_random_next(&harness.random);
}

uint64_t test_random_below(uint64_t limit) {
  return test_random() % limit;
}

/* ------------------------------------------------------------- a child's part */

int test_run_as_child(void (*fn)(void *context), void *context) {
  harness.runner = pthread_self();
  atomic_store(&harness.failures, 0);
  if (setjmp(harness.end) == 0) fn(context);
  fflush(NULL);
  return atomic_load(&harness.failures) != 0 ? TEST_CHILD_FAILED : 0;
}

/* ------------------------------------------------------------- main */

enum outcome { PASSED, FAILED, SKIPPED };

static enum outcome run(const struct test *test) {
  atomic_store(&harness.failures, 0);
  harness.skipped = false;
  harness.random = harness.seed;
  harness.runner = pthread_self();
  if (setjmp(harness.end) == 0) test->run();
  enum outcome outcome = PASSED;
  if (atomic_load(&harness.failures) != 0)
    outcome = FAILED;
  else if (harness.skipped)
    outcome = SKIPPED;
  static const char *const words[] = {"ok  ", "FAIL", "skip"};
  printf("%s %s", words[outcome], test->name);
  if (outcome == FAILED) printf("  (--seed %llu)", (unsigned long long)harness.seed);
  printf("\n");
  fflush(stdout);
  return outcome;
}

static struct test *find(const char *name) {
  for (struct test *test = harness.first; test != NULL; test = test->next)
    if (strcmp(test->name, name) == 0) return test;
  fprintf(stderr, "no test is called %s\n", name);
  exit(2);
}

static void list(void) {
  for (struct test *test = harness.first; test != NULL; test = test->next) printf("%s\n", test->name);
}

int main(int argc, char **argv) {
  unsigned counts[3] = {0, 0, 0};
  int at = 1;
  for (; at < argc && argv[at][0] == '-'; at++) {
    if (strcmp(argv[at], "--list") == 0) {
      list();
      return 0;
    }
    if (strcmp(argv[at], "--seed") != 0 || at + 1 == argc) {
      fprintf(stderr, "usage: %s [--list] [--seed N] [NAME...]\n", argv[0]);
      return 2;
    }
    harness.seed = strtoull(argv[++at], NULL, 0);
  }
  if (at == argc)
    for (struct test *test = harness.first; test != NULL; test = test->next) counts[run(test)]++;
  else
    for (; at < argc; at++) counts[run(find(argv[at]))]++;

  printf("%u passed, %u failed, %u skipped\n", counts[PASSED], counts[FAILED], counts[SKIPPED]);
  if (counts[FAILED] != 0) return 1;
  if (counts[PASSED] == 0 && counts[SKIPPED] != 0) return EXIT_ALL_SKIPPED;
  if (counts[PASSED] == 0) {
    fprintf(stderr, "no test ran\n");
    return 1;
  }
  return 0;
}
