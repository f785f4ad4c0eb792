/* SPDX-License-Identifier: MIT */
/*
 * Guarded copies and calls: what is not there is a result, in many threads, and
 * whoever else has a handler for SIGBUS keeps it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/vm_check.h"

/* Asked once: system_figures looks at much. */
static size_t page_size(void) {
  static atomic_size_t size;
  if (atomic_load(&size) == 0) atomic_store(&size, page_bytes());
  return atomic_load(&size);
}

/* A file of `pages` pages, mapped by the test itself: guards hold for any memory. */
struct mapped {
  int fd;
  size_t size;
  char *data;
};

static struct mapped map_file(size_t pages) {
  struct mapped out = {.fd = memfd_create("acre-test", MFD_CLOEXEC), .size = pages * page_size()};
  REQUIRE(out.fd >= 0);
  REQUIRE(ftruncate(out.fd, (off_t)out.size) == 0);
  out.data = mmap(NULL, out.size, PROT_READ | PROT_WRITE, MAP_SHARED, out.fd, 0);
  REQUIRE(out.data != MAP_FAILED);
  memset(out.data, 7, out.size);
  return out;
}

static void cut_off(const struct mapped *file, size_t pages) {
  CHECK(ftruncate(file->fd, (off_t)(pages * page_size())) == 0);
}

static void unmap(const struct mapped *file) {
  munmap(file->data, file->size);
  close(file->fd);
}

struct work {
  const struct mapped *file;
  size_t page; /* which one is read, or written */
  bool writes;
  unsigned depth; /* of calls in calls, below it */
  volatile char byte;
  volatile bool ended;
};

static void touch(void *context) {
  struct work *work = context;
  volatile char *at = work->file->data + work->page * page_size() + 17;
  if (work->writes)
    *at = 9;
  else
    work->byte = *at;
  work->ended = true;
}

static void no_core(void) {
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static void ends_well(void (*work)(void *), void *context) {
  int status = test_in_child(work, context);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void ends_by(int number, void (*work)(void *), void *context) {
  CHECK(test_died_by(test_in_child(work, context), number));
}

/* ------------------------------------------------------------- the program's own handler */

static void send_in_a_call(void *context) {
  (void)context;
  kill(getpid(), SIGBUS);
}

static volatile sig_atomic_t own_calls;
static struct mapped own_file;

/* Repairs: the file has its page again. */
static void own_handler(int number, siginfo_t *info, void *context) {
  (void)context;
  own_calls = own_calls + 1;
  if (number == SIGBUS && info->si_code > 0 && ftruncate(own_file.fd, (off_t)own_file.size) != 0) abort();
}

static void own_handler_stays(void *context) {
  (void)context;
  struct sigaction action = {.sa_sigaction = own_handler, .sa_flags = SA_SIGINFO};
  REQUIRE(sigaction(SIGBUS, &action, NULL) == 0);
  own_file = map_file(2);
  cut_off(&own_file, 1);
  struct work work = {.file = &own_file, .page = 1};
  char byte;
  CHECK_RESULT(acre_guarded_copy(&byte, own_file.data + page_size(), 1), ACRE_E_IO);
  CHECK_RESULT(acre_guarded_call(touch, &work, NULL), ACRE_E_IO);
  CHECK_EQ(own_calls, 0);
  touch(&work); /* without a guard it is asked */
  CHECK_EQ(own_calls, 1);
  CHECK_OK(acre_guarded_call(send_in_a_call, NULL, NULL)); /* and what is sent is its own, guard or not */
  CHECK_EQ(own_calls, 2);
}

/* First, as the program's handler was there before Acre's. */
TEST(others_keep_their_handlers) {
  ends_well(own_handler_stays, NULL);
}

/* ------------------------------------------------------------- copies */

TEST(a_copy_copies) {
  size_t page = page_size();
  struct mapped file = map_file(4);
  char *to = malloc(4 * page);
  REQUIRE(to != NULL);
  for (size_t size = 0; size < 300; size++) {
    memset(to, 1, 4 * page);
    CHECK_OK(acre_guarded_copy(to + 3, file.data + 5, size));
    CHECK(all_bytes_are(to, 3, 1) && all_bytes_are(to + 3, size, 7) && to[3 + size] == 1);
  }
  CHECK_OK(acre_guarded_copy(to, file.data, 4 * page));
  CHECK(all_bytes_are(to, 4 * page, 7));
  CHECK_OK(acre_guarded_copy(NULL, NULL, 0));
  CHECK_RESULT(acre_guarded_copy(NULL, to, 1), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_guarded_copy(to, NULL, 1), ACRE_E_INVALID_ARGUMENT);
  free(to);
  unmap(&file);
}

TEST(a_copy_of_what_is_gone_fails) {
  size_t page = page_size();
  struct mapped file = map_file(4);
  char *other = malloc(4 * page);
  REQUIRE(other != NULL);
  memset(other, 1, 4 * page);
  cut_off(&file, 2);
  CHECK_OK(acre_guarded_copy(other, file.data, 2 * page));
  CHECK_RESULT(acre_guarded_copy(other, file.data, 2 * page + 1), ACRE_E_IO);
  CHECK_RESULT(acre_guarded_copy(other, file.data + 3 * page + 5, 1), ACRE_E_IO);
  CHECK_RESULT(acre_guarded_copy(file.data + 2 * page, other, 100), ACRE_E_IO); /* the other way as well */
  CHECK_OK(acre_guarded_copy(file.data, other, 2 * page));
  cut_off(&file, 4);
  CHECK_OK(acre_guarded_copy(other, file.data, 4 * page)); /* it is there again */
  CHECK(all_bytes_are(other + 2 * page, 2 * page, 0));
  free(other);
  unmap(&file);
}

/* ------------------------------------------------------------- calls */

TEST(a_call_is_left_where_it_fails) {
  struct mapped file = map_file(4);
  struct work work = {.file = &file, .page = 3};
  void *address = &work;
  CHECK_OK(acre_guarded_call(touch, &work, &address));
  CHECK(work.ended && address == NULL && work.byte == 7);
  cut_off(&file, 1);
  for (int writes = 0; writes < 2; writes++) {
    work.ended = false;
    work.writes = writes;
    CHECK_RESULT(acre_guarded_call(touch, &work, &address), ACRE_E_IO);
    CHECK(!work.ended);
    CHECK(address == file.data + 3 * page_size() + 17);
    CHECK_RESULT(acre_guarded_call(touch, &work, NULL), ACRE_E_IO);
  }
  work.page = 0;
  CHECK_OK(acre_guarded_call(touch, &work, NULL));
  CHECK(work.ended);
  CHECK_RESULT(acre_guarded_call(NULL, &work, NULL), ACRE_E_INVALID_ARGUMENT);
  unmap(&file);
}

static void nest(void *context) {
  struct work *work = context;
  unsigned depth = work->depth;
  if (depth > 0) {
    work->depth = depth - 1;
    CHECK_RESULT(acre_guarded_call(nest, work, NULL), depth == 1 ? ACRE_E_IO : ACRE_OK);
    return;
  }
  char byte;
  CHECK_RESULT(acre_guarded_copy(&byte, work->file->data + page_size(), 1), ACRE_E_IO);
  touch(work);
}

/* The innermost guard is left, and the ones around it go on. */
TEST(guards_are_nested) {
  struct mapped file = map_file(2);
  cut_off(&file, 1);
  struct work work = {.file = &file, .page = 1, .depth = 20};
  CHECK_OK(acre_guarded_call(nest, &work, NULL));
  work.depth = 0;
  CHECK_RESULT(acre_guarded_call(nest, &work, NULL), ACRE_E_IO);
  CHECK_RESULT(acre_guarded_call(touch, &work, NULL), ACRE_E_IO);
  unmap(&file);
}

/* The thread's signal mask and alternate stack are as before: the handler has returned. */
TEST(signals_are_as_before) {
  struct mapped file = map_file(2);
  cut_off(&file, 1);
  static char stack[64 << 10];
  stack_t own = {.ss_sp = stack, .ss_size = sizeof stack}, now;
  REQUIRE(sigaltstack(&own, NULL) == 0);
  sigset_t before, after;
  sigemptyset(&before);
  sigaddset(&before, SIGUSR1);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  struct work work = {.file = &file, .page = 1};
  for (int i = 0; i < 100; i++) CHECK_RESULT(acre_guarded_call(touch, &work, NULL), ACRE_E_IO);
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  for (int number = 1; number < 32; number++) CHECK_EQ(sigismember(&after, number), sigismember(&before, number));
  REQUIRE(sigaltstack(NULL, &now) == 0);
  CHECK_EQ(now.ss_flags, 0);
  sigemptyset(&before);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  own.ss_flags = SS_DISABLE;
  sigaltstack(&own, NULL);
  unmap(&file);
}

static void *exit_guarded(void *context) {
  pthread_exit(context);
}

static void exit_from_call(void *context) {
  exit_guarded(context);
}

static void *exit_in_a_call(void *context) {
  CHECK_OK(acre_guarded_call(exit_from_call, context, NULL));
  return NULL; /* not reached */
}

TEST(a_thread_may_end_in_a_call) {
  pthread_t thread;
  void *out = NULL;
  int value;
  REQUIRE(pthread_create(&thread, NULL, exit_in_a_call, &value) == 0);
  pthread_join(thread, &out);
  CHECK(out == &value);
}

/* ------------------------------------------------------------- who else has the signal */

static void *volatile nowhere;

static void touch_nowhere(void *context) {
  (void)context;
  *(volatile char *)nowhere = 1;
}

static void guard_a_bad_pointer(void *context) {
  no_core();
  (void)acre_guarded_call(touch_nowhere, context, NULL);
}

static void touch_without_guard(void *context) {
  no_core();
  CHECK_RESULT(acre_guarded_call(touch, context, NULL), ACRE_E_IO);
  touch(context);
}

static void be_sent_one(void *context) {
  no_core();
  (void)acre_guarded_call(send_in_a_call, context, NULL);
}

TEST(what_is_not_guarded_kills_as_before) {
  struct mapped file = map_file(2);
  cut_off(&file, 1);
  struct work work = {.file = &file, .page = 1};
  ends_by(SIGSEGV, guard_a_bad_pointer, NULL);
  ends_by(SIGBUS, touch_without_guard, &work);
  ends_by(SIGBUS, be_sent_one, NULL);
  unmap(&file);
}

/* ------------------------------------------------------------- threads */

enum { THREADS = 3, LOSSES = 100000 };

static struct {
  struct mapped file;
  atomic_uint cuts, copies, losses; /* copies: those that went well */
} race;

/* Until each has happened: while the one who cuts does not run, all of them fail, or none. */
static bool goes_on(void) {
  return atomic_load(&race.losses) < LOSSES || atomic_load(&race.copies) == 0;
}

/* Cuts the file off and makes it whole again, all the time. */
static void *truncate_and_grow(void *context) {
  (void)context;
  while (goes_on()) {
    cut_off(&race.file, 1);
    cut_off(&race.file, 8);
    atomic_fetch_add(&race.cuts, 1);
  }
  return NULL;
}

static void sum_page(void *context) {
  const volatile char *page = context;
  int sum = 0;
  for (size_t i = 0; i < page_size(); i += 64) sum += page[i];
  CHECK_EQ(sum, 0);
}

static void *copy_and_call(void *context) {
  uint64_t random = (uintptr_t)context;
  char *to = malloc(8 * page_size());
  CHECK(to != NULL);
  while (to != NULL && goes_on()) {
    size_t first = 1 + test_random_next(&random) % 7, pages = 1 + test_random_next(&random) % (8 - first);
    char *page = race.file.data + first * page_size();
    acre_result result = test_random_next(&random) % 2 == 0 ? acre_guarded_copy(to, page, pages * page_size())
                                                            : acre_guarded_call(sum_page, page, NULL);
    if (result != ACRE_E_IO) CHECK_OK(result);
    atomic_fetch_add(result == ACRE_E_IO ? &race.losses : &race.copies, 1);
  }
  free(to);
  return NULL;
}

TEST(truncation_races_the_access) {
  race.file = map_file(8);
  cut_off(&race.file, 1);
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    REQUIRE(pthread_create(&threads[i], NULL, i == 0 ? truncate_and_grow : copy_and_call, (void *)(i + 1)) == 0);
  for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  printf("%u cuts, %u accesses, %u of them failed\n", race.cuts, race.copies + race.losses, race.losses);
  CHECK(race.copies > 0);
  unmap(&race.file);
}
