/* SPDX-License-Identifier: MIT */
/*
 * harness.c - runs the tests that have registered themselves.
 *
 * A test ends early by a jump back to its caller (REQUIRE, test_skip), which
 * only the thread that runs it may do; a CHECK may fail in any thread. What a
 * forked child finds comes back as its exit status.
 *
 * Whether memory can be accessed is found out by letting the kernel do it: a
 * pipe's write(2) and read(2) copy under the page's protection and say EFAULT.
 * (process_vm_readv is closed in some containers.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_ALL_SKIPPED = 77, EXIT_CHECK_FAILED = 78, DEFAULT_SEED = 20260101 };

static struct {
  struct test *first;
  uint64_t seed;
  uint64_t random;
  atomic_int failures; /* of the test that runs */
  bool skipped;
  jmp_buf end;
  pthread_t runner;
} harness = {.seed = DEFAULT_SEED};

/* Kept in the order in which they stand in the file. */
void test_register(struct test *test) {
  struct test **end = &harness.first;
  while (*end != NULL) end = &(*end)->next;
  *end = test;
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

/* ------------------------------------------------------------- access without a signal */

/* One pipe for the process, which a forked child must not share with its parent. */
static struct {
  pthread_mutex_t lock;
  bool is_open, knows_of_forks;
  int ends[2];
} probe = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock_pipe(void) {
  pthread_mutex_lock(&probe.lock);
}

static void unlock_pipe(void) {
  pthread_mutex_unlock(&probe.lock);
}

static void drop_pipe(void) {
  if (probe.is_open) {
    close(probe.ends[0]);
    close(probe.ends[1]);
  }
  probe.is_open = false;
  unlock_pipe();
}

static void take_pipe(void) {
  lock_pipe();
  if (probe.is_open) return;
  if (pipe2(probe.ends, O_CLOEXEC) != 0 ||
      (!probe.knows_of_forks && pthread_atfork(lock_pipe, unlock_pipe, drop_pipe) != 0)) {
    perror("the harness needs a pipe");
    abort();
  }
  probe.is_open = probe.knows_of_forks = true;
}

/* Into the pipe. */
static bool push_byte(const void *address) {
  return write(probe.ends[1], address, 1) == 1;
}

static bool pull_byte(void *address) {
  return read(probe.ends[0], address, 1) == 1;
}

static void drain_byte(void) {
  char byte;
  if (!pull_byte(&byte)) abort();
}

bool test_can_read(const void *address) {
  take_pipe();
  bool can = push_byte(address);
  if (can) drain_byte();
  unlock_pipe();
  return can;
}

/* The byte goes through the pipe and comes back to where it was. */
enum test_access test_access(void *address) {
  enum test_access access = TEST_NO_ACCESS;
  take_pipe();
  if (push_byte(address)) access = pull_byte(address) ? TEST_WRITABLE : TEST_READABLE;
  if (access == TEST_READABLE) drain_byte();
  unlock_pipe();
  return access;
}

/* Many bytes at once: the pipe takes all of them, or it says no to all. */
bool test_can_write_each(void *const *addresses, size_t count) {
  enum { AT_ONCE = 512 }; /* within what a pipe takes in one piece */
  struct iovec bytes[AT_ONCE];
  bool can = true;
  take_pipe();
  for (size_t done = 0; can && done < count;) {
    size_t part = count - done < AT_ONCE ? count - done : AT_ONCE;
    for (size_t i = 0; i < part; i++) bytes[i] = (struct iovec){addresses[done + i], 1};
    ssize_t pushed = writev(probe.ends[1], bytes, (int)part), pulled = 0;
    if (pushed == (ssize_t)part) pulled = readv(probe.ends[0], bytes, (int)part);
    can = pushed == (ssize_t)part && pulled == pushed;
    for (ssize_t left = pushed - (pulled > 0 ? pulled : 0); left > 0; left--) drain_byte();
    done += part;
  }
  unlock_pipe();
  return can;
}

bool test_can_write(void *address) {
  return test_access(address) == TEST_WRITABLE;
}

/* ------------------------------------------------------------- children */

int test_in_child(void (*fn)(void *context), void *context) {
  fflush(NULL);
  pid_t child = fork();
  if (child < 0) {
    perror("the harness can't fork");
    abort();
  }
  if (child == 0) {
    harness.runner = pthread_self();
    atomic_store(&harness.failures, 0);
    if (setjmp(harness.end) == 0) fn(context);
    fflush(NULL);
    _exit(atomic_load(&harness.failures) != 0 ? EXIT_CHECK_FAILED : 0);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) abort();
  return status;
}

bool test_died_by(int status, int number) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  if (WIFEXITED(status)) return WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EXIT_CHECK_FAILED;
#endif
  return WIFSIGNALED(status) && WTERMSIG(status) == number;
}

/* ------------------------------------------------------------- the kernel's figures */

/* Reads the next byte of the file; -1 at its end. */
struct reader {
  int fd;
  size_t at, end;
  char bytes[4096];
};

static int next_byte(struct reader *reader) {
  if (reader->at == reader->end) {
    ssize_t got = read(reader->fd, reader->bytes, sizeof reader->bytes);
    if (got <= 0) return -1;
    reader->at = 0;
    reader->end = (size_t)got;
  }
  return (unsigned char)reader->bytes[reader->at++];
}

/*
 * Calls `each` with the first bytes of every line of the file, and stops where
 * it returns false. Not stdio, whose buffers would be mappings of their own.
 */
static void read_lines(const char *path, bool (*each)(const char *line, size_t *out), size_t *out) {
  struct reader reader = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
  if (reader.fd < 0) {
    perror(path);
    abort();
  }
  char line[256];
  size_t length = 0;
  for (int byte; (byte = next_byte(&reader)) >= 0;) {
    if (byte != '\n') {
      if (length < sizeof line - 1) line[length++] = (char)byte;
      continue;
    }
    line[length] = '\0';
    length = 0;
    if (!each(line, out)) break;
  }
  close(reader.fd);
}

static bool take_rss(const char *line, size_t *out) {
  unsigned long long kibibytes;
  if (sscanf(line, "Rss: %llu kB", &kibibytes) != 1) return true;
  *out = (size_t)kibibytes << 10;
  return false;
}

static bool count_mapping(const char *line, size_t *out) {
  if (strstr(line, "[vsyscall]") == NULL) ++*out; /* which is no mapping of the process */
  return true;
}

/* smaps_rollup walks the pages: the counters of statm lag by up to 64 pages a thread. */
size_t test_resident_bytes(void) {
  size_t bytes = 0;
  read_lines("/proc/self/smaps_rollup", take_rss, &bytes);
  return bytes;
}

size_t test_mapping_count(void) {
  size_t count = 0;
  read_lines("/proc/self/maps", count_mapping, &count);
  return count;
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
