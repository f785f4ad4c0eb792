/* SPDX-License-Identifier: MIT */
/*
 * Guarded access: an ACRE_E_IO in place of SIGBUS. Who is guarded is the system
 * backend's business (os/linux/guard.c), who chooses to leave is fault.c; here
 * is only that the handler must be there before the first access.
 */
#include <acre/vm.h>

#include "base/compiler.h"
#include "vm/fault.h"

static atomic_bool is_ready;

static ACRE_COLD acre_result make_ready(void) {
  if (!acre__os_can_guard()) return ACRE_E_NOT_SUPPORTED;
  acre_result result = acre__faults_install();
  if (result == ACRE_OK) atomic_store_explicit(&is_ready, true, memory_order_relaxed);
  return result;
}

static inline acre_result need_handler(void) {
  return ACRE_LIKELY(atomic_load_explicit(&is_ready, memory_order_relaxed)) ? ACRE_OK : make_ready();
}

acre_result acre_guarded_copy(void *to, const void *from, size_t size) {
  if (size == 0) return ACRE_OK;
  if (to == NULL || from == NULL) return ACRE_E_INVALID_ARGUMENT;
  acre_result result = need_handler();
  return ACRE_LIKELY(result == ACRE_OK) ? acre__os_guarded_copy(to, from, size) : result;
}

acre_result acre_guarded_call(void (*call)(void *context), void *context, void **address) {
  if (call == NULL) return ACRE_E_INVALID_ARGUMENT;
  acre_result result = need_handler();
  uintptr_t failed = 0;
  if (result == ACRE_OK && !acre__os_guarded_call(call, context, &failed)) result = ACRE_E_IO;
  if (address != NULL) *address = (void *)failed;
  return result;
}
