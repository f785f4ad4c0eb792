/* SPDX-License-Identifier: MIT */
/* The six protections, each by what can really be done: in a child, which a signal may kill. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "vm/protect_check.h"

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
