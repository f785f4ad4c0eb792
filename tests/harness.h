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
  int line;
  struct test *next;
};

void test_register(struct test *test);
#ifdef __MINGW_PRINTF_FORMAT /* its printf may have formats of its own */
#define TEST_PRINTF(text, first) __attribute__((format(__MINGW_PRINTF_FORMAT, text, first)))
#else
#define TEST_PRINTF(text, first) __attribute__((format(printf, text, first)))
#endif

void test_fail(const char *file, int line, const char *format, ...) TEST_PRINTF(3, 4);
__attribute__((noreturn)) void test_end(void);
__attribute__((noreturn)) void test_skip(const char *format, ...) TEST_PRINTF(1, 2);
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

/* The system itself writes a byte there, as it does in a system call. False: it says that it may not. */
enum { TEST_SYSTEM_BYTE = 'x' };
bool test_system_write(void *address);

/*
 * Whether all these bytes can be written, in few system calls. False: some can't be, or the
 * system has not said: then each is to be asked for. Their values stay.
 */
bool test_can_write_each(void *const *addresses, size_t count);

/*
 * Runs fn(context) in a forked child; returns its wait status (0: it returned and nothing failed in it). Where there
 * is no fork, the test is skipped.
 */
int test_in_child(void (*fn)(void *context), void *context);

bool test_can_fork(void);

/* The process ends, and the test has failed, if it runs for so long from now on: for what may hang. */
void test_end_after(unsigned seconds);

/* For test_in_child, in the child: what it ends with. */
enum { TEST_CHILD_FAILED = 78 };
int test_run_as_child(void (*fn)(void *context), void *context);

/* Resident bytes of the process now, and how many mappings it has, as the kernel counts them. */
size_t test_resident_bytes(void);

/* Whether the page at `address` has its memory. */
bool test_is_resident(const void *address);

/* Whether what is resident is the program's alone, and not also what stands in for its system. */
bool test_resident_is_own(void);
size_t test_mapping_count(void);

size_t test_page_size(void);
void test_sleep(unsigned milliseconds);
void test_set_environment(const char *name, const char *value); /* NULL: it is not set */

/* A directory of one's own, to be removed with all that is in it. */
enum { TEST_PATH = 256 };
void test_make_directory(char path[TEST_PATH]);
void test_remove_directory(const char *path);

/* An empty file of one's own; its path is ASCII. */
void test_make_file(char path[TEST_PATH]);

/* The system's own handle of the file, for reading and writing. */
intptr_t test_open_file(const char *path);
void test_close_file(intptr_t handle);

/* Bytes that the file has on the disk. */
uint64_t test_bytes_on_disk(const char *path);

/* Memory of the test's own, which Acre knows nothing of; NULL: the system has not so much. */
void *test_take_memory(size_t size);
void *test_take_memory_at(void *place, size_t size); /* there; NULL: something is there already */
void test_give_memory(void *memory, size_t size);

/* The time that the process has run on processors, in microseconds. */
uint64_t test_processor_time(void);

/* How many files and the like the process has open. */
size_t test_open_handles(void);

#define TEST(name)                                                   \
  static void test_##name(void);                                     \
  __attribute__((constructor)) static void register_##name(void) {   \
    static struct test entry = {#name, test_##name, __LINE__, NULL}; \
    test_register(&entry);                                           \
  }                                                                  \
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
