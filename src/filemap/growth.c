/* SPDX-License-Identifier: MIT */
#include "filemap/growth.h"

#include "base/lock.h"
#include "vm/root.h"

static struct {
  struct acre__lock growth, list;
  _Atomic bool prepared;
  acre_section *sections; /* lock: list */
  unsigned process;       /* written by a child that has one thread */
} state;

/* ------------------------------------------------------------- locks */

static void fork_before(void) {
  acre__lock(&state.growth);
  acre__lock(&state.list);
}

static void fork_in_parent(void) {
  acre__unlock(&state.list);
  acre__unlock(&state.growth);
}

static void fork_in_child(void) {
  state.process++;
  acre__lock_reset(&state.list);
  acre__lock_reset(&state.growth);
}

acre_result acre__growth_prepare(void) {
  if (ACRE_LIKELY(atomic_load_explicit(&state.prepared, memory_order_acquire))) return ACRE_OK;
  (void)acre__root_get(); /* whose locks come after these at a fork */
  acre_result result = acre__os_at_fork(fork_before, fork_in_parent, fork_in_child);
  if (result == ACRE_OK) atomic_store_explicit(&state.prepared, true, memory_order_release);
  return result;
}

unsigned acre__growth_process(void) {
  return state.process;
}

void acre__growth_lock(void) {
  acre__lock(&state.growth);
}

void acre__growth_unlock(void) {
  acre__unlock(&state.growth);
}

/* ------------------------------------------------------------- the list */

static uint64_t end_of(const acre_section *section) {
  return section->offset + acre__section_bytes(section);
}

static void insert(acre_section *section) {
  section->previous = NULL;
  section->next = state.sections;
  if (section->next != NULL) section->next->previous = section;
  state.sections = section;
}

/* With the list locked, nobody cuts the file meanwhile. */
static acre_result insert_if_it_fits(acre_section *section) {
  uint64_t now;
  acre__lock(&state.list);
  acre_result result = acre__os_file_size(section->file->os, &now);
  if (result == ACRE_OK && end_of(section) > now) result = ACRE_E_OUT_OF_RANGE;
  if (result == ACRE_OK) insert(section);
  acre__unlock(&state.list);
  return result;
}

acre_result acre__sections_enter(acre_section *section) {
  acre_result result = insert_if_it_fits(section);
  if (result != ACRE_E_OUT_OF_RANGE || section->access != ACRE_ACCESS_READ_WRITE) return result;
  acre__lock(&state.growth);
  result = acre__growth_file(section->file, end_of(section));
  if (result == ACRE_OK) {
    acre__lock(&state.list);
    insert(section);
    acre__unlock(&state.list);
  }
  acre__unlock(&state.growth);
  return result;
}

void acre__sections_leave(acre_section *section) {
  acre__lock(&state.list);
  *(section->previous != NULL ? &section->previous->next : &state.sections) = section->next;
  if (section->next != NULL) section->next->previous = section->previous;
  acre__unlock(&state.list);
}

static bool reaches_beyond(const acre_section *section, const acre_file *file, uint64_t size) {
  const struct acre__os_identity *a = &section->file->identity, *b = &file->identity;
  return a->device == b->device && a->number == b->number && end_of(section) > size;
}

/* With the list locked. */
static bool any_reaches_beyond(const acre_file *file, uint64_t size) {
  for (const acre_section *section = state.sections; section != NULL; section = section->next)
    if (reaches_beyond(section, file, size)) return true;
  return false;
}

/* ------------------------------------------------------------- longer, shorter */

acre_result acre__growth_file(acre_file *file, uint64_t size) {
  uint64_t now;
  if (size > INT64_MAX) return ACRE_E_FILE_TOO_LARGE;
  acre_result result = acre__os_file_size(file->os, &now);
  if (result != ACRE_OK || now >= size) return result;
  return acre__os_file_grow(file->os, now, size);
}

static acre_result grow_for(acre_section *section, uint64_t end, bool may_grow) {
  if (may_grow && section->access == ACRE_ACCESS_READ_WRITE) return acre__growth_file(section->file, end);
  uint64_t now;
  acre_result result = acre__os_file_size(section->file->os, &now);
  return result == ACRE_OK && now < end ? ACRE_E_OUT_OF_RANGE : result;
}

acre_result acre__growth_section(acre_section *section, uint64_t size, bool may_grow) {
  if (size <= acre__section_bytes(section)) return ACRE_OK;
  const acre_file *file = section->file;
  if (section->is_reserved || file->paged != NULL || file->name != NULL) return ACRE_E_NOT_SUPPORTED;
  if (size > UINT64_MAX - section->offset) return ACRE_E_FILE_TOO_LARGE;
  acre_result result = grow_for(section, section->offset + size, may_grow);
  if (result == ACRE_OK) atomic_store_explicit(&section->size, size, memory_order_relaxed);
  return result;
}

acre_result acre_section_resize(acre_section *section, uint64_t size) {
  if (!acre__section_is_open(section)) return ACRE_E_INVALID_ARGUMENT;
  if (size == 0) return ACRE_E_INVALID_SIZE;
  acre__growth_lock();
  acre_result result = size < acre__section_bytes(section) ? ACRE_E_MAPPED : acre__growth_section(section, size, true);
  acre__growth_unlock();
  return result;
}

static acre_result cut(acre_file *file, uint64_t size) {
  acre__lock(&state.list);
  acre_result result = any_reaches_beyond(file, size) ? ACRE_E_MAPPED : acre__os_file_set_size(file->os, size);
  acre__unlock(&state.list);
  return result;
}

acre_result acre_file_resize(acre_file *file, uint64_t size) {
  if (!acre__file_is_open(file)) return ACRE_E_INVALID_ARGUMENT;
  if (file->access != ACRE_ACCESS_READ_WRITE) return ACRE_E_ACCESS_DENIED;
  uint64_t now;
  acre__growth_lock();
  acre_result result = acre__os_file_size(file->os, &now);
  if (result == ACRE_OK && size != now) result = size < now ? cut(file, size) : acre__growth_file(file, size);
  acre__growth_unlock();
  return result;
}
