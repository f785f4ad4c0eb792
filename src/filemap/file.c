/* SPDX-License-Identifier: MIT */
/* An open file: the system's handle, the access it was opened with, and a count of who uses it. */
#include "filemap/filemap.h"

#include "filemap/growth.h"
#include "filemap/names.h"
#include "vm/ledger.h"
#include "vm/meta.h"
#include "vm/paging.h"

enum { DEFAULT_PERMISSIONS = 0666, ALL_PERMISSIONS = 0777 };

void acre__file_retain(acre_file *file) {
  atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
}

acre_result acre__file_charge(acre_file *file, size_t pages) {
  if (file->paged == NULL) return ACRE_OK;
  if (!acre__paging_count(file->paged, pages)) return ACRE_E_COMMIT_LIMIT;
  acre_result result = acre__ledger_charge(pages);
  if (result == ACRE_OK)
    file->charged += pages;
  else
    acre__paging_uncount(file->paged, pages);
  return result;
}

void acre__file_uncharge(acre_file *file, size_t pages) {
  if (file->paged == NULL) return;
  file->charged -= pages;
  acre__ledger_uncharge(pages);
  acre__paging_uncount(file->paged, pages);
}

void acre__file_release(acre_file *file) {
  if (atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1) return;
  if (file->paged != NULL) {
    acre__file_uncharge(file, file->charged);
    acre__paging_destroy(file->paged);
  } else if (file->name != NULL) {
    acre__name_release(file->name, file->os);
  } else {
    acre__os_file_close(file->os);
  }
  acre__meta_free(file, sizeof *file);
}

/* The record stands for the system's handle from now on. */
static acre_result begin(acre_file *file, struct acre__os_file os, acre_access access) {
  acre_result result = acre__os_file_identity(os, &file->identity);
  if (result != ACRE_OK) return result;
  atomic_init(&file->references, 1);
  file->access = access;
  file->os = os;
  file->tag = ACRE_FILE_TAG;
  return ACRE_OK;
}

acre_result acre__file_make(struct acre__os_file os, acre_access access, acre_file **out) {
  acre_result result = acre__growth_prepare();
  if (result != ACRE_OK) return result;
  acre_file *file = acre__meta_alloc(sizeof *file);
  if (file == NULL) return ACRE_E_NO_MEMORY;
  result = begin(file, os, access);
  if (result == ACRE_OK)
    *out = file;
  else
    acre__meta_free(file, sizeof *file);
  return result;
}

void acre__file_forget(acre_file *file) {
  acre__meta_free(file, sizeof *file);
}

static acre_result check_options(const acre_file_options *options) {
  bool writable = options->access == ACRE_ACCESS_READ_WRITE;
  if (options->access != ACRE_ACCESS_READ && !writable) return ACRE_E_INVALID_ARGUMENT;
  if ((options->permissions & ~(unsigned)ALL_PERMISSIONS) != 0) return ACRE_E_INVALID_ARGUMENT;
  switch (options->mode) {
    case ACRE_FILE_OPEN: return ACRE_OK;
    case ACRE_FILE_OPEN_OR_CREATE:
    case ACRE_FILE_CREATE:
    case ACRE_FILE_TRUNCATE: return writable ? ACRE_OK : ACRE_E_INVALID_ARGUMENT;
  }
  return ACRE_E_INVALID_ARGUMENT;
}

acre_result acre_file_open(const char *path, const acre_file_options *options, acre_file **out) {
  static const acre_file_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (path == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (options == NULL) options = &defaults;
  acre_result result = check_options(options);
  if (result != ACRE_OK) return result;

  /* What can fail comes before the file is made, or emptied. */
  result = acre__growth_prepare();
  if (result != ACRE_OK) return result;
  acre_file *file = acre__meta_alloc(sizeof *file);
  if (file == NULL) return ACRE_E_NO_MEMORY;
  struct acre__os_file os;
  acre_file_mode mode = options->mode;
  result = acre__os_file_open(path, options->access == ACRE_ACCESS_READ_WRITE, mode != ACRE_FILE_OPEN,
                              mode == ACRE_FILE_CREATE, mode == ACRE_FILE_TRUNCATE,
                              options->permissions != 0 ? options->permissions : DEFAULT_PERMISSIONS, &os);
  if (result == ACRE_OK) {
    result = begin(file, os, options->access);
    if (result != ACRE_OK) acre__os_file_close(os);
  }
  if (result != ACRE_OK) {
    acre__meta_free(file, sizeof *file);
    return result;
  }
  *out = file;
  return ACRE_OK;
}

acre_result acre_file_adopt(intptr_t handle, acre_access access, acre_file **out) {
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (access != ACRE_ACCESS_READ && access != ACRE_ACCESS_READ_WRITE) return ACRE_E_INVALID_ARGUMENT;
  struct acre__os_file os;
  acre_result result = acre__os_file_copy(handle, access == ACRE_ACCESS_READ_WRITE, &os);
  if (result != ACRE_OK) return result;
  result = acre__file_make(os, access, out);
  if (result != ACRE_OK) acre__os_file_close(os);
  return result;
}

acre_result acre_file_size(acre_file *file, uint64_t *out) {
  if (!acre__file_is_open(file) || out == NULL) return ACRE_E_INVALID_ARGUMENT;
  return acre__os_file_size(file->os, out);
}

void acre_file_close(acre_file *file) {
  if (!acre__file_is_open(file)) return;
  file->tag = 0;
  acre__file_release(file);
}
