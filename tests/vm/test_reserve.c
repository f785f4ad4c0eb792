/* SPDX-License-Identifier: MIT */
/* Where reservations go, how they are rounded, what they keep out, and what they cost. */
#include <stdlib.h>

#include "vm/vm_check.h"

static const size_t KIB = 1024, MIB = (size_t)1 << 20, GIB = (size_t)1 << 30;

static char *reserve_bytes(size_t size, const acre_vm_options *options) {
  void *base = NULL;
  REQUIRE_OK(acre_vm_reserve(size, options, &base));
  return base;
}

/* A free place of `size` bytes, found by reserving and releasing it. */
static char *free_place(size_t size) {
  char *base = reserve_bytes(size, NULL);
  REQUIRE_OK(acre_vm_release(base));
  return base;
}

/* Asks for `wish` and expects the refusal. */
static void refused(void *wish, size_t size, acre_result expected) {
  acre_vm_options options = {.address = wish};
  void *base = &options;
  CHECK_RESULT(acre_vm_reserve(size, &options, &base), expected);
  CHECK(base == NULL);
}

TEST(rounded_up_to_pages) {
  acre_system system = system_figures();
  const size_t sizes[] = {1, system.page_size - 1, system.page_size, system.page_size + 1, 100000, MIB + 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *base = reserve_bytes(sizes[i], NULL);
    acre_vm_info info = query(base);
    CHECK_EQ((uintptr_t)base % system.allocation_granularity, 0);
    CHECK_EQ(info.region_size, (sizes[i] + system.page_size - 1) / system.page_size * system.page_size);
    CHECK_EQ(info.size, info.region_size);
    CHECK_EQ(info.state, ACRE_VM_RESERVED);
    CHECK(info.region_base == base);
    CHECK_EQ(info.region_protection, ACRE_VM_READ_WRITE);
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
  }
}

TEST(a_wish_is_rounded_down_to_the_granularity) {
  acre_system system = system_figures();
  char *place = free_place(4 * system.allocation_granularity);
  acre_vm_options options = {.address = place + system.allocation_granularity + 5};
  char *base = reserve_bytes(system.page_size, &options);
  CHECK(base == place + system.allocation_granularity);
  CHECK_EQ(query(base).region_size, 2 * system.page_size); /* the last byte is on the second page */
  CHECK_OK(acre_vm_release(base));
  options.address = place + 2 * system.allocation_granularity - 1;
  base = reserve_bytes(1, &options);
  CHECK(base == place + system.allocation_granularity);
  CHECK_EQ(query(base).region_size, system.allocation_granularity);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- over what exists */

TEST(never_over_the_stack) {
  volatile char local[4096] = {42};
  refused((void *)local, 1, ACRE_E_ADDRESS_IN_USE);
  uintptr_t lowest = system_figures().lowest_address, least = lowest + 4 * MIB, at = (uintptr_t)local;
  volatile uintptr_t around = at < least ? lowest : at - 4 * MIB; /* volatile: or the compiler warns of what is meant */
  refused((void *)around, 8 * MIB, ACRE_E_ADDRESS_IN_USE);
  CHECK_EQ(local[0], 42);
}

TEST(never_over_the_heap_of_libc) {
  char *small = malloc(100), *large = malloc(8 * MIB);
  REQUIRE(small != NULL && large != NULL);
  memset(small, 1, 100);
  memset(large, 2, 8 * MIB);
  refused(small, 100, ACRE_E_ADDRESS_IN_USE);
  refused(large, 8 * MIB, ACRE_E_ADDRESS_IN_USE);
  refused(large - 64 * KIB, 128 * KIB, ACRE_E_ADDRESS_IN_USE); /* its front only */
  refused(large + 8 * MIB - 1, 64 * KIB, ACRE_E_ADDRESS_IN_USE);
  CHECK(all_bytes_are(small, 100, 1));
  CHECK(all_bytes_are(large, 8 * MIB, 2));
  free(small);
  free(large);
}

TEST(never_over_code_and_data) {
  static int data = 7;
  refused((void *)(uintptr_t)&refused, 1, ACRE_E_ADDRESS_IN_USE);
  refused(&data, 1, ACRE_E_ADDRESS_IN_USE);
  refused((void *)(uintptr_t)&malloc, 1, ACRE_E_ADDRESS_IN_USE);
  CHECK_EQ(data, 7);
}

TEST(never_over_regions_of_ours) {
  size_t page = page_bytes();
  char *base = reserve_pages(64);
  CHECK_OK(acre_vm_commit(base, 8 * page, ACRE_VM_DEFAULT));
  memset(base, 3, 8 * page);
  struct picture before, after;
  take_picture(base, 64 * page, &before);
  refused(base, page, ACRE_E_ADDRESS_IN_USE);
  refused(base, 64 * page, ACRE_E_ADDRESS_IN_USE);
  refused(base + 63 * page, page, ACRE_E_ADDRESS_IN_USE);
  refused(base + 32 * page, MIB, ACRE_E_ADDRESS_IN_USE);
  take_picture(base, 64 * page, &after);
  CHECK(same_picture(&before, &after));
  CHECK(all_bytes_are(base, 8 * page, 3));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(nothing_is_left_behind_by_a_refusal) {
  size_t mappings = test_mapping_count(), regions = system_figures().regions;
  char *base = reserve_pages(16);
  for (unsigned i = 0; i < 100; i++) refused(base, 16 * page_bytes(), ACRE_E_ADDRESS_IN_USE);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(system_figures().regions, regions);
  CHECK(SANITIZED || test_mapping_count() <= mappings + 2);
}

TEST(outside_what_a_program_can_have) {
  acre_system system = system_figures();
  refused((void *)1, 1, ACRE_E_INVALID_ADDRESS);
  refused((void *)(system.lowest_address - 1), 1, ACRE_E_INVALID_ADDRESS);
  refused((void *)(system.highest_address + 1), 1, ACRE_E_INVALID_ADDRESS);
  refused((void *)(UINTPTR_MAX / 2 + 1), 1, ACRE_E_INVALID_ADDRESS);
  refused((void *)(UINTPTR_MAX - 64 * KIB), 1, ACRE_E_INVALID_ADDRESS);
  refused((void *)(system.highest_address - 64 * KIB), MIB, ACRE_E_INVALID_ADDRESS);
  refused((void *)(system.highest_address - 64 * KIB), SIZE_MAX / 2, ACRE_E_INVALID_ADDRESS);
  refused((void *)(UINTPTR_MAX - 4), 4096, ACRE_E_INVALID_SIZE);
  refused((void *)MIB, SIZE_MAX, ACRE_E_INVALID_SIZE);
}

/* ------------------------------------------------------------- alignment, direction */

TEST(any_alignment) {
  for (size_t alignment = 1; alignment <= 64 * GIB; alignment *= 2) {
    acre_vm_options options = {.alignment = alignment};
    char *first = reserve_bytes(200000, &options), *second = reserve_bytes(1, &options);
    CHECK_EQ((uintptr_t)first % alignment, 0);
    CHECK_EQ((uintptr_t)second % alignment, 0);
    CHECK_EQ((uintptr_t)first % (64 * KIB), 0);
    options.flags = ACRE_VM_TOP_DOWN;
    char *third = reserve_bytes(70000, &options);
    CHECK_EQ((uintptr_t)third % alignment, 0);
    CHECK_OK(acre_vm_commit(third, 1, ACRE_VM_DEFAULT));
    CHECK_OK(acre_vm_release(first));
    CHECK_OK(acre_vm_release(second));
    CHECK_OK(acre_vm_release(third));
  }
}

/* Trimming must give back all that was reserved for the alignment's sake. */
TEST(alignment_wastes_no_address_space) {
  acre_vm_options options = {.alignment = GIB};
  char *bases[64];
  size_t mappings = test_mapping_count();
  for (unsigned i = 0; i < 64; i++) {
    bases[i] = reserve_bytes(64 * KIB, &options);
    CHECK_EQ(query(bases[i] + 64 * KIB).state, ACRE_VM_FREE);
    CHECK_EQ(query(bases[i] - 1).state, ACRE_VM_FREE);
  }
  for (unsigned i = 0; i < 64; i++) CHECK_OK(acre_vm_release(bases[i]));
  CHECK(SANITIZED || test_mapping_count() <= mappings + 2);
}

TEST(impossible_alignments) {
  void *base;
  const size_t odd[] = {3, 4097, 65537, SIZE_MAX, GIB + 1, 6 * MIB};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    CHECK_RESULT(acre_vm_reserve(1, &(acre_vm_options){.alignment = odd[i]}, &base), ACRE_E_INVALID_ALIGNMENT);
  CHECK_RESULT(acre_vm_reserve(1, &(acre_vm_options){.alignment = (size_t)1 << 63}, &base), ACRE_E_NO_ADDRESS_SPACE);
  char *place = (char *)(((uintptr_t)free_place(GIB) + 2 * MIB) & ~(uintptr_t)(2 * MIB - 1));
  acre_vm_options options = {.address = place + 64 * KIB, .alignment = MIB};
  CHECK_RESULT(acre_vm_reserve(1, &options, &base), ACRE_E_INVALID_ALIGNMENT);
  CHECK(base == NULL);
  options.address = place;
  CHECK_OK(acre_vm_reserve(1, &options, &base));
  CHECK(base == place);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- size */

#if UINTPTR_MAX > UINT32_MAX && !ACRE_SANITIZED
TEST(sixty_four_tebibytes_at_once) {
  if (!test_resident_is_own()) test_skip("what stands in for the system takes memory for each page that is reserved");
  const size_t TIB = (size_t)1 << 40;
  /* The index keeps some nodes for its next changes, and the harness's first look at RSS costs some memory. */
  char *warm[4];
  for (unsigned i = 0; i < 4; i++) warm[i] = reserve_bytes(1, NULL);
  (void)test_resident_bytes();
  size_t metadata = system_figures().metadata_bytes, resident = test_resident_bytes();
  char *base = reserve_bytes(64 * TIB, NULL);
  size_t more = test_resident_bytes() - resident;
  CHECK((ptrdiff_t)more < (ptrdiff_t)(64 * KIB));
  CHECK(system_figures().metadata_bytes - metadata <= 1024);
  CHECK_EQ(query(base).size, 64 * TIB);
  CHECK_EQ(query(base + 63 * TIB).size, TIB);
  char *far = base + 50 * TIB + 12345 * page_bytes();
  CHECK_OK(acre_vm_commit(far, 1, ACRE_VM_DEFAULT));
  CHECK_EQ(*far, 0);
  *far = 1;
  CHECK_EQ(query(far).size, page_bytes());
  CHECK_OK(acre_vm_decommit(base, 64 * TIB));
  CHECK_EQ(query(base).size, 64 * TIB);
  CHECK_OK(acre_vm_release(base));
  CHECK(system_figures().metadata_bytes <= metadata + 1024); /* the region's record may be kept for the next */
  for (unsigned i = 0; i < 4; i++) CHECK_OK(acre_vm_release(warm[i]));
}
#endif

TEST(more_than_there_is) {
  void *base;
  CHECK_RESULT(acre_vm_reserve(SIZE_MAX, NULL, &base), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_reserve(SIZE_MAX / 2, NULL, &base), ACRE_E_NO_ADDRESS_SPACE);
  CHECK_RESULT(acre_vm_reserve(system_figures().highest_address, NULL, &base), ACRE_E_NO_ADDRESS_SPACE);
  acre_vm_options options = {.flags = ACRE_VM_TOP_DOWN, .alignment = GIB};
  CHECK_RESULT(acre_vm_reserve(SIZE_MAX / 2, &options, &base), ACRE_E_NO_ADDRESS_SPACE);
  CHECK_RESULT(acre_vm_reserve(0, NULL, &base), ACRE_E_INVALID_SIZE);
}

/* ------------------------------------------------------------- at once, and alone */

TEST(reserve_and_commit_in_one_call) {
  size_t page = page_bytes();
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  for (size_t pages = 1; pages < 3000; pages = pages * 3 + 1) {
    char *base = reserve_bytes(pages * page - 7, &options);
    CHECK_EQ(query(base).state, ACRE_VM_COMMITTED);
    CHECK_EQ(query(base).size, pages * page);
    CHECK(all_bytes_are(base, pages * page, 0));
    memset(base, 1, pages * page);
    CHECK_OK(acre_vm_decommit(base, pages * page));
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
  }
  options.protection = ACRE_VM_READ;
  char *base = reserve_bytes(page, &options);
  CHECK_EQ(query(base).protection, ACRE_VM_READ);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(nothing_else_lands_inside) {
  size_t size = 512 * MIB;
  char *base = reserve_bytes(size, NULL);
  enum { COUNT = 400 };
  void *blocks[COUNT], *maps[COUNT];
  for (unsigned i = 0; i < COUNT; i++) {
    blocks[i] = malloc(i * 3000 + 1);
    CHECK(test_take_memory_at(base + i * MIB, MIB) == NULL);
    maps[i] = test_take_memory(MIB);
    REQUIRE(blocks[i] != NULL && maps[i] != NULL);
    memset(blocks[i], 1, i * 3000 + 1);
    *(char *)maps[i] = 1;
    CHECK((uintptr_t)blocks[i] - (uintptr_t)base >= size);
    CHECK((uintptr_t)maps[i] - (uintptr_t)base >= size);
  }
  CHECK_EQ(query(base).size, size);
  CHECK_EQ(query(base).state, ACRE_VM_RESERVED);
  for (unsigned i = 0; i < COUNT; i++) {
    free(blocks[i]);
    test_give_memory(maps[i], MIB);
  }
  CHECK_OK(acre_vm_release(base));
}

TEST(many_regions_of_all_sizes) {
  enum { COUNT = 2000 };
  static char *bases[COUNT];
  memset(bases, 0, sizeof bases);
  size_t regions = system_figures().regions;
  for (unsigned i = 0; i < 4 * COUNT; i++) {
    size_t at = (size_t)test_random_below(COUNT);
    if (bases[at] != NULL) {
      CHECK_OK(acre_vm_release(bases[at]));
      bases[at] = NULL;
    } else {
      bases[at] = reserve_bytes(1 + (size_t)test_random_below((size_t)1 << (10 + i % 20)), NULL);
    }
    if (i % 500 == 0) CHECK_INDEX();
  }
  for (unsigned i = 0; i < COUNT; i++)
    if (bases[i] != NULL) CHECK_OK(acre_vm_release(bases[i]));
  CHECK_INDEX();
  CHECK_EQ(system_figures().regions, regions);
}
