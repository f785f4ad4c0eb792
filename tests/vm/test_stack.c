/* SPDX-License-Identifier: MIT */
/*
 * Stacks that grow: threads that recurse deep on one, what grows it and what
 * does not, and its end.
 */
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "vm/vm_check.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

/* For threads: a sanitizer has much thread-local data. */
static const acre_vm_stack_options for_threads = {.commit = SANITIZED ? 2 * MIB : 0};

static acre_vm_stack reserve_stack(size_t size, const acre_vm_stack_options *options) {
  acre_vm_stack stack;
  REQUIRE_OK(acre_vm_stack_reserve(size, options, &stack));
  return stack;
}

static void write_byte(char *address, char value) {
  *(volatile char *)address = value;
}

/* ------------------------------------------------------------- threads on it */

struct runner {
  acre_vm_stack stack;
  unsigned long long sum;
  unsigned depth;
  acre_result entered;
};

/* Some 200 bytes a level, which no compiler makes a loop of. */
__attribute__((noinline)) static unsigned long long descend(unsigned depth, volatile char *above) {
  volatile char room[128];
  room[0] = (char)depth;
  room[127] = above[0];
  unsigned long long below = depth == 0 ? 0 : descend(depth - 1, room);
  return below + (unsigned char)room[0] + (room[127] == above[0]);
}

static void *run_deep(void *argument) {
  struct runner *runner = argument;
  runner->entered = acre_vm_stack_enter(runner->stack.region_base);
  volatile char top = 1;
  if (runner->entered == ACRE_OK) runner->sum = descend(runner->depth, &top);
  return NULL;
}

static bool start_on(pthread_t *thread, const acre_vm_stack *stack, void *(*fn)(void *), void *argument) {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstack(&attributes, stack->low, stack->size) == 0);
  bool started = pthread_create(thread, &attributes, fn, argument) == 0;
  pthread_attr_destroy(&attributes);
  return started;
}

static size_t committed_bytes(const acre_vm_stack *stack) {
  size_t bytes = 0;
  for (char *at = stack->low; at < (char *)stack->low + stack->size;) {
    acre_vm_info info = query(at);
    if (info.state == ACRE_VM_COMMITTED) bytes += info.size;
    at = (char *)info.base + info.size;
  }
  return bytes;
}

TEST(threads_recurse_deep) {
  enum { THREADS = 4, DEPTH = SANITIZED ? 5000 : 100000 };
  static struct runner runners[THREADS];
  pthread_t threads[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    runners[i] = (struct runner){.stack = reserve_stack(256 * (size_t)MIB, &for_threads), .depth = DEPTH};
    CHECK(SANITIZED || committed_bytes(&runners[i].stack) <= 128 * KIB + page_bytes());
  }
  for (unsigned i = 0; i < THREADS; i++) REQUIRE(start_on(&threads[i], &runners[i].stack, run_deep, &runners[i]));
  for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (unsigned i = 0; i < THREADS; i++) {
    CHECK_OK(runners[i].entered);
    CHECK_EQ(runners[i].sum, runners[0].sum);
    CHECK(SANITIZED || committed_bytes(&runners[i].stack) > (size_t)DEPTH * 128);
    if (i == 0) CHECK_AGREES(runners[i].stack.region_base);
    CHECK_OK(acre_vm_release(runners[i].stack.region_base));
  }
  CHECK_INDEX();
}

/* A frame that is larger than any step, and is first touched at its low end. */
__attribute__((noinline)) static char large_frame(unsigned at) {
  volatile char room[3 * MIB];
  room[at] = 5;
  return room[at];
}

static void *run_large(void *argument) {
  struct runner *runner = argument;
  runner->entered = acre_vm_stack_enter(runner->stack.region_base);
  runner->sum = (unsigned long long)large_frame(runner->depth);
  return NULL;
}

TEST(a_large_frame_reaches_below_the_guard) {
  for (unsigned at = 0; at < 3 * MIB; at += MIB - 1) {
    struct runner runner = {.stack = reserve_stack(8 * MIB, &for_threads), .depth = at};
    pthread_t thread;
    REQUIRE(start_on(&thread, &runner.stack, run_large, &runner));
    pthread_join(thread, NULL);
    CHECK_OK(runner.entered);
    CHECK_EQ(runner.sum, 5);
    CHECK_OK(acre_vm_release(runner.stack.region_base));
  }
}

/* ------------------------------------------------------------- what grows it */

static acre_vm_fault last;
static unsigned told;
static sigjmp_buf escape;

static acre_vm_fault_answer jump(const acre_vm_fault *fault, void *context) {
  (void)context;
  last = *fault;
  told++;
  siglongjmp(escape, 1);
}

static bool faults(char *address) {
  if (sigsetjmp(escape, 1) != 0) return true;
  write_byte(address, 1);
  return false;
}

TEST(it_grows_by_its_guard) {
  size_t page = page_bytes();
  acre_vm_stack_options options = {.commit = 4 * page, .step = 3 * page};
  acre_vm_stack stack = reserve_stack(40 * page, &options);
  char *low = stack.low, *high = low + stack.size;
  told = 0;
  REQUIRE_OK(acre_vm_on_fault(stack.region_base, jump, NULL));
  CHECK_EQ(stack.size, 40 * page);
  CHECK_EQ(query(high - 4 * page).size, 4 * page);
  CHECK_EQ(query(high - 4 * page).protection, ACRE_VM_READ_WRITE);
  CHECK_EQ(query(high - 5 * page).protection, ACRE_VM_READ_WRITE | ACRE_VM_GUARD);
  CHECK_EQ(query(low).state, ACRE_VM_RESERVED);
  CHECK_AGREES(stack.region_base);

  CHECK(!faults(high - 5 * page)); /* the guard */
  CHECK_EQ(query(high - 7 * page).size, 7 * page);
  CHECK_EQ(query(high - 8 * page).protection, ACRE_VM_READ_WRITE | ACRE_VM_GUARD);
  CHECK_EQ(query(high - 9 * page).state, ACRE_VM_RESERVED);
  CHECK(faults(high - 20 * page)); /* a stray pointer: this thread's stack is elsewhere */
  CHECK_EQ(last.reason, ACRE_VM_FAULT_RESERVED);
  CHECK(faults(low));
  CHECK_EQ(told, 2);
  CHECK_OK(
      acre_vm_protect(high - 2 * page, page, ACRE_VM_READ | ACRE_VM_GUARD, NULL)); /* the program's own guard page */
  CHECK(faults(high - 2 * page));
  CHECK_EQ(last.reason, ACRE_VM_FAULT_GUARD);
  CHECK_EQ(query(high - 2 * page).protection, ACRE_VM_READ);
  CHECK_OK(acre_vm_protect(high - 2 * page, page, ACRE_VM_READ_WRITE, NULL));

  for (size_t at = 8; at <= 40; at++) CHECK(!faults(high - at * page)); /* down to the end */
  CHECK_EQ(query(low).size, 40 * page);
  CHECK_EQ(query(low).protection, ACRE_VM_READ_WRITE);
  CHECK(faults(low - 1));
  CHECK_EQ(last.reason, ACRE_VM_FAULT_STACK_OVERFLOW);
  CHECK(faults(low - MIB));
  CHECK_EQ(last.reason, ACRE_VM_FAULT_STACK_OVERFLOW);
  CHECK(faults(stack.region_base));
  CHECK_EQ(last.reason, ACRE_VM_FAULT_RESERVED);
  CHECK_AGREES(stack.region_base);
  CHECK_OK(acre_vm_release(stack.region_base));
}

TEST(sizes) {
  size_t page = page_bytes();
  const acre_vm_stack_options some[] = {{0}, {.commit = 1}, {.commit = SIZE_MAX}, {.step = 1}, {.step = SIZE_MAX}};
  for (unsigned i = 0; i < sizeof some / sizeof *some; i++)
    for (size_t pages = 1; pages < 70; pages = pages * 2 + 1) {
      acre_vm_stack stack = reserve_stack(pages * page - 1, &some[i]);
      char *high = (char *)stack.low + stack.size;
      CHECK_EQ(stack.size, pages * page);
      for (size_t at = 1; at <= pages; at++) write_byte(high - at * page, 1);
      CHECK_EQ(query(stack.low).size, pages * page);
      CHECK_AGREES(stack.region_base);
      CHECK_OK(acre_vm_release(stack.region_base));
    }
  /* A terabyte of addresses; ThreadSanitizer leaves a program less in one piece. */
  acre_vm_stack stack = reserve_stack((size_t)1 << (SANITIZED ? 32 : 40), NULL);
  CHECK_OK(acre_vm_release(stack.region_base));
  CHECK_RESULT(acre_vm_stack_reserve(0, NULL, &stack), ACRE_E_INVALID_SIZE);
  CHECK(stack.region_base == NULL);
  CHECK_RESULT(acre_vm_stack_reserve(SIZE_MAX, NULL, &stack), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_stack_reserve(SIZE_MAX / 2, NULL, &stack), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_stack_reserve(page, NULL, NULL), ACRE_E_INVALID_ARGUMENT);
}

/* ------------------------------------------------------------- its end */

static volatile uintptr_t overflow_frame;

/* On the alternate stack: leaves the recursion that has no end. */
static acre_vm_fault_answer give_up(const acre_vm_fault *fault, void *context) {
  struct runner *runner = context;
  overflow_frame = (uintptr_t)__builtin_frame_address(0);
  last = *fault;
  if (fault->reason != ACRE_VM_FAULT_STACK_OVERFLOW) return ACRE_VM_FAULT_NOT_MINE;
  runner->sum++;
  siglongjmp(escape, 1);
}

static void *run_over(void *argument) {
  struct runner *runner = argument;
  runner->entered = acre_vm_stack_enter(runner->stack.region_base);
  volatile char top = 1;
  for (volatile unsigned i = 0; i < 3; i++)
    if (sigsetjmp(escape, 1) == 0) (void)descend(UINT_MAX, &top);
  return NULL;
}

TEST(an_overflow_is_told_on_the_alternate_stack) {
  struct runner runner = {.stack = reserve_stack(4 * MIB, &for_threads)};
  REQUIRE_OK(acre_vm_on_fault(runner.stack.region_base, give_up, &runner));
  pthread_t thread;
  REQUIRE(start_on(&thread, &runner.stack, run_over, &runner));
  pthread_join(thread, NULL);
  CHECK_OK(runner.entered);
  CHECK_EQ(runner.sum, 3);
  CHECK_EQ(last.reason, ACRE_VM_FAULT_STACK_OVERFLOW);
  if (!SANITIZED) { /* which gives its threads alternate stacks itself */
    uintptr_t base = (uintptr_t)runner.stack.region_base;
    CHECK(overflow_frame > base && overflow_frame < (uintptr_t)runner.stack.low - MIB);
  }
  CHECK_EQ(committed_bytes(&runner.stack), runner.stack.size);
  CHECK_OK(acre_vm_release(runner.stack.region_base));
}

static void overflow_without_handler(void *context) {
  struct runner runner = {.stack = reserve_stack(4 * MIB, &for_threads), .depth = UINT_MAX};
  (void)context;
  signal(SIGSEGV, SIG_DFL);
  REQUIRE_OK(acre_vm_on_fault(runner.stack.region_base, NULL, NULL));
  acre_vm_stack other = reserve_stack(MIB, NULL); /* Acre comes before SIG_DFL again */
  pthread_t thread;
  REQUIRE(start_on(&thread, &runner.stack, run_deep, &runner));
  pthread_join(thread, NULL);
  CHECK_OK(acre_vm_release(other.region_base));
}

TEST(an_overflow_that_nobody_answers_kills) {
  int status = test_in_child(overflow_without_handler, NULL);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* ------------------------------------------------------------- contexts of one thread */

#if defined(__GLIBC__) && !ACRE_SANITIZED

static ucontext_t outside, inside;
static unsigned long long context_sum;

static void run_in_context(void) {
  volatile char top = 1;
  context_sum = descend(20000, &top);
}

TEST(a_coroutine_runs_on_it) {
  acre_vm_stack stack = reserve_stack(64 * (size_t)MIB, NULL);
  CHECK_OK(acre_vm_stack_enter(stack.region_base)); /* the thread's, whatever it runs on */
  REQUIRE(getcontext(&inside) == 0);
  inside.uc_stack.ss_sp = stack.low;
  inside.uc_stack.ss_size = stack.size;
  inside.uc_link = &outside;
  makecontext(&inside, run_in_context, 0);
  REQUIRE(swapcontext(&outside, &inside) == 0);
  CHECK(context_sum > 0);
  CHECK_OK(acre_vm_stack_leave(stack.region_base));
  stack_t now;
  REQUIRE(sigaltstack(NULL, &now) == 0);
  CHECK((now.ss_flags & SS_DISABLE) != 0);
  CHECK_OK(acre_vm_release(stack.region_base));
}

#endif

TEST(entering_what_is_no_stack) {
  acre_vm_stack stack = reserve_stack(64 * KIB, NULL);
  char *plain = reserve_pages(16);
  CHECK_RESULT(acre_vm_stack_enter(NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_stack_enter(&stack), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_vm_stack_enter(stack.low), ACRE_E_NOT_REGION_BASE);
  CHECK_RESULT(acre_vm_stack_enter(plain), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_stack_leave(plain), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_stack_leave(stack.region_base)); /* not entered */
  CHECK_RESULT(acre_vm_set_touch_step(stack.region_base, 1), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_release(plain));
  CHECK_OK(acre_vm_release(stack.region_base));
}
