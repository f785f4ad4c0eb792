/* SPDX-License-Identifier: MIT */
/*
 * Commit on touch: an access to a reserved page of a region with a touch step
 * commits the step's reserved pages, and is tried again.
 *
 * Lock: the region's.
 */
#ifndef ACRE_VM_TOUCH_H
#define ACRE_VM_TOUCH_H

#include "vm/region.h"

/* A step of so many bytes, in pages. False: it cannot be rounded up. */
bool acre__touch_round(size_t bytes, size_t *pages);

/* Commits the step around a reserved page of a region that has one. Results as acre__commit_pages. */
acre_result acre__touch_page(struct acre__region *region, size_t page);

#endif
