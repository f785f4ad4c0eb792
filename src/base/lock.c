/* SPDX-License-Identifier: MIT */
/* The slow half of lock.h: a short spin, then sleep. */
#include "lock.h"

enum { SPINS = 200, PATIENCE = 4 /* times woken in vain before it asks to be next */ };

ACRE_THREAD_LOCAL uint32_t acre__thread_number;

/*
 * Numbers come from a counter that wraps after 2^30 threads: two threads share
 * one only if the first still lives when a thousand million more have started.
 */
ACRE_COLD uint32_t acre__thread_number_assign(void) {
  static _Atomic uint32_t last;
  uint32_t number;
  do number = (atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1) & ACRE_LOCK_OWNER;
  while (number == 0);
  acre__thread_number = number;
  return number;
}

static bool try_take(struct acre__lock *lock, uint32_t as) {
  uint32_t free = 0;
  return atomic_compare_exchange_strong_explicit(&lock->word, &free, as, memory_order_acquire, memory_order_relaxed);
}

ACRE_COLD void acre__lock_slow(struct acre__lock *lock, uint32_t self) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 && try_take(lock, self)) return;
    acre__relax();
  }

  /* From here on others may sleep as well, so whoever takes it keeps the mark. */
  for (unsigned sleeps = 0;;) {
    uint32_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
    uint32_t wanted = seen | ACRE_LOCK_WAITERS;
    if ((seen & ACRE_LOCK_OWNER) == 0 && ((seen & ACRE_LOCK_HANDOFF) == 0 || sleeps > 0))
      wanted = self | ACRE_LOCK_WAITERS;
    else if (sleeps >= PATIENCE)
      wanted |= ACRE_LOCK_HANDOFF;
    if (wanted != seen &&
        !atomic_compare_exchange_weak_explicit(&lock->word, &seen, wanted, memory_order_acquire, memory_order_relaxed))
      continue;
    if ((wanted & ACRE_LOCK_OWNER) == self) return;
    acre__park(&lock->word, wanted);
    sleeps++;
  }
}

ACRE_COLD void acre__unlock_slow(struct acre__lock *lock) {
  uint32_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed), left;
  do left = (seen & ACRE_LOCK_HANDOFF) != 0 ? ACRE_LOCK_WAITERS | ACRE_LOCK_HANDOFF : 0;
  while (!atomic_compare_exchange_weak_explicit(&lock->word, &seen, left, memory_order_release, memory_order_relaxed));
  if ((seen & ACRE_LOCK_WAITERS) != 0) acre__unpark(&lock->word);
}
