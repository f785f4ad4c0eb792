/* SPDX-License-Identifier: MIT */
/*
 * Commit on touch on Linux: who else gets the fault, and touches in places that
 * nobody expects: signal handlers that interrupt Acre's own functions, or its
 * fault handler.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/interrupted.h"
#include "vm/touch_check.h"

/* ------------------------------------------------------------- who had the fault before */

struct access {
  char *address;
  bool write;
};

static sigjmp_buf escape;
static volatile sig_atomic_t escapes, expected;

static void jump_out(int number) {
  (void)number;
  if (!expected) _exit(1);
  expected = 0;
  escapes = escapes + 1;
  siglongjmp(escape, 1);
}

/*
 * Another handler was there first; Acre's comes later and passes on what is not
 * its own. The first test of the file, as Acre's handler is installed once.
 */
static void faults_reach_the_first_handler(void *context) {
  (void)context;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = jump_out;
  REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
  size_t page = page_bytes();
  char *untouchable = reserve_pages(16), *base = touch_region(16, 1);
  acre_vm_options options = {.touch_step = page, .protection = ACRE_VM_READ};
  char *readable = reserve_with(16, &options);
  CHECK_OK(acre_vm_commit(base + page, page, ACRE_VM_READ));
  CHECK_OK(acre_vm_commit(base + 2 * page, page, ACRE_VM_NO_ACCESS));
  const struct access passed_on[] = {{untouchable, false},     {untouchable, true},     {base + page, true},
                                     {base + 2 * page, false}, {base + 2 * page, true}, {readable, true},
                                     {base + 64 * page, true}, {(char *)64, false}};
  unsigned count = sizeof passed_on / sizeof *passed_on;
  for (volatile unsigned i = 0; i < count; i++) {
    if (i == 6 && query(base + 64 * page).state == ACRE_VM_COMMITTED) continue; /* someone else's */
    int before = escapes;
    if (sigsetjmp(escape, 1) == 0) {
      expected = 1;
      if (passed_on[i].write)
        write_byte(passed_on[i].address, 1);
      else
        read_byte(passed_on[i].address);
      test_fail(__FILE__, __LINE__, "access %u did not fault", i);
    }
    CHECK_EQ(escapes, before + 1);
  }
  /* And Acre is still in charge of its own. */
  write_byte(base + 5 * page, 1);
  read_byte(readable + 5 * page);
  CHECK_EQ(query(readable + 5 * page).state, ACRE_VM_COMMITTED);
  CHECK_AGREES(base);
}

TEST(other_faults_go_where_they_went_before) {
  CHECK_EQ(test_in_child(faults_reach_the_first_handler, NULL), 0);
}

/* ------------------------------------------------------------- whose fault it is */

static void make_access(void *context) {
  struct access *access = context;
  signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would report and exit */
  if (access->write)
    write_byte(access->address, 1);
  else
    read_byte(access->address);
}

/* Where Acre's handler is not in charge: SIGSEGV kills. */
static void expect_death(char *address, bool write) {
  struct access access = {address, write};
  int status = test_in_child(make_access, &access);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(a_fault_in_a_plain_region_kills) {
  char *plain = reserve_pages(16);
  (void)touch_region(16, 1);
  expect_death(plain, false);
  expect_death(plain, true);
  CHECK_OK(acre_vm_release(plain));
}

/* ------------------------------------------------------------- in signal handlers */

#ifndef __SANITIZE_THREAD__ /* it hands signals over late, in the middle of a fault's handler that holds them back */

enum {
  SIGNAL_PAGES = 4096,
  INTERRUPTIONS = SANITIZED ? 10000 : 100000,
  FEWER = INTERRUPTIONS / 10,
  OFTEN = 10,
  SELDOM = 300 /* microseconds */
};

static atomic_bool stop;

static struct {
  char *volatile base; /* what the handler touches; NULL: nothing */
  size_t page;
  uint64_t state;
} interrupt;

static void touch_somewhere(void) {
  char *base = interrupt.base;
  if (base == NULL) return;
  size_t at = (size_t)(test_random_next(&interrupt.state) % SIGNAL_PAGES);
  write_byte(base + at * interrupt.page, 1);
}

/* The handler touches pages of this region from here on. */
static void touch_in_handler(char *base) {
  interrupt.page = page_bytes();
  interrupt.state = 1;
  interrupt.base = base;
}

/* Everything that takes a lock or memory for the tables, in a small region of its own. */
static void work_a_little(unsigned i) {
  static char *lasting;
  size_t page = interrupt.page;
  if (lasting == NULL) lasting = reserve_pages(2048);
  for (size_t at = i % 7; at < 64; at += 2) CHECK_OK(acre_vm_commit(lasting + at * page, page, ACRE_VM_DEFAULT));
  void *base;
  REQUIRE_OK(acre_vm_reserve(600 * page, NULL, &base));
  CHECK_OK(acre_vm_commit((char *)base + page, 3 * page, ACRE_VM_READ_WRITE));
  CHECK_OK(acre_vm_protect((char *)base + 2 * page, page, ACRE_VM_READ, NULL));
  CHECK_OK(acre_vm_decommit((char *)base + 2 * page, page));
  CHECK_OK(acre_vm_release(base));
  CHECK_OK(acre_vm_decommit(lasting, 64 * page));
}

/* The handler's region is emptied now and then, so that its touches go on being faults. */
static void empty(void) {
  char *base = interrupt.base;
  interrupt.base = NULL; /* a handler must not touch what the interrupted function works on */
  atomic_signal_fence(memory_order_seq_cst);
  CHECK_OK(acre_vm_decommit(base, SIGNAL_PAGES * interrupt.page));
  atomic_signal_fence(memory_order_seq_cst);
  interrupt.base = base;
}

static void work_and_empty(unsigned i) {
  work_a_little(i);
  if (i % 16 == 0) empty();
}

TEST(a_hundred_thousand_interruptions) {
  char *base = touch_region(SIGNAL_PAGES, 1);
  touch_in_handler(base);
  call_interrupted(work_and_empty, touch_somewhere, INTERRUPTIONS, OFTEN);
  CHECK_AGREES(base);
  CHECK_INDEX();
  CHECK_OK(acre_vm_release(base));
}

static void touch_many_and_empty(unsigned i) {
  uint64_t state = 2 + i;
  for (unsigned j = 0; j < 64; j++)
    write_byte(interrupt.base + (size_t)(test_random_next(&state) % SIGNAL_PAGES) * interrupt.page, 1);
  empty();
}

/* The program is in no function of Acre's: it touches, and so does the handler that interrupts its fault. */
TEST(a_signal_that_interrupts_a_touch) {
  char *base = touch_region(SIGNAL_PAGES, 1);
  touch_in_handler(base);
  call_interrupted(touch_many_and_empty, touch_somewhere, FEWER, OFTEN);
  CHECK_OK(acre_vm_release(base));
}

static void *touch_and_empty(void *address) {
  char *base = address;
  uint64_t state = 3;
  size_t page = page_bytes();
  while (!atomic_load(&stop)) {
    for (unsigned j = 0; j < 32; j++) write_byte(base + (size_t)(test_random_next(&state) % SIGNAL_PAGES) * page, 1);
    CHECK_OK(acre_vm_decommit(base, SIGNAL_PAGES * page));
    sched_yield();
  }
  return NULL;
}

/* Another thread works on the handler's region: neither may wait for what the interrupted function holds. */
TEST(a_handler_and_a_thread_on_the_same_region) {
  char *base = touch_region(SIGNAL_PAGES, 1);
  sigset_t blocked, before;
  pthread_t thread;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGALRM);
  REQUIRE(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
  atomic_store(&stop, false);
  REQUIRE(pthread_create(&thread, NULL, touch_and_empty, base) == 0);
  REQUIRE(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
  touch_in_handler(base);
  call_interrupted(work_a_little, touch_somewhere, FEWER / 5, OFTEN);
  atomic_store(&stop, true);
  pthread_join(thread, NULL);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

/*
 * fork holds every lock for a while. The kernel begins it anew at each signal: one that came again and again might
 * never let it end, so there is one for each fork, at some moment of it.
 */
TEST(a_signal_that_interrupts_fork) {
  char *base = touch_region(SIGNAL_PAGES, 1);
  touch_in_handler(base);
  handle_alarms(touch_somewhere, 0);
  uint64_t state = 4;
  for (unsigned i = 0; i < 500 || atomic_load(&interrupting.count) < 250; i++) {
    set_alarm(1 + (long)(test_random_next(&state) % SELDOM), false);
    pid_t child = fork();
    if (child == 0) _exit(0);
    REQUIRE(child > 0);
    int status;
    while (waitpid(child, &status, 0) < 0) continue;
    CHECK_EQ(status, 0);
    empty();
  }
  set_alarm(0, false);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- handlers in each other's way */

enum { VISITS = SANITIZED ? 2000 : 20000 };

static struct {
  char *base[2];
  size_t page;
  atomic_uint handled;
} visits;

static _Thread_local uint64_t visit_state;

/* A page of the region that the interrupted thread works on, and one of the region that the other one works on. */
static void visit(int number) {
  (void)number;
  for (unsigned i = 0; i < 2; i++)
    write_byte(visits.base[i] + (size_t)(test_random_next(&visit_state) % SIGNAL_PAGES) * visits.page, 1);
  atomic_fetch_add(&visits.handled, 1);
}

static void *work_on_one(void *argument) {
  uintptr_t self = (uintptr_t)argument;
  char *base = visits.base[self];
  visit_state = self;
  uint64_t state = self + 50;
  while (!atomic_load(&stop)) {
    size_t at = (size_t)(test_random_next(&state) % (SIGNAL_PAGES - 16));
    CHECK_OK(acre_vm_commit(base + at * visits.page, 16 * visits.page, ACRE_VM_DEFAULT));
    CHECK_OK(acre_vm_decommit(base + at * visits.page, 16 * visits.page));
    (void)query(base);
  }
  return NULL;
}

/*
 * Each of two threads is interrupted while it works on a region, by a handler
 * that touches the region of the other. Neither waits for the other, as nobody
 * is interrupted while he has such a region's lock.
 */
TEST(two_handlers_that_touch_each_others_regions) {
  struct sigaction action;
  pthread_t threads[2];
  memset(&action, 0, sizeof action);
  action.sa_handler = visit;
  action.sa_flags = SA_RESTART;
  REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
  visits.page = page_bytes();
  for (unsigned i = 0; i < 2; i++) visits.base[i] = touch_region(SIGNAL_PAGES, 1);
  atomic_store(&stop, false);
  atomic_store(&visits.handled, 0);
  for (uintptr_t i = 0; i < 2; i++) REQUIRE(pthread_create(&threads[i], NULL, work_on_one, (void *)i) == 0);
  for (unsigned i = 0; atomic_load(&visits.handled) < VISITS; i++) {
    pthread_kill(threads[i % 2], SIGUSR1);
    if (i % 8 == 0) sched_yield();
  }
  atomic_store(&stop, true);
  for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  for (unsigned i = 0; i < 2; i++) {
    CHECK_AGREES(visits.base[i]);
    CHECK_OK(acre_vm_release(visits.base[i]));
  }
}

static void decommit_and_commit(unsigned i) {
  CHECK_OK(acre_vm_decommit(interrupt.base, SIGNAL_PAGES * interrupt.page));
  CHECK_OK(acre_vm_commit(interrupt.base + i % 64 * interrupt.page, 64 * interrupt.page, ACRE_VM_DEFAULT));
}

/* The interrupted function and its handler on one region: the handler waits for nobody, and is never refused. */
TEST(a_handler_touches_what_the_interrupted_function_works_on) {
  char *base = touch_region(SIGNAL_PAGES, 1);
  touch_in_handler(base);
  call_interrupted(decommit_and_commit, touch_somewhere, FEWER, SELDOM / 10);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

#endif
