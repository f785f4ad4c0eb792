/* SPDX-License-Identifier: MIT */
/*
 * A view: a window of memory on a section, at any byte offset.
 *
 *   file     0 . . . . . .|first        offset      offset + size|   . .
 *   memory                [base          data                    .....|............room]
 *                          whole pages, a region of kind MAPPED        reserved
 *
 * The region is reserved first (or takes a placeholder's place) and the file then mapped over it, so that no
 * other thread's mapping can come between, and a failure leaves nothing (only
 * if the system then refuses to take the range back as well, it stays reserved).
 *
 * A view with room grows by mapping more of the file behind what it has: the
 * system makes one mapping of both.
 */
#include "filemap/filemap.h"

#include "filemap/growth.h"
#include "filemap/reserved.h"
#include "vm/fault.h"
#include "vm/meta.h"
#include "vm/view.h"

/* The bytes of the section that are meant, 0 standing for all that follow. */
static acre_result resolve_size(const acre_section *section, uint64_t offset, size_t *size) {
  uint64_t all = acre__section_bytes(section);
  if (offset >= all) return ACRE_E_OUT_OF_RANGE;
  uint64_t rest = all - offset;
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

/* ------------------------------------------------------------- growing */

/* With the growth lock. */
static acre_result grow(acre_view *view, size_t size) {
  size_t now = acre__view_bytes(view);
  if (size <= now) return ACRE_OK;
  uint64_t offset = view->offset + acre__view_lead(view) - view->section->offset;
  acre_result result = size > UINT64_MAX - offset ? ACRE_E_FILE_TOO_LARGE : ACRE_OK;
  if (result == ACRE_OK)
    result = acre__growth_section(view->section, offset + size, view->access == ACRE_ACCESS_READ_WRITE);
  size_t from = acre__view_pages(view, now), end = acre__view_pages(view, size);
  if (result == ACRE_OK && from < end)
    result = acre__vm_view_commit(view->base, from, end, view->section->file->os, view->offset + from);
  if (result == ACRE_OK) atomic_store_explicit(&view->size, size, memory_order_relaxed);
  return result;
}

acre_result acre_view_grow(acre_view *view, size_t size) {
  if (!acre__view_is_open(view)) return ACRE_E_INVALID_ARGUMENT;
  if (size > view->room) return ACRE_E_OUT_OF_RANGE;
  acre__growth_lock();
  acre_result result = grow(view, size);
  acre__growth_unlock();
  return result;
}

/* acre_vm_commit on the room: the view grows to the end of those pages. */
static acre_result commit_room(void *context, size_t from, size_t end) {
  acre_view *view = context;
  (void)from; /* the file has no holes */
  return acre_view_grow(view, end - acre__view_lead(view));
}

/* ------------------------------------------------------------- mapping */

static acre_result reserve(const struct acre__view_plan *plan, bool replace, void **base) {
  *base = plan->wish;
  return replace ? acre__vm_view_replace(plan) : acre__vm_view_reserve(plan, base);
}

static void place(acre_view *view, void *base, size_t lead) {
  view->base = base;
  view->data = view->base + lead;
}

/* Pages for so many bytes behind `lead` others. False: the address space has not so many. */
static bool round_up(size_t lead, size_t size, size_t *out) {
  return acre__checked_add(size, lead, out) && acre__checked_align_up(*out, acre__root.system.page_size, out);
}

/* What is reserved is whole pages, and all of it may become the file's. */
static acre_result take_room(acre_view *view, size_t reserve) {
  size_t lead = (size_t)(view->offset & (acre__root.system.map_granularity - 1)), pages;
  view->room = acre__view_bytes(view);
  if (reserve <= view->room) return ACRE_OK;
  if (!round_up(lead, reserve, &pages)) return ACRE_E_NO_ADDRESS_SPACE;
  view->room = pages - lead;
  return ACRE_OK;
}

/* Who is asked for more pages of the view. */
static acre__view_commit commit_of(const acre_view *view) {
  if (view->section->is_reserved) return acre__reserved_commit;
  return view->room > acre__view_bytes(view) ? commit_room : NULL;
}

static acre_vm_protection protection_of(acre_access access, bool execute) {
  if (access == ACRE_ACCESS_READ) return execute ? ACRE_VM_EXECUTE_READ : ACRE_VM_READ;
  return execute ? ACRE_VM_EXECUTE_READ_WRITE : ACRE_VM_READ_WRITE;
}

/* Maps *view, whose offset is that of `data`, and sets what says where it is. */
static acre_result map(acre_view *view, const acre_view_options *options) {
  size_t lead = (size_t)(view->offset & (acre__root.system.map_granularity - 1));
  bool copy_on_write = view->access == ACRE_ACCESS_COPY_ON_WRITE;
  bool is_reserved = view->section->is_reserved;
  acre_file *file = view->section->file;
  acre_vm_protection protection = protection_of(view->access, options->execute);
  struct acre__view_plan plan = {.wish = options->address,
                                 .protection = protection,
                                 .most = protection_of(view->access, view->section->execute),
                                 .copy_on_write = copy_on_write,
                                 .commit = commit_of(view),
                                 .lost = options->keep_going ? acre__view_lose : NULL,
                                 .context = view};
  if (!round_up(lead, view->room, &plan.size) || !round_up(lead, acre__view_bytes(view), &plan.committed))
    return ACRE_E_NO_ADDRESS_SPACE;
  if (is_reserved) plan.committed = 0;
  view->offset -= lead;

  void *base;
  if (plan.wish == NULL && plan.committed == plan.size) { /* the usual view */
    acre_result result = acre__vm_view_map(&plan, file->os, view->offset, &base);
    place(view, base, lead);
    return result;
  }
  acre_result result = reserve(&plan, options->replace, &base);
  if (result != ACRE_OK) return result;
  place(view, base, lead);
  result = is_reserved ? acre__reserved_enter(view) : acre__vm_view_fill(&plan, base, file->os, view->offset);
  if (result == ACRE_OK) return ACRE_OK;
  if (!options->replace)
    (void)acre__vm_view_release(base);
  else if (is_reserved)
    (void)acre__vm_view_release_to_placeholder(base); /* part of it may be mapped */
  else
    acre__vm_view_put_back(base);
  return result;
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
  if (options->execute && !section->execute) return ACRE_E_ACCESS_DENIED;
  if (options->replace && options->address == NULL) return ACRE_E_INVALID_ARGUMENT;
  result = resolve_size(section, offset, &size);
  if (result != ACRE_OK) return result;
  if (section->is_reserved && options->reserve > size) return ACRE_E_INVALID_ARGUMENT;

  acre_view *view = acre__meta_alloc(sizeof *view);
  if (view == NULL) return ACRE_E_NO_MEMORY;
  view->access = options->access;
  view->section = section;
  view->offset = section->offset + offset;
  atomic_init(&view->size, size);
  result = options->keep_going ? acre__faults_install() : ACRE_OK;
  if (result == ACRE_OK) result = take_room(view, options->reserve);
  if (result == ACRE_OK) result = map(view, options);
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
  return acre__view_is_open(view) ? acre__view_bytes(view) : 0;
}

static acre_result unmap(acre_view *view, acre_result (*release)(void *base)) {
  if (!acre__view_is_open(view)) return ACRE_E_INVALID_ARGUMENT;
  if (atomic_load_explicit(&view->flushed, memory_order_relaxed)) return ACRE_E_BUSY;
  acre_result result = view->section->is_reserved ? acre__reserved_leave(view, release) : release(view->base);
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
