/* SPDX-License-Identifier: MIT */
/*
 * A section: how much of a file may be mapped, and with what access at most.
 *
 * Making one may grow its file. A growth that fails puts the former size back,
 * which would cut off what another section has grown meanwhile: so growths take
 * turns, process-wide, as two handles may be the same file. The lock guards no
 * memory of ours; a child of fork just makes it free again, as whoever held it
 * is not there.
 */
#include "filemap/filemap.h"

#include "base/lock.h"
#include "vm/meta.h"
#include "vm/root.h"

static struct {
  struct acre__lock lock;
  bool reset_at_fork; /* registered */
} growth;

void acre__section_retain(acre_section *section) {
  atomic_fetch_add_explicit(&section->references, 1, memory_order_relaxed);
}

void acre__section_release(acre_section *section) {
  if (atomic_fetch_sub_explicit(&section->references, 1, memory_order_acq_rel) != 1) return;
  acre__file_release(section->file);
  acre__meta_free(section, sizeof *section);
}

static void do_nothing(void) {}

static void free_lock_in_child(void) {
  atomic_store_explicit(&growth.lock.word, 0, memory_order_relaxed);
}

static acre_result grow_locked(acre_file *file, uint64_t size) {
  if (!growth.reset_at_fork) {
    acre_result result = acre__os_at_fork(do_nothing, do_nothing, free_lock_in_child);
    if (result != ACRE_OK) return result;
    growth.reset_at_fork = true;
  }
  uint64_t now;
  acre_result result = acre__os_file_size(file->os, &now);
  if (result != ACRE_OK || now >= size) return result;
  return acre__os_file_grow(file->os, now, size);
}

/* Makes the file at least `size` bytes long. */
static acre_result grow(acre_file *file, uint64_t size) {
  if (size > INT64_MAX) return ACRE_E_FILE_TOO_LARGE;
  acre__lock(&growth.lock);
  acre_result result = grow_locked(file, size);
  acre__unlock(&growth.lock);
  return result;
}

/* Finds the section's size, and the file room for it. */
static acre_result take_size(acre_file *file, const acre_section_options *options, uint64_t *out) {
  uint64_t now;
  acre_result result = acre__os_file_size(file->os, &now);
  if (result != ACRE_OK) return result;
  *out = options->size != 0 ? options->size : now;
  if (*out == 0) return ACRE_E_EMPTY_FILE;
  if (*out <= now) return ACRE_OK;
  return options->access == ACRE_ACCESS_READ_WRITE ? grow(file, *out) : ACRE_E_OUT_OF_RANGE;
}

acre_result acre_section_create(acre_file *file, const acre_section_options *options, acre_section **out) {
  static const acre_section_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (!acre__file_is_open(file)) return ACRE_E_INVALID_ARGUMENT;
  if (options == NULL) options = &defaults;
  switch (options->access) {
    case ACRE_ACCESS_READ:
    case ACRE_ACCESS_COPY_ON_WRITE: break;
    case ACRE_ACCESS_READ_WRITE:
      if (file->access != ACRE_ACCESS_READ_WRITE) return ACRE_E_ACCESS_DENIED;
      break;
    default: return ACRE_E_INVALID_ARGUMENT;
  }

  acre_section *section = acre__meta_alloc(sizeof *section);
  if (section == NULL) return ACRE_E_NO_MEMORY;
  acre_result result = take_size(file, options, &section->size);
  if (result != ACRE_OK) {
    acre__meta_free(section, sizeof *section);
    return result;
  }
  atomic_init(&section->references, 1);
  section->access = options->access;
  section->file = file;
  section->tag = ACRE_SECTION_TAG;
  acre__file_retain(file);
  *out = section;
  return ACRE_OK;
}

/* In the first place for temporary files that takes one. */
static acre_result make_temporary(struct acre__os_file *out) {
  char wished[512];
  size_t length = acre__os_environment("TMPDIR", wished, sizeof wished);
  const char *places[] = {length > 0 && length < sizeof wished ? wished : "/tmp", "/tmp", "/var/tmp", "/dev/shm"};
  acre_result result = ACRE_E_NOT_FOUND;
  for (size_t i = 0; i < sizeof places / sizeof *places && result != ACRE_OK; i++) {
    struct acre__os_file directory;
    result = acre__os_directory_open(places[i], &directory);
    if (result != ACRE_OK) continue;
    result = acre__os_file_temporary(directory, out);
    acre__os_file_close(directory);
  }
  return result;
}

/* A file of memory, `size` bytes long, or of a disk where there is none. */
static acre_result make_memory(uint64_t size, struct acre__os_file *out) {
  acre_result result = ACRE_E_NOT_SUPPORTED;
  if (!acre__root_get()->options.memory_on_disk) result = acre__os_file_in_memory(size, out);
  if (result != ACRE_E_NOT_SUPPORTED) return result;
  result = make_temporary(out);
  if (result != ACRE_OK) return result;
  result = acre__os_file_grow(*out, 0, size);
  if (result != ACRE_OK) acre__os_file_close(*out);
  return result;
}

acre_result acre_section_create_memory(uint64_t size, acre_section **out) {
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (size == 0) return ACRE_E_INVALID_SIZE;
  struct acre__os_file os;
  acre_result result = make_memory(size, &os);
  if (result != ACRE_OK) return result;
  acre_file *file = acre__file_make(os, ACRE_ACCESS_READ_WRITE);
  if (file == NULL) {
    acre__os_file_close(os);
    return ACRE_E_NO_MEMORY;
  }
  acre_section_options options = {.access = ACRE_ACCESS_READ_WRITE, .size = size};
  result = acre_section_create(file, &options, out);
  acre_file_close(file);
  return result;
}

uint64_t acre_section_size(const acre_section *section) {
  return acre__section_is_open(section) ? section->size : 0;
}

void acre_section_close(acre_section *section) {
  if (!acre__section_is_open(section)) return;
  section->tag = 0;
  acre__section_release(section);
}
