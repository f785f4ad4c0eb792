/* SPDX-License-Identifier: MIT */
/* The six protections, each by what can really be done. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "vm/vm_check.h"

/* int function(void) { return 42; } */
#if defined(__x86_64__)
static const unsigned char returns_42[] = {0xb8, 0x2a, 0x00, 0x00, 0x00, 0xc3};
#elif defined(__aarch64__)
static const unsigned char returns_42[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#else
#error "a tiny function is wanted for this processor"
#endif

static const acre_vm_protection all[] = {ACRE_VM_NO_ACCESS, ACRE_VM_READ,         ACRE_VM_READ_WRITE,
                                         ACRE_VM_EXECUTE,   ACRE_VM_EXECUTE_READ, ACRE_VM_EXECUTE_READ_WRITE};
enum { PROTECTIONS = sizeof all / sizeof *all };

static int call(const void *code) {
  int (*function)(void);
  memcpy(&function, &code, sizeof function); /* ISO C knows no conversion */
  return function();
}

static void call_in_child(void *code) {
  signal(SIGSEGV, SIG_DFL);
  CHECK_EQ(call(code), 42);
}

/* 0: it returned 42; else what killed it. */
static int death_by_calling(void *code) {
  int status = test_in_child(call_in_child, code);
  CHECK(WIFSIGNALED(status) || status == 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : status;
}

static void check_access(char *code, acre_vm_protection protection) {
  bool can_read = test_can_read(code), can_write = test_can_write(code);
  bool executes = acre__protection_executes(protection);
  if (protection != ACRE_VM_EXECUTE) CHECK_EQ(can_read, acre__protection_reads(protection));
  CHECK_EQ(can_write, acre__protection_writes(protection));
  CHECK_EQ(death_by_calling(code), executes ? 0 : SIGSEGV);
  CHECK_EQ(query(code).protection, protection);
}

static void put_function(char *code) {
  memcpy(code, returns_42, sizeof returns_42);
  __builtin___clear_cache(code, code + sizeof returns_42);
}

TEST(every_protection_from_every_other) {
  size_t page = page_bytes();
  char *base = reserve_pages(48);
  CHECK_OK(acre_vm_commit(base + 16 * page, 3 * page, ACRE_VM_DEFAULT));
  char *code = base + 17 * page;
  put_function(code);
  acre_vm_protection before = ACRE_VM_READ_WRITE;
  for (unsigned from = 0; from < PROTECTIONS; from++)
    for (unsigned to = 0; to < PROTECTIONS; to++) {
      acre_vm_protection old = ACRE_VM_DEFAULT;
      CHECK_OK(acre_vm_protect(code, page, all[from], &old));
      CHECK_EQ(old, before);
      CHECK_OK(acre_vm_protect(code, page, all[to], &old));
      CHECK_EQ(old, all[from]);
      before = all[to];
      if (from == to) check_access(code, all[to]);
      CHECK_AGREES(base);
    }
  CHECK_OK(acre_vm_protect(code, page, ACRE_VM_EXECUTE_READ, NULL));
  CHECK_EQ(call(code), 42); /* the content has stayed */
  CHECK_OK(acre_vm_release(base));
}

TEST(committed_with_each_protection) {
  size_t page = page_bytes();
  for (unsigned i = 0; i < PROTECTIONS; i++) {
    char *base = reserve_pages(48);
    CHECK_OK(acre_vm_commit(base + 5 * page, page, ACRE_VM_READ_WRITE));
    put_function(base + 5 * page);
    CHECK_OK(acre_vm_commit(base + 4 * page, 3 * page, all[i]));
    check_access(base + 5 * page, all[i]);
    CHECK_EQ(query(base + 4 * page).size, 3 * page);
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
  }
}

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
