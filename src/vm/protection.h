/* SPDX-License-Identifier: MIT */
/* Questions about the six protections. */
#ifndef ACRE_VM_PROTECTION_H
#define ACRE_VM_PROTECTION_H

#include <acre/vm.h>
#include <stdbool.h>

static inline bool acre__protection_is_valid(acre_vm_protection protection) {
  return protection >= ACRE_VM_NO_ACCESS && protection <= ACRE_VM_EXECUTE_READ_WRITE;
}

/* The same with ACRE_VM_GUARD, which a page that allows no access cannot have. */
static inline bool acre__protection_is_valid_of_page(acre_vm_protection protection) {
  acre_vm_protection plain = (acre_vm_protection)(protection & ~ACRE_VM_GUARD);
  return acre__protection_is_valid(plain) && (plain == protection || plain != ACRE_VM_NO_ACCESS);
}

/* The same, or the region's own. */
static inline bool acre__protection_is_valid_for_commit(acre_vm_protection protection) {
  return (protection & ~ACRE_VM_GUARD) == ACRE_VM_DEFAULT || acre__protection_is_valid_of_page(protection);
}

static inline bool acre__protection_reads(unsigned protection) {
  return protection == ACRE_VM_READ || protection == ACRE_VM_READ_WRITE || protection == ACRE_VM_EXECUTE_READ ||
         protection == ACRE_VM_EXECUTE_READ_WRITE;
}

static inline bool acre__protection_writes(unsigned protection) {
  return protection == ACRE_VM_READ_WRITE || protection == ACRE_VM_EXECUTE_READ_WRITE;
}

static inline bool acre__protection_executes(unsigned protection) {
  return protection >= ACRE_VM_EXECUTE && protection <= ACRE_VM_EXECUTE_READ_WRITE;
}

/* The same without writing. */
static inline unsigned acre__protection_unwritable(unsigned protection) {
  if (protection == ACRE_VM_READ_WRITE) return ACRE_VM_READ;
  return protection == ACRE_VM_EXECUTE_READ_WRITE ? ACRE_VM_EXECUTE_READ : protection;
}

/* Whether everything that `protection` allows is allowed by `most` as well. */
static inline bool acre__protection_within(unsigned protection, unsigned most) {
  return (!acre__protection_reads(protection) || acre__protection_reads(most)) &&
         (!acre__protection_writes(protection) || acre__protection_writes(most)) &&
         (!acre__protection_executes(protection) || acre__protection_executes(most));
}

#endif
