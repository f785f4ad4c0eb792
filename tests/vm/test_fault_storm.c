/* SPDX-License-Identifier: MIT */
/*
 * A million faults, at random, in several threads at once: pages committed by a
 * touch, by a handler, and guard pages, in regions where the pages on either side
 * of eight are other threads', who commit, decommit and protect them. Each thread
 * knows what its own pages hold. Meanwhile signal handlers fault as well.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "vm/vm_check.h"

enum { THREADS = 4, PAGES = 2048, BLOCK = 8, OWN_PAGES = PAGES / THREADS, ALARM_PAGES = 512 };

static unsigned long faults_wanted; /* by all threads together */
static size_t page;
static char *touched, *handled; /* two regions of PAGES pages each */
static atomic_ulong answered;

static acre_vm_fault_answer answer(const acre_vm_fault *fault, void *context) {
  (void)context;
  atomic_fetch_add_explicit(&answered, 1, memory_order_relaxed);
  if (fault->reason == ACRE_VM_FAULT_GUARD) return ACRE_VM_FAULT_HANDLED;
  if (fault->reason != ACRE_VM_FAULT_RESERVED) return ACRE_VM_FAULT_FAIL;
  return acre_vm_commit(fault->address, 1, ACRE_VM_DEFAULT) == ACRE_OK ? ACRE_VM_FAULT_HANDLED : ACRE_VM_FAULT_FAIL;
}

/* One thread's pages of both regions: blocks number self, self + THREADS, ... */
struct owner {
  uintptr_t self;
  uint64_t random;
  unsigned char content[2][OWN_PAGES]; /* 0: reserved */
  bool guard[OWN_PAGES];               /* of the second region */
  unsigned long faults, told;          /* made; of these, those that the handler was asked about */
};

static void touch_page(struct owner *owner, unsigned region, size_t at, char *address) {
  unsigned char *content = &owner->content[region][at];
  bool fault = *content == 0 || (region == 1 && owner->guard[at]);
  owner->faults += fault;
  owner->told += fault && region == 1;
  unsigned char old = *content;
  *content = (unsigned char)(1 + owner->faults % 255);
  CHECK_EQ(__atomic_exchange_n((unsigned char *)address, *content, __ATOMIC_RELAXED), old);
  if (region == 1) owner->guard[at] = false;
}

static char *address_of(const struct owner *owner, unsigned region, size_t at) {
  size_t place = (at / BLOCK * THREADS + owner->self) * BLOCK + at % BLOCK;
  return (region == 0 ? touched : handled) + place * page;
}

static void take_block(struct owner *owner, unsigned region, size_t at) {
  at -= at % BLOCK;
  CHECK_OK(acre_vm_decommit(address_of(owner, region, at), BLOCK * page));
  for (size_t i = at; i < at + BLOCK; i++) {
    owner->content[region][i] = 0;
    if (region == 1) owner->guard[i] = false;
  }
}

static void guard_page(struct owner *owner, size_t at, char *address) {
  if (owner->content[1][at] == 0) return;
  CHECK_OK(acre_vm_protect(address, page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD, NULL));
  owner->guard[at] = true;
}

static void *make_faults(void *argument) {
  struct owner *owner = argument;
  while (owner->faults < faults_wanted / THREADS) {
    uint64_t random = test_random_next(&owner->random);
    unsigned region = random & 1, action = (random >> 1) % 16;
    size_t at = (size_t)(random >> 8) % OWN_PAGES;
    char *address = address_of(owner, region, at);
    if (owner->content[region][at] == 0 || action < 4)
      touch_page(owner, region, at, address);
    else if (region == 1 && action < 12)
      guard_page(owner, at, address);
    else
      take_block(owner, region, at);
  }
  return NULL;
}

/* ------------------------------------------------------------- and in signal handlers */

/* Microseconds. Not under ThreadSanitizer, which hands signals over late, in the middle of a fault's handler. */
#ifdef __SANITIZE_THREAD__
enum { ALARM_EVERY = 0 };
#else
enum { ALARM_EVERY = 200 };
#endif

static struct {
  char *base;
  uint64_t random;
  volatile sig_atomic_t busy; /* one at a time: the others' random numbers would be the same */
  atomic_ulong touches;
} alarms;

/* The main thread takes the pages away all the while: a race that is meant. */
__attribute__((no_sanitize("thread"))) static void on_alarm(int number) {
  (void)number;
  if (alarms.busy) return;
  alarms.busy = 1;
  *(volatile char *)(alarms.base + (size_t)(test_random_next(&alarms.random) % ALARM_PAGES) * page) = 1;
  atomic_fetch_add(&alarms.touches, 1);
  alarms.busy = 0;
}

static void set_alarms(long microseconds) {
  struct itimerval period = {{0, microseconds}, {0, microseconds}};
  REQUIRE(setitimer(ITIMER_REAL, &period, NULL) == 0);
}

static void begin_alarms(void) {
  acre_vm_options options = {.touch_step = page};
  alarms.base = reserve_with(ALARM_PAGES, &options);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  action.sa_flags = SA_RESTART;
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
  set_alarms(ALARM_EVERY);
}

static atomic_bool done;

static void *take_alarms_pages(void *unused) {
  while (!atomic_load(&done)) {
    CHECK_OK(acre_vm_decommit(alarms.base, ALARM_PAGES * page));
    struct timespec moment = {0, 1000000};
    nanosleep(&moment, NULL);
  }
  return unused;
}

TEST(a_million_random_faults) {
  static struct owner owners[THREADS];
  pthread_t threads[THREADS], taker;
  page = page_bytes();
  /* The million is for the way that a kernel of today gets; where each page is a mapping, they take three times as long. */
  faults_wanted = SANITIZED ? 60000 : system_figures().commit_way == ACRE_COMMIT_BY_GUARD ? 1000000 : 300000;
  acre_vm_options options = {.touch_step = page};
  touched = reserve_with(PAGES, &options);
  handled = reserve_pages(PAGES);
  REQUIRE_OK(acre_vm_on_fault(handled, answer, NULL));
  uint64_t seed = test_random();
  begin_alarms();
  REQUIRE(pthread_create(&taker, NULL, take_alarms_pages, NULL) == 0);
  for (uintptr_t i = 0; i < THREADS; i++) {
    owners[i] = (struct owner){.self = i, .random = seed + i};
    REQUIRE(pthread_create(&threads[i], NULL, make_faults, &owners[i]) == 0);
  }
  for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  atomic_store(&done, true);
  pthread_join(taker, NULL);
  set_alarms(0);
  CHECK(ALARM_EVERY == 0 || alarms.touches > 0);
  unsigned long faults = 0, told = 0;
  for (unsigned i = 0; i < THREADS; i++) {
    faults += owners[i].faults;
    told += owners[i].told;
  }
  CHECK(faults >= faults_wanted);
  CHECK_EQ(answered, told); /* each fault of the second region asked the handler, once */
  CHECK_AGREES(touched);
  CHECK_AGREES(handled);
  CHECK_INDEX();
  CHECK_OK(acre_vm_release(touched));
  CHECK_OK(acre_vm_release(handled));
  CHECK_OK(acre_vm_release(alarms.base));
  CHECK_EQ(system_figures().commit_charge, 0);
}
