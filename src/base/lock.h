/* SPDX-License-Identifier: MIT */
/*
 * A mutual-exclusion lock of one word, for tables that a fault handler reads.
 *
 *   word   0                     free
 *          thread                held by that thread
 *          thread | WAITERS      held, and somebody may sleep
 *          ... | HANDOFF         somebody has waited too long: goes to a sleeper next
 *          WAITERS | HANDOFF     free, but for those who have slept
 *
 * Taking and releasing a lock that nobody else wants is one atomic operation
 * each and no system call. A zeroed lock is free, so it needs no constructor.
 *
 * Why not pthread_mutex_t: the fault handler must know whether the thread that
 * it interrupted holds the lock (acre__lock_is_mine), as waiting for it would
 * never end; so the owner must be set by the same instruction that takes the
 * lock. And a lock in each of 100,000 regions has to be small.
 *
 * Not recursive. Not fair, until somebody has been woken in vain a few times.
 */
#ifndef ACRE_BASE_LOCK_H
#define ACRE_BASE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

#define ACRE_LOCK_WAITERS UINT32_C(0x80000000)
#define ACRE_LOCK_HANDOFF UINT32_C(0x40000000)
#define ACRE_LOCK_OWNER UINT32_C(0x3fffffff)

struct acre__lock {
  _Atomic uint32_t word;
};

/*
 * Sleeping and waking, fulfilled by src/os/<system>/thread.c.
 *
 * acre__park returns when *word is not `expected`, when it was woken, or for no
 * reason at all; acre__park_for also after so many milliseconds. acre__unpark wakes at least one sleeper
 * on `word`, if there is one, acre__unpark_all each of them.
 */
void acre__park(_Atomic uint32_t *word, uint32_t expected);
void acre__park_for(_Atomic uint32_t *word, uint32_t expected, uint64_t milliseconds);
void acre__unpark(_Atomic uint32_t *word);
void acre__unpark_all(_Atomic uint32_t *word);

/*
 * Holds the calling thread's signals back until they are restored, but for
 * those that its own instructions raise. A lock that a signal handler may want
 * while the interrupted code has it, or has another one that the lock's holder
 * waits for, is taken in between. Fulfilled by src/os/<system>/thread.c.
 */
uint64_t acre__signals_block(void);
void acre__signals_restore(uint64_t before);

extern ACRE_THREAD_LOCAL uint32_t acre__thread_number;
uint32_t acre__thread_number_assign(void);
void acre__lock_slow(struct acre__lock *lock, uint32_t self);
void acre__unlock_slow(struct acre__lock *lock);

/* A number of the calling thread, 1 or more, unlike any other living thread's. Callable in a signal handler. */
static inline uint32_t acre__thread_self(void) {
  uint32_t number = acre__thread_number;
  return ACRE_LIKELY(number != 0) ? number : acre__thread_number_assign();
}

static inline void acre__lock(struct acre__lock *lock) {
  uint32_t free = 0;
  uint32_t self = acre__thread_self();
  if (ACRE_UNLIKELY(!atomic_compare_exchange_strong_explicit(&lock->word, &free, self, memory_order_acquire,
                                                             memory_order_relaxed)))
    acre__lock_slow(lock, self);
}

/* Takes the lock if it is free. */
static inline bool acre__try_lock(struct acre__lock *lock) {
  uint32_t free = 0;
  return atomic_compare_exchange_strong_explicit(&lock->word, &free, acre__thread_self(), memory_order_acquire,
                                                 memory_order_relaxed);
}

static inline void acre__unlock(struct acre__lock *lock) {
  uint32_t self = acre__thread_number;
  if (ACRE_UNLIKELY(
          !atomic_compare_exchange_strong_explicit(&lock->word, &self, 0, memory_order_release, memory_order_relaxed)))
    acre__unlock_slow(lock);
}

/* Frees a lock in a forked child, where those who held it or wait for it are not. */
static inline void acre__lock_reset(struct acre__lock *lock) {
  atomic_store_explicit(&lock->word, 0, memory_order_release);
}

/* Whether the calling thread holds it; a signal handler asks before it waits. */
static inline bool acre__lock_is_mine(const struct acre__lock *lock) {
  uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
  return (word & ACRE_LOCK_OWNER) == acre__thread_self();
}

#endif
