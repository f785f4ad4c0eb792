/* SPDX-License-Identifier: MIT */
/* The contract of os.h, sentence by sentence: large pages, nodes, what goes first. */
#include "contract_linux.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/math.h"
#include "large_pool.h"

static struct acre__os_system probe(void) {
  struct acre__os_system system;
  acre__os_probe(&system);
  return system;
}

/* A reservation of `count` large pages, aligned so; `*whole` and `*size` are what to release. */
static char *reserve_large(size_t count, void **whole, size_t *size) {
  size_t large = probe().large_page_size;
  if (large == 0) test_skip("this system has no large pages");
  *size = (count + 1) * large;
  REQUIRE_OK(acre__os_reserve(NULL, *size, ACRE_OS_ANYWHERE, whole));
  return (char *)acre__align_up((uintptr_t)*whole, large);
}

TEST(probe_tells_of_large_pages_and_nodes) {
  struct acre__os_system system = probe();
  CHECK(system.nodes >= 1);
  CHECK_EQ(system.large_page_size == 0 || system.large_page_size % system.page_size == 0, true);
  large_pool_take(2);
  CHECK(probe().large_pages >= 2);
  CHECK(acre__os_large_pages_free() >= 2);
  large_pool_restore();
}

TEST(advice_brings_large_pages) {
  if (!probe().transparent_large_pages) test_skip("this system gives no transparent large pages");
  size_t large = probe().large_page_size, size;
  void *whole;
  char *base = reserve_large(2, &whole, &size);
  CHECK_OK(acre__os_advise_large(base, 2 * large));
  CHECK_OK(acre__os_commit(base, 2 * large, ACRE_VM_READ_WRITE));
  CHECK(smaps_has_flag(base, "hg"));
  memset(base, 1, 2 * large);
  size_t got = smaps_bytes(base, 2 * large, "AnonHugePages:");
  CHECK(all_bytes_are(base, 2 * large, 1));
  CHECK_OK(acre__os_decommit(base, 2 * large));
  CHECK(!smaps_has_flag(base, "hg"));
  CHECK_OK(acre__os_release(whole, size));
  if (got == 0) test_skip("no large page was free");
  CHECK_EQ(got % large, 0);
}

TEST(pages_of_the_pool_are_committed_whole) {
  size_t large = probe().large_page_size, size;
  void *whole;
  large_pool_take(4);
  char *base = reserve_large(4, &whole, &size);
  size_t unused = acre__os_large_pages_free();
  REQUIRE_OK(acre__os_commit_large(base + large, 2 * large, ACRE_VM_READ_WRITE));
  CHECK_EQ(acre__os_large_pages_free(), unused - 2); /* theirs before any touch */
  CHECK(!test_can_read(base) && !test_can_read(base + 3 * large));
  CHECK(all_bytes_are(base + large, 2 * large, 0));
  memset(base + large, 3, 2 * large);
  CHECK_EQ(smaps_bytes(base + large, 2 * large, "Private_Hugetlb:"), 2 * large);
  CHECK_OK(acre__os_populate(base + large, 2 * large, true));
  CHECK_OK(acre__os_protect(base + large, large, ACRE_VM_READ));
  CHECK(test_can_read(base + large) && !test_can_write(base + large));
  CHECK_OK(acre__os_decommit(base + large, large));
  CHECK(!test_can_read(base + large));
  CHECK(all_bytes_are(base + 2 * large, large, 3));
  CHECK_EQ(acre__os_large_pages_free(), unused - 1);
  CHECK_OK(acre__os_commit_large(base + large, large, ACRE_VM_READ));
  CHECK(test_can_read(base + large) && !test_can_write(base + large));
  CHECK_OK(acre__os_release(whole, size));
  CHECK_EQ(acre__os_large_pages_free(), unused);
  large_pool_restore();
}

TEST(a_pool_with_too_few_changes_nothing) {
  size_t large = probe().large_page_size, size;
  void *whole;
  large_pool_take(1);
  size_t count = acre__os_large_pages_free() + 1;
  char *base = reserve_large(count, &whole, &size);
  CHECK_RESULT(acre__os_commit_large(base, count * large, ACRE_VM_READ_WRITE), ACRE_E_NO_MEMORY);
  for (size_t i = 0; i < count; i++) CHECK(is_taken(base + i * large));
  CHECK(!test_can_read(base));
  CHECK_OK(acre__os_commit(base, large, ACRE_VM_READ_WRITE)); /* small ones all the same */
  CHECK(all_bytes_are(base, large, 0));
  CHECK_OK(acre__os_release(whole, size));
  large_pool_restore();
}

TEST(collapse_keeps_content) {
  struct acre__os_system system = probe();
  size_t large = system.large_page_size, size;
  void *whole;
  if (!system.can_collapse) test_skip("before Linux 6.1 nothing can be collapsed");
  char *base = reserve_large(2, &whole, &size);
  CHECK_OK(acre__os_commit(base, 2 * large, ACRE_VM_READ_WRITE));
  REQUIRE(madvise(base, 2 * large, MADV_NOHUGEPAGE) == 0);
  for (size_t at = 0; at < 2 * large; at += page_size()) memset(base + at, (int)(at / page_size() % 127), page_size());
  CHECK_EQ(smaps_bytes(base, 2 * large, "AnonHugePages:"), 0);
  CHECK_RESULT(acre__os_collapse(base, 2 * large), ACRE_E_NOT_SUPPORTED); /* not this memory: forbidden above */
  REQUIRE(madvise(base, 2 * large, MADV_HUGEPAGE) == 0);
  acre_result result = acre__os_collapse(base, 2 * large);
  if (result == ACRE_E_NO_MEMORY || result == ACRE_E_BUSY) test_skip("no large page is free");
  CHECK_OK(result);
  CHECK_EQ(smaps_bytes(base, 2 * large, "AnonHugePages:"), 2 * large);
  for (size_t at = 0; at < 2 * large; at += page_size())
    CHECK(all_bytes_are(base + at, page_size(), (int)(at / page_size() % 127)));
  CHECK_OK(acre__os_protect(base, page_size(), ACRE_VM_READ));
  CHECK_OK(acre__os_release(whole, size));
}

/* numa_maps' line of the mapping that begins at `start`: whether it names this policy. */
static bool has_policy(const void *start, const char *policy) {
  FILE *file = fopen("/proc/self/numa_maps", "re");
  if (file == NULL) test_skip("this kernel has no /proc/self/numa_maps");
  char line[512];
  bool found = false;
  while (fgets(line, sizeof line, file) != NULL)
    if (strtoul(line, NULL, 16) == (uintptr_t)start) found |= strstr(line, policy) != NULL;
  fclose(file);
  return found;
}

TEST(a_node_can_be_preferred) {
  char *base = reserve(64);
  acre_result result = acre__os_prefer_node(base + 16 * page_size(), 32 * page_size(), 0);
  if (result == ACRE_E_NOT_SUPPORTED) test_skip("mbind is not to be had here");
  CHECK_OK(result);
  CHECK(has_policy(base + 16 * page_size(), " prefer"));
  CHECK_OK(acre__os_commit(base, 64 * page_size(), ACRE_VM_READ_WRITE));
  memset(base, 1, 64 * page_size());
  CHECK(has_policy(base + 16 * page_size(), " prefer"));
  CHECK_OK(acre__os_decommit(base, 64 * page_size()));
  CHECK(!has_policy(base + 16 * page_size(), " prefer"));
  release(base, 64);
}

TEST(a_node_that_is_not_there_is_refused) {
  char *base = reserve(1);
  acre_result result = acre__os_prefer_node(base, page_size(), 0);
  if (result == ACRE_E_NOT_SUPPORTED) test_skip("mbind is not to be had here");
  CHECK_RESULT(acre__os_prefer_node(base, page_size(), probe().nodes), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre__os_prefer_node(base, page_size(), 1023), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre__os_prefer_node(base, page_size(), UINT32_MAX), ACRE_E_INVALID_ARGUMENT);
  release(base, 1);
}

TEST(what_goes_first_keeps_its_content) {
  char *base = reserve_committed(8);
  memset(base, 5, 8 * page_size());
  CHECK_OK(acre__os_cool(base, 8 * page_size()));
  CHECK(all_bytes_are(base, 8 * page_size(), 5));
  CHECK_OK(acre__os_page_out(base, 8 * page_size()));
  CHECK(all_bytes_are(base, 8 * page_size(), 5));
  release(base, 8);
}

/* ------------------------------------------------------------- a file in memory */

static void check_mapped_twice(struct acre__os_file file) {
  char *one = reserve(2), *other = reserve(2);
  size_t size = 2 * page_size();
  CHECK_OK(acre__os_map_file(one, size, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  CHECK_OK(acre__os_map_file(other, size, PART(file, 0, ACRE_VM_READ_WRITE, false)));
  CHECK(all_bytes_are(one, size, 0));
  memset(one, 9, size);
  CHECK(all_bytes_are(other, size, 9));
  release(one, 2);
  release(other, 2);
}

TEST(a_file_in_memory_cannot_shrink) {
  struct acre__os_file file;
  uint64_t size = 0;
  acre_result result = acre__os_file_in_memory(2 * page_size(), &file);
  if (result == ACRE_E_NOT_SUPPORTED) test_skip("this system has no memfd");
  REQUIRE_OK(result);
  CHECK_OK(acre__os_file_size(file, &size));
  CHECK_EQ(size, 2 * page_size());
  CHECK((fcntl((int)file.handle, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(ftruncate((int)file.handle, 1) != 0);
  CHECK_OK(acre__os_file_grow(file, 2 * page_size(), 3 * page_size()));
  check_mapped_twice(file);
  acre__os_file_close(file);
  CHECK_RESULT(acre__os_file_in_memory(UINT64_MAX, &file), ACRE_E_FILE_TOO_LARGE);
}

static void open_one_more(void *context) {
  (void)context;
  struct acre__os_file file;
  set_limit(RLIMIT_NOFILE, 3);
  acre_result result = acre__os_file_in_memory(1, &file);
  if (result != ACRE_E_NOT_SUPPORTED) CHECK_RESULT(result, ACRE_E_TOO_MANY_FILES);
}

TEST(a_file_in_memory_says_when_descriptors_are_short) {
  CHECK_IN_CHILD(open_one_more, NULL);
}
