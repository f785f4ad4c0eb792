/* SPDX-License-Identifier: MIT */
/* query_check.h - what is not Acre's, as acre_vm_query tells it. */
#ifndef ACRE_TESTS_VM_QUERY_CHECK_H
#define ACRE_TESTS_VM_QUERY_CHECK_H

#include "vm/vm_check.h"

static inline void check_foreign(const void *address, acre_vm_kind kind, acre_vm_protection protection) {
  acre_vm_info info = query(address);
  size_t page = page_bytes();
  CHECK_EQ(info.kind, kind);
  CHECK_EQ(info.protection, protection);
  CHECK_EQ(info.state, protection == ACRE_VM_NO_ACCESS ? ACRE_VM_RESERVED : ACRE_VM_COMMITTED);
  CHECK_EQ((uintptr_t)info.base, (uintptr_t)address & ~(uintptr_t)(page - 1));
  CHECK(info.size != 0 && info.size % page == 0);
  CHECK((uintptr_t)info.region_base <= (uintptr_t)address);
  CHECK_EQ((uintptr_t)info.base + info.size, (uintptr_t)info.region_base + info.region_size);
}

#endif
