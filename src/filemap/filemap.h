/* SPDX-License-Identifier: MIT */
/*
 * filemap.h - files, sections and views: who keeps what alive.
 *
 *   handle --> file     [references | tag | access | the system's handle]
 *               ^
 *   handle --> section  [references | tag | access | offset .. size | file]
 *               ^
 *   handle --> view     [tag | access | section | base .. data .. size .. room]
 *
 * Each arrow is a reference; a view has its handle's alone, so needs no count.
 * An object dies with its last reference. Its handle may be closed long before:
 * then the tag is cleared, so that a second close, or any other use of the
 * handle, is found as long as the object lives, and mostly later.
 *
 * Locks: those of growth.h, for what says so. References and sizes are atomic,
 * all other fields are written before the handle is handed out.
 */
#ifndef ACRE_FILEMAP_FILEMAP_H
#define ACRE_FILEMAP_FILEMAP_H

#include <acre/filemap.h>
#include <stdatomic.h>

#include "base/math.h"
#include "vm/root.h"
#include "vm/table.h"

enum { ACRE_FILE_TAG = 0x656c6966, ACRE_SECTION_TAG = 0x74636573, ACRE_VIEW_TAG = 0x77656976 };

struct acre_file {
  _Atomic size_t references;
  uint32_t tag;
  acre_access access;
  struct acre__os_file os;
  struct acre__os_identity identity;
  _Atomic int error;         /* the first one of a flush that nobody has acknowledged; else ACRE_OK */
  struct acre__name *name;   /* it stands for a name; else NULL */
  struct acre__paged *paged; /* it is of the paging file; else NULL */
  size_t charged;            /* pages of it in the ledger. Lock: growth */
};

struct acre_section {
  _Atomic size_t references;
  uint32_t tag;
  acre_access access;
  uint64_t offset;       /* of its first byte in the file */
  _Atomic uint64_t size; /* written with the growth lock; never becomes less */
  acre_file *file;
  acre_section *next, *previous; /* in the list of all; lock: the list's */
  bool execute;                  /* views may be executed */
  bool is_reserved;              /* its pages are committed one by one: see reserved.h */
  struct acre__table pages;      /* which of them are. Lock: growth */
  acre_view *views;              /* of these pages. Lock: growth */
  unsigned process;              /* that may commit some: acre__growth_process */
};

struct acre_view {
  uint32_t tag;
  acre_access access;
  acre_section *section;
  uint64_t offset;      /* of `base` in the file: a multiple of the map granularity */
  char *base;           /* the region: whole pages */
  char *data;           /* in its first granule */
  _Atomic size_t size;  /* written with the growth lock; never becomes less */
  size_t room;          /* the most that `size` can become */
  _Atomic size_t lost;  /* bytes of the file that zero pages have replaced */
  _Atomic bool flushed; /* it has a flusher */
  acre_view *next;      /* of the section, if that is reserved. Lock: growth */
};

static inline bool acre__file_is_open(const acre_file *file) {
  return file != NULL && file->tag == ACRE_FILE_TAG;
}

static inline bool acre__section_is_open(const acre_section *section) {
  return section != NULL && section->tag == ACRE_SECTION_TAG;
}

static inline bool acre__view_is_open(const acre_view *view) {
  return view != NULL && view->tag == ACRE_VIEW_TAG;
}

/* How far into the region the view begins. */
static inline size_t acre__view_lead(const acre_view *view) {
  return (size_t)(view->data - view->base);
}

/* The whole pages that so many bytes of the view take, in bytes. It was found to fit when the view was made. */
static inline size_t acre__view_pages(const acre_view *view, size_t size) {
  return acre__align_up(acre__view_lead(view) + size, acre__root.system.page_size);
}

/* Not an order of other memory: who learns of a growth otherwise knows of it. */
static inline uint64_t acre__section_bytes(const acre_section *section) {
  return atomic_load_explicit(&section->size, memory_order_relaxed);
}

static inline size_t acre__view_bytes(const acre_view *view) {
  return atomic_load_explicit(&view->size, memory_order_relaxed);
}

/* A section of the file, as those options say, but for the file's access. Results as acre_section_create. */
acre_result acre__section_make(acre_file *file, const acre_section_options *options, bool is_reserved,
                               acre_section **out);

/* An open file over the system's handle, which is its own from now on. On failure the handle is the caller's. */
acre_result acre__file_make(struct acre__os_file os, acre_access access, acre_file **out);

/* Undoes acre__file_make, before anything else uses the file: the handle is the caller's again. */
void acre__file_forget(acre_file *file);

/*
 * Pages of a file of the paging file become committed, or are so no more: in the ledger, in the
 * paging file's count and in `charged`. Of other files nothing is counted.
 * Lock: growth, or nobody else knows the file yet.
 * ACRE_E_COMMIT_LIMIT: nothing has changed.
 */
acre_result acre__file_charge(acre_file *file, size_t pages);
void acre__file_uncharge(acre_file *file, size_t pages);

/* Keeps the first error of the file's flushes, and returns it: what a flush says that has come to `result`. */
acre_result acre__file_note_error(acre_file *file, acre_result result);

/* Writes the changed pages of [offset, offset + size) of the view. What the system says now, and nothing of before. */
acre_result acre__view_write_back(const acre_view *view, size_t offset, size_t size, acre_flush_mode mode);

/* What becomes of the pages of a view that keeps going: an acre__view_lost (vm/region.h), its context the view. */
size_t acre__view_lose(void *view, size_t page);

/* One reference more, or one less: the last takes the object away. */
void acre__file_retain(acre_file *file);
void acre__file_release(acre_file *file);
void acre__section_retain(acre_section *section);
void acre__section_release(acre_section *section);

#endif
