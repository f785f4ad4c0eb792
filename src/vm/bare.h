/* SPDX-License-Identifier: MIT */
/*
 * bare.h - addresses whose pages are opened and closed one by one, by one who
 * keeps the books himself: the page heap (src/check), where every block is such
 * an opening, and a region's table, lock and signals would be most of the cost.
 *
 *   reserved   [ - - - - - - - - - - - - - - - - ]
 *   prepared   [ x x x x x x x x ]                     closed, by markers or by protection
 *   open       [ x O O x O x x x ]                     reads zero, can be written; charged
 *
 * There is at most one such range in a process. It is no region: acre_vm_query
 * does not know it. A fault on a closed page is told to the range's handler.
 */
#ifndef ACRE_VM_BARE_H
#define ACRE_VM_BARE_H

#include <acre/vm.h>
#include <stdbool.h>

struct acre__os_fault;

/*
 * Reserves the range, once; its faults are told to `handler` (as acre_vm_on_fault
 * says; the report's state is always reserved). Errors of acre_vm_reserve and acre_vm_on_fault.
 */
acre_result acre__bare_reserve(size_t size, acre_vm_fault_handler handler, void **out);

/* Pages that were never prepared are from now on to be opened. ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT. */
acre_result acre__bare_prepare(void *address, size_t size);

/* Closed pages are open, or open ones closed, and have lost their content. ACRE_E_COMMIT_LIMIT and as above. */
acre_result acre__bare_open(void *address, size_t size);
acre_result acre__bare_close(void *address, size_t size);

/* Whether what is closed is markers, and no mapping of its own. */
bool acre__bare_uses_markers(void);

/* In the fault handler, before regions are looked at: NULL, the fault is not in the range. */
acre_vm_fault_handler acre__bare_handler(const struct acre__os_fault *fault);

#endif
