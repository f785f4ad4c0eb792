/* SPDX-License-Identifier: MIT */
/* Offer and reclaim, discard, cool, page_out: what they take, what they keep, what they refuse. */
#include <sys/mman.h>

#include "vm/view.h"
#include "vm/vm_check.h"

enum { PAGES = 600 };

static char *committed_pages(void) {
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  return reserve_with(PAGES, &options);
}

static size_t resident_pages(char *base) {
  unsigned char present[PAGES];
  size_t count = 0;
  REQUIRE(mincore(base, PAGES * page_bytes(), present) == 0);
  for (size_t i = 0; i < PAGES; i++) count += present[i] & 1;
  return count;
}

TEST(what_was_offered_is_reclaimed_or_lost) {
  size_t page = page_bytes();
  char *base = committed_pages();
  memset(base, 3, PAGES * page);
  CHECK_OK(acre_vm_offer(base, PAGES * page));
  acre_result result = acre_vm_reclaim(base, PAGES * page);
  CHECK(result == ACRE_OK || result == ACRE_E_CONTENT_LOST);
  for (size_t i = 0; i < PAGES; i++) {
    CHECK(base[i * page] == 3 || (result == ACRE_E_CONTENT_LOST && base[i * page] == 0));
    CHECK(all_bytes_are(base + i * page, page, (unsigned char)base[i * page]));
  }
  memset(base, 4, PAGES * page);
  CHECK_OK(acre_vm_offer(base + 10 * page, 10 * page));
  REQUIRE(madvise(base + 15 * page, page, MADV_DONTNEED) == 0); /* as the system may under pressure */
  CHECK_RESULT(acre_vm_reclaim(base + 10 * page, 10 * page), ACRE_E_CONTENT_LOST);
  CHECK(all_bytes_are(base + 15 * page, page, 0));
  CHECK_OK(acre_vm_release(base));
}

TEST(what_is_discarded_is_gone_at_once) {
  size_t page = page_bytes();
  char *base = committed_pages();
  uint64_t charge = system_figures().commit_charge;
  memset(base, 3, PAGES * page);
  CHECK_OK(acre_vm_discard(base + 1, PAGES * page - 2)); /* inwards: the first and the last stay */
  CHECK_EQ(resident_pages(base), 2);
  CHECK(all_bytes_are(base, page, 3) && all_bytes_are(base + (PAGES - 1) * page, page, 3));
  CHECK(all_bytes_are(base + page, (PAGES - 2) * page, 0));
  CHECK_EQ(query(base).size, PAGES * page);
  CHECK_EQ(query(base).state, ACRE_VM_COMMITTED);
  CHECK_EQ(system_figures().commit_charge, charge);
  CHECK_OK(acre_vm_discard(base + 1, page - 1)); /* no whole page */
  CHECK(all_bytes_are(base, page, 3));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(discard_leaves_hidden_pages_hidden) {
  size_t page = page_bytes();
  char *base = reserve_pages(PAGES);
  for (size_t at = 0; at < PAGES; at += 3) CHECK_OK(acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT));
  memset(base + 300 * page, 1, page);
  CHECK_OK(acre_vm_discard(base + 300 * page, page));
  CHECK(all_bytes_are(base + 300 * page, page, 0));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(cool_pages_keep_their_content) {
  size_t page = page_bytes();
  char *base = committed_pages();
  memset(base, 3, PAGES * page);
  CHECK_OK(acre_vm_protect(base + 5 * page, page, ACRE_VM_READ, NULL));
  CHECK_OK(acre_vm_cool(base, PAGES * page));
  CHECK_OK(acre_vm_page_out(base + 1, 100 * page));
  CHECK(all_bytes_are(base, PAGES * page, 3));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

static acre_result (*const all[])(void *, size_t) = {acre_vm_offer, acre_vm_reclaim, acre_vm_discard, acre_vm_cool,
                                                     acre_vm_page_out};

TEST(what_they_refuse) {
  size_t page = page_bytes();
  char *base = reserve_pages(PAGES);
  CHECK_OK(acre_vm_commit(base, 20 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_lock(base, page));
  memset(base, 1, 20 * page);
  void *view;
  struct acre__view_plan plan = {
      .size = page, .committed = page, .protection = ACRE_VM_READ_WRITE, .most = ACRE_VM_READ_WRITE};
  REQUIRE_OK(acre__vm_view_reserve(&plan, &view));
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    CHECK_RESULT(all[i](NULL, page), ACRE_E_INVALID_ARGUMENT);
    CHECK_RESULT(all[i](base, 0), ACRE_E_INVALID_SIZE);
    CHECK_RESULT(all[i](base, SIZE_MAX), ACRE_E_INVALID_SIZE);
    CHECK_RESULT(all[i]((void *)&page, 1), ACRE_E_NOT_A_REGION);
    CHECK_RESULT(all[i](base, (PAGES + 1) * page), ACRE_E_SPANS_REGIONS);
    CHECK_RESULT(all[i](base + 10 * page, 11 * page), ACRE_E_NOT_COMMITTED);
    CHECK_RESULT(all[i](base, 2 * page), ACRE_E_WRONG_KIND); /* locked */
    if (i < 3) CHECK_RESULT(all[i](view, page), ACRE_E_WRONG_KIND);
  }
  CHECK_OK(acre_vm_protect(base + 3 * page, page, ACRE_VM_READ, NULL));
  CHECK_RESULT(acre_vm_discard(base + 2 * page, 3 * page), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(acre_vm_offer(base + 2 * page, 3 * page), ACRE_E_ACCESS_DENIED);
  CHECK(all_bytes_are(base, 20 * page, 1));
  CHECK_OK(acre__vm_view_release(view));
  CHECK_OK(acre_vm_release(base));
}
