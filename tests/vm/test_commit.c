/* SPDX-License-Identifier: MIT */
/* Commit and decommit: zero pages, kept content, memory that is there and memory that is gone. */
#include "vm/vm_check.h"

static const size_t MIB = (size_t)1 << 20;

TEST(new_pages_read_zero) {
  size_t page = page_bytes();
  char *base = reserve_pages(1024);
  for (unsigned round = 0; round < 40; round++) {
    size_t start = (size_t)test_random_below(1000), pages = 1 + (size_t)test_random_below(24);
    CHECK_OK(acre_vm_decommit(base + start * page, pages * page));
    CHECK_OK(acre_vm_commit(base + start * page, pages * page, ACRE_VM_DEFAULT));
    REQUIRE(all_bytes_are(base + start * page, pages * page, 0));
    memset(base + start * page, 0xa5, pages * page);
  }
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_second_commit_keeps_content) {
  size_t page = page_bytes();
  char *base = reserve_pages(64);
  CHECK_OK(acre_vm_commit(base + 10 * page, 4 * page, ACRE_VM_DEFAULT));
  memset(base + 10 * page, 9, 4 * page);
  CHECK_OK(acre_vm_commit(base + 10 * page, 4 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_commit(base, 64 * page, ACRE_VM_DEFAULT));
  CHECK(all_bytes_are(base, 10 * page, 0));
  CHECK(all_bytes_are(base + 10 * page, 4 * page, 9));
  CHECK(all_bytes_are(base + 14 * page, 50 * page, 0));
  CHECK_OK(acre_vm_commit(base + 5 * page, 10 * page, ACRE_VM_READ)); /* and gives its protection to all of them */
  CHECK_EQ(query(base + 5 * page).protection, ACRE_VM_READ);
  CHECK_EQ(query(base + 5 * page).size, 10 * page);
  CHECK(all_bytes_are(base + 10 * page, 4 * page, 9));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(the_region_s_protection_is_the_default) {
  acre_vm_options options = {.protection = ACRE_VM_READ};
  char *base = reserve_with(16, &options);
  CHECK_OK(acre_vm_commit(base, 1, ACRE_VM_DEFAULT));
  CHECK_EQ(query(base).protection, ACRE_VM_READ);
  CHECK_OK(acre_vm_commit(base, 1, ACRE_VM_READ_WRITE));
  CHECK_EQ(query(base).protection, ACRE_VM_READ_WRITE);
  CHECK_EQ(query(base).region_protection, ACRE_VM_READ);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(every_page_that_the_bytes_touch) {
  size_t page = page_bytes();
  char *base = reserve_pages(64);
  CHECK_OK(acre_vm_commit(base + 3 * page - 1, 2, ACRE_VM_DEFAULT));
  CHECK_EQ(query(base + 2 * page).size, 2 * page);
  CHECK_EQ(query(base + page).state, ACRE_VM_RESERVED);
  CHECK_EQ(query(base + 4 * page).state, ACRE_VM_RESERVED);
  CHECK_OK(acre_vm_commit(base + 8 * page + 1, page, ACRE_VM_DEFAULT));
  CHECK_EQ(query(base + 8 * page).size, 2 * page);
  CHECK_OK(acre_vm_decommit(base + 9 * page + 100, 1));
  CHECK_EQ(query(base + 8 * page).size, page);
  CHECK_OK(acre_vm_commit(base + 63 * page + 1, page - 1, ACRE_VM_DEFAULT)); /* up to the last byte */
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

/* The same pattern in each place of a chunk, and over the edges of chunks. */
TEST(islands_and_holes) {
  size_t page = page_bytes(), pages = 1600;
  for (unsigned stride = 2; stride < 40; stride += 7) {
    char *base = reserve_pages(pages);
    for (size_t at = 0; at < pages; at += stride) CHECK_OK(acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT));
    for (size_t at = 0; at < pages; at += stride) base[at * page] = 1;
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_commit(base, pages * page, ACRE_VM_DEFAULT));
    for (size_t at = 0; at < pages; at++) REQUIRE_EQ(base[at * page], at % stride == 0);
    for (size_t at = 0; at < pages; at += stride) CHECK_OK(acre_vm_decommit(base + at * page, page));
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_decommit(base + page, (pages - 2) * page));
    CHECK_AGREES(base);
    CHECK_EQ(query(base).size, (pages - (pages % stride == 1 ? 0 : 1)) * page);
    CHECK_OK(acre_vm_release(base));
  }
}

TEST(decommitted_memory_leaves_at_once) {
  size_t size = 64 * MIB, page = page_bytes();
  void *got;
  REQUIRE_OK(acre_vm_reserve(size, NULL, &got));
  char *base = got;
  size_t before = test_resident_bytes();
  CHECK_OK(acre_vm_commit(base, size, ACRE_VM_DEFAULT));
  CHECK(SANITIZED || test_resident_bytes() < before + MIB); /* nothing was written */
  memset(base, 1, size);
  CHECK(SANITIZED || test_resident_bytes() >= before + size);
  CHECK_OK(acre_vm_decommit(base + size / 2, size / 2));
  CHECK(SANITIZED || test_resident_bytes() < before + size / 2 + MIB);
  for (size_t at = 0; at < size / 2; at += 2 * page) CHECK_OK(acre_vm_decommit(base + at, page));
  CHECK(SANITIZED || test_resident_bytes() < before + size / 4 + MIB);
  CHECK_OK(acre_vm_decommit(base, size));
  CHECK(SANITIZED || test_resident_bytes() < before + MIB);
  CHECK_OK(acre_vm_release(base));
}

TEST(the_charge_counts_committed_bytes) {
  size_t page = page_bytes();
  uint64_t before = system_figures().commit_charge, reserved = system_figures().reserved_bytes;
  char *base = reserve_pages(2000);
  CHECK_EQ(system_figures().reserved_bytes, reserved + 2000 * page);
  CHECK_EQ(system_figures().commit_charge, before);
  CHECK_OK(acre_vm_commit(base + 100 * page, 700 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_commit(base, 200 * page, ACRE_VM_DEFAULT));
  CHECK_EQ(system_figures().commit_charge, before + 800 * page);
  CHECK_OK(acre_vm_decommit(base + 799 * page, 100 * page));
  CHECK_EQ(system_figures().commit_charge, before + 799 * page);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(system_figures().commit_charge, before);
  CHECK_EQ(system_figures().reserved_bytes, reserved);
}

TEST(a_frontier_makes_no_mappings) {
  size_t page = page_bytes();
  char *base = reserve_pages(8192);
  size_t before = test_mapping_count();
  for (size_t at = 0; at < 8192; at += 16) CHECK_OK(acre_vm_commit(base + at * page, 16 * page, ACRE_VM_DEFAULT));
  CHECK(test_mapping_count() <= before + 2);
  for (size_t at = 8192; at > 0; at -= 16) CHECK_OK(acre_vm_decommit(base + (at - 16) * page, 16 * page));
  CHECK(test_mapping_count() <= before + 2);
  CHECK_OK(acre_vm_release(base));
}

TEST(large_regions_are_released_with_all_they_have) {
  size_t size = 48 * MIB;
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  void *base;
  size_t before = test_resident_bytes();
  for (unsigned i = 0; i < 5; i++) {
    REQUIRE_OK(acre_vm_reserve(size, &options, &base));
    memset(base, 1, size);
    CHECK_OK(acre_vm_release(base));
    CHECK(SANITIZED || test_resident_bytes() < before + MIB);
    CHECK_EQ(query(base).state, ACRE_VM_FREE);
  }
}

TEST(all_or_nothing_over_the_end_of_a_region) {
  size_t page = page_bytes();
  char *base = reserve_pages(32);
  struct picture before, after;
  CHECK_OK(acre_vm_commit(base + 30 * page, page, ACRE_VM_DEFAULT));
  base[30 * page] = 5;
  take_picture(base, 32 * page, &before);
  CHECK_RESULT(acre_vm_commit(base, 32 * page + 1, ACRE_VM_DEFAULT), ACRE_E_SPANS_REGIONS);
  CHECK_RESULT(acre_vm_decommit(base + 16 * page, 17 * page), ACRE_E_SPANS_REGIONS);
  take_picture(base, 32 * page, &after);
  CHECK(same_picture(&before, &after));
  CHECK_EQ(base[30 * page], 5);
  CHECK_OK(acre_vm_release(base));
}
