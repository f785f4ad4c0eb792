/* SPDX-License-Identifier: MIT */
/*
 * placeholder.h - reservations that are cut up, and whose parts become regions
 * and views and reservations again, in place.
 *
 *   one placeholder     [ P                                        ]
 *   acre_vm_split       [ P            ][ P        ][ P            ]
 *   replaced            [ private      ][ P        ][ view         ]
 *   ... and back        [ P            ][ P        ][ P            ]
 *   acre_vm_join        [ P                                        ]
 *
 * A placeholder is a region of kind PLACEHOLDER: one record, one entry of the
 * index. To the system it is a reservation like any other, so splitting,
 * joining and replacing by a private region ask the system for nothing; a view is mapped
 * over it by one call, and a region gives way to a fresh reservation by one. The
 * range is never free.
 *
 * Invariant: a placeholder's table is empty, but after a failed commit which
 * the system refused to undo: then its LOOSE chunks stay on record until the
 * next change takes the memory away.
 *
 * Locks: what makes a placeholder something else, or changes its size, begins
 * with the index locked. So whoever holds the index can rely on what he has found to be one.
 * Never are two regions locked at once, except by fork: a fault handler that
 * waits for the one may have interrupted somebody who has the other.
 */
#ifndef ACRE_VM_PLACEHOLDER_H
#define ACRE_VM_PLACEHOLDER_H

#include "vm/region.h"

/*
 * Makes the placeholder with plan->base a region of this plan, all of it committed
 * if `commit` says so. Results as acre_vm_reserve with ACRE_VM_REPLACE.
 */
acre_result acre__placeholder_replace(const struct acre__region_plan *plan, bool commit);

/* Makes the region of this kind with this base a placeholder: content, charge and mapping are gone. */
acre_result acre__placeholder_restore(uintptr_t base, acre_vm_kind kind);

/* The same for a region over whose reservation nothing has been mapped after all. Cannot fail. */
void acre__placeholder_restore_unmapped(uintptr_t base);

#endif
