/* SPDX-License-Identifier: MIT */
/* Protections: what they leave, and what is refused. What can really be done under each: test_protect_linux.c. */
#include "vm/protect_check.h"

TEST(no_access_keeps_the_content) {
  size_t page = page_bytes();
  char *base = reserve_pages(600);
  for (size_t at = 0; at < 600; at += 3) {
    CHECK_OK(acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT));
    base[at * page] = 7;
    CHECK_OK(acre_vm_protect(base + at * page, page, ACRE_VM_NO_ACCESS, NULL));
  }
  CHECK_AGREES(base);
  CHECK_EQ(query(base).state, ACRE_VM_COMMITTED);
  for (size_t at = 0; at < 600; at += 3) {
    CHECK_OK(acre_vm_protect(base + at * page, page, ACRE_VM_READ, NULL));
    CHECK_EQ(base[at * page], 7);
  }
  CHECK_OK(acre_vm_release(base));
}

TEST(the_first_page_s_protection_is_the_old_one) {
  size_t page = page_bytes();
  char *base = reserve_pages(16);
  acre_vm_protection old = ACRE_VM_DEFAULT;
  CHECK_OK(acre_vm_commit(base, 8 * page, ACRE_VM_READ_WRITE));
  CHECK_OK(acre_vm_protect(base + 2 * page, page, ACRE_VM_READ, NULL));
  CHECK_OK(acre_vm_protect(base + 2 * page, 6 * page, ACRE_VM_NO_ACCESS, &old));
  CHECK_EQ(old, ACRE_VM_READ);
  CHECK_OK(acre_vm_protect(base + page, 7 * page, ACRE_VM_READ, &old));
  CHECK_EQ(old, ACRE_VM_READ_WRITE);
  CHECK_EQ(query(base + page).size, 7 * page);
  CHECK_OK(acre_vm_protect(base + page, 1, ACRE_VM_READ, &old)); /* nothing to do is fine, too */
  CHECK_EQ(old, ACRE_VM_READ);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(reserved_pages_are_refused) {
  size_t page = page_bytes();
  char *base = reserve_pages(16);
  acre_vm_protection old = ACRE_VM_EXECUTE;
  struct picture before, after;
  CHECK_RESULT(acre_vm_protect(base, page, ACRE_VM_READ, &old), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_commit(base + 2 * page, 2 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_commit(base + 5 * page, 2 * page, ACRE_VM_DEFAULT));
  take_picture(base, 16 * page, &before);
  CHECK_RESULT(acre_vm_protect(base + 2 * page, 5 * page, ACRE_VM_READ, &old), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_protect(base + page, 3 * page, ACRE_VM_READ, &old), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_protect(base + 3 * page, 2 * page, ACRE_VM_READ, &old), ACRE_E_NOT_COMMITTED);
  CHECK_EQ(old, ACRE_VM_EXECUTE); /* untouched */
  take_picture(base, 16 * page, &after);
  CHECK(same_picture(&before, &after));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(random_protections) {
  size_t page = page_bytes(), pages = 700;
  char *base = reserve_pages(pages);
  CHECK_OK(acre_vm_commit(base, pages * page, ACRE_VM_DEFAULT));
  for (unsigned i = 0; i < 200; i++) {
    size_t start = (size_t)test_random_below(pages), length = 1 + (size_t)test_random_below(pages - start);
    if (i % 3 != 0 && length > 9) length = 9;
    CHECK_OK(acre_vm_protect(base + start * page, length * page, all[test_random_below(PROTECTIONS)], NULL));
    if (i % 10 == 0) CHECK_AGREES(base);
  }
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}
