/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - the commit charge: how many bytes of regions are committed, all together.
 *
 * Whoever commits pages charges them before it asks the system, and gives the
 * charge back when that fails or when the pages are reserved again.
 */
#ifndef ACRE_VM_LEDGER_H
#define ACRE_VM_LEDGER_H

#include <acre/base.h>

/* Charges `pages` pages that become committed. */
void acre__ledger_charge(size_t pages);

/* Gives back what was charged. */
void acre__ledger_uncharge(size_t pages);

/* Bytes that are charged now. */
uint64_t acre__ledger_charged(void);

#endif
