/* SPDX-License-Identifier: MIT */
/*
 * fault.h - who repairs a fault.
 *
 *   no region's        of the page heap                 tell         bare.h
 *   a reserved page    of a stack, where it grows       grow           stack.c
 *                      of a region with a touch step    commit         touch.c
 *   a guard page       clear the guard, and tell        acre__protect_pages
 *   access allowed     the first write of a page that is to be noticed: note it       written_fault.c
 *                      ... and too much is written: wait for a flush                  gate.c
 *                      a race with another thread: try again, if the system agrees
 *   nothing behind it  the thread has a guard: the code is left           os/linux/guard.c
 *                      the view keeps going: zero pages take its place    filemap/view.c says how many
 *
 * For the rest the region's handler is asked, and then the process's (acre_vm_on_any_fault), with the region's lock given back
 * before. A region is looked at only if it is watched; a guard holds everywhere.
 */
#ifndef ACRE_VM_FAULT_H
#define ACRE_VM_FAULT_H

#include "vm/region.h"

/* Makes sure that Acre's handler is asked first. Before a region is watched. */
acre_result acre__faults_install(void);

/*
 * Finds and locks the region with this base; with `watch`, it is watched from now
 * on. Results as acre_vm_on_fault.
 */
acre_result acre__region_lock_to_watch(void *base, bool watch, struct acre__region **out);

/* acre__range_lock; if the protection has ACRE_VM_GUARD, its region is watched from now on. */
acre_result acre__range_lock_watched(const void *address, size_t size, struct acre__range *out);

static inline acre_result acre__range_lock_to_guard(const void *address, size_t size, acre_vm_protection protection,
                                                    struct acre__range *out) {
  return (protection & ACRE_VM_GUARD) != 0 ? acre__range_lock_watched(address, size, out)
                                           : acre__range_lock(address, size, out);
}

#endif
