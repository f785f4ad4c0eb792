/* SPDX-License-Identifier: MIT */
/*
 * The test harness: small, because it has to build wherever Acre does (glibc,
 * musl, mingw-w64, aarch64), which none of the packaged C harnesses does.
 *
 *   TEST(commit_keeps_content) {
 *     REQUIRE_OK(acre_vm_reserve(65536, NULL, &base));   ends the test if it fails
 *     CHECK_EQ(sum, 42);                                 notes a failure and goes on
 *   }
 *
 * Tests register themselves; the program's main is in harness.c:
 *   PROGRAM [--list] [--seed N] [NAME...]    runs all tests, or those named
 * It prints one line a test and "N passed, N failed, N skipped" at the end.
 * Exit status: 0 all passed (some may be skipped), 1 a failure, 77 all skipped.
 * Random numbers come from a seed that is fixed unless --seed changes it, and
 * is printed when a test fails.
 */
#ifndef ACRE_TESTS_HARNESS_H
#define ACRE_TESTS_HARNESS_H

#include <acre/base.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct test {
  const char *name;
  void (*run)(void);
  struct test *next;
};

void test_register(struct test *test);
void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
__attribute__((noreturn)) void test_end(void);
void test_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
bool test_check_equal(const char *file, int line, const char *a_text, const char *b_text, uintmax_t a, uintmax_t b);
bool test_check_result(const char *file, int line, const char *text, acre_result result, acre_result expected);

/* The next number of the seeded sequence, and one below `limit`. Not thread-safe: see test_random_state. */
uint64_t test_random(void);
uint64_t test_random_below(uint64_t limit);

/* For threads: a sequence of one's own (state: any number, kept by the caller). */
uint64_t test_random_next(uint64_t *state);

/* Whether a child has died by the signal; under a sanitizer, which takes the signal and ends it, by whatever. */
bool test_died_by(int status, int number);

/* Whether one byte at `address` can be read and written, without a signal for the process. The byte keeps its value. */
enum test_access { TEST_NO_ACCESS, TEST_READABLE, TEST_WRITABLE };
enum test_access test_access(void *address);
bool test_can_read(const void *address);
bool test_can_write(void *address);

/*
 * Whether all these bytes can be written, in few system calls. False: some can't be, or the
 * system has not said: then each is to be asked for. Their values stay.
 */
bool test_can_write_each(void *const *addresses, size_t count);

/* Runs fn(context) in a forked child; returns its wait status (0: it returned and nothing failed in it). */
int test_in_child(void (*fn)(void *context), void *context);

/* Resident bytes of the process now, and how many mappings it has, as the kernel counts them. */
size_t test_resident_bytes(void);
size_t test_mapping_count(void);

#define TEST(name)                                                 \
  static void test_##name(void);                                   \
  __attribute__((constructor)) static void register_##name(void) { \
    static struct test entry = {#name, test_##name, NULL};         \
    test_register(&entry);                                         \
  }                                                                \
  static void test_##name(void)

#define CHECK(condition) ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "%s", #condition))
#define CHECK_EQ(a, b) ((void)test_check_equal(__FILE__, __LINE__, #a, #b, (uintmax_t)(a), (uintmax_t)(b)))
#define CHECK_RESULT(call, expected) ((void)test_check_result(__FILE__, __LINE__, #call, (call), (expected)))
#define CHECK_OK(call) CHECK_RESULT(call, ACRE_OK)

#define REQUIRE(condition) ((condition) ? (void)0 : (test_fail(__FILE__, __LINE__, "%s", #condition), test_end()))
#define REQUIRE_EQ(a, b) \
  (test_check_equal(__FILE__, __LINE__, #a, #b, (uintmax_t)(a), (uintmax_t)(b)) ? (void)0 : test_end())
#define REQUIRE_OK(call) (test_check_result(__FILE__, __LINE__, #call, (call), ACRE_OK) ? (void)0 : test_end())

#endif
