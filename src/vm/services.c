/* SPDX-License-Identifier: MIT */
#include "vm/services.h"

#include "vm/root.h"

acre_result acre__vm_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  acre__root_get();
  return acre__os_at_fork(before, parent, child);
}

acre_result acre__vm_at_thread_exit(void (*call)(void)) {
  return acre__os_at_thread_exit(call);
}

acre_result acre__vm_want_thread_exit(void) {
  return acre__os_want_thread_exit();
}

acre_result acre__vm_thread_start(acre__vm_thread *thread) {
  return acre__os_thread_start(thread);
}

void acre__vm_thread_join(acre__vm_thread *thread) {
  acre__os_thread_join(thread);
}

acre_result acre__vm_fence_prepare(void) {
  if (acre__root_get()->options.fence_by_lock) return ACRE_E_NOT_SUPPORTED;
  return acre__os_fence_prepare();
}

void acre__vm_fence_threads(void) {
  acre__os_fence_threads();
}

uint64_t acre__vm_milliseconds(void) {
  return acre__os_clock_ms();
}

_Noreturn void acre__vm_die(const char *text) {
  acre__os_die(text);
}

void acre__vm_say(const char *text) {
  acre__os_say(text);
}

_Noreturn void acre__vm_end(const char *text, int status) {
  acre__os_end(text, status);
}
