/* SPDX-License-Identifier: MIT */
/* The story of a page, end to end: FREE, RESERVE, COMMIT, and back. If this fails, look here first. */
#include <acre/vm.h>
#include <string.h>

#include "harness.h"

static acre_vm_info query(const void *address) {
  acre_vm_info info = {0};
  CHECK_OK(acre_vm_query(address, &info));
  return info;
}

TEST(free_reserve_commit_free) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  size_t page = system.page_size;

  void *base;
  REQUIRE_OK(acre_vm_reserve(64 * page, NULL, &base));
  CHECK_EQ((uintptr_t)base % system.allocation_granularity, 0);
  CHECK_EQ(query(base).state, ACRE_VM_RESERVED);
  CHECK_EQ(query(base).size, 64 * page);
  CHECK(!test_can_read(base));

  char *bytes = base;
  REQUIRE_OK(acre_vm_commit(bytes + 4 * page, 8 * page, ACRE_VM_DEFAULT));
  CHECK_EQ(query(base).size, 4 * page);
  CHECK_EQ(query(bytes + 4 * page).state, ACRE_VM_COMMITTED);
  CHECK_EQ(query(bytes + 4 * page).size, 8 * page);
  CHECK_EQ(query(bytes + 12 * page).state, ACRE_VM_RESERVED);
  for (size_t i = 0; i < 8 * page; i++) CHECK_EQ(bytes[4 * page + i], 0);
  memset(bytes + 4 * page, 1, 8 * page);
  CHECK(!test_can_read(bytes + 4 * page - 1));
  CHECK(!test_can_read(bytes + 12 * page));

  REQUIRE_OK(acre_vm_decommit(bytes + 5 * page, page));
  CHECK(!test_can_read(bytes + 5 * page));
  CHECK_EQ(bytes[6 * page], 1);
  REQUIRE_OK(acre_vm_commit(bytes + 5 * page, page, ACRE_VM_DEFAULT));
  CHECK_EQ(bytes[5 * page], 0);

  REQUIRE_OK(acre_vm_release(base));
  CHECK_EQ(query(base).state, ACRE_VM_FREE);
  CHECK_RESULT(acre_vm_release(base), ACRE_E_NOT_A_REGION);
}
