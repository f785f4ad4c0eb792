/* SPDX-License-Identifier: MIT */
/*
 * place.h - where a reservation goes.
 *
 * The kernel places to the page, Acre to the allocation granularity (64 KiB) or
 * a coarser alignment. Asking for more and trimming costs three system calls,
 * so Acre remembers where its last reservation began and wishes for the room
 * below it: nearly always free, and always aligned. The wish is only a hint; a
 * stale one costs one more try.
 *
 *        place
 *          |<- next here ->|
 *   .......[ region 3      ][ region 2 ][ region 1 ]
 */
#ifndef ACRE_VM_PLACE_H
#define ACRE_VM_PLACE_H

#include "os/os.h"

/* Reserves anywhere: whole pages, aligned to a power of two, at least the granularity. Results as acre_vm_reserve. */
acre_result acre__place_anywhere(size_t size, size_t alignment, uintptr_t *base);

/*
 * The same, and all pages are committed: mostly in one system call. Results as acre_vm_reserve with ACRE_VM_COMMIT;
 * the pages are charged by the caller.
 */
acre_result acre__place_committed(size_t size, size_t alignment, acre_vm_protection protection, uintptr_t *base);

/* acre__place_anywhere and acre__os_map_file. Results of both; on failure nothing is left. */
acre_result acre__place_file(size_t size, size_t alignment, const struct acre__os_part *part, uintptr_t *base);

/* acre__place_anywhere, as high as the address space has room. */
acre_result acre__place_top_down(size_t size, size_t alignment, uintptr_t *base);

/* Reserves exactly there; an aligned base. */
acre_result acre__place_at(uintptr_t base, size_t size);

/* Tells that a range is free again, so that the next reservation may take it. */
void acre__place_freed(uintptr_t base, size_t size);

#endif
