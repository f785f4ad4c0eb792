/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a backend around the backend, which fails when a plan says so.
 *
 *   code under test -> acre__os_X (here) -> acre__os_real_X (src/os/<system>)
 *
 * The wrapped functions stand in the order of os.h. Those that return nothing
 * cannot fail and are not here; nor are calls that the backend makes of itself.
 *
 * State: one plan and its counters. No lock: any thread's fault handler may
 * call in. The plan changes only while `active` is false; counters are atomic.
 */
#include "fault.h"

#include <stdatomic.h>

#include "base/math.h"

static struct {
  atomic_bool active;
  struct acre__fault_plan plan;
  size_t page_size;
  atomic_ulong calls;
  atomic_ulong failed;
  atomic_int first_failed;
} state;

void acre__fault_begin(const struct acre__fault_plan *plan) {
  atomic_store(&state.active, false);
  if (state.page_size == 0) {
    struct acre__os_system system;
    acre__os_probe(&system);
    state.page_size = system.page_size;
  }
  state.plan = *plan;
  if (state.plan.functions == 0) state.plan.functions = UINT64_MAX;
  atomic_store(&state.calls, 0);
  atomic_store(&state.failed, 0);
  atomic_store(&state.active, true);
}

bool acre__fault_end(struct acre__fault_report *report) {
  atomic_store(&state.active, false);
  unsigned long failed = atomic_load(&state.failed);
  if (report != NULL) {
    report->calls = atomic_load(&state.calls);
    report->failed = failed;
    report->first_failed = (enum acre__fault_function)atomic_load(&state.first_failed);
  }
  return failed != 0;
}

/* Counts a call; true: it is to fail. */
static bool fails(enum acre__fault_function function) {
  const struct acre__fault_plan *plan = &state.plan;
  if (!atomic_load(&state.active) || (plan->functions & ACRE_FAULT_MASK(function)) == 0) return false;
  unsigned long number = atomic_fetch_add(&state.calls, 1) + 1;
  if (plan->call == 0 || number < plan->call || (number > plan->call && !plan->and_later)) return false;
  if (number == plan->call) atomic_store(&state.first_failed, function);
  atomic_fetch_add(&state.failed, 1);
  return true;
}

/* How much of a range a call does that fails partly; 0: nothing. */
static size_t front_half(size_t size) {
  return state.plan.partly ? acre__align_down(size / 2, state.page_size) : 0;
}

const char *acre__fault_function_name(enum acre__fault_function function) {
  static const char *const names[ACRE_FAULT_FUNCTIONS] = {
      [ACRE_FAULT_RESERVE] = "acre__os_reserve",
      [ACRE_FAULT_RELEASE] = "acre__os_release",
      [ACRE_FAULT_COMMIT] = "acre__os_commit",
      [ACRE_FAULT_DECOMMIT] = "acre__os_decommit",
      [ACRE_FAULT_PROTECT] = "acre__os_protect",
      [ACRE_FAULT_HIDE] = "acre__os_hide",
      [ACRE_FAULT_REVEAL] = "acre__os_reveal",
      [ACRE_FAULT_DISCARD] = "acre__os_discard",
      [ACRE_FAULT_POPULATE] = "acre__os_populate",
      [ACRE_FAULT_LOCK] = "acre__os_lock",
      [ACRE_FAULT_UNLOCK] = "acre__os_unlock",
      [ACRE_FAULT_RESET] = "acre__os_reset",
      [ACRE_FAULT_UNDO_RESET] = "acre__os_undo_reset",
      [ACRE_FAULT_FILE_OPEN] = "acre__os_file_open",
      [ACRE_FAULT_FILE_SIZE] = "acre__os_file_size",
      [ACRE_FAULT_FILE_GROW] = "acre__os_file_grow",
      [ACRE_FAULT_MAP_FILE] = "acre__os_map_file",
      [ACRE_FAULT_MAP_FILE_ANYWHERE] = "acre__os_map_file_anywhere",
      [ACRE_FAULT_FLUSH] = "acre__os_flush",
      [ACRE_FAULT_FILE_SYNC] = "acre__os_file_sync",
      [ACRE_FAULT_MAPS_OPEN] = "acre__os_maps_open",
      [ACRE_FAULT_MAPS_AT] = "acre__os_maps_at",
      [ACRE_FAULT_FAULT_INSTALL] = "acre__os_fault_install",
      [ACRE_FAULT_AT_FORK] = "acre__os_at_fork",
      [ACRE_FAULT_READ_SINGLY] = "acre__os_read_singly",
      [ACRE_FAULT_KEEP_FROM_CHILDREN] = "acre__os_keep_from_children",
      [ACRE_FAULT_DIRECTORY_OPEN] = "acre__os_directory_open",
      [ACRE_FAULT_FILE_TEMPORARY] = "acre__os_file_temporary",
      [ACRE_FAULT_FILE_IDENTITY] = "acre__os_file_identity",
      [ACRE_FAULT_FILE_ALLOCATE] = "acre__os_file_allocate",
      [ACRE_FAULT_FILE_PUNCH] = "acre__os_file_punch",
      [ACRE_FAULT_SIGNAL_STACK_SET] = "acre__os_signal_stack_set",
      [ACRE_FAULT_SIGNAL_STACK_UNSET] = "acre__os_signal_stack_unset",
      [ACRE_FAULT_AT_THREAD_EXIT] = "acre__os_at_thread_exit",
      [ACRE_FAULT_WANT_THREAD_EXIT] = "acre__os_want_thread_exit",
      [ACRE_FAULT_FENCE_PREPARE] = "acre__os_fence_prepare",
      [ACRE_FAULT_ADVISE_LARGE] = "acre__os_advise_large",
      [ACRE_FAULT_COMMIT_LARGE] = "acre__os_commit_large",
      [ACRE_FAULT_COLLAPSE] = "acre__os_collapse",
      [ACRE_FAULT_PREFER_NODE] = "acre__os_prefer_node",
      [ACRE_FAULT_COOL] = "acre__os_cool",
      [ACRE_FAULT_PAGE_OUT] = "acre__os_page_out",
      [ACRE_FAULT_FILE_IN_MEMORY] = "acre__os_file_in_memory",
      [ACRE_FAULT_TRACK] = "acre__os_track",
      [ACRE_FAULT_WRITTEN] = "acre__os_written",
      [ACRE_FAULT_HIDE_EACH] = "acre__os_hide_each",
      [ACRE_FAULT_REVEAL_EACH] = "acre__os_reveal_each",
      [ACRE_FAULT_FILE_SET_SIZE] = "acre__os_file_set_size",
      [ACRE_FAULT_FILE_WRITE_BACK] = "acre__os_file_write_back",
      [ACRE_FAULT_NAME_DIRECTORY] = "acre__os_name_directory",
      [ACRE_FAULT_NAME_OPEN] = "acre__os_name_open",
      [ACRE_FAULT_NAME_HOLD] = "acre__os_name_hold",
      [ACRE_FAULT_NAME_LEADS_TO] = "acre__os_name_leads_to",
      [ACRE_FAULT_NAME_MARK] = "acre__os_name_mark",
      [ACRE_FAULT_NAME_CHECK_MARK] = "acre__os_name_check_mark",
      [ACRE_FAULT_NAME_REMOVE] = "acre__os_name_remove",
      [ACRE_FAULT_FILE_DIRTY] = "acre__os_file_dirty",
      [ACRE_FAULT_THREAD_START] = "acre__os_thread_start",
      [ACRE_FAULT_FILE_COPY] = "acre__os_file_copy",
  };
  return (unsigned)function < ACRE_FAULT_FUNCTIONS ? names[function] : "?";
}

/* ------------------------------------------------------------- memory.c */

__typeof__(acre__os_reserve) acre__os_real_reserve;
__typeof__(acre__os_reserve_committed) acre__os_real_reserve_committed;
__typeof__(acre__os_release) acre__os_real_release;
__typeof__(acre__os_commit) acre__os_real_commit;
__typeof__(acre__os_decommit) acre__os_real_decommit;
__typeof__(acre__os_protect) acre__os_real_protect;
__typeof__(acre__os_hide) acre__os_real_hide;
__typeof__(acre__os_reveal) acre__os_real_reveal;
__typeof__(acre__os_hide_each) acre__os_real_hide_each;
__typeof__(acre__os_reveal_each) acre__os_real_reveal_each;
__typeof__(acre__os_discard) acre__os_real_discard;
__typeof__(acre__os_populate) acre__os_real_populate;
__typeof__(acre__os_lock) acre__os_real_lock;
__typeof__(acre__os_unlock) acre__os_real_unlock;
__typeof__(acre__os_reset) acre__os_real_reset;
__typeof__(acre__os_undo_reset) acre__os_real_undo_reset;
__typeof__(acre__os_read_singly) acre__os_real_read_singly;
__typeof__(acre__os_keep_from_children) acre__os_real_keep_from_children;

acre_result acre__os_reserve(void *wish, size_t size, enum acre__os_place place, void **out) {
  return fails(ACRE_FAULT_RESERVE) ? state.plan.result : acre__os_real_reserve(wish, size, place, out);
}

/* It counts as both. */
acre_result acre__os_reserve_committed(void *wish, size_t size, acre_vm_protection protection, void **out) {
  if (fails(ACRE_FAULT_RESERVE) || fails(ACRE_FAULT_COMMIT)) return state.plan.result;
  return acre__os_real_reserve_committed(wish, size, protection, out);
}

acre_result acre__os_release(void *address, size_t size) {
  return fails(ACRE_FAULT_RELEASE) ? state.plan.result : acre__os_real_release(address, size);
}

acre_result acre__os_commit(void *address, size_t size, acre_vm_protection protection) {
  if (!fails(ACRE_FAULT_COMMIT)) return acre__os_real_commit(address, size, protection);
  size_t half = front_half(size);
  if (half != 0) acre__os_real_commit(address, half, protection);
  return state.plan.result;
}

acre_result acre__os_decommit(void *address, size_t size) {
  return fails(ACRE_FAULT_DECOMMIT) ? state.plan.result : acre__os_real_decommit(address, size);
}

acre_result acre__os_protect(void *address, size_t size, acre_vm_protection protection) {
  if (!fails(ACRE_FAULT_PROTECT)) return acre__os_real_protect(address, size, protection);
  size_t half = front_half(size);
  if (half != 0) acre__os_real_protect(address, half, protection);
  return state.plan.result;
}

acre_result acre__os_hide(void *address, size_t size) {
  if (!fails(ACRE_FAULT_HIDE)) return acre__os_real_hide(address, size);
  size_t half = front_half(size);
  if (half != 0) acre__os_real_hide(address, half);
  return state.plan.result;
}

acre_result acre__os_reveal(void *address, size_t size) {
  if (!fails(ACRE_FAULT_REVEAL)) return acre__os_real_reveal(address, size);
  size_t half = front_half(size);
  if (half != 0) acre__os_real_reveal(address, half);
  return state.plan.result;
}

/* Of these a front part may be done, and part of the next range. */
static size_t half_of_each(size_t (*real)(const struct acre__os_range *, size_t), const struct acre__os_range *ranges,
                           size_t count) {
  size_t done = state.plan.partly ? real(ranges, count / 2) : 0;
  struct acre__os_range next = ranges[done];
  next.size = front_half(next.size);
  if (next.size != 0) real(&next, 1);
  return done;
}

size_t acre__os_hide_each(const struct acre__os_range *ranges, size_t count) {
  if (!fails(ACRE_FAULT_HIDE_EACH)) return acre__os_real_hide_each(ranges, count);
  return half_of_each(acre__os_real_hide_each, ranges, count);
}

size_t acre__os_reveal_each(const struct acre__os_range *ranges, size_t count) {
  if (!fails(ACRE_FAULT_REVEAL_EACH)) return acre__os_real_reveal_each(ranges, count);
  return half_of_each(acre__os_real_reveal_each, ranges, count);
}

acre_result acre__os_discard(void *address, size_t size) {
  return fails(ACRE_FAULT_DISCARD) ? state.plan.result : acre__os_real_discard(address, size);
}

acre_result acre__os_populate(void *address, size_t size, bool for_writing) {
  if (!fails(ACRE_FAULT_POPULATE)) return acre__os_real_populate(address, size, for_writing);
  size_t half = front_half(size);
  if (half != 0) acre__os_real_populate(address, half, for_writing);
  return state.plan.result;
}

acre_result acre__os_lock(void *address, size_t size) {
  return fails(ACRE_FAULT_LOCK) ? state.plan.result : acre__os_real_lock(address, size);
}

acre_result acre__os_unlock(void *address, size_t size) {
  return fails(ACRE_FAULT_UNLOCK) ? state.plan.result : acre__os_real_unlock(address, size);
}

acre_result acre__os_reset(void *address, size_t size) {
  return fails(ACRE_FAULT_RESET) ? state.plan.result : acre__os_real_reset(address, size);
}

acre_result acre__os_undo_reset(void *address, size_t size) {
  return fails(ACRE_FAULT_UNDO_RESET) ? state.plan.result : acre__os_real_undo_reset(address, size);
}

acre_result acre__os_read_singly(void *address, size_t size) {
  return fails(ACRE_FAULT_READ_SINGLY) ? state.plan.result : acre__os_real_read_singly(address, size);
}

acre_result acre__os_keep_from_children(void *address, size_t size) {
  return fails(ACRE_FAULT_KEEP_FROM_CHILDREN) ? state.plan.result : acre__os_real_keep_from_children(address, size);
}

/* ------------------------------------------------------------- placement.c */

__typeof__(acre__os_advise_large) acre__os_real_advise_large;
__typeof__(acre__os_commit_large) acre__os_real_commit_large;
__typeof__(acre__os_collapse) acre__os_real_collapse;
__typeof__(acre__os_prefer_node) acre__os_real_prefer_node;
__typeof__(acre__os_cool) acre__os_real_cool;
__typeof__(acre__os_page_out) acre__os_real_page_out;

acre_result acre__os_advise_large(void *address, size_t size) {
  return fails(ACRE_FAULT_ADVISE_LARGE) ? state.plan.result : acre__os_real_advise_large(address, size);
}

acre_result acre__os_commit_large(void *address, size_t size, acre_vm_protection protection) {
  return fails(ACRE_FAULT_COMMIT_LARGE) ? state.plan.result : acre__os_real_commit_large(address, size, protection);
}

acre_result acre__os_collapse(void *address, size_t size) {
  return fails(ACRE_FAULT_COLLAPSE) ? state.plan.result : acre__os_real_collapse(address, size);
}

acre_result acre__os_prefer_node(void *address, size_t size, unsigned node) {
  return fails(ACRE_FAULT_PREFER_NODE) ? state.plan.result : acre__os_real_prefer_node(address, size, node);
}

acre_result acre__os_cool(void *address, size_t size) {
  return fails(ACRE_FAULT_COOL) ? state.plan.result : acre__os_real_cool(address, size);
}

acre_result acre__os_page_out(void *address, size_t size) {
  return fails(ACRE_FAULT_PAGE_OUT) ? state.plan.result : acre__os_real_page_out(address, size);
}

/* ------------------------------------------------------------- file.c */

__typeof__(acre__os_file_open) acre__os_real_file_open;
__typeof__(acre__os_file_copy) acre__os_real_file_copy;
__typeof__(acre__os_file_size) acre__os_real_file_size;
__typeof__(acre__os_file_grow) acre__os_real_file_grow;
__typeof__(acre__os_file_set_size) acre__os_real_file_set_size;
__typeof__(acre__os_map_file) acre__os_real_map_file;
__typeof__(acre__os_map_file_anywhere) acre__os_real_map_file_anywhere;
__typeof__(acre__os_flush) acre__os_real_flush;
__typeof__(acre__os_file_write_back) acre__os_real_file_write_back;
__typeof__(acre__os_file_sync) acre__os_real_file_sync;
__typeof__(acre__os_directory_open) acre__os_real_directory_open;
__typeof__(acre__os_file_temporary) acre__os_real_file_temporary;
__typeof__(acre__os_file_identity) acre__os_real_file_identity;
__typeof__(acre__os_file_allocate) acre__os_real_file_allocate;
__typeof__(acre__os_file_punch) acre__os_real_file_punch;
__typeof__(acre__os_file_in_memory) acre__os_real_file_in_memory;

acre_result acre__os_file_open(const char *path, bool writable, bool create, bool must_create, bool truncate,
                               unsigned permissions, struct acre__os_file *out) {
  if (fails(ACRE_FAULT_FILE_OPEN)) return state.plan.result;
  return acre__os_real_file_open(path, writable, create, must_create, truncate, permissions, out);
}

acre_result acre__os_file_copy(intptr_t handle, bool writable, struct acre__os_file *out) {
  return fails(ACRE_FAULT_FILE_COPY) ? state.plan.result : acre__os_real_file_copy(handle, writable, out);
}

acre_result acre__os_file_size(struct acre__os_file file, uint64_t *out) {
  return fails(ACRE_FAULT_FILE_SIZE) ? state.plan.result : acre__os_real_file_size(file, out);
}

acre_result acre__os_file_grow(struct acre__os_file file, uint64_t from, uint64_t size) {
  return fails(ACRE_FAULT_FILE_GROW) ? state.plan.result : acre__os_real_file_grow(file, from, size);
}

acre_result acre__os_file_set_size(struct acre__os_file file, uint64_t size) {
  return fails(ACRE_FAULT_FILE_SET_SIZE) ? state.plan.result : acre__os_real_file_set_size(file, size);
}

acre_result acre__os_map_file(void *address, size_t size, const struct acre__os_part *part) {
  return fails(ACRE_FAULT_MAP_FILE) ? state.plan.result : acre__os_real_map_file(address, size, part);
}

acre_result acre__os_map_file_anywhere(void *wish, size_t size, const struct acre__os_part *part, void **out) {
  if (fails(ACRE_FAULT_MAP_FILE_ANYWHERE)) return state.plan.result;
  return acre__os_real_map_file_anywhere(wish, size, part, out);
}

acre_result acre__os_flush(struct acre__os_file file, void *address, size_t size) {
  return fails(ACRE_FAULT_FLUSH) ? state.plan.result : acre__os_real_flush(file, address, size);
}

acre_result acre__os_file_write_back(struct acre__os_file file, uint64_t offset, uint64_t size, const void *mapping,
                                     bool wait) {
  return fails(ACRE_FAULT_FILE_WRITE_BACK) ? state.plan.result
                                           : acre__os_real_file_write_back(file, offset, size, mapping, wait);
}

acre_result acre__os_file_sync(struct acre__os_file file) {
  return fails(ACRE_FAULT_FILE_SYNC) ? state.plan.result : acre__os_real_file_sync(file);
}

acre_result acre__os_directory_open(const char *path, struct acre__os_file *out) {
  return fails(ACRE_FAULT_DIRECTORY_OPEN) ? state.plan.result : acre__os_real_directory_open(path, out);
}

acre_result acre__os_file_temporary(struct acre__os_file directory, struct acre__os_file *out) {
  return fails(ACRE_FAULT_FILE_TEMPORARY) ? state.plan.result : acre__os_real_file_temporary(directory, out);
}

acre_result acre__os_file_identity(struct acre__os_file file, struct acre__os_identity *out) {
  return fails(ACRE_FAULT_FILE_IDENTITY) ? state.plan.result : acre__os_real_file_identity(file, out);
}

acre_result acre__os_file_allocate(struct acre__os_file file, uint64_t from, uint64_t size) {
  if (!fails(ACRE_FAULT_FILE_ALLOCATE)) return acre__os_real_file_allocate(file, from, size);
  size_t half = front_half((size_t)size);
  if (half != 0) acre__os_real_file_allocate(file, from, half);
  return state.plan.result;
}

acre_result acre__os_file_punch(struct acre__os_file file, uint64_t from, uint64_t size) {
  if (!fails(ACRE_FAULT_FILE_PUNCH)) return acre__os_real_file_punch(file, from, size);
  size_t half = front_half((size_t)size);
  if (half != 0) acre__os_real_file_punch(file, from, half);
  return state.plan.result;
}

acre_result acre__os_file_in_memory(uint64_t size, struct acre__os_file *out) {
  return fails(ACRE_FAULT_FILE_IN_MEMORY) ? state.plan.result : acre__os_real_file_in_memory(size, out);
}

/* ------------------------------------------------------------- name.c */

__typeof__(acre__os_name_directory) acre__os_real_name_directory;
__typeof__(acre__os_name_open) acre__os_real_name_open;
__typeof__(acre__os_name_hold) acre__os_real_name_hold;
__typeof__(acre__os_name_leads_to) acre__os_real_name_leads_to;
__typeof__(acre__os_name_mark) acre__os_real_name_mark;
__typeof__(acre__os_name_check_mark) acre__os_real_name_check_mark;
__typeof__(acre__os_name_remove) acre__os_real_name_remove;

acre_result acre__os_name_directory(bool make, char path[ACRE_OS_NAME_PATH]) {
  return fails(ACRE_FAULT_NAME_DIRECTORY) ? state.plan.result : acre__os_real_name_directory(make, path);
}

acre_result acre__os_name_open(const char *path, bool create, struct acre__os_file *out) {
  return fails(ACRE_FAULT_NAME_OPEN) ? state.plan.result : acre__os_real_name_open(path, create, out);
}

acre_result acre__os_name_hold(struct acre__os_file file, bool alone, bool wait) {
  return fails(ACRE_FAULT_NAME_HOLD) ? state.plan.result : acre__os_real_name_hold(file, alone, wait);
}

acre_result acre__os_name_leads_to(const char *path, struct acre__os_file file) {
  return fails(ACRE_FAULT_NAME_LEADS_TO) ? state.plan.result : acre__os_real_name_leads_to(path, file);
}

acre_result acre__os_name_mark(struct acre__os_file file) {
  return fails(ACRE_FAULT_NAME_MARK) ? state.plan.result : acre__os_real_name_mark(file);
}

acre_result acre__os_name_check_mark(struct acre__os_file file) {
  return fails(ACRE_FAULT_NAME_CHECK_MARK) ? state.plan.result : acre__os_real_name_check_mark(file);
}

acre_result acre__os_name_remove(const char *path) {
  return fails(ACRE_FAULT_NAME_REMOVE) ? state.plan.result : acre__os_real_name_remove(path);
}

/* ------------------------------------------------------------- query.c */

__typeof__(acre__os_maps_open) acre__os_real_maps_open;
__typeof__(acre__os_maps_at) acre__os_real_maps_at;

acre_result acre__os_maps_open(struct acre__os_maps *maps) {
  return fails(ACRE_FAULT_MAPS_OPEN) ? state.plan.result : acre__os_real_maps_open(maps);
}

acre_result acre__os_maps_at(struct acre__os_maps *maps, uintptr_t address, struct acre__os_mapping *out) {
  return fails(ACRE_FAULT_MAPS_AT) ? state.plan.result : acre__os_real_maps_at(maps, address, out);
}

/* ------------------------------------------------------------- fault.c */

__typeof__(acre__os_fault_install) acre__os_real_fault_install;

acre_result acre__os_fault_install(acre__os_fault_handler handler) {
  return fails(ACRE_FAULT_FAULT_INSTALL) ? state.plan.result : acre__os_real_fault_install(handler);
}

__typeof__(acre__os_signal_stack_set) acre__os_real_signal_stack_set;
__typeof__(acre__os_signal_stack_unset) acre__os_real_signal_stack_unset;

acre_result acre__os_signal_stack_set(void *stack, size_t size) {
  return fails(ACRE_FAULT_SIGNAL_STACK_SET) ? state.plan.result : acre__os_real_signal_stack_set(stack, size);
}

acre_result acre__os_signal_stack_unset(void *stack) {
  return fails(ACRE_FAULT_SIGNAL_STACK_UNSET) ? state.plan.result : acre__os_real_signal_stack_unset(stack);
}

/* ------------------------------------------------------------- dirty.c */

__typeof__(acre__os_file_dirty) acre__os_real_file_dirty;

acre_result acre__os_file_dirty(struct acre__os_file file, uint64_t offset, uint64_t size, const void *mapping,
                                uint64_t *out) {
  return fails(ACRE_FAULT_FILE_DIRTY) ? state.plan.result : acre__os_real_file_dirty(file, offset, size, mapping, out);
}

/* ------------------------------------------------------------- thread.c */

__typeof__(acre__os_thread_start) acre__os_real_thread_start;

acre_result acre__os_thread_start(struct acre__os_thread *thread) {
  return fails(ACRE_FAULT_THREAD_START) ? state.plan.result : acre__os_real_thread_start(thread);
}

__typeof__(acre__os_at_fork) acre__os_real_at_fork;

acre_result acre__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  return fails(ACRE_FAULT_AT_FORK) ? state.plan.result : acre__os_real_at_fork(before, parent, child);
}

__typeof__(acre__os_at_thread_exit) acre__os_real_at_thread_exit;
__typeof__(acre__os_want_thread_exit) acre__os_real_want_thread_exit;
__typeof__(acre__os_fence_prepare) acre__os_real_fence_prepare;

acre_result acre__os_at_thread_exit(void (*call)(void)) {
  return fails(ACRE_FAULT_AT_THREAD_EXIT) ? state.plan.result : acre__os_real_at_thread_exit(call);
}

acre_result acre__os_want_thread_exit(void) {
  return fails(ACRE_FAULT_WANT_THREAD_EXIT) ? state.plan.result : acre__os_real_want_thread_exit();
}

acre_result acre__os_fence_prepare(void) {
  return fails(ACRE_FAULT_FENCE_PREPARE) ? state.plan.result : acre__os_real_fence_prepare();
}

/* ------------------------------------------------------------- written.c */

__typeof__(acre__os_track) acre__os_real_track;
__typeof__(acre__os_written) acre__os_real_written;

acre_result acre__os_track(void *address, size_t size) {
  return fails(ACRE_FAULT_TRACK) ? state.plan.result : acre__os_real_track(address, size);
}

/* A search that fails half way has reset what it will not report. */
acre_result acre__os_written(struct acre__os_written_search *search) {
  if (!fails(ACRE_FAULT_WRITTEN)) return acre__os_real_written(search);
  if (state.plan.partly) acre__os_real_written(search);
  return state.plan.result;
}
