/* SPDX-License-Identifier: MIT */
/* The metadata allocator, interrupted by a handler that allocates. See test_meta.c. */
#include "vm/interrupted.h"
#include "vm/meta_check.h"

enum { EACH = 300 };

/* ------------------------------------------------------------- handlers */

static struct block in_handler[64], blocks[EACH];
static uint64_t handler_state = 1, state = 2;
static atomic_bool wrong;

static void take_or_give_back(void) {
  struct block *block = &in_handler[test_random_next(&handler_state) % 64];
  if (block->bytes == NULL ? !take(block, &handler_state) : !give_back(block)) atomic_store(&wrong, true);
}

static void churn_a_while(unsigned round) {
  (void)round;
  CHECK(churn(blocks, EACH, 1000, &state));
}

TEST(a_handler_allocates_while_it_interrupts_the_allocator) {
  call_interrupted(churn_a_while, take_or_give_back, 5000, 20);
  CHECK(!atomic_load(&wrong));
  for (unsigned i = 0; i < 64; i++)
    if (in_handler[i].bytes != NULL) CHECK(give_back(&in_handler[i]));
}
