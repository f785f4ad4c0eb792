/* SPDX-License-Identifier: MIT */
/* interlockedapi.h - atomic operations on plain words, each a full barrier. They are instructions and no calls. */
#ifndef ACRE_WIN32_INTERLOCKEDAPI_H
#define ACRE_WIN32_INTERLOCKEDAPI_H

#include "winnt.h"

#define ACRE_WIN32_INTERLOCKED(type, suffix)                                                              \
  FORCEINLINE type InterlockedIncrement##suffix(volatile type *target) {                                  \
    return __atomic_add_fetch(target, 1, __ATOMIC_SEQ_CST);                                               \
  }                                                                                                       \
  FORCEINLINE type InterlockedDecrement##suffix(volatile type *target) {                                  \
    return __atomic_sub_fetch(target, 1, __ATOMIC_SEQ_CST);                                               \
  }                                                                                                       \
  FORCEINLINE type InterlockedExchange##suffix(volatile type *target, type value) {                       \
    return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);                                          \
  }                                                                                                       \
  FORCEINLINE type InterlockedExchangeAdd##suffix(volatile type *target, type value) {                    \
    return __atomic_fetch_add(target, value, __ATOMIC_SEQ_CST);                                           \
  }                                                                                                       \
  FORCEINLINE type InterlockedAdd##suffix(volatile type *target, type value) {                            \
    return __atomic_add_fetch(target, value, __ATOMIC_SEQ_CST);                                           \
  }                                                                                                       \
  FORCEINLINE type InterlockedCompareExchange##suffix(volatile type *target, type value, type expected) { \
    __atomic_compare_exchange_n(target, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);         \
    return expected;                                                                                      \
  }                                                                                                       \
  FORCEINLINE type InterlockedAnd##suffix(volatile type *target, type value) {                            \
    return __atomic_fetch_and(target, value, __ATOMIC_SEQ_CST);                                           \
  }                                                                                                       \
  FORCEINLINE type InterlockedOr##suffix(volatile type *target, type value) {                             \
    return __atomic_fetch_or(target, value, __ATOMIC_SEQ_CST);                                            \
  }                                                                                                       \
  FORCEINLINE type InterlockedXor##suffix(volatile type *target, type value) {                            \
    return __atomic_fetch_xor(target, value, __ATOMIC_SEQ_CST);                                           \
  }

ACRE_WIN32_INTERLOCKED(LONG, )
ACRE_WIN32_INTERLOCKED(LONG64, 64)
#undef ACRE_WIN32_INTERLOCKED

FORCEINLINE PVOID InterlockedExchangePointer(PVOID volatile *target, PVOID value) {
  return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}

FORCEINLINE PVOID InterlockedCompareExchangePointer(PVOID volatile *target, PVOID value, PVOID expected) {
  __atomic_compare_exchange_n(target, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return expected;
}

FORCEINLINE BOOLEAN InterlockedBitTestAndSet(volatile LONG *base, LONG bit) {
  volatile LONG *word = base + bit / 32;
  LONG mask = (LONG)(1u << (bit % 32));
  return (__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

FORCEINLINE BOOLEAN InterlockedBitTestAndReset(volatile LONG *base, LONG bit) {
  volatile LONG *word = base + bit / 32;
  LONG mask = (LONG)(1u << (bit % 32));
  return (__atomic_fetch_and(word, ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

#define MemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#if defined(__x86_64__)
#define YieldProcessor() __builtin_ia32_pause()
#else
#define YieldProcessor() __asm__ volatile("yield")
#endif

#endif
