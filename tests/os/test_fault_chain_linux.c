/* SPDX-License-Identifier: MIT */
/*
 * The fault handler among others: SIGBUS, handlers that come later and pass on
 * or do not, going to the top again, runtimes that look at the instruction, and
 * what a debugger and a core dump see. Each case has a child of its own.
 */
#include "contract_linux.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <ucontext.h>

static char *ours; /* one page, which the handler makes accessible */
static atomic_int asked, repairs;
static enum acre__os_fault_answer otherwise = ACRE_OS_FAULT_PASS_ON; /* the answer for other addresses */
static volatile bool no_backing;

static enum acre__os_fault_answer repair(const struct acre__os_fault *fault) {
  asked++;
  no_backing = fault->no_backing;
  if (fault->address - (uintptr_t)ours >= page_size()) return otherwise;
  if (mprotect(ours, page_size(), PROT_READ | PROT_WRITE) != 0) return ACRE_OS_FAULT_PASS_ON;
  repairs++;
  return ACRE_OS_FAULT_REPAIRED;
}

static void install(void) {
  if (ours == NULL) ours = reserve(1);
  REQUIRE_OK(acre__os_fault_install(repair));
}

/* Whether our handler repairs its page now. */
static bool is_in_charge(void) {
  int before = repairs;
  REQUIRE(mprotect(ours, page_size(), PROT_NONE) == 0);
  *(volatile char *)ours = 1;
  return repairs == before + 1;
}

static void set_handler(int number, void (*handler)(int, siginfo_t *, void *), int flags, struct sigaction *before) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  REQUIRE(sigaction(number, &action, before) == 0);
}

static volatile char *foreign_page(void) {
  return reserve(1);
}

static bool killed_by(int number, void (*fn)(void *)) {
  int status = test_in_child(fn, NULL);
  return WIFSIGNALED(status) && WTERMSIG(status) == number;
}

static sigjmp_buf escape;
static volatile sig_atomic_t calls;
static void *volatile seen_address;

static void jump_out(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  calls++;
  seen_address = info->si_addr;
  siglongjmp(escape, 1);
}

/* ------------------------------------------------------------- SIGBUS */

static char *view_past_the_end(void) {
  int fd = memfd_create("short", 0);
  REQUIRE(fd >= 0 && ftruncate(fd, 1) == 0);
  char *view = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  REQUIRE(view != MAP_FAILED);
  close(fd);
  return view;
}

static char *view;

/* Puts memory where the file has none. */
static enum acre__os_fault_answer back(const struct acre__os_fault *fault) {
  no_backing = fault->no_backing;
  if (fault->address - (uintptr_t)view - page_size() >= page_size()) return ACRE_OS_FAULT_PASS_ON;
  void *got = mmap(view + page_size(), page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                   0);
  return got == MAP_FAILED ? ACRE_OS_FAULT_PASS_ON : ACRE_OS_FAULT_REPAIRED;
}

static void repair_sigbus(void *context) {
  (void)context;
  view = view_past_the_end();
  REQUIRE_OK(acre__os_fault_install(back));
  view[page_size() + 3] = 4;
  CHECK(no_backing);
  CHECK_EQ(view[page_size() + 3], 4);
}

TEST(sigbus_is_repaired) {
  CHECK_IN_CHILD(repair_sigbus, NULL);
}

static void pass_sigbus_on(void *context) {
  (void)context;
  set_handler(SIGBUS, jump_out, 0, NULL);
  install();
  char *short_view = view_past_the_end();
  for (int i = 1; i <= 2; i++) {
    if (sigsetjmp(escape, 1) == 0) *(volatile char *)(short_view + page_size()) = 1;
    CHECK_EQ(calls, i);
    CHECK(seen_address == short_view + page_size());
  }
  CHECK_EQ(asked, 2);
  CHECK(is_in_charge());
}

static void sigbus_by_default(void *context) {
  (void)context;
  set_limit(RLIMIT_CORE, 0);
  signal(SIGBUS, SIG_DFL); /* a sanitizer has its own */
  install();
  *(volatile char *)(view_past_the_end() + page_size()) = 1;
}

static void sent_sigbus(void *context) {
  (void)context;
  signal(SIGBUS, SIG_IGN);
  install();
  raise(SIGBUS);
  CHECK_EQ(asked, 0);
}

TEST(sigbus_of_others) {
  CHECK_IN_CHILD(pass_sigbus_on, NULL);
  CHECK(killed_by(SIGBUS, sigbus_by_default));
  CHECK_IN_CHILD(sent_sigbus, NULL);
}

/* ------------------------------------------------------------- an answer that ends it */

static void die_of_it(void *context) {
  (void)context;
  set_limit(RLIMIT_CORE, 0);
  set_handler(SIGSEGV, jump_out, 0, NULL);
  install();
  otherwise = ACRE_OS_FAULT_DIE;
  if (sigsetjmp(escape, 1) == 0) *foreign_page() = 1;
  _exit(1); /* the other handler must not be asked */
}

TEST(the_default_action_passes_other_handlers) {
  CHECK(killed_by(SIGSEGV, die_of_it));
}

/* ------------------------------------------------------------- faults in handlers */

static char *second; /* touched by the handler of `ours` */

static enum acre__os_fault_answer touch_second(const struct acre__os_fault *fault) {
  if (fault->address - (uintptr_t)second < page_size())
    return mprotect(second, page_size(), PROT_READ | PROT_WRITE) == 0 ? ACRE_OS_FAULT_REPAIRED : ACRE_OS_FAULT_PASS_ON;
  *(volatile char *)second = 1;
  return repair(fault);
}

static void fault_in_handler(void *context) {
  (void)context;
  ours = reserve(1);
  second = reserve(1);
  REQUIRE_OK(acre__os_fault_install(touch_second));
  *(volatile char *)ours = 1;
  CHECK_EQ(repairs, 1);
  CHECK_EQ(*second, 1);
}

TEST(the_handler_may_fault) {
  CHECK_IN_CHILD(fault_in_handler, NULL);
}

static sigset_t mask_in_handler;

static enum acre__os_fault_answer see_mask(const struct acre__os_fault *fault) {
  sigprocmask(SIG_BLOCK, NULL, &mask_in_handler);
  return repair(fault);
}

static void look_at_mask(void *context) {
  (void)context;
  ours = reserve(1);
  REQUIRE_OK(acre__os_fault_install(see_mask));
  *(volatile char *)ours = 1;
  CHECK(sigismember(&mask_in_handler, SIGALRM) == 1);
  CHECK(sigismember(&mask_in_handler, SIGUSR1) == 1);
  CHECK(sigismember(&mask_in_handler, SIGSEGV) == 0);
  CHECK(sigismember(&mask_in_handler, SIGBUS) == 0);
}

TEST(other_signals_are_held_back_in_the_handler) {
  CHECK_IN_CHILD(look_at_mask, NULL);
}

/* ------------------------------------------------------------- those who come later */

static struct sigaction passes_to;

/* As runtimes do it: what is not its own goes to the handler that it found. */
static void pass_on(int number, siginfo_t *info, void *context) {
  calls++;
  passes_to.sa_sigaction(number, info, context);
}

static void newcomer_passes_on(void *context) {
  (void)context;
  set_handler(SIGSEGV, jump_out, 0, NULL);
  install();
  set_handler(SIGSEGV, pass_on, SA_ONSTACK, &passes_to);
  CHECK(is_in_charge()); /* through the newcomer */
  CHECK_EQ(calls, 1);

  install(); /* on top again */
  calls = 0;
  CHECK(is_in_charge());
  CHECK_EQ(calls, 0);
  volatile char *page = foreign_page();
  asked = 0;
  if (sigsetjmp(escape, 1) == 0) *page = 1;
  CHECK_EQ(calls, 2); /* the newcomer, and who was there at first */
  CHECK(seen_address == page);
  CHECK(asked <= 2);
  install(); /* which changes nothing */
  calls = 0;
  if (sigsetjmp(escape, 1) == 0) *page = 1;
  CHECK_EQ(calls, 2);
}

TEST(going_to_the_top_again_makes_no_circle) {
  CHECK_IN_CHILD(newcomer_passes_on, NULL);
}

/* The newcomer's handler has nothing blocked but the signal itself; ours has its own mask all the same, and may fault. */
static void newcomer_with_another_mask(void *context) {
  (void)context;
  ours = reserve(1);
  REQUIRE_OK(acre__os_fault_install(see_mask));
  set_handler(SIGSEGV, pass_on, 0, &passes_to);
  *(volatile char *)ours = 1;
  CHECK_EQ(calls, 1);
  CHECK(sigismember(&mask_in_handler, SIGALRM) == 1);
  CHECK(sigismember(&mask_in_handler, SIGSEGV) == 0);
}

TEST(the_mask_is_ours_whoever_calls) {
  CHECK_IN_CHILD(newcomer_with_another_mask, NULL);
}

static void newcomer_keeps_it(void *context) {
  (void)context;
  install();
  set_handler(SIGSEGV, jump_out, 0, NULL);
  if (sigsetjmp(escape, 1) == 0) *(volatile char *)ours = 1;
  CHECK_EQ(calls, 1);
  install();
  CHECK(is_in_charge());
  if (sigsetjmp(escape, 1) == 0) *foreign_page() = 1;
  CHECK_EQ(calls, 2);
}

TEST(going_to_the_top_again_over_one_who_keeps_it) {
  CHECK_IN_CHILD(newcomer_keeps_it, NULL);
}

static void newcomer_goes(void *context) {
  (void)context;
  struct sigaction found;
  set_handler(SIGSEGV, jump_out, 0, NULL);
  install();
  set_handler(SIGSEGV, jump_out, 0, &found);
  install();
  REQUIRE(sigaction(SIGSEGV, &found, NULL) == 0); /* our first entry is back */
  CHECK(is_in_charge());
  if (sigsetjmp(escape, 1) == 0) *foreign_page() = 1;
  CHECK_EQ(calls, 1);
  install();
  CHECK(is_in_charge());
}

TEST(a_newcomer_who_puts_back_what_he_found) {
  CHECK_IN_CHILD(newcomer_goes, NULL);
}

static void many_newcomers(void *context) {
  (void)context;
  acre_result result = ACRE_OK;
  int times = 0;
  ours = reserve(1);
  for (; times < 100; times++) {
    result = acre__os_fault_install(repair);
    if (result != ACRE_OK) break;
    CHECK(is_in_charge());
    set_handler(SIGSEGV, jump_out, 0, NULL);
  }
  CHECK_RESULT(result, ACRE_E_BUSY);
  CHECK_EQ(times, 8);
}

TEST(it_gives_up_when_the_place_is_taken_all_the_time) {
  CHECK_IN_CHILD(many_newcomers, NULL);
}

/* ------------------------------------------------------------- runtimes */

#if defined(__x86_64__) || defined(__aarch64__)

#if defined(__x86_64__)
#define PROGRAM_COUNTER(context) ((context)->uc_mcontext.gregs[REG_RIP])
#else
#define PROGRAM_COUNTER(context) ((context)->uc_mcontext.pc)
#endif

extern char managed_load[], managed_after[];

/* A load in "managed" code, where a fault means a null reference: the runtime goes on after it. */
#if defined(__x86_64__)
__asm__(".text\n.globl managed_load\nmanaged_load:\n movb (%rdi), %al\n movl $0, %eax\n ret\n"
        ".globl managed_after\nmanaged_after:\n movl $1, %eax\n ret\n");
#else
__asm__(".text\n.globl managed_load\nmanaged_load:\n ldrb w0, [x0]\n mov w0, #0\n ret\n"
        ".globl managed_after\nmanaged_after:\n mov w0, #1\n ret\n");
#endif

static struct sigaction before_runtime;

/* The scheme of Go and of the JVM: by the instruction; for others' code whoever was there is called. */
static void runtime_handler(int number, siginfo_t *info, void *context) {
  ucontext_t *interrupted = context;
  if ((uintptr_t)PROGRAM_COUNTER(interrupted) - (uintptr_t)managed_load < 16) {
    calls++;
    __extension__ typedef __typeof__(PROGRAM_COUNTER(interrupted)) word;
    PROGRAM_COUNTER(interrupted) = (word)(uintptr_t)managed_after;
    return;
  }
  if ((before_runtime.sa_flags & SA_SIGINFO) != 0)
    before_runtime.sa_sigaction(number, info, context);
  else
    signal(number, SIG_DFL);
}

static int load(const char *address) {
  int (*function)(const char *);
  void *code = managed_load;
  memcpy(&function, &code, sizeof function);
  return function(address);
}

static void live_with_runtime(void *context) {
  bool runtime_first = context != NULL;
  ours = reserve(1);
  if (!runtime_first) install();
  set_handler(SIGSEGV, runtime_handler, SA_ONSTACK, &before_runtime);
  if (runtime_first) install();
  for (int round = 0; round < 3; round++) {
    calls = 0;
    CHECK_EQ(load((const char *)64), 1); /* a null reference, as the runtime wants it */
    CHECK_EQ(calls, 1);
    CHECK(is_in_charge());
    CHECK_EQ(calls, 1);
    REQUIRE(mprotect(ours, page_size(), PROT_NONE) == 0);
    int managed = load(ours); /* managed code that touches our page: who comes first decides */
    CHECK(managed == 0 || (!runtime_first && round == 0));
    install();
  }
}

TEST(a_runtime_that_looks_at_the_instruction) {
  CHECK_IN_CHILD(live_with_runtime, "first");
  CHECK_IN_CHILD(live_with_runtime, NULL);
}

#endif

/* ------------------------------------------------------------- debuggers and core dumps */

#if defined(__x86_64__)

struct stop {
  siginfo_t info;
  uintptr_t at;
};

static bool next_stop(pid_t child, int *status, struct stop *out) {
  REQUIRE(waitpid(child, status, 0) == child);
  if (!WIFSTOPPED(*status)) return false;
  unsigned long long registers[27]; /* struct user_regs_struct */
  REQUIRE(ptrace(PTRACE_GETSIGINFO, child, NULL, &out->info) == 0);
  REQUIRE(ptrace(PTRACE_GETREGS, child, NULL, registers) == 0);
  out->at = (uintptr_t)registers[16]; /* rip */
  return true;
}

/*
 * The tracer passes every signal on, as a debugger told not to stop. The last
 * stop is what the kernel writes into a core dump: it must be the original fault.
 */
TEST(the_signal_that_kills_is_the_original_fault) {
  enum { REFUSED = 7 };
  volatile char *page = foreign_page();
  pid_t child = fork();
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL);
    if (acre__os_fault_install(repair) != ACRE_OK) _exit(1);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(REFUSED);
    page[5] = 1;
    _exit(2);
  }
  struct stop first = {0}, last = {0}, now = {0};
  int status, stops = 0;
  while (next_stop(child, &status, &now)) {
    if (stops++ == 0) first = now;
    last = now;
    REQUIRE(stops < 10);
    REQUIRE(ptrace(PTRACE_CONT, child, NULL, WSTOPSIG(status)) == 0);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED) test_skip("this process may not trace its child");
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  CHECK_EQ(stops, 2);
  CHECK_EQ(last.info.si_signo, SIGSEGV);
  CHECK_EQ(last.info.si_code, SEGV_ACCERR);
  CHECK(last.info.si_addr == (const void *)(page + 5));
  CHECK_EQ(last.at, first.at);
}

#endif

/* ------------------------------------------------------------- alternate stacks */

static volatile uintptr_t handler_at;

static enum acre__os_fault_answer see_place(const struct acre__os_fault *fault) {
  handler_at = (uintptr_t)__builtin_frame_address(0);
  return repair(fault);
}

static void *use_signal_stack(void *unused) {
  (void)unused;
  size_t size = acre__os_signal_stack_size();
  char *first = malloc(size), *other = malloc(size);
  stack_t now;
  REQUIRE(sigaltstack(NULL, &now) == 0);
  bool has_one = (now.ss_flags & SS_DISABLE) == 0; /* a sanitizer's */
  CHECK_OK(acre__os_signal_stack_set(first, size));
  CHECK_OK(acre__os_signal_stack_set(other, size)); /* the first one stays */
  *(volatile char *)ours = 1;
  CHECK(has_one || handler_at - (uintptr_t)first < size);
  CHECK_OK(acre__os_signal_stack_unset(other)); /* not the thread's */
  REQUIRE(sigaltstack(NULL, &now) == 0);
  CHECK_EQ(now.ss_flags & SS_DISABLE, 0);
  CHECK_OK(acre__os_signal_stack_unset(first));
  REQUIRE(sigaltstack(NULL, &now) == 0);
  CHECK(has_one || (now.ss_flags & SS_DISABLE) != 0);
  free(first);
  free(other);
  return NULL;
}

static void set_and_unset(void *context) {
  (void)context;
  ours = reserve(1);
  REQUIRE_OK(acre__os_fault_install(see_place));
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, use_signal_stack, NULL) == 0);
  REQUIRE(pthread_join(thread, NULL) == 0);
  CHECK_EQ(repairs, 1);
}

TEST(alternate_stacks_are_set_and_unset) {
  CHECK(acre__os_signal_stack_size() >= 32768);
  CHECK_IN_CHILD(set_and_unset, NULL);
}
