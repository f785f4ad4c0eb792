/* SPDX-License-Identifier: MIT */
/*
 * The fault handler: repairs what is ours, and leaves everybody else's faults
 * as they were. Each case runs in a child of its own, because the handler is
 * installed once per process and many cases end in a signal.
 */
#include "contract_linux.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { STEP = 64 };

static char *ours; /* pages that the handler makes accessible */
static size_t our_pages;
static atomic_int repairs; /* how often it did */
static atomic_int last_access;
static _Atomic uintptr_t last_address;

static enum acre__os_fault_answer repair(const struct acre__os_fault *fault) {
  uintptr_t start = (uintptr_t)ours, address = fault->address;
  enum acre__os_fault_access access = fault->access;
  last_access = access;
  last_address = address;
  if (address - start >= our_pages * page_size()) return ACRE_OS_FAULT_PASS_ON;
  errno = ENOTTY; /* must not be seen outside */
  uintptr_t page = address / page_size() * page_size();
  acre_vm_protection protection = access == ACRE_OS_FAULT_EXECUTE ? ACRE_VM_EXECUTE_READ : ACRE_VM_READ_WRITE;
  if (mprotect((void *)page, page_size(),
               protection == ACRE_VM_READ_WRITE ? PROT_READ | PROT_WRITE : PROT_READ | PROT_EXEC) != 0)
    return ACRE_OS_FAULT_PASS_ON;
  repairs++;
  return ACRE_OS_FAULT_REPAIRED;
}

static void install(size_t pages) {
  our_pages = pages;
  ours = reserve(pages);
  REQUIRE_OK(acre__os_fault_install(repair));
}

static void set_handler(void (*handler)(int), int flags, int also_blocked) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  if (also_blocked != 0) sigaddset(&action.sa_mask, also_blocked);
  REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
}

static void set_info_handler(void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  REQUIRE(sigaction(SIGSEGV, &action, NULL) == 0);
}

/* A page of nobody's. */
static volatile char *foreign_page(void) {
  return reserve(1);
}

static void no_core_dump(void) {
  set_limit(RLIMIT_CORE, 0);
}

static bool killed_by_segv(void (*fn)(void *)) {
  int status = test_in_child(fn, NULL);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/* ------------------------------------------------------------- our faults */

static void repair_pages(void *context) {
  (void)context;
  install(STEP);
  errno = 4711;
  for (size_t i = 0; i < STEP; i++) ((volatile char *)ours)[i * page_size() + i] = (char)i;
  CHECK_EQ(errno, 4711);
  CHECK_EQ(repairs, STEP);
  for (size_t i = 0; i < STEP; i++) CHECK_EQ(ours[i * page_size() + i], (char)i);
  CHECK_EQ(repairs, STEP);
  CHECK_OK(acre__os_fault_install(repair)); /* again: nothing happens */
  CHECK_OK(acre__os_protect(ours, page_size(), ACRE_VM_NO_ACCESS));
  CHECK_EQ(((volatile char *)ours)[0], 0);
  CHECK_EQ(repairs, STEP + 1);
}

TEST(repaired_accesses_are_tried_again) {
  CHECK_IN_CHILD(repair_pages, NULL);
}

static void tell_accesses_apart(void *context) {
  (void)context;
  install(3);
  char *page = ours;
  CHECK_EQ(((volatile char *)page)[17], 0);
  CHECK_EQ(last_access, ACRE_OS_FAULT_READ);
  CHECK_EQ(last_address, (uintptr_t)page + 17);
  page += page_size();
  ((volatile char *)page)[18] = 1;
  CHECK_EQ(last_access, ACRE_OS_FAULT_WRITE);
  CHECK_EQ(last_address, (uintptr_t)page + 18);

#if defined(__x86_64__) || defined(__aarch64__)
#if defined(__x86_64__)
  static const unsigned char code[] = {0xc3};
#else
  static const unsigned char code[] = {0xc0, 0x03, 0x5f, 0xd6};
#endif
  page += page_size();
  memcpy(page, code, sizeof code);
  __builtin___clear_cache(page, page + sizeof code);
  CHECK_OK(acre__os_protect(page, page_size(), ACRE_VM_READ));
  void (*function)(void);
  memcpy(&function, &page, sizeof function);
  function();
  CHECK_EQ(last_access, ACRE_OS_FAULT_EXECUTE);
  CHECK_EQ(last_address, (uintptr_t)page);
#endif
}

TEST(the_handler_is_told_the_access) {
  CHECK_IN_CHILD(tell_accesses_apart, NULL);
}

static void *touch_all(void *stack) {
  stack_t alternate = {.ss_sp = stack, .ss_size = 65536}, before;
  if (stack != NULL) CHECK(sigaltstack(&alternate, &before) == 0);
  for (size_t i = 0; i < our_pages; i++) (*(_Atomic unsigned char *)(ours + i * page_size()))++;
  if (stack != NULL) CHECK(sigaltstack(&before, NULL) == 0);
  return NULL;
}

static void touch_in_threads(void *context) {
  (void)context;
  static char stacks[2][65536];
  pthread_t threads[4];
  install(2000);
  for (int i = 0; i < 4; i++) REQUIRE(pthread_create(&threads[i], NULL, touch_all, i < 2 ? NULL : stacks[i - 2]) == 0);
  for (int i = 0; i < 4; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  for (size_t i = 0; i < 2000; i++) CHECK_EQ(ours[i * page_size()], 4);
}

TEST(threads_fault_at_once) {
  CHECK_IN_CHILD(touch_in_threads, NULL);
}

static char *alternate_stack;
static volatile bool on_alternate;

static enum acre__os_fault_answer see_stack(const struct acre__os_fault *fault) {
  on_alternate = (uintptr_t)__builtin_frame_address(0) - (uintptr_t)alternate_stack < 65536;
  return repair(fault);
}

static void use_alternate_stack(void *context) {
  (void)context;
  alternate_stack = reserve_committed(65536 / page_size() + 1);
  stack_t alternate = {.ss_sp = alternate_stack, .ss_size = 65536};
  REQUIRE(sigaltstack(&alternate, NULL) == 0);
  our_pages = 1;
  ours = reserve(1);
  REQUIRE_OK(acre__os_fault_install(see_stack));
  *(volatile char *)ours = 1;
  CHECK_EQ(repairs, 1);
  CHECK(on_alternate);
}

TEST(the_alternate_stack_is_used) {
  CHECK_IN_CHILD(use_alternate_stack, NULL);
}

static void fail_in_a_system_call(void *context) {
  (void)context;
  install(1);
  char *bytes = ours;
  CHECK(!test_can_read(bytes)); /* a system call gets EFAULT and no signal */
  CHECK_EQ(repairs, 0);
}

TEST(system_calls_do_not_fault) {
  CHECK_IN_CHILD(fail_in_a_system_call, NULL);
}

/* ------------------------------------------------------------- SIG_DFL and SIG_IGN before us */

static void fault_by_default(void *context) {
  (void)context;
  no_core_dump();
  set_handler(SIG_DFL, 0, 0);
  install(1);
  *(volatile char *)ours = 1;
  *foreign_page() = 1;
}

static void fault_ignored(void *context) {
  (void)context;
  no_core_dump();
  set_handler(SIG_IGN, 0, 0);
  install(1);
  *foreign_page() = 1; /* which the kernel does not let anybody ignore */
}

static void sent_by_default(void *context) {
  (void)context;
  no_core_dump();
  set_handler(SIG_DFL, 0, 0);
  install(1);
  kill(getpid(), SIGSEGV);
  usleep(200000); /* not reached: the signal is delivered before kill returns, or at once after */
}

static void sent_and_ignored(void *context) {
  (void)context;
  set_handler(SIG_IGN, 0, 0);
  install(1);
  kill(getpid(), SIGSEGV);
  raise(SIGSEGV);
  *(volatile char *)ours = 1; /* still ours */
  CHECK_EQ(repairs, 1);
}

TEST(others_faults_still_kill) {
  CHECK(killed_by_segv(fault_by_default));
  CHECK(killed_by_segv(fault_ignored));
}

TEST(a_sent_signal_still_kills) {
  CHECK(killed_by_segv(sent_by_default));
}

TEST(a_sent_signal_is_still_ignored) {
  CHECK_IN_CHILD(sent_and_ignored, NULL);
}

/* ------------------------------------------------------------- functions before us */

static sigset_t mask_in_handler;
static sigjmp_buf escape;
static volatile sig_atomic_t calls;
static void *volatile info_address;

static void jump_out(int number) {
  (void)number;
  calls++;
  sigprocmask(SIG_BLOCK, NULL, &mask_in_handler);
  siglongjmp(escape, 1);
}

static void jump_out_with_info(int number, siginfo_t *info, void *context) {
  (void)context;
  info_address = info->si_addr;
  jump_out(number);
}

static void make_accessible(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  calls++;
  uintptr_t page = (uintptr_t)info->si_addr / page_size() * page_size();
  mprotect((void *)page, page_size(), PROT_READ | PROT_WRITE);
}

static void chain_to_plain(void *context) {
  (void)context;
  set_handler(jump_out, 0, SIGUSR1);
  install(1);
  volatile char *page = foreign_page();
  for (int i = 1; i <= 3; i++) { /* the mask is as it was, so it works again and again */
    if (sigsetjmp(escape, 1) == 0) *page = 1;
    CHECK_EQ(calls, i);
    CHECK(sigismember(&mask_in_handler, SIGUSR1) == 1);
    CHECK(sigismember(&mask_in_handler, SIGSEGV) == 1);
  }
  *(volatile char *)ours = 1;
  CHECK_EQ(repairs, 1);
  CHECK_EQ(calls, 3);
  if (sigsetjmp(escape, 1) == 0) raise(SIGSEGV);
  CHECK_EQ(calls, 4);
}

static void chain_to_info(void *context) {
  (void)context;
  set_info_handler(jump_out_with_info, SA_NODEFER);
  install(1);
  volatile char *page = foreign_page();
  if (sigsetjmp(escape, 1) == 0) page[33] = 1;
  CHECK_EQ(calls, 1);
  CHECK(info_address == (void *)(page + 33));
  CHECK(sigismember(&mask_in_handler, SIGSEGV) == 0); /* SA_NODEFER */
}

static void chain_and_return(void *context) {
  (void)context;
  set_info_handler(make_accessible, 0);
  install(1);
  volatile char *page = foreign_page();
  errno = 4711;
  *page = 5;
  CHECK_EQ(*page, 5);
  CHECK_EQ(calls, 1);
}

TEST(previous_functions_are_called) {
  CHECK_IN_CHILD(chain_to_plain, NULL);
  CHECK_IN_CHILD(chain_to_info, NULL);
  CHECK_IN_CHILD(chain_and_return, NULL);
}

static void chain_once(void *context) {
  (void)context;
  no_core_dump();
  set_info_handler(make_accessible, (int)SA_RESETHAND);
  install(1);
  *foreign_page() = 1; /* the previous handler repairs this one */
  CHECK_EQ(calls, 1);
  *(volatile char *)ours = 1;
  CHECK_EQ(repairs, 1);
  *foreign_page() = 1; /* and is gone for this one */
}

TEST(a_handler_for_one_time_is_called_once) {
  CHECK(killed_by_segv(chain_once));
}

static void handler_installed_after(void *context) {
  (void)context;
  install(1);
  struct sigaction previous;
  REQUIRE(sigaction(SIGSEGV, NULL, &previous) == 0);
  CHECK((previous.sa_flags & SA_ONSTACK) != 0 && (previous.sa_flags & SA_SIGINFO) != 0);
  set_info_handler(make_accessible, 0); /* somebody's who does not chain: theirs from now on */
  *(volatile char *)ours = 1;
  CHECK_EQ(repairs, 0);
  CHECK_EQ(calls, 1);
}

TEST(who_comes_after_us_owns_the_signal) {
  CHECK_IN_CHILD(handler_installed_after, NULL);
}

static void fault_without_an_address(void *context) {
  (void)context;
#if defined(__x86_64__)
  set_handler(jump_out, 0, 0);
  install(1);
  if (sigsetjmp(escape, 1) == 0) *(volatile char *)((uintptr_t)1 << 62) = 1; /* not canonical: no address is told */
  CHECK_EQ(calls, 1);
  CHECK_EQ(last_address, UINTPTR_MAX);
#endif
}

TEST(faults_without_an_address_are_told_and_passed_on) {
#if !defined(__x86_64__)
  test_skip("only x86-64 has such faults");
#endif
  CHECK_IN_CHILD(fault_without_an_address, NULL);
}
