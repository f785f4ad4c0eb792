/* SPDX-License-Identifier: MIT */
/* Where reservations go on Linux, by the side of what the kernel chooses. See test_reserve.c. */
#include <sys/mman.h>

#include "vm/vm_check.h"

static const size_t KIB = 1024, GIB = (size_t)1 << 30;

static char *reserve_bytes(size_t size, const acre_vm_options *options) {
  void *base = NULL;
  REQUIRE_OK(acre_vm_reserve(size, options, &base));
  return base;
}

/* ------------------------------------------------------------- alignment, direction */

/* (A whole number of large pages the kernel itself aligns, and so passes over a hole that just fits.) */
TEST(from_the_top_down) {
  CHECK_OK(acre_vm_release(reserve_bytes(1, NULL))); /* the memory for tables has its place from then on */
  size_t size = GIB + 64 * KIB;
  acre_vm_options options = {.flags = ACRE_VM_TOP_DOWN};
  void *probe = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                     0); /* the kernel's highest */
  REQUIRE(probe != MAP_FAILED && munmap(probe, size) == 0);
  char *high = reserve_bytes(size, &options), *next = reserve_bytes(size, &options);
  size_t granularity = system_figures().allocation_granularity;
  CHECK_EQ((uintptr_t)high % granularity, 0);
  CHECK((char *)probe - high < (ptrdiff_t)granularity);
  CHECK(next < high);
  CHECK(high - next < (ptrdiff_t)(2 * size)); /* the next highest */
  CHECK_OK(acre_vm_release(high));
  char *again = reserve_bytes(size, &options);
  CHECK_EQ((uintptr_t)again, (uintptr_t)high);
  CHECK_OK(acre_vm_release(again));
  CHECK_OK(acre_vm_release(next));
}
