/* SPDX-License-Identifier: MIT */
/*
 * What the paging file is for: a gigabyte of memory under a memory limit of
 * 128 MiB. On the paging file it is filled and every byte of it is right; with
 * anonymous memory and no swap the same program is killed.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "vm/cgroup.h"
#include "vm/vm_check.h"

enum { TMPFS = 0x01021994 };

static const size_t SIZE = (size_t)1 << 30;
static const char LIMIT[] = "134217728";

static uint64_t word_at(uint64_t i) {
  return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void fill_and_verify(void *memory) {
  uint64_t *words = memory;
  size_t wrong = 0;
  for (size_t i = 0; i < SIZE / sizeof *words; i++) words[i] = word_at(i);
  for (size_t i = 0; i < SIZE / sizeof *words; i++) wrong += words[i] != word_at(i);
  CHECK_EQ(wrong, 0);
}

static void on_the_paging_file(void *group) {
  if (!cgroup_enter(group)) _exit(77);
  acre_vm_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE};
  void *base;
  REQUIRE_OK(acre_vm_set_paging_file("/var/tmp", 0));
  REQUIRE_OK(acre_vm_reserve(SIZE, &options, &base));
  REQUIRE_OK(acre_vm_commit(base, SIZE, ACRE_VM_DEFAULT));
  fill_and_verify(base);
  CHECK_OK(acre_vm_release(base));
}

static void on_memory(void *group) {
  if (!cgroup_enter(group)) _exit(77);
  void *base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(base != MAP_FAILED);
  fill_and_verify(base);
}

/* The wait status of the function in a child under the limit. */
static int run_limited(void (*fn)(void *group)) {
  struct statfs disk;
  if (SANITIZED) test_skip("a sanitizer wants more than the limit for itself");
  if (statfs("/var/tmp", &disk) != 0 || disk.f_type == TMPFS) test_skip("/var/tmp is on no disk");
  if ((uint64_t)disk.f_bavail * (uint64_t)disk.f_bsize < 2 * SIZE) test_skip("/var/tmp has no 2 GiB free");
  struct cgroup group;
  if (!cgroup_make(LIMIT, &group)) test_skip("no memory cgroup may be made here: %s", strerror(errno));
  int status = test_in_child(fn, &group);
  cgroup_remove(&group);
  if (status == 77 << 8) test_skip("no process may be moved into the cgroup");
  return status;
}

TEST(a_gigabyte_in_128_mib_on_the_paging_file) {
  CHECK_EQ(run_limited(on_the_paging_file), 0);
}

TEST(a_gigabyte_in_128_mib_of_memory_is_killed) {
  int status = run_limited(on_memory);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
