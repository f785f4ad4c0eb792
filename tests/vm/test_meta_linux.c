/* SPDX-License-Identifier: MIT */
/* The metadata allocator, interrupted by a handler that allocates. See test_meta.c. */
#include "vm/meta_check.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

enum { EACH = 300 };

/* ------------------------------------------------------------- handlers */

static struct block in_handler[64];
static uint64_t handler_state = 1;
static atomic_ulong interruptions;
static atomic_bool wrong;

static void on_alarm(int number) {
  (void)number;
  struct block *block = &in_handler[test_random_next(&handler_state) % 64];
  if (block->bytes == NULL ? !take(block, &handler_state) : !give_back(block)) atomic_store(&wrong, true);
  atomic_fetch_add(&interruptions, 1);
}

TEST(a_handler_allocates_while_it_interrupts_the_allocator) {
  static struct block blocks[EACH];
  struct sigaction action;
  struct itimerval period = {{0, 20}, {0, 20}}, none = {{0, 0}, {0, 0}};
  uint64_t state = 2;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  action.sa_flags = SA_RESTART;
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
  REQUIRE(setitimer(ITIMER_REAL, &period, NULL) == 0);
  bool whole = true;
  while (atomic_load(&interruptions) < 5000) whole &= churn(blocks, EACH, 1000, &state);
  REQUIRE(setitimer(ITIMER_REAL, &none, NULL) == 0);
  CHECK(whole);
  CHECK(!atomic_load(&wrong));
  for (unsigned i = 0; i < 64; i++)
    if (in_handler[i].bytes != NULL) CHECK(give_back(&in_handler[i]));
}
