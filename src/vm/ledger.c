/* SPDX-License-Identifier: MIT */
#include "vm/ledger.h"

#include <stdatomic.h>

#include "vm/root.h"

static _Atomic uint64_t charged_pages;

void acre__ledger_charge(size_t pages) {
  atomic_fetch_add_explicit(&charged_pages, pages, memory_order_relaxed);
}

void acre__ledger_uncharge(size_t pages) {
  atomic_fetch_sub_explicit(&charged_pages, pages, memory_order_relaxed);
}

uint64_t acre__ledger_charged(void) {
  return atomic_load_explicit(&charged_pages, memory_order_relaxed) << acre__root.page_shift;
}
