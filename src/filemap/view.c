/* SPDX-License-Identifier: MIT */
/*
 * A view: a window of memory on a section, at any byte offset.
 *
 *   file     0 . . . . . .|first        offset      offset + size|   . .
 *   memory                [base          data                    .....]
 *                          whole pages, a region of kind MAPPED
 *
 * The region is reserved first (or takes a placeholder's place) and the file then mapped over it, so that no
 * other thread's mapping can come between, and a failure leaves nothing (only
 * if the system then refuses to take the range back as well, it stays reserved).
 */
#include "filemap/filemap.h"

#include "base/math.h"
#include "vm/meta.h"
#include "vm/root.h"
#include "vm/view.h"

/* The bytes of the section that are meant, 0 standing for all that follow. */
static acre_result resolve_size(const acre_section *section, uint64_t offset, size_t *size) {
  if (offset >= section->size) return ACRE_E_OUT_OF_RANGE;
  uint64_t rest = section->size - offset;
  if (*size > rest) return ACRE_E_OUT_OF_RANGE;
  if (*size != 0) return ACRE_OK;
  if (rest > SIZE_MAX) return ACRE_E_NO_ADDRESS_SPACE;
  *size = (size_t)rest;
  return ACRE_OK;
}

static acre_result check_access(const acre_section *section, acre_access access) {
  switch (access) {
    case ACRE_ACCESS_READ:
    case ACRE_ACCESS_COPY_ON_WRITE: return ACRE_OK;
    case ACRE_ACCESS_READ_WRITE: return section->access == ACRE_ACCESS_READ_WRITE ? ACRE_OK : ACRE_E_ACCESS_DENIED;
  }
  return ACRE_E_INVALID_ARGUMENT;
}

static acre_result reserve(const acre_view *view, const acre_view_options *options, acre_vm_protection protection,
                           void **base) {
  bool copy_on_write = view->access == ACRE_ACCESS_COPY_ON_WRITE;
  *base = options->address;
  if (!options->replace) return acre__vm_view_reserve(*base, view->mapped, protection, protection, copy_on_write, base);
  return acre__vm_view_replace(*base, view->mapped, protection, protection, copy_on_write);
}

/* Maps what *view describes and sets its base, mapped and data. */
static acre_result map(acre_view *view, uint64_t offset, const acre_view_options *options) {
  size_t page = acre__root.system.page_size;
  size_t lead = (size_t)(offset & (page - 1));
  if (!acre__checked_add(view->size, lead, &view->mapped) || !acre__checked_align_up(view->mapped, page, &view->mapped))
    return ACRE_E_NO_ADDRESS_SPACE;

  acre_vm_protection protection = view->access == ACRE_ACCESS_READ ? ACRE_VM_READ : ACRE_VM_READ_WRITE;
  bool copy_on_write = view->access == ACRE_ACCESS_COPY_ON_WRITE;
  void *base;
  acre_result result = reserve(view, options, protection, &base);
  if (result != ACRE_OK) return result;
  result = acre__os_map_file(base, view->mapped, view->section->file->os, offset - lead, protection, copy_on_write);
  if (result != ACRE_OK) {
    if (options->replace)
      acre__vm_view_put_back(base);
    else
      (void)acre__vm_view_release(base);
    return result;
  }
  view->base = base;
  view->data = view->base + lead;
  return ACRE_OK;
}

acre_result acre_view_map(acre_section *section, uint64_t offset, size_t size, const acre_view_options *options,
                          acre_view **out) {
  static const acre_view_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (!acre__section_is_open(section)) return ACRE_E_INVALID_ARGUMENT;
  if (options == NULL) options = &defaults;
  acre_result result = check_access(section, options->access);
  if (result != ACRE_OK) return result;
  if (options->replace && options->address == NULL) return ACRE_E_INVALID_ARGUMENT;
  result = resolve_size(section, offset, &size);
  if (result != ACRE_OK) return result;

  acre_view *view = acre__meta_alloc(sizeof *view);
  if (view == NULL) return ACRE_E_NO_MEMORY;
  view->access = options->access;
  view->section = section;
  view->size = size;
  result = map(view, offset, options);
  if (result != ACRE_OK) {
    acre__meta_free(view, sizeof *view);
    return result;
  }
  acre__section_retain(section);
  view->tag = ACRE_VIEW_TAG;
  *out = view;
  return ACRE_OK;
}

void *acre_view_data(const acre_view *view) {
  return acre__view_is_open(view) ? view->data : NULL;
}

size_t acre_view_size(const acre_view *view) {
  return acre__view_is_open(view) ? view->size : 0;
}

acre_result acre_view_flush(acre_view *view, size_t offset, size_t size) {
  if (!acre__view_is_open(view)) return ACRE_E_INVALID_ARGUMENT;
  if (offset > view->size || size > view->size - offset) return ACRE_E_OUT_OF_RANGE;
  if (size == 0) size = view->size - offset;
  if (size == 0 || view->access != ACRE_ACCESS_READ_WRITE) return ACRE_OK;

  size_t page = acre__root.system.page_size;
  uintptr_t first = acre__align_down((uintptr_t)view->data + offset, page);
  uintptr_t end = acre__align_up((uintptr_t)view->data + offset + size, page);
  acre_result result = acre__os_flush((void *)first, end - first);
  if (result != ACRE_OK) return result;
  return acre__os_file_sync(view->section->file->os);
}

static acre_result unmap(acre_view *view, acre_result (*release)(void *base)) {
  if (!acre__view_is_open(view)) return ACRE_E_INVALID_ARGUMENT;
  acre_result result = release(view->base);
  if (result != ACRE_OK) return result;
  view->tag = 0;
  acre__section_release(view->section);
  acre__meta_free(view, sizeof *view);
  return ACRE_OK;
}

acre_result acre_view_unmap(acre_view *view) {
  return view == NULL ? ACRE_OK : unmap(view, acre__vm_view_release);
}

acre_result acre_view_unmap_to_placeholder(acre_view *view) {
  return unmap(view, acre__vm_view_release_to_placeholder);
}
