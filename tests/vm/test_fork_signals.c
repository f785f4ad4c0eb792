/* SPDX-License-Identifier: MIT */
/*
 * Forks while signal handlers touch regions: the one place where three parties
 * can wait for each other. A handler interrupts code that has region A and
 * touches region B; a fork has B and wants A. Nobody may wait forever.
 */
#include <acre/vm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

enum { FORKS = 200, TOUCHED_PAGES = 64 };

static char *touched; /* region B: committed by touch, decommitted again and again */
static size_t page_size;
static atomic_bool stop;
static atomic_ulong touches;

static void on_alarm(int number) {
  (void)number;
  size_t page = atomic_fetch_add(&touches, 1) % TOUCHED_PAGES;
  touched[page * page_size] = 1;
}

static void block_alarm(void) {
  sigset_t alarm_only;
  sigemptyset(&alarm_only);
  sigaddset(&alarm_only, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
}

/* Region A, busy: this is the thread that the alarms interrupt. */
static void *work_on_a(void *base) {
  for (size_t page = 0; !atomic_load(&stop); page = (page + 7) % 1024) {
    CHECK_OK(acre_vm_commit((char *)base + page * page_size, page_size, ACRE_VM_DEFAULT));
    CHECK_OK(acre_vm_decommit((char *)base + page * page_size, page_size));
  }
  return NULL;
}

static void *empty_b(void *unused) {
  block_alarm();
  while (!atomic_load(&stop)) CHECK_OK(acre_vm_decommit(touched, TOUCHED_PAGES * page_size));
  return unused;
}

static void *interrupt(void *worker) {
  block_alarm();
  while (!atomic_load(&stop)) {
    pthread_kill(*(pthread_t *)worker, SIGALRM);
    nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
  }
  return NULL;
}

static int child(char *a) {
  return acre_vm_commit(a, page_size, ACRE_VM_DEFAULT) != ACRE_OK || acre_vm_decommit(touched, page_size) != ACRE_OK;
}

TEST(forks_while_handlers_touch) {
#ifdef __SANITIZE_THREAD__
  test_skip("ThreadSanitizer hands signals over late, in the middle of a fault's handler that holds them back");
#endif
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  page_size = system.page_size;
  void *a, *b;
  REQUIRE_OK(acre_vm_reserve(1024 * page_size, NULL, &a));
  REQUIRE_OK(acre_vm_reserve(TOUCHED_PAGES * page_size, &(acre_vm_options){.touch_step = 1}, &b));
  touched = b;
  struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &action, NULL);

  pthread_t worker, emptier, interrupter;
  pthread_create(&worker, NULL, work_on_a, a);
  pthread_create(&emptier, NULL, empty_b, NULL);
  pthread_create(&interrupter, NULL, interrupt, &worker);
  block_alarm();
  /* A worker that does not run gets many signals as one. */
  for (int i = 0; i < FORKS || atomic_load(&touches) <= FORKS; i++) {
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) _exit(child(a));
    int status;
    REQUIRE_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
  }
  atomic_store(&stop, true);
  pthread_join(interrupter, NULL);
  pthread_join(worker, NULL);
  pthread_join(emptier, NULL);
  CHECK(atomic_load(&touches) > FORKS);
  CHECK_OK(acre_vm_release(a));
  CHECK_OK(acre_vm_release(b));
}
