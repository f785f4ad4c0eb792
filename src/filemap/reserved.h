/* SPDX-License-Identifier: MIT */
/*
 * reserved.h - sections whose pages are committed when they are wanted, for all
 * views at once.
 *
 *   section   pages: [ r | c | c | r | r | c ]      r reserved, c committed
 *                        |   |           |
 *   view                 v   v           v
 *   view                 v   v           v           each maps what is committed
 *
 * The file is as long as the section from the start, and has no blocks. A
 * commit (acre_vm_commit in a view) first gives the pages their blocks, so that no touch can
 * fail, and then maps them in every view of the section. A view that comes later
 * begins with what is committed by then. Never is a page given up again,
 * until the section goes: another view may be using it.
 *
 * A process knows its own views, and a child of fork its own copies of them. So
 * only the process that has made the section may commit; a child has what was
 * committed before the fork.
 *
 * Lock: growth, for the section's table, its list of views, and their coming and going.
 */
#ifndef ACRE_FILEMAP_RESERVED_H
#define ACRE_FILEMAP_RESERVED_H

#include "filemap/filemap.h"

/* Before and after the section's life. */
void acre__reserved_begin(acre_section *section);
void acre__reserved_end(acre_section *section);

/* What a view of such a section has for acre_vm_commit. `view` is the context. */
acre_result acre__reserved_commit(void *view, size_t from, size_t end);

/* Maps in the new view what is committed, and enters it; on failure something may be mapped. */
acre_result acre__reserved_enter(acre_view *view);

/* Takes the view out and calls release(view->base); if that fails, it stays. */
acre_result acre__reserved_leave(acre_view *view, acre_result (*release)(void *base));

#endif
