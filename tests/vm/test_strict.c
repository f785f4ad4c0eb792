/* SPDX-License-Identifier: MIT */
/* Strict regions: every page that is committed has its memory, by whatever way it was committed. */
#include <fcntl.h>
#include <unistd.h>

#include <acre/array.h>

#include "vm/vm_check.h"

enum { PAGES = 1600 };

static size_t page;

static char *strict_region(size_t touch_pages) {
  page = page_bytes();
  acre_vm_options options = {.flags = ACRE_VM_STRICT, .touch_step = touch_pages * page};
  return reserve_with(PAGES, &options);
}

static acre_result commit(char *base, size_t start, size_t end, acre_vm_protection protection) {
  return acre_vm_commit(base + start * page, (end - start) * page, protection);
}

/*
 * How many pages of the range have memory of their own (bit 56 of pagemap; the
 * page of zeros that all share until they are written is none).
 */
static size_t resident(char *base, size_t start, size_t end) {
  static uint64_t entries[PAGES];
  int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) test_skip("/proc/self/pagemap cannot be read");
  size_t size = (end - start) * sizeof *entries;
  off_t offset = (off_t)((uintptr_t)(base + start * page) / page * sizeof *entries);
  REQUIRE(pread(pagemap, entries, size, offset) == (ssize_t)size);
  close(pagemap);
  size_t count = 0;
  for (size_t i = 0; i < end - start; i++) count += entries[i] >> 56 & 1;
  return count;
}

/* Every committed page has memory, and no other has. */
static void check_resident(char *base) {
  for (size_t at = 0; at < PAGES;) {
    acre_vm_info info = query(base + at * page);
    size_t end = at + info.size / page;
    CHECK_EQ(resident(base, at, end), info.state == ACRE_VM_COMMITTED ? end - at : 0);
    at = end;
  }
  CHECK_AGREES(base);
  CHECK_CHARGE();
}

TEST(each_way_of_committing) {
  char *base = strict_region(0);
  CHECK_OK(commit(base, 0, 1, ACRE_VM_DEFAULT));     /* the first page */
  CHECK_OK(commit(base, 1, 20, ACRE_VM_DEFAULT));    /* a frontier */
  CHECK_OK(commit(base, 700, 701, ACRE_VM_DEFAULT)); /* an island */
  for (size_t at = 800; at < 900; at += 2) CHECK_OK(commit(base, at, at + 1, ACRE_VM_DEFAULT));
  check_resident(base);
  CHECK_OK(commit(base, 690, 1000, ACRE_VM_DEFAULT)); /* what is between them */
  CHECK_OK(commit(base, 10, 1100, ACRE_VM_DEFAULT));  /* over chunks' edges */
  check_resident(base);
  CHECK_OK(acre_vm_decommit(base + 50 * page, 500 * page));
  CHECK_OK(acre_vm_decommit(base + 855 * page, 3 * page));
  check_resident(base);
  CHECK_OK(commit(base, 0, PAGES, ACRE_VM_DEFAULT));
  check_resident(base);
  CHECK(all_bytes_are(base, PAGES * page, 0));
  CHECK_OK(acre_vm_release(base));
}

/* A page that may not be written now may be later: its memory is there all the same. */
TEST(each_protection) {
  static const acre_vm_protection protections[] = {ACRE_VM_NO_ACCESS, ACRE_VM_READ,         ACRE_VM_READ_WRITE,
                                                   ACRE_VM_EXECUTE,   ACRE_VM_EXECUTE_READ, ACRE_VM_EXECUTE_READ_WRITE};
  char *base = strict_region(0);
  for (size_t i = 0; i < sizeof protections / sizeof *protections; i++) {
    acre_vm_protection protection = protections[i];
    CHECK_OK(commit(base, 5, 6, ACRE_VM_DEFAULT));
    base[5 * page] = 7;
    CHECK_OK(commit(base, 0, 10, protection));
    CHECK_OK(commit(base, 600, 601, protection));
    CHECK_OK(commit(base, 602, 603, protection));
    CHECK_OK(commit(base, 604, 605, protection));
    CHECK_EQ(query(base).protection, protection);
    CHECK_EQ(query(base).size, 10 * page);
    check_resident(base);
    CHECK_OK(acre_vm_protect(base, 10 * page, ACRE_VM_READ_WRITE, NULL));
    memset(base, 1, 4 * page);
    CHECK_EQ(base[5 * page], 7);
    CHECK_OK(acre_vm_decommit(base, PAGES * page));
    CHECK_EQ(resident(base, 0, PAGES), 0);
  }
  CHECK_OK(acre_vm_release(base));
}

TEST(born_committed) {
  page = page_bytes();
  acre_vm_options options = {.flags = ACRE_VM_STRICT | ACRE_VM_COMMIT};
  char *base = reserve_with(PAGES, &options);
  check_resident(base);
  CHECK_OK(acre_vm_release(base));
  options.protection = ACRE_VM_READ;
  base = reserve_with(PAGES, &options);
  check_resident(base);
  CHECK_EQ(query(base).protection, ACRE_VM_READ);
  CHECK_OK(acre_vm_release(base));
}

TEST(by_a_touch) {
  char *base = strict_region(16);
  ((volatile char *)base)[100 * page] = 1;
  CHECK_EQ(query(base + 96 * page).size, 16 * page);
  check_resident(base);
  ((volatile char *)base)[200 * page] = 1;
  ((volatile char *)base)[232 * page] = 1;
  check_resident(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(over_the_limit_it_populates_nothing) {
  char *base = strict_region(0);
  CHECK_OK(commit(base, 0, 10, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_set_commit_limit(acre__ledger_charged() + 100 * page));
  CHECK_RESULT(commit(base, 5, 111, ACRE_VM_DEFAULT), ACRE_E_COMMIT_LIMIT);
  check_resident(base);
  CHECK_OK(commit(base, 5, 110, ACRE_VM_DEFAULT));
  check_resident(base);
  CHECK_OK(acre_vm_set_commit_limit(0));
  CHECK_OK(acre_vm_release(base));
}

/* A region that is not strict takes no memory before it is touched. */
TEST(others_are_not_populated) {
  page = page_bytes();
  char *base = reserve_pages(PAGES);
  CHECK_OK(commit(base, 0, 100, ACRE_VM_DEFAULT));
  CHECK_EQ(resident(base, 0, 100), 0);
  CHECK_OK(acre_vm_release(base));
}
