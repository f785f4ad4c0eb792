/* SPDX-License-Identifier: MIT */
/* Large pages for whoever builds on regions. */
#ifndef ACRE_VM_LARGE_H
#define ACRE_VM_LARGE_H

#include <stddef.h>

/* Asks for large pages behind pages of a region, committed or not yet. A hint: never fails. */
void acre__vm_advise_large(void *address, size_t size);

/* Asks for small pages alone, where the system would give large ones unasked. A hint: never fails. */
void acre__vm_advise_small(void *address, size_t size);

#endif
