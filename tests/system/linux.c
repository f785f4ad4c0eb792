/* SPDX-License-Identifier: MIT */
/*
 * linux.c - what the harness asks the system for, on Linux (and as windows.c beside it).
 *
 * Whether memory can be accessed is found out by letting the kernel do it: a
 * pipe's write(2) and read(2) copy under the page's protection and say EFAULT.
 * (process_vm_readv is closed in some containers.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"

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

bool test_system_write(void *address) {
  static const char byte = TEST_SYSTEM_BYTE;
  take_pipe();
  if (!push_byte(&byte)) abort();
  bool can = pull_byte(address);
  if (!can) drain_byte();
  unlock_pipe();
  return can;
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
  if (child == 0) _exit(test_run_as_child(fn, context));
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) abort();
  return status;
}

bool test_can_fork(void) {
  return true;
}

void test_end_after(unsigned seconds) {
  alarm(seconds);
}

bool test_died_by(int status, int number) {
  if (ACRE_SANITIZED && WIFEXITED(status)) return WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != TEST_CHILD_FAILED;
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

bool test_is_resident(const void *address) {
  size_t page = test_page_size();
  unsigned char resident = 0;
  CHECK(mincore((void *)((uintptr_t)address / page * page), page, &resident) == 0);
  return (resident & 1) != 0;
}

bool test_resident_is_own(void) {
  return true;
}

size_t test_mapping_count(void) {
  size_t count = 0;
  read_lines("/proc/self/maps", count_mapping, &count);
  return count;
}

/* ------------------------------------------------------------- environment, files, time */

size_t test_page_size(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

void test_sleep(unsigned milliseconds) {
  usleep(milliseconds * 1000);
}

void test_set_environment(const char *name, const char *value) {
  CHECK((value == NULL ? unsetenv(name) : setenv(name, value, 1)) == 0);
}

void test_make_directory(char path[TEST_PATH]) {
  const char *place = getenv("TMPDIR");
  snprintf(path, TEST_PATH, "%s/acre-test-XXXXXX", place != NULL ? place : "/tmp");
  if (mkdtemp(path) == NULL || chmod(path, 0777) != 0) {
    perror(path);
    abort();
  }
}

void test_remove_directory(const char *path) {
  char command[TEST_PATH + 16];
  snprintf(command, sizeof command, "rm -rf '%s'", path);
  CHECK(system(command) == 0);
}

void test_make_file(char path[TEST_PATH]) {
  const char *place = getenv("TMPDIR");
  snprintf(path, TEST_PATH, "%s/acre-test-XXXXXX", place != NULL ? place : "/tmp");
  int fd = mkstemp(path);
  if (fd < 0) {
    perror(path);
    abort();
  }
  close(fd);
}

intptr_t test_open_file(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  REQUIRE(fd >= 0);
  return fd;
}

void test_close_file(intptr_t handle) {
  CHECK(close((int)handle) == 0);
}

size_t test_open_handles(void) {
  DIR *directory = opendir("/proc/self/fd");
  REQUIRE(directory != NULL);
  size_t count = 0;
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

uint64_t test_bytes_on_disk(const char *path) {
  struct stat status;
  REQUIRE(stat(path, &status) == 0);
  return (uint64_t)status.st_blocks * 512;
}

/* ------------------------------------------------------------- memory, time */

void *test_take_memory(size_t size) {
  void *got = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return got == MAP_FAILED ? NULL : got;
}

void *test_take_memory_at(void *place, size_t size) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  void *got = mmap(place, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (got != MAP_FAILED && got != place) test_give_memory(got, size); /* a kernel that does not know the flag */
  return got == place ? got : NULL;
}

void test_give_memory(void *memory, size_t size) {
  CHECK(munmap(memory, size) == 0);
}

uint64_t test_processor_time(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}
