/* SPDX-License-Identifier: MIT */
/* Regions of kind MAPPED, for src/filemap: address space in which it maps files. */
#ifndef ACRE_VM_VIEW_H
#define ACRE_VM_VIEW_H

#include <acre/vm.h>

/*
 * Reserves `size` bytes (whole pages) at the granularity, at `wish` rounded down to it or,
 * for NULL, anywhere, and enters them as a region whose pages are committed
 * with `protection` and may get up to `most`. Nothing is mapped there yet.
 * `copy_on_write`: its pages can become the program's own, and are charged.
 * Results as acre_vm_reserve, and ACRE_E_COMMIT_LIMIT.
 */
acre_result acre__vm_view_reserve(void *wish, size_t size, acre_vm_protection protection, acre_vm_protection most,
                                  bool copy_on_write, void **out);

/*
 * The same in the place of the placeholder [base, base + size). Results as acre_vm_reserve with ACRE_VM_REPLACE.
 * acre__vm_view_put_back makes it a placeholder again while nothing has been mapped there yet; it cannot fail.
 */
acre_result acre__vm_view_replace(void *base, size_t size, acre_vm_protection protection, acre_vm_protection most,
                                  bool copy_on_write);
void acre__vm_view_put_back(void *base);

/* Takes the region out and leaves a placeholder, with nothing mapped there. Results as acre_vm_release_to_placeholder.
 */
acre_result acre__vm_view_release_to_placeholder(void *base);

/* Takes the region out and frees its range, with whatever is mapped there. Results as acre_vm_release. */
acre_result acre__vm_view_release(void *base);

#endif
