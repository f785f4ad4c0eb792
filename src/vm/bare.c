/* SPDX-License-Identifier: MIT */
#include "vm/bare.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/ledger.h"
#include "vm/root.h"

/* Written once; `size` last, so that the fault handler sees all of it. */
static struct {
  uintptr_t base;
  _Atomic size_t size;
  acre_vm_fault_handler handler;
} range;

acre_result acre__bare_reserve(size_t size, acre_vm_fault_handler handler, void **out) {
  (void)acre__root_get();
  acre_result result = acre__faults_install();
  if (result == ACRE_OK) result = acre__os_reserve(NULL, size, ACRE_OS_ANYWHERE, out);
  if (result != ACRE_OK) return result;
  range.base = (uintptr_t)*out;
  range.handler = handler;
  atomic_store_explicit(&range.size, size, memory_order_release);
  return ACRE_OK;
}

bool acre__bare_uses_markers(void) {
  return acre__root.hide;
}

acre_result acre__bare_prepare(void *address, size_t size) {
  if (!acre__root.hide) return ACRE_OK;
  acre__os_advise_small(address, size);
  acre_result result = acre__os_hide(address, size);
  return result == ACRE_OK ? acre__os_commit(address, size, ACRE_VM_READ_WRITE) : result;
}

acre_result acre__bare_open(void *address, size_t size) {
  size_t pages = size >> acre__root.page_shift;
  acre_result result = acre__ledger_charge(pages);
  if (result != ACRE_OK) return result;
  result = acre__root.hide ? acre__os_reveal(address, size) : acre__os_commit(address, size, ACRE_VM_READ_WRITE);
  if (result != ACRE_OK)
    acre__ledger_uncharge(pages);
  else if (!acre__root.hide)
    acre__mappings_changed(2);
  return result;
}

acre_result acre__bare_close(void *address, size_t size) {
  acre_result result = acre__root.hide ? acre__os_hide(address, size) : acre__os_decommit(address, size);
  if (result != ACRE_OK) return result;
  acre__ledger_uncharge(size >> acre__root.page_shift);
  if (!acre__root.hide) acre__mappings_changed(-2);
  return ACRE_OK;
}

acre_vm_fault_handler acre__bare_handler(const struct acre__os_fault *fault) {
  size_t size = atomic_load_explicit(&range.size, memory_order_acquire);
  return fault->address - range.base < size ? range.handler : NULL;
}
