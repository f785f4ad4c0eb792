/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "check/stacks.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "base/compiler.h"
#include "check/pool.h"

enum { HEADS = 1 << 16, OWN_MOST = 16, NUMBER_SHIFT = 3 };
#define POOL_BYTES ((size_t)8 << 30)

static struct {
  int (*libunwind)(void **frames, int most);
  _Unwind_Reason_Code (*libgcc)(_Unwind_Trace_Fn visit, void *context);
  uintptr_t own_start, own_end; /* this library's code */
  struct acre__pool pool;
  _Atomic uint32_t heads[HEADS];
} stacks;

static ACRE_THREAD_LOCAL bool is_inside; /* an unwinder that may allocate */
static ACRE_THREAD_LOCAL uint32_t thread;

/* ------------------------------------------------------------- finding frames */

struct walk {
  void **frames;
  int count, most;
};

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *walked) {
  struct walk *walk = walked;
  walk->frames[walk->count++] = (void *)_Unwind_GetIP(context);
  return walk->count < walk->most ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* Addresses to return to, from this function's caller on. */
static int unwind(void **frames, int most) {
  if (stacks.libunwind != NULL) return stacks.libunwind(frames, most);
  struct walk walk = {frames, 0, most};
  if (stacks.libgcc != NULL) (void)stacks.libgcc(add_frame, &walk);
  return walk.count;
}

static uintptr_t interrupted_at(const void *registers) {
  const ucontext_t *context = registers;
#if defined(__x86_64__)
  return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  return (uintptr_t)context->uc_mcontext.pc;
#else
  (void)context;
  return 0;
#endif
}

static bool is_own(uintptr_t frame) {
  return frame - stacks.own_start < stacks.own_end - stacks.own_start;
}

/* Where the frames of the interest begin. */
static int skip(void *const *frames, int count, uintptr_t interrupted) {
  int first = 0;
  if (interrupted == 0) {
    while (first < count && is_own((uintptr_t)frames[first])) first++;
    return first;
  }
  while (first < count && (uintptr_t)frames[first] != interrupted) first++;
  return first;
}

static size_t find(uintptr_t *out, size_t most, const void *registers) {
  void *frames[ACRE_STACK_MOST + OWN_MOST];
  uintptr_t interrupted = registers == NULL ? 0 : interrupted_at(registers);
  size_t stored = 0;
  if (is_inside) return 0;
  is_inside = true;
  int count = unwind(frames, (int)most + OWN_MOST);
  is_inside = false;
  int first = skip(frames, count, interrupted);
  if (interrupted != 0) out[stored++] = interrupted;
  for (int i = first + (interrupted != 0); i < count && stored < most; i++)
    if (frames[i] != NULL) out[stored++] = (uintptr_t)frames[i] - 1;
  return stored;
}

size_t acre__stack_now(uintptr_t frames[ACRE_STACK_MOST], const void *registers) {
  return find(frames, ACRE_STACK_MOST, registers);
}

/* ------------------------------------------------------------- the store */

static uint64_t hash_of(const uintptr_t *frames, size_t count) {
  uint64_t hash = count;
  for (size_t i = 0; i < count; i++) hash = (hash ^ frames[i]) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
  return hash ^ hash >> 32;
}

const struct acre__stack *acre__stack_of(uint32_t number) {
  return number == 0 ? NULL : (const void *)(stacks.pool.base + ((size_t)number << NUMBER_SHIFT));
}

static bool is_same(const struct acre__stack *stack, uint64_t hash, const uintptr_t *frames, size_t count) {
  return stack->hash == hash && stack->count == count && memcmp(stack->frames, frames, count * sizeof *frames) == 0;
}

uint32_t acre__stack_store(void) {
  uintptr_t frames[ACRE_STACK_STORED];
  size_t count = stacks.pool.size == 0 ? 0 : find(frames, ACRE_STACK_STORED, NULL);
  if (count == 0) return 0;
  uint64_t hash = hash_of(frames, count);
  _Atomic uint32_t *head = &stacks.heads[hash % HEADS];
  uint32_t first = atomic_load_explicit(head, memory_order_acquire);
  for (uint32_t number = first; number != 0; number = acre__stack_of(number)->next)
    if (is_same(acre__stack_of(number), hash, frames, count)) return number;
  struct acre__stack *stack = acre__pool_take(&stacks.pool, sizeof *stack + count * sizeof *frames);
  if (stack == NULL) return 0;
  stack->count = (uint32_t)count;
  stack->hash = hash;
  memcpy(stack->frames, frames, count * sizeof *frames);
  uint32_t number = (uint32_t)((size_t)((char *)stack - stacks.pool.base) >> NUMBER_SHIFT);
  do stack->next = first; /* two threads may put the same one in: it is there twice then, which does no harm */
  while (!atomic_compare_exchange_weak_explicit(head, &first, number, memory_order_release, memory_order_acquire));
  return number;
}

/* ------------------------------------------------------------- the rest */

uint32_t acre__stack_thread(void) {
  if (ACRE_UNLIKELY(thread == 0)) thread = (uint32_t)syscall(SYS_gettid);
  return thread;
}

bool acre__stacks_have(const void *address) {
  return acre__pool_has(&stacks.pool, address);
}

static int find_own(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  (void)context;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + part->p_vaddr;
    if (part->p_type != PT_LOAD || (uintptr_t)find_own - start >= part->p_memsz) continue;
    stacks.own_start = start;
    stacks.own_end = start + part->p_memsz;
    return 1;
  }
  return 0;
}

static void *load(const char *library, const char *function) {
  void *loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  return loaded == NULL ? NULL : dlsym(loaded, function);
}

void acre__stacks_begin(void) {
  if (!acre__pool_make(&stacks.pool, POOL_BYTES)) return;
  (void)acre__pool_take(&stacks.pool, 1 << NUMBER_SHIFT); /* number 0 is no stack's */
  (void)dl_iterate_phdr(find_own, NULL);
  void *function = load("libunwind.so.8", "unw_backtrace");
  memcpy(&stacks.libunwind, &function, sizeof function);
  if (function != NULL) return;
  function = load("libgcc_s.so.1", "_Unwind_Backtrace");
  memcpy(&stacks.libgcc, &function, sizeof function);
}

void acre__stacks_lock(void) {
  acre__lock(&stacks.pool.lock);
}

void acre__stacks_unlock(void) {
  acre__unlock(&stacks.pool.lock);
}

void acre__stacks_reset(void) {
  acre__lock_reset(&stacks.pool.lock);
  thread = 0;
}
