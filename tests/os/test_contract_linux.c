/* SPDX-License-Identifier: MIT */
/*
 * The contract of os.h as Linux keeps it: what a system without limits on a
 * process, without fork or without madvise has no word for. See test_contract.c.
 */
#include "contract_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/compiler.h"

enum { ADVISE_PAGEOUT = 21 };

static char fork_calls[8];
static bool fork_calls_are_noted; /* other tests fork as well */

static struct acre__os_system probe(void) {
  struct acre__os_system system;
  acre__os_probe(&system);
  return system;
}

/* A figure of /proc/self/status, in bytes. */
static size_t status_bytes(const char *name) {
  char line[256];
  unsigned long long kibibytes = 0;
  FILE *file = fopen("/proc/self/status", "re");
  REQUIRE(file != NULL);
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, name, strlen(name)) == 0) sscanf(line + strlen(name), ": %llu", &kibibytes);
  fclose(file);
  return (size_t)kibibytes << 10;
}

static void say_and_stop(void *pipe_end) {
  dup2(*(int *)pipe_end, STDERR_FILENO);
  acre__os_say("the last words\n");
  acre__assert_failed("1 == 2", "a/file.c", 1234);
}

TEST(last_words_reach_stderr) {
  int ends[2];
  char text[256] = "";
  REQUIRE(pipe(ends) == 0);
  int status = test_in_child(say_and_stop, &ends[1]);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  close(ends[1]);
  CHECK(read(ends[0], text, sizeof text - 1) > 0);
  close(ends[0]);
  const char *expected = "the last words\nacre: a/file.c:1234: this must hold and does not: 1 == 2\n";
  CHECK(strncmp(text, expected, strlen(expected)) == 0);
}

static void reserve_under_a_limit(void *context) {
  (void)context;
  void *got;
  set_limit(RLIMIT_AS, (rlim_t)256 << 20);
  CHECK_RESULT(acre__os_reserve(NULL, (size_t)512 << 20, ACRE_OS_ANYWHERE, &got), ACRE_E_NO_ADDRESS_SPACE);
  CHECK_RESULT(acre__os_reserve((void *)((uintptr_t)1 << 33), (size_t)512 << 20, ACRE_OS_EXACTLY, &got),
               ACRE_E_NO_ADDRESS_SPACE);
}

TEST(reserve_says_when_a_limit_is_met) {
  if (UNDER_SANITIZER) test_skip("sanitizers take much address space themselves");
  CHECK_IN_CHILD(reserve_under_a_limit, NULL);
}

TEST(probe_tells_of_the_kernel) {
  struct acre__os_system system = probe();
  CHECK_EQ(system.processors, sysconf(_SC_NPROCESSORS_ONLN));
  CHECK(system.overcommit_mode >= 0);
  CHECK(strncmp(system.kernel, "Linux ", 6) == 0);
  acre__os_force(true, false);
  CHECK(!probe().can_query_directly);
  acre__os_force(false, false);
}

TEST(release_frees_any_part_of_what_is_committed) {
  size_t page = page_size();
  char *base = reserve_committed(3);
  memset(base, 9, 3 * page);
  CHECK_OK(acre__os_release(base + page, page));
  CHECK(!is_taken(base + page));
  CHECK(all_bytes_are(base, page, 9) && all_bytes_are(base + 2 * page, page, 9));
  CHECK_OK(acre__os_release(base, 3 * page)); /* over the hole */
  CHECK(!is_taken(base) && !is_taken(base + 2 * page));
}

TEST(decommit_gives_locks_back_too) {
  size_t page = page_size();
  char *base = reserve(512);
  REQUIRE_OK(acre__os_commit(base + page, 510 * page, ACRE_VM_READ_WRITE));
  memset(base + page, 3, 510 * page);
  size_t before = test_resident_bytes();
  REQUIRE_OK(acre__os_lock(base + page, page));
  CHECK_EQ(status_bytes("VmLck"), page);
  CHECK_OK(acre__os_decommit(base, 511 * page)); /* with a page that is only reserved */
  CHECK(test_resident_bytes() + 400 * page <= before);
  CHECK_EQ(status_bytes("VmLck"), 0);
  CHECK(!test_can_read(base) && !test_can_read(base + page) && is_taken(base + page));
  CHECK_OK(acre__os_commit(base + page, 510 * page, ACRE_VM_READ_WRITE));
  CHECK(all_bytes_are(base + page, 510 * page, 0));
  release(base, 512);
}

/* Every other page gets another protection until the kernel takes no more mappings. */
static void meet_the_mapping_limit(void *context) {
  size_t limit = *(size_t *)context, page = page_size();
  char *base = reserve(2 * limit + 16), *aside = reserve(8);
  REQUIRE_OK(acre__os_commit(aside, 8 * page, ACRE_VM_READ_WRITE));
  acre_result result = ACRE_OK;
  size_t done = 0;
  for (; done < limit && result == ACRE_OK; done++)
    result = acre__os_commit(base + (2 * done + 1) * page, page, ACRE_VM_READ_WRITE);
  CHECK_RESULT(result, ACRE_E_MAPPING_LIMIT);
  CHECK(done > limit / 2 - 1000);
  CHECK_RESULT(acre__os_protect(aside + 3 * page, page, ACRE_VM_READ), ACRE_E_MAPPING_LIMIT);
  CHECK_RESULT(acre__os_decommit(aside + 3 * page, page), ACRE_E_MAPPING_LIMIT);
  CHECK_RESULT(acre__os_release(aside + 3 * page, page), ACRE_E_MAPPING_LIMIT);
  CHECK(test_can_write(aside + 3 * page));
}

TEST(the_mapping_limit_has_its_own_result) {
  size_t limit = probe().mapping_limit;
  if (limit > 300000) test_skip("vm.max_map_count is %zu: meeting it takes too long", limit);
  CHECK_IN_CHILD(meet_the_mapping_limit, &limit);
}

static void commit_under_a_limit(void *context) {
  (void)context;
  char *base = reserve(1 << 14);
  set_limit(RLIMIT_DATA, 1 << 20);
  CHECK_RESULT(acre__os_commit(base, page_size() << 14, ACRE_VM_READ_WRITE), ACRE_E_NO_MEMORY);
  CHECK(!test_can_read(base));
}

TEST(commit_says_when_memory_is_short) {
  CHECK_IN_CHILD(commit_under_a_limit, NULL);
}

TEST(lock_populates_and_unlock_undoes_it) {
  size_t page = page_size();
  char *base = reserve_committed(4);
  size_t before = status_bytes("VmLck");
  CHECK_OK(acre__os_lock(base, 4 * page));
  unsigned char resident[4] = {0};
  CHECK(mincore(base, 4 * page, resident) == 0);
  for (size_t i = 0; i < 4; i++) CHECK((resident[i] & 1) != 0);
  CHECK_EQ(status_bytes("VmLck"), before + 4 * page);
  CHECK_OK(acre__os_unlock(base, 4 * page));
  CHECK_EQ(status_bytes("VmLck"), before);
  release(base, 4);
}

static void lock_without_rights(void *context) {
  size_t limit = *(size_t *)context;
  char *base = reserve_committed(64);
  set_limit(RLIMIT_MEMLOCK, limit);
  become_nobody();
  CHECK_RESULT(acre__os_lock(base, 64 * page_size()), ACRE_E_LOCK_LIMIT);
  CHECK_EQ(status_bytes("VmLck"), 0);
  if (limit != 0) { /* what is locked already counts */
    CHECK_OK(acre__os_lock(base, limit));
    CHECK_RESULT(acre__os_lock(base + limit, page_size()), ACRE_E_LOCK_LIMIT);
    CHECK_EQ(status_bytes("VmLck"), limit);
  }
}

TEST(lock_says_which_limit_was_met) {
  size_t limit = 0;
  CHECK_IN_CHILD(lock_without_rights, &limit);
  limit = 16 * page_size();
  CHECK_IN_CHILD(lock_without_rights, &limit);
}

TEST(lock_needs_access) {
  char *base = reserve(4);
  REQUIRE_OK(acre__os_commit(base, page_size(), ACRE_VM_READ_WRITE));
  CHECK_RESULT(acre__os_lock(base, 2 * page_size()), ACRE_E_ACCESS_DENIED);
  CHECK_EQ(status_bytes("VmLck"), 0);
  release(base, 4);
}

TEST(undo_makes_content_count_again) {
  size_t size = 600 * page_size();
  char *base = reserve_committed(600);
  memset(base, 0x5a, size);
  memset(base + 7 * page_size(), 0, page_size()); /* written, and zero */
  CHECK_OK(acre__os_reset(base, size));
  CHECK_OK(acre__os_undo_reset(base, size));
  CHECK(all_bytes_are(base, 7 * page_size(), 0x5a));
  CHECK(all_bytes_are(base + 7 * page_size(), page_size(), 0));
  madvise(base, size, ADVISE_PAGEOUT); /* drops what does not count */
  CHECK(all_bytes_are(base + 8 * page_size(), 592 * page_size(), 0x5a));
  release(base, 600);
}

TEST(undo_tells_of_lost_content) {
  size_t page = page_size();
  char *base = reserve_committed(600);
  memset(base, 0x5a, 600 * page);
  CHECK_OK(acre__os_reset(base, 600 * page));
  REQUIRE_OK(acre__os_discard(base + 599 * page, page)); /* as the system would drop it */
  CHECK_RESULT(acre__os_undo_reset(base, 600 * page), ACRE_E_CONTENT_LOST);
  CHECK(all_bytes_are(base, 599 * page, 0x5a));
  CHECK(all_bytes_are(base + 599 * page, page, 0));
  CHECK_OK(acre__os_undo_reset(base, 600 * page)); /* all count now */
  release(base, 600);
}

/* Most kernels serve reads of fresh pages by one page of zeros; some give each its own at once. */
static bool reads_take_pages(void) {
  char *base = reserve_committed(1);
  uint64_t entry = 0;
  int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  CHECK(all_bytes_are(base, page_size(), 0));
  bool known = pagemap >= 0 && pread(pagemap, &entry, sizeof entry,
                                     (off_t)((uintptr_t)base / page_size() * sizeof entry)) == sizeof entry;
  close(pagemap);
  release(base, 1);
  return known && (entry >> 56 & 1) != 0;
}

TEST(undo_counts_pages_never_written_as_lost) {
  char *base = reserve_committed(2);
  CHECK_OK(acre__os_reset(base, page_size()));
  CHECK_RESULT(acre__os_undo_reset(base, page_size()), ACRE_E_CONTENT_LOST);
  CHECK(all_bytes_are(base + page_size(), page_size(), 0)); /* read, which is not written */
  CHECK_RESULT(acre__os_undo_reset(base + page_size(), page_size()),
               reads_take_pages() ? ACRE_OK : ACRE_E_CONTENT_LOST); /* its own zeros are what was read */
  release(base, 2);
}

/* The kernel is asked to drop what was reset. Whatever it did: the answer must be true. */
TEST(undo_tells_the_truth_under_pressure) {
  size_t page = page_size();
  char *base = reserve_committed(256);
  for (int round = 0; round < 20; round++) {
    memset(base, 0x5a, 256 * page);
    CHECK_OK(acre__os_reset(base, 256 * page));
    size_t from = test_random_below(256), count = test_random_below(256 - from) + 1;
    madvise(base + from * page, count * page, ADVISE_PAGEOUT);
    acre_result result = acre__os_undo_reset(base, 256 * page);
    CHECK_RESULT(result, all_bytes_are(base, 256 * page, 0x5a) ? ACRE_OK : ACRE_E_CONTENT_LOST);
  }
  release(base, 256);
}

static void note_fork_call(const char *call) {
  if (fork_calls_are_noted) strcat(fork_calls, call);
}

static void before_fork(void) {
  note_fork_call("b");
}

static void in_parent(void) {
  note_fork_call("p");
}

static void in_child(void) {
  note_fork_call("c");
}

static void check_child(void *context) {
  (void)context;
  CHECK(strcmp(fork_calls, "bc") == 0);
}

static void do_nothing(void *context) {
  (void)context;
}

TEST(calls_around_fork) {
  REQUIRE_OK(acre__os_at_fork(before_fork, in_parent, in_child));
  REQUIRE_OK(acre__os_at_fork(before_fork, in_parent, in_child)); /* as if it were not there */
  fork_calls[0] = '\0';
  fork_calls_are_noted = true;
  CHECK_IN_CHILD(check_child, NULL);
  fork_calls_are_noted = false;
  CHECK(strcmp(fork_calls, "bp") == 0);
  CHECK_OK(acre__os_at_fork(NULL, NULL, NULL));
  CHECK_IN_CHILD(do_nothing, NULL); /* a second one stands in nobody's way */
}

/* ------------------------------------------------------------- threads, the last words */

struct started {
  struct acre__os_thread thread;
  atomic_bool go;
  sigset_t blocked;
};

static void wait_and_look(void *context) {
  struct started *started = context;
  while (!atomic_load(&started->go)) sched_yield();
  pthread_sigmask(SIG_SETMASK, NULL, &started->blocked);
}

TEST(a_thread_runs_without_signals_until_it_is_joined) {
  struct started started = {.thread = {.run = wait_and_look, .context = &started}};
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, NULL, &before);
  REQUIRE_OK(acre__os_thread_start(&started.thread));
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  atomic_store(&started.go, true); /* it has not ended before */
  acre__os_thread_join(&started.thread);
  CHECK_EQ(sigismember(&started.blocked, SIGTERM), 1);
  CHECK_EQ(sigismember(&started.blocked, SIGALRM), 1);
  CHECK_EQ(sigismember(&started.blocked, SIGSEGV), 0);
  CHECK_EQ(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
}

static void fence_in_child(void *nothing) {
  (void)nothing;
  CHECK_OK(acre__os_fence_prepare());
  acre__os_fence_threads();
}

TEST(a_forked_child_prepares_fences_again) {
  if (acre__os_fence_prepare() != ACRE_OK) test_skip("no membarrier here");
  CHECK_IN_CHILD(fence_in_child, NULL);
}

static void die(void *nothing) {
  (void)nothing;
  close(STDERR_FILENO);
  signal(SIGABRT, SIG_DFL);
  acre__os_die("the last words\n");
}

TEST(dying_is_an_abort) {
  int status = test_in_child(die, NULL);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
