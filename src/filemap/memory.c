/* SPDX-License-Identifier: MIT */
/*
 * Sections over memory, and over the paging file: files that nobody else can
 * open, with a section of all of them.
 *
 *   backing   kept in                          blocks
 *   memory    a memfd, sealed: nobody can      when a page is touched
 *             shorten it
 *             else a temporary file            at once
 *   paging    a temporary file in the paging   at once, counted in the ledger
 *   file      file's directory                 and in the paging file
 *
 * Of a reserved section (reserved.h) all have none, until pages are committed.
 */
#include "filemap/filemap.h"
#include "vm/paging.h"

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
static acre_result make_memory(uint64_t size, bool is_reserved, struct acre__os_file *out) {
  acre_result result = ACRE_E_NOT_SUPPORTED;
  if (!acre__root_get()->options.memory_on_disk) result = acre__os_file_in_memory(size, out);
  if (result != ACRE_E_NOT_SUPPORTED) return result;
  result = make_temporary(out);
  if (result != ACRE_OK) return result;
  result = is_reserved ? acre__os_file_set_size(*out, size) : acre__os_file_grow(*out, 0, size);
  if (result != ACRE_OK) acre__os_file_close(*out);
  return result;
}

static acre_result open_memory(uint64_t size, bool is_reserved, acre_file **out) {
  struct acre__os_file os;
  acre_result result = make_memory(size, is_reserved, &os);
  if (result != ACRE_OK) return result;
  result = acre__file_make(os, ACRE_ACCESS_READ_WRITE, out);
  if (result != ACRE_OK) acre__os_file_close(os);
  return result;
}

/* ------------------------------------------------------------- the paging file */

/* Gives the open file its size, and its blocks unless they come later. */
static acre_result fill_paged(acre_file *file, uint64_t size, bool is_reserved) {
  if (is_reserved) return acre__os_file_set_size(file->os, size);
  uint64_t whole;
  if (size > INT64_MAX || !acre__checked_align_up(size, acre__root.system.page_size, &whole))
    return ACRE_E_FILE_TOO_LARGE;
  acre_result result = acre__file_charge(file, (size_t)(whole >> acre__root.page_shift)); /* given back with the file */
  return result == ACRE_OK ? acre__os_file_grow(file->os, 0, size) : result;
}

static acre_result open_paged(uint64_t size, bool is_reserved, acre_file **out) {
  struct acre__paged *paged;
  (void)acre__root_get();
  acre_result result = acre__paging_create(&paged);
  if (result != ACRE_OK) return result;
  result = acre__file_make(paged->file, ACRE_ACCESS_READ_WRITE, out);
  if (result != ACRE_OK) {
    acre__paging_destroy(paged);
    return result;
  }
  (*out)->paged = paged;
  result = fill_paged(*out, size, is_reserved);
  if (result != ACRE_OK) acre__file_release(*out);
  return result;
}

acre_result acre_section_create_memory(uint64_t size, const acre_memory_options *options, acre_section **out) {
  static const acre_memory_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (options == NULL) options = &defaults;
  bool on_paging_file = options->backing == ACRE_VM_BACKING_PAGING_FILE;
  if (!on_paging_file && options->backing != ACRE_VM_BACKING_MEMORY) return ACRE_E_INVALID_ARGUMENT;
  if (size == 0) return ACRE_E_INVALID_SIZE;
  acre_file *file;
  acre_result result = on_paging_file ? open_paged(size, options->reserve, &file)
                                      : open_memory(size, options->reserve, &file);
  if (result != ACRE_OK) return result;
  acre_section_options section = {.access = ACRE_ACCESS_READ_WRITE, .size = size, .execute = options->execute};
  result = acre__section_make(file, &section, options->reserve, out);
  acre_file_close(file);
  return result;
}
