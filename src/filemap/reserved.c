/* SPDX-License-Identifier: MIT */
#include "filemap/reserved.h"

#include "filemap/growth.h"
#include "vm/view.h"

/* What a committed page has in the section's table. */
enum { COMMITTED = ACRE_VM_READ_WRITE };

static uint64_t bytes_of(size_t pages) {
  return (uint64_t)pages << acre__root.page_shift;
}

void acre__reserved_begin(acre_section *section) {
  uint64_t pages = acre__align_up(acre__section_bytes(section), acre__root.system.page_size) >> acre__root.page_shift;
  acre__table_init(&section->pages, (size_t)pages);
  section->process = acre__growth_process();
}

void acre__reserved_end(acre_section *section) {
  acre__table_clear(&section->pages);
}

/* ------------------------------------------------------------- runs of the section's pages */

/* What is done to each run of pages [start, end) that are, or are not, committed. */
typedef acre_result (*run_function)(acre_section *section, size_t start, size_t end, void *context);

static acre_result for_runs(acre_section *section, size_t start, size_t end, bool committed, run_function function,
                            void *context) {
  acre_result result = ACRE_OK;
  for (size_t page = start; page < end && result == ACRE_OK;) {
    struct acre__page_run run = acre__table_run(&section->pages, page, end, ACRE_PAGE_PROTECTION);
    if ((run.attributes != 0) == committed) result = function(section, page, run.end, context);
    page = run.end;
  }
  return result;
}

static acre_result allocate(acre_section *section, size_t start, size_t end, void *context) {
  (void)context;
  return acre__os_file_allocate(section->file->os, bytes_of(start), bytes_of(end - start));
}

static acre_result punch(acre_section *section, size_t start, size_t end, void *context) {
  (void)context;
  return acre__os_file_punch(section->file->os, bytes_of(start), bytes_of(end - start));
}

static acre_result mark(acre_section *section, size_t start, size_t end, void *context) {
  (void)context;
  acre__table_edit(&section->pages, start, end, 0, COMMITTED);
  return ACRE_OK;
}

/* ------------------------------------------------------------- views */

static acre_result map_run(acre_section *section, size_t start, size_t end, void *context) {
  const acre_view *view = context;
  uint64_t from = bytes_of(start);
  return acre__vm_view_commit(view->base, (size_t)(from - view->offset), (size_t)(bytes_of(end) - view->offset),
                              section->file->os, from);
}

/* Those of the pages that the view has. */
static bool clip(const acre_view *view, size_t *start, size_t *end) {
  size_t first = (size_t)(view->offset >> acre__root.page_shift);
  size_t pages = acre__view_pages(view, acre__view_bytes(view)) >> acre__root.page_shift;
  *start = acre__max(*start, first);
  *end = acre__min(*end, first + pages);
  return *start < *end;
}

static acre_result map_committed(acre_view *view, size_t start, size_t end) {
  if (!clip(view, &start, &end)) return ACRE_OK;
  return for_runs(view->section, start, end, true, map_run, view);
}

acre_result acre__reserved_enter(acre_view *view) {
  acre_section *section = view->section;
  acre__growth_lock();
  acre_result result = map_committed(view, 0, section->pages.pages);
  if (result == ACRE_OK) {
    view->next = section->views;
    section->views = view;
  }
  acre__growth_unlock();
  return result;
}

acre_result acre__reserved_leave(acre_view *view, acre_result (*release)(void *base)) {
  acre__growth_lock();
  acre_result result = release(view->base);
  if (result == ACRE_OK) {
    acre_view **at = &view->section->views;
    while (*at != view) at = &(*at)->next;
    *at = view->next;
  }
  acre__growth_unlock();
  return result;
}

/* ------------------------------------------------------------- commit */

/* A program that closes what it does not know must not make Acre change another file of its own. */
static bool has_its_file(const acre_file *file) {
  struct acre__os_identity now;
  return acre__os_file_identity(file->os, &now) == ACRE_OK && now.device == file->identity.device &&
         now.number == file->identity.number;
}

/* Gives the reserved pages of the range their blocks, and maps them in this view: all, or none. */
static acre_result take(acre_view *view, size_t start, size_t end) {
  acre_result result = for_runs(view->section, start, end, false, allocate, NULL);
  return result == ACRE_OK ? map_run(view->section, start, end, view) : result;
}

/* With the growth lock. Pages of the section; all of them are the view's. */
static acre_result commit(acre_view *view, size_t start, size_t end) {
  acre_section *section = view->section;
  size_t fresh = end - start - acre__table_committed(&section->pages, start, end);
  if (fresh != 0) {
    if (!has_its_file(section->file)) return ACRE_E_IO;
    if (!acre__table_prepare(&section->pages, start, end)) return ACRE_E_NO_MEMORY;
    acre_result result = acre__file_charge(section->file, fresh);
    if (result != ACRE_OK) return result;
    result = take(view, start, end);
    if (result != ACRE_OK) {
      (void)for_runs(section, start, end, false, punch, NULL); /* blocks that stay are nobody's, and read zero */
      acre__file_uncharge(section->file, fresh);
      return result;
    }
    (void)for_runs(section, start, end, false, mark, NULL);
  }
  acre_result result = ACRE_OK;
  for (acre_view *other = section->views; other != NULL; other = other->next) {
    acre_result mapped = map_committed(other, start, end);
    if (result == ACRE_OK) result = mapped;
  }
  return result;
}

acre_result acre__reserved_commit(void *context, size_t from, size_t end) {
  acre_view *view = context;
  size_t start = (size_t)((view->offset + from) >> acre__root.page_shift);
  size_t stop = (size_t)((view->offset + end) >> acre__root.page_shift);
  if (view->section->process != acre__growth_process()) return ACRE_E_NOT_SUPPORTED;
  acre__growth_lock();
  acre_result result = commit(view, start, stop);
  acre__growth_unlock();
  return result;
}
