/* SPDX-License-Identifier: MIT */
/*
 * Views that keep going: where nothing stands behind a page any more, a zero
 * page does, and the file's flushes say so until that is acknowledged.
 *
 *   the file, cut off     |.......|
 *   view                  |.......|0 0 0 0 0|    past the file's end: all that is left of the view, in one mapping
 *   a full disk, an error |..0....|              elsewhere: the page alone
 *
 * All of it happens in the fault handler, with the region's lock, so nothing here
 * waits, and what is written is atomic. Pages that are replaced stay so until
 * the view is unmapped, also when the file grows again: the program has seen zeros there.
 */
#include "filemap/filemap.h"

size_t acre__view_lose(void *context, size_t page) {
  acre_view *view = context;
  acre_file *file = view->section->file;
  unsigned shift = acre__root.page_shift;
  size_t end = acre__view_pages(view, acre__view_bytes(view)) >> shift, count = 1;
  uint64_t size;
  bool is_cut_off = acre__os_file_size(file->os, &size) == ACRE_OK && size <= view->offset + ((uint64_t)page << shift);
  if (is_cut_off && page < end) count = end - page;
  atomic_fetch_add_explicit(&view->lost, count << shift, memory_order_relaxed);
  (void)acre__file_note_error(file, ACRE_E_IO);
  return count;
}

size_t acre_view_lost(const acre_view *view) {
  return acre__view_is_open(view) ? atomic_load_explicit(&view->lost, memory_order_relaxed) : 0;
}
