/* SPDX-License-Identifier: MIT */
/*
 * view.h - regions of kind MAPPED, for src/filemap: address space in which it
 * maps files.
 *
 *   base                committed              size
 *    [ pages of the file    | reserved ......... ]
 *
 * A view may have more address space than pages: those are committed later, by
 * acre__vm_view_commit, from the file and nowhere else.
 */
#ifndef ACRE_VM_VIEW_H
#define ACRE_VM_VIEW_H

#include "os/os.h"
#include "vm/region.h"

struct acre__view_plan {
  void *wish;                          /* where it shall be, rounded down to the granularity; NULL: anywhere */
  size_t size;                         /* whole pages */
  size_t committed;                    /* of these, from the start on: what is mapped at once. Whole pages */
  acre_vm_protection protection, most; /* of its pages, and the most that they may get */
  bool copy_on_write;                  /* its pages can become the program's own, and are charged */
  acre__view_commit commit;            /* who is asked for more pages; NULL: nobody */
  acre__view_lost lost;                /* who says what becomes of pages that are gone; NULL: nobody */
  void *context;                       /* of both */
};

/*
 * Reserves the address space and enters it as a region. Nothing is mapped there
 * yet. Results as acre_vm_reserve, and ACRE_E_COMMIT_LIMIT.
 */
acre_result acre__vm_view_reserve(const struct acre__view_plan *plan, void **out);

/*
 * The same anywhere, with all of it mapped from the file's `offset` on, in one
 * system call. Results also as acre__os_map_file.
 */
acre_result acre__vm_view_map(const struct acre__view_plan *plan, struct acre__os_file file, uint64_t offset,
                              void **out);

/* Maps the first pages of a view that is reserved, those that its plan calls committed. Results as acre__os_map_file. */
acre_result acre__vm_view_fill(const struct acre__view_plan *view, void *base, struct acre__os_file file,
                               uint64_t offset);

/*
 * acre__vm_view_reserve in the place of the placeholder at `wish`, which is as
 * long. Results as acre_vm_reserve with ACRE_VM_REPLACE.
 * acre__vm_view_put_back makes it a placeholder again while nothing has been mapped there yet; it cannot fail.
 */
acre_result acre__vm_view_replace(const struct acre__view_plan *plan);
void acre__vm_view_put_back(void *base);

/*
 * Commits those pages of [from, end) (bytes from the base, whole pages) that are
 * reserved: they show the file, of which `offset` stands behind `from`. Others
 * stay as they are. On failure nothing has changed (only if the system
 * then does not take a page back, that one stays committed).
 * Results as acre__os_map_file, and ACRE_E_COMMIT_LIMIT.
 */
acre_result acre__vm_view_commit(void *base, size_t from, size_t end, struct acre__os_file file, uint64_t offset);

/* Takes the region out and leaves a placeholder, with nothing mapped there. Results as acre_vm_release_to_placeholder.
 */
acre_result acre__vm_view_release_to_placeholder(void *base);

/* Takes the region out and frees its range, with whatever is mapped there. Results as acre_vm_release. */
acre_result acre__vm_view_release(void *base);

#endif
