/* SPDX-License-Identifier: MIT */
/* A section: which part of a file may be mapped, and with what access at most. Making one may grow its file. */
#include "filemap/filemap.h"

#include "filemap/growth.h"
#include "filemap/names.h"
#include "filemap/reserved.h"
#include "vm/meta.h"

void acre__section_retain(acre_section *section) {
  atomic_fetch_add_explicit(&section->references, 1, memory_order_relaxed);
}

void acre__section_release(acre_section *section) {
  if (atomic_fetch_sub_explicit(&section->references, 1, memory_order_acq_rel) != 1) return;
  acre__sections_leave(section);
  if (section->is_reserved) acre__reserved_end(section);
  acre__file_release(section->file);
  acre__meta_free(section, sizeof *section);
}

/* Finds out how many bytes are meant, 0 standing for all that follow the offset. */
static acre_result resolve_size(acre_file *file, const acre_section_options *options, uint64_t *out) {
  uint64_t now;
  *out = options->size;
  if (*out != 0) {
    if (*out <= UINT64_MAX - options->offset) return ACRE_OK;
    return options->access == ACRE_ACCESS_READ_WRITE ? ACRE_E_FILE_TOO_LARGE : ACRE_E_OUT_OF_RANGE;
  }
  acre_result result = acre__os_file_size(file->os, &now);
  if (result != ACRE_OK) return result;
  if (now == 0) return ACRE_E_EMPTY_FILE;
  if (options->offset >= now) return ACRE_E_OUT_OF_RANGE;
  *out = now - options->offset;
  return ACRE_OK;
}

static acre_result check_options(const acre_file *file, const acre_section_options *options) {
  switch (options->access) {
    case ACRE_ACCESS_READ:
    case ACRE_ACCESS_COPY_ON_WRITE: return ACRE_OK;
    case ACRE_ACCESS_READ_WRITE: return file->access == ACRE_ACCESS_READ_WRITE ? ACRE_OK : ACRE_E_ACCESS_DENIED;
  }
  return ACRE_E_INVALID_ARGUMENT;
}

acre_result acre__section_make(acre_file *file, const acre_section_options *options, bool is_reserved,
                               acre_section **out) {
  acre_section *section = acre__meta_alloc(sizeof *section);
  if (section == NULL) return ACRE_E_NO_MEMORY;
  uint64_t size;
  acre_result result = resolve_size(file, options, &size);
  if (result == ACRE_OK) {
    atomic_init(&section->references, 1);
    atomic_init(&section->size, size);
    section->access = options->access;
    section->execute = options->execute;
    section->offset = options->offset;
    section->file = file;
    section->is_reserved = is_reserved;
    if (is_reserved) acre__reserved_begin(section);
    result = acre__sections_enter(section);
  }
  if (result != ACRE_OK) {
    acre__meta_free(section, sizeof *section);
    return result;
  }
  section->tag = ACRE_SECTION_TAG;
  acre__file_retain(file);
  *out = section;
  return ACRE_OK;
}

acre_result acre_section_create(acre_file *file, const acre_section_options *options, acre_section **out) {
  static const acre_section_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (!acre__file_is_open(file)) return ACRE_E_INVALID_ARGUMENT;
  if (options == NULL) options = &defaults;
  acre_result result = check_options(file, options);
  return result == ACRE_OK ? acre__section_make(file, options, false, out) : result;
}

uint64_t acre_section_size(const acre_section *section) {
  return acre__section_is_open(section) ? acre__section_bytes(section) : 0;
}

void acre_section_close(acre_section *section) {
  if (!acre__section_is_open(section)) return;
  section->tag = 0;
  const acre_file *file = section->file;
  if (file->name != NULL && atomic_load_explicit(&section->references, memory_order_relaxed) > 1)
    acre__name_leave(file->name);
  acre__section_release(section);
}
