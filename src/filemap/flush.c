/* SPDX-License-Identifier: MIT */
/*
 * Bringing the disk up to date, and never forgetting that it failed.
 *
 *   mode      begins to write    waits for the device    survives a power cut
 *   START          x
 *   WAIT           x                      x
 *   DURABLE        x                      x                        x
 *
 * Linux tells of an error once: afterwards the pages count as clean, and a second attempt writes nothing and
 * succeeds. So the first error is kept with the open file, and is the result of every
 * flush from then on, whatever that flush itself achieves, until somebody says that he has taken note. It is kept
 * with the file and not with the section: it is the file's handle that the system has told.
 *
 * No lock: one atomic word.
 */
#include "base/math.h"
#include "filemap/filemap.h"
#include "vm/root.h"

acre_result acre__file_note_error(acre_file *file, acre_result result) {
  int none = ACRE_OK;
  if (result != ACRE_OK)
    atomic_compare_exchange_strong_explicit(&file->error, &none, (int)result, memory_order_relaxed,
                                            memory_order_relaxed);
  return (acre_result)atomic_load_explicit(&file->error, memory_order_relaxed);
}

static acre_result acknowledge(acre_file *file) {
  return (acre_result)atomic_exchange_explicit(&file->error, ACRE_OK, memory_order_relaxed);
}

acre_result acre__view_write_back(const acre_view *view, size_t offset, size_t size, acre_flush_mode mode) {
  size_t page = acre__root.system.page_size;
  uintptr_t first = acre__align_down((uintptr_t)view->data + offset, page);
  uintptr_t end = acre__align_up((uintptr_t)view->data + offset + size, page);
  struct acre__os_file file = view->section->file->os;
  if (mode == ACRE_FLUSH_DURABLE) return acre__os_flush(file, (void *)first, end - first);
  return acre__os_file_write_back(file, view->offset + (first - (uintptr_t)view->base), end - first, (void *)first,
                                  mode == ACRE_FLUSH_WAIT);
}

acre_result acre_view_flush(acre_view *view, size_t offset, size_t size, acre_flush_mode mode) {
  if (!acre__view_is_open(view)) return ACRE_E_INVALID_ARGUMENT;
  if (mode != ACRE_FLUSH_DURABLE && mode != ACRE_FLUSH_WAIT && mode != ACRE_FLUSH_START) return ACRE_E_INVALID_ARGUMENT;
  size_t all = acre__view_bytes(view);
  if (offset > all || size > all - offset) return ACRE_E_OUT_OF_RANGE;
  if (size == 0) size = all - offset;
  acre_result result = ACRE_OK;
  if (size != 0 && view->access == ACRE_ACCESS_READ_WRITE) result = acre__view_write_back(view, offset, size, mode);
  return acre__file_note_error(view->section->file, result);
}

acre_result acre_file_flush(acre_file *file) {
  if (!acre__file_is_open(file)) return ACRE_E_INVALID_ARGUMENT;
  return acre__file_note_error(file, acre__os_file_sync(file->os));
}

acre_result acre_view_acknowledge_error(acre_view *view) {
  return acre__view_is_open(view) ? acknowledge(view->section->file) : ACRE_OK;
}

acre_result acre_section_acknowledge_error(acre_section *section) {
  return acre__section_is_open(section) ? acknowledge(section->file) : ACRE_OK;
}

acre_result acre_file_acknowledge_error(acre_file *file) {
  return acre__file_is_open(file) ? acknowledge(file) : ACRE_OK;
}
