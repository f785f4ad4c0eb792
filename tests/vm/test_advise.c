/* SPDX-License-Identifier: MIT */
/* Populate, prefetch, lock and unlock, reset and its undoing. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm/vm_check.h"

static const size_t MIB = (size_t)1 << 20;

static char *committed_pages(size_t pages) {
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  return reserve_with(pages, &options);
}

static size_t resident_pages(char *base, size_t pages) {
  unsigned char present[4096];
  size_t count = 0;
  REQUIRE(pages <= sizeof present && mincore(base, pages * page_bytes(), present) == 0);
  for (size_t i = 0; i < pages; i++) count += present[i] & 1;
  return count;
}

TEST(populated_pages_are_there) {
  size_t page = page_bytes();
  char *base = reserve_pages(300);
  CHECK_OK(acre_vm_commit(base + 10 * page, 200 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_protect(base + 50 * page, 20 * page, ACRE_VM_READ, NULL));
  CHECK_EQ(resident_pages(base + 10 * page, 200), 0);
  CHECK_OK(acre_vm_populate(base + 20 * page + 1, 100 * page - 1));
  CHECK_EQ(resident_pages(base + 20 * page, 100), 100);
  CHECK_EQ(resident_pages(base, 20), 0);
  CHECK_EQ(resident_pages(base + 120 * page, 90), 0);
  CHECK(all_bytes_are(base + 10 * page, 200 * page, 0));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(populate_keeps_content) {
  size_t page = page_bytes();
  char *base = committed_pages(64);
  memset(base, 5, 64 * page);
  CHECK_OK(acre_vm_populate(base, 64 * page));
  CHECK(all_bytes_are(base, 64 * page, 5));
  CHECK_OK(acre_vm_release(base));
}

TEST(what_cannot_be_populated) {
  size_t page = page_bytes();
  char *base = reserve_pages(16);
  CHECK_RESULT(acre_vm_populate(base, page), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_commit(base, 8 * page, ACRE_VM_DEFAULT));
  CHECK_RESULT(acre_vm_populate(base, 9 * page), ACRE_E_NOT_COMMITTED);
  CHECK_EQ(resident_pages(base, 8), 0);
  CHECK_OK(acre_vm_protect(base + 4 * page, page, ACRE_VM_NO_ACCESS, NULL));
  CHECK_RESULT(acre_vm_populate(base, 8 * page), ACRE_E_ACCESS_DENIED);
  CHECK_EQ(resident_pages(base, 8), 0);
  CHECK_OK(acre_vm_populate(base, 4 * page));
  CHECK_OK(acre_vm_release(base));
}

TEST(prefetch_changes_nothing) {
  size_t page = page_bytes();
  char *base = reserve_pages(16);
  CHECK_RESULT(acre_vm_prefetch(base, page), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_commit(base, 8 * page, ACRE_VM_DEFAULT));
  memset(base, 1, 4 * page);
  CHECK_OK(acre_vm_prefetch(base, 8 * page));
  CHECK(all_bytes_are(base, 4 * page, 1));
  CHECK(all_bytes_are(base + 4 * page, 4 * page, 0));
  CHECK_RESULT(acre_vm_prefetch(base, 9 * page), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- lock */

static size_t locked_bytes(void) {
  char line[256];
  unsigned long kibibytes = 0;
  FILE *file = fopen("/proc/self/status", "re");
  REQUIRE(file != NULL);
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "VmLck: %lu kB", &kibibytes) == 1) break;
  fclose(file);
  return (size_t)kibibytes << 10;
}

/* A sanitizer's mlock does nothing. */
static bool locks_count(void) {
  char *base = committed_pages(16);
  size_t before = locked_bytes();
  CHECK_OK(acre_vm_lock(base, 1));
  bool count = locked_bytes() != before;
  CHECK_OK(acre_vm_release(base));
  return count;
}

TEST(locked_pages_are_locked_until_they_are_not) {
  size_t page = page_bytes();
  bool count = locks_count();
  char *base = committed_pages(64);
  size_t before = locked_bytes();
  CHECK_OK(acre_vm_lock(base + 8 * page, 16 * page));
  if (count) CHECK_EQ(locked_bytes(), before + 16 * page);
  if (count) CHECK_EQ(resident_pages(base + 8 * page, 16), 16);
  CHECK_OK(acre_vm_lock(base + 16 * page, 16 * page)); /* they do not nest */
  CHECK_RESULT(acre_vm_unlock(base + 7 * page, 2 * page), ACRE_E_NOT_LOCKED);
  CHECK_RESULT(acre_vm_unlock(base + 31 * page, 2 * page), ACRE_E_NOT_LOCKED);
  CHECK_RESULT(acre_vm_unlock(base, page), ACRE_E_NOT_LOCKED);
  if (count) CHECK_EQ(locked_bytes(), before + 24 * page);
  CHECK_OK(acre_vm_unlock(base + 16 * page, 8 * page));
  CHECK_RESULT(acre_vm_unlock(base + 16 * page, page), ACRE_E_NOT_LOCKED);
  if (count) CHECK_EQ(locked_bytes(), before + 16 * page);
  CHECK_OK(acre_vm_decommit(base + 8 * page, 4 * page)); /* unlocks */
  CHECK_OK(acre_vm_commit(base + 8 * page, 4 * page, ACRE_VM_DEFAULT));
  CHECK_RESULT(acre_vm_unlock(base + 8 * page, page), ACRE_E_NOT_LOCKED);
  CHECK_OK(acre_vm_unlock(base + 12 * page, 4 * page));
  if (count) CHECK_EQ(locked_bytes(), before + 8 * page);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  if (count) CHECK_EQ(locked_bytes(), before);
}

TEST(commit_and_protect_keep_locks) {
  size_t page = page_bytes();
  char *base = committed_pages(16);
  CHECK_OK(acre_vm_lock(base, 4 * page));
  CHECK_OK(acre_vm_commit(base, 8 * page, ACRE_VM_READ));
  CHECK_OK(acre_vm_protect(base, 8 * page, ACRE_VM_READ_WRITE, NULL));
  CHECK_OK(acre_vm_unlock(base, 4 * page));
  CHECK_OK(acre_vm_release(base));
}

/* Locked islands among the hidden holes of a chunk. */
TEST(locks_in_a_scattered_chunk) {
  size_t page = page_bytes(), pages = 600;
  char *base = reserve_pages(pages);
  for (size_t at = 0; at < pages; at += 2) CHECK_OK(acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT));
  for (size_t at = 0; at < pages; at += 6) {
    CHECK_OK(acre_vm_lock(base + at * page, page));
    base[at * page] = 1;
  }
  CHECK_RESULT(acre_vm_lock(base, 2 * page), ACRE_E_NOT_COMMITTED);
  CHECK_AGREES(base);
  for (size_t at = 0; at < pages; at += 4) CHECK_OK(acre_vm_decommit(base + at * page, page));
  for (size_t at = 1; at < pages; at += 2) CHECK_OK(acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT));
  CHECK_AGREES(base);
  for (size_t at = 0; at < pages; at += 6)
    CHECK_RESULT(acre_vm_unlock(base + at * page, page), at % 4 == 0 ? ACRE_E_NOT_LOCKED : ACRE_OK);
  for (size_t at = 1; at < pages; at += 2) REQUIRE_EQ(base[at * page], 0);
  CHECK_OK(acre_vm_decommit(base, pages * page));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(what_cannot_be_locked) {
  size_t page = page_bytes();
  char *base = reserve_pages(16);
  CHECK_RESULT(acre_vm_lock(base, page), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_unlock(base, page), ACRE_E_NOT_LOCKED);
  CHECK_OK(acre_vm_commit(base, page, ACRE_VM_NO_ACCESS));
  CHECK_RESULT(acre_vm_lock(base, page), ACRE_E_ACCESS_DENIED);
  CHECK_OK(acre_vm_release(base));
}

static bool drop_right_to_lock(void) {
  enum { VERSION_3 = 0x20080522, IPC_LOCK = 14 };
  struct {
    uint32_t version;
    int pid;
  } header = {VERSION_3, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } rights[2];
  if (syscall(SYS_capget, &header, rights) != 0) return false;
  rights[0].effective &= ~(1u << IPC_LOCK);
  rights[0].permitted &= ~(1u << IPC_LOCK);
  return syscall(SYS_capset, &header, rights) == 0;
}

static void lock_up_to_the_limit(void *context) {
  (void)context;
  size_t page = page_bytes();
  char *base = committed_pages(256);
  struct rlimit limit = {64 * page, 64 * page};
  REQUIRE(drop_right_to_lock());
  REQUIRE(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  CHECK_OK(acre_vm_lock(base, 32 * page));
  CHECK_RESULT(acre_vm_lock(base + 64 * page, 65 * page), ACRE_E_LOCK_LIMIT);
  CHECK_RESULT(acre_vm_lock(base + 64 * page, 33 * page), ACRE_E_LOCK_LIMIT);
  CHECK_EQ(locked_bytes(), 32 * page);
  CHECK_RESULT(acre_vm_unlock(base + 64 * page, page), ACRE_E_NOT_LOCKED);
  CHECK_OK(acre_vm_lock(base + 64 * page, 32 * page));
  CHECK_OK(acre_vm_unlock(base, 32 * page));
  CHECK_OK(acre_vm_lock(base + 128 * page, 32 * page));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));

  limit.rlim_cur = 0;
  REQUIRE(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  base = committed_pages(16);
  CHECK_RESULT(acre_vm_lock(base, page), ACRE_E_LOCK_LIMIT);
  CHECK_OK(acre_vm_release(base));
}

TEST(the_system_limits_locks) {
  if (!locks_count()) test_skip("locks do nothing here");
  CHECK_EQ(test_in_child(lock_up_to_the_limit, NULL), 0);
}

/* ------------------------------------------------------------- reset */

TEST(what_was_reset_and_not_dropped_is_intact) {
  size_t page = page_bytes();
  char *base = committed_pages(64);
  memset(base, 7, 64 * page);
  CHECK_OK(acre_vm_reset(base, 64 * page));
  CHECK_EQ(query(base).state, ACRE_VM_COMMITTED);
  acre_result result = acre_vm_undo_reset(base, 64 * page);
  CHECK(result == ACRE_OK || result == ACRE_E_CONTENT_LOST);
  for (size_t i = 0; i < 64; i++) { /* whole or gone, and nothing between */
    bool whole = all_bytes_are(base + i * page, page, 7);
    CHECK(whole || all_bytes_are(base + i * page, page, 0));
    if (result == ACRE_OK) CHECK(whole);
  }
  CHECK_OK(acre_vm_release(base));
}

TEST(content_that_was_dropped_is_told) {
  size_t page = page_bytes();
  char *base = committed_pages(64);
  memset(base, 7, 64 * page);
  CHECK_OK(acre_vm_reset(base, 64 * page));
  REQUIRE(madvise(base + 13 * page, page, MADV_DONTNEED) == 0); /* as memory pressure would */
  CHECK_RESULT(acre_vm_undo_reset(base, 64 * page), ACRE_E_CONTENT_LOST);
  CHECK(all_bytes_are(base + 13 * page, page, 0));
  base[13 * page] = 1;
  CHECK_OK(acre_vm_undo_reset(base + 13 * page, page)); /* it counts again */
  CHECK_OK(acre_vm_release(base));
}

/* The kernel really drops what was reset, when it is told to find memory. */
TEST(pressure_drops_what_was_reset) {
#ifndef MADV_PAGEOUT
  enum { MADV_PAGEOUT = 21 };
#endif
  size_t page = page_bytes();
  char *base = committed_pages(256);
  memset(base, 7, 256 * page);
  CHECK_OK(acre_vm_reset(base + 64 * page, 128 * page));
  if (madvise(base + 64 * page, 128 * page, MADV_PAGEOUT) != 0) test_skip("this kernel cannot page out on request");
  size_t left = resident_pages(base + 64 * page, 128);
  acre_result result = acre_vm_undo_reset(base + 64 * page, 128 * page);
  CHECK_RESULT(result, left == 128 ? ACRE_OK : ACRE_E_CONTENT_LOST);
  for (size_t i = 64; i < 192; i++)
    CHECK(all_bytes_are(base + i * page, page, 7) || all_bytes_are(base + i * page, page, 0));
  CHECK(all_bytes_are(base, 64 * page, 7));
  CHECK(all_bytes_are(base + 192 * page, 64 * page, 7));
  CHECK_OK(acre_vm_release(base));
}

TEST(reset_is_rounded_inwards) {
  size_t page = page_bytes();
  char *base = committed_pages(16);
  memset(base, 7, 16 * page);
  CHECK_OK(acre_vm_reset(base + 1, 2 * page - 2)); /* no whole page */
  CHECK_OK(acre_vm_undo_reset(base + 1, 2 * page - 2));
  CHECK_OK(acre_vm_reset(base + 4 * page + 1, 3 * page - 1));
  REQUIRE(madvise(base + 5 * page, 2 * page, MADV_DONTNEED) == 0);
  CHECK_RESULT(acre_vm_undo_reset(base + 4 * page + 1, 3 * page - 1), ACRE_E_CONTENT_LOST);
  CHECK_OK(acre_vm_undo_reset(base + 4 * page, page));
  CHECK(all_bytes_are(base, 5 * page, 7));
  CHECK(all_bytes_are(base + 7 * page, 9 * page, 7));
  CHECK_OK(acre_vm_release(base));
}

TEST(what_cannot_be_reset) {
  size_t page = page_bytes();
  char *base = reserve_pages(16);
  CHECK_OK(acre_vm_commit(base, 8 * page, ACRE_VM_DEFAULT));
  memset(base, 1, 8 * page);
  CHECK_RESULT(acre_vm_reset(base, 9 * page), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_undo_reset(base, 9 * page), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_lock(base + page, page));
  CHECK_RESULT(acre_vm_reset(base, 8 * page), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_unlock(base + page, page));
  CHECK_OK(acre_vm_protect(base + 3 * page, page, ACRE_VM_READ, NULL));
  CHECK_RESULT(acre_vm_reset(base, 8 * page), ACRE_E_ACCESS_DENIED);
  CHECK(all_bytes_are(base, 8 * page, 1));
  CHECK_OK(acre_vm_release(base));
}

TEST(large_ranges) {
  size_t size = 32 * MIB;
  char *base = committed_pages(size / page_bytes());
  CHECK_OK(acre_vm_populate(base, size));
  memset(base, 1, size);
  CHECK_OK(acre_vm_reset(base, size));
  acre_result result = acre_vm_undo_reset(base, size);
  CHECK(result == ACRE_OK || result == ACRE_E_CONTENT_LOST);
  CHECK_OK(acre_vm_prefetch(base, size));
  CHECK_OK(acre_vm_lock(base, size));
  CHECK_OK(acre_vm_unlock(base, size));
  CHECK_OK(acre_vm_release(base));
}
