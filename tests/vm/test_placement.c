/* SPDX-License-Identifier: MIT */
/* Large pages of both kinds, collapse, a preferred node: that they happen, and that it is told when they do not. */
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/math.h"
#include "os/large_pool.h"
#include "vm/vm_check.h"

static size_t large_page(void) {
  size_t size = system_figures().large_page_size;
  if (size == 0) test_skip("this system has no large pages");
  return size;
}

static acre_result reserve_large(size_t size, unsigned flags, char **out) {
  acre_vm_options options = {.flags = ACRE_VM_LARGE_PAGES | flags};
  void *base;
  acre_result result = acre_vm_reserve(size, &options, &base);
  *out = base;
  return result;
}

/* Takes `pages` into the pool for a region of so many, or skips. */
static void need_pool(long pages) {
  if (acre__root.options.large_by_advice) test_skip("large=transparent");
  large_pool_take(pages);
}

/* ------------------------------------------------------------- transparent */

/* As where the pool is empty. */
static bool without_pool(void) {
  (void)system_figures();
  bool before = acre__root.options.large_by_advice;
  acre__root.options.large_by_advice = true;
  return before;
}

TEST(transparent_large_pages_happen) {
  size_t large = large_page();
  if (!system_figures().transparent_large_pages) test_skip("this system gives no transparent large pages");
  char *base;
  bool before = without_pool();
  REQUIRE_OK(reserve_large(4 * large - 5, ACRE_VM_COMMIT, &base));
  acre__root.options.large_by_advice = before;
  acre_vm_info info = query(base);
  CHECK_EQ(info.large_pages, ACRE_VM_LARGE_PAGES_TRANSPARENT);
  CHECK_EQ(info.region_size, 4 * large);
  CHECK_EQ((uintptr_t)base % large, 0);
  memset(base, 1, 4 * large);
  size_t got = smaps_bytes(base, 4 * large, "AnonHugePages:");

  /* Decommitted and committed again they are asked for again, and the mapping is one as before. */
  size_t mappings = test_mapping_count();
  CHECK_OK(acre_vm_decommit(base + large, large));
  CHECK_OK(acre_vm_commit(base + large, large, ACRE_VM_DEFAULT));
  CHECK(smaps_has_flag(base + large, "hg"));
  if (!SANITIZED) CHECK_EQ(test_mapping_count(), mappings);
  CHECK(all_bytes_are(base + large, large, 0));
  memset(base + large, 2, large);
  size_t again = smaps_bytes(base, 4 * large, "AnonHugePages:");
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  if (got < 4 * large || again < 4 * large) test_skip("too few large pages were free");
}

TEST(in_transparent_ones_the_unit_is_the_page) {
  size_t large = large_page(), page = page_bytes();
  char *base;
  bool before = without_pool();
  REQUIRE_OK(reserve_large(large, 0, &base));
  acre__root.options.large_by_advice = before;
  CHECK(query(base).large_pages != ACRE_VM_LARGE_PAGES_EXPLICIT);
  CHECK_OK(acre_vm_commit(base + 3 * page, page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_commit(base + 7 * page, page, ACRE_VM_READ));
  CHECK_EQ(query(base + 3 * page).size, page);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_decommit(base + 3 * page, page));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(without_any_the_region_is_an_ordinary_one) {
  char *base;
  bool before = without_pool(), transparent = acre__root_system()->transparent_large_pages;
  acre__root.system.transparent_large_pages = false;
  REQUIRE_OK(reserve_large(100, ACRE_VM_COMMIT, &base));
  acre__root.system.transparent_large_pages = transparent;
  acre__root.options.large_by_advice = before;
  CHECK_EQ(query(base).large_pages, ACRE_VM_LARGE_PAGES_NONE);
  memset(base, 1, query(base).region_size);
  CHECK_OK(acre_vm_release(base));
}

TEST(large_requests_are_checked) {
  size_t large = large_page();
  char *base, *other;
  CHECK_RESULT(reserve_large(SIZE_MAX, 0, &base), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(reserve_large(0, 0, &base), ACRE_E_INVALID_SIZE);
  REQUIRE_OK(reserve_large(2 * large, 0, &base));
  CHECK_OK(acre_vm_release(base));
  acre_vm_options options = {.flags = ACRE_VM_LARGE_PAGES, .address = base + large / 2};
  void *out;
  CHECK_RESULT(acre_vm_reserve(large, &options, &out), ACRE_E_INVALID_ALIGNMENT);
  options.address = base;
  REQUIRE_OK(acre_vm_reserve(1, &options, &out));
  CHECK(out == base);
  CHECK_EQ(query(base).region_size, large);
  CHECK_OK(acre_vm_release(base));
  REQUIRE_OK(reserve_large(large, ACRE_VM_TOP_DOWN, &other));
  CHECK_EQ((uintptr_t)other % large, 0);
  CHECK_OK(acre_vm_release(other));
}

/* ------------------------------------------------------------- explicit */

TEST(explicit_large_pages_happen) {
  need_pool(8);
  size_t large = large_page(), pool = system_figures().large_pages_free;
  uint64_t charge = system_figures().commit_charge;
  char *base;
  REQUIRE_OK(reserve_large(4 * large, ACRE_VM_COMMIT, &base));
  CHECK_EQ(query(base).large_pages, ACRE_VM_LARGE_PAGES_EXPLICIT);
  CHECK_EQ(system_figures().large_pages_free, pool - 4); /* before any touch */
  CHECK_EQ(system_figures().commit_charge, charge + 4 * large);
  CHECK(all_bytes_are(base, 4 * large, 0));
  memset(base, 1, 4 * large);
  CHECK_EQ(smaps_bytes(base, 4 * large, "Private_Hugetlb:"), 4 * large);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(system_figures().large_pages_free, pool);
  CHECK_EQ(system_figures().commit_charge, charge);
  large_pool_restore();
}

TEST(with_explicit_ones_the_unit_is_the_large_page) {
  need_pool(4);
  size_t large = large_page();
  uint64_t charge = system_figures().commit_charge;
  char *base;
  REQUIRE_OK(reserve_large(3 * large, 0, &base));
  CHECK_EQ(query(base).large_pages, ACRE_VM_LARGE_PAGES_EXPLICIT);
  CHECK_EQ(query(base).state, ACRE_VM_RESERVED);
  CHECK_OK(acre_vm_commit(base + large + 5, 1, ACRE_VM_DEFAULT));
  CHECK_EQ(system_figures().commit_charge, charge + large);
  CHECK_EQ(query(base + large).size, large);
  memset(base + large, 1, large);
  CHECK_OK(acre_vm_commit(base + large - 1, 2, ACRE_VM_READ_WRITE)); /* what is committed keeps its content */
  CHECK(all_bytes_are(base, large, 0) && all_bytes_are(base + large, large, 1));
  CHECK_OK(acre_vm_commit(base, 3 * large, ACRE_VM_READ));
  CHECK(all_bytes_are(base + large, large, 1) && all_bytes_are(base + 2 * large, large, 0));
  CHECK(!test_can_write(base));
  acre_vm_protection old;
  CHECK_OK(acre_vm_protect(base + 2 * large - 1, 1, ACRE_VM_READ_WRITE, &old));
  CHECK_EQ(old, ACRE_VM_READ);
  CHECK(test_can_write(base + large) && !test_can_write(base) && !test_can_write(base + 2 * large));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_populate(base, 3 * large));
  CHECK_OK(acre_vm_lock(base + large, 1));
  CHECK_OK(acre_vm_unlock(base + 2 * large - 1, 1));
  CHECK_OK(acre_vm_collapse(base, 3 * large));
  CHECK_RESULT(acre_vm_reset(base + large, large), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_undo_reset(base + large, large), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_discard(base + large, large), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_cool(base + large, large), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_page_out(base + large, large), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_decommit(base + large + 1, 1));
  CHECK_EQ(system_figures().commit_charge, charge + 2 * large);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  large_pool_restore();
}

TEST(strict_ones_have_their_memory) {
  need_pool(3);
  size_t large = large_page();
  acre_vm_options options = {.flags = ACRE_VM_LARGE_PAGES | ACRE_VM_STRICT};
  void *base;
  REQUIRE_OK(acre_vm_reserve(3 * large, &options, &base));
  CHECK_EQ(query(base).large_pages, ACRE_VM_LARGE_PAGES_EXPLICIT);
  CHECK_OK(acre_vm_commit((char *)base + large, large, ACRE_VM_READ));
  CHECK_EQ(smaps_bytes((char *)base + large, large, "Private_Hugetlb:"), large);
  CHECK(test_can_read((char *)base + large) && !test_can_write((char *)base + large));
  CHECK_OK(acre_vm_commit(base, 3 * large, ACRE_VM_READ_WRITE));
  CHECK_EQ(smaps_bytes(base, 3 * large, "Private_Hugetlb:"), 3 * large);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  large_pool_restore();
}

TEST(explicit_ones_can_be_committed_by_touch) {
  need_pool(4);
  size_t large = large_page();
  acre_vm_options options = {.flags = ACRE_VM_LARGE_PAGES, .touch_step = 1};
  void *out;
  REQUIRE_OK(acre_vm_reserve(3 * large, &options, &out));
  char *base = out;
  CHECK_EQ(query(base).large_pages, ACRE_VM_LARGE_PAGES_EXPLICIT);
  base[large + 100] = 1;
  CHECK_EQ(query(base + large).size, large);
  CHECK_EQ(query(base + large).state, ACRE_VM_COMMITTED);
  CHECK_EQ(query(base + 2 * large).state, ACRE_VM_RESERVED);
  CHECK_AGREES(base + large);
  CHECK_OK(acre_vm_release(base));
  large_pool_restore();
}

TEST(a_pool_that_is_too_small_is_told) {
  need_pool(2);
  size_t large = large_page(), pool = system_figures().large_pages_free;
  char *base, *first, *second;
  REQUIRE_OK(reserve_large((pool + 1) * large, ACRE_VM_COMMIT, &base));
  CHECK(query(base).large_pages != ACRE_VM_LARGE_PAGES_EXPLICIT);
  CHECK_OK(acre_vm_release(base));

  /* Two that could each have had the pool: the one that comes too late changes nothing. */
  REQUIRE_OK(reserve_large(pool * large, 0, &first));
  REQUIRE_OK(reserve_large(pool * large, 0, &second));
  CHECK_EQ(query(second).large_pages, ACRE_VM_LARGE_PAGES_EXPLICIT);
  uint64_t charge = system_figures().commit_charge;
  CHECK_OK(acre_vm_commit(first, large, ACRE_VM_DEFAULT));
  CHECK_RESULT(acre_vm_commit(second, pool * large, ACRE_VM_DEFAULT), ACRE_E_NO_MEMORY);
  CHECK_EQ(system_figures().commit_charge, charge + large);
  CHECK_EQ(query(second).state, ACRE_VM_RESERVED);
  CHECK_AGREES(second);
  CHECK_OK(acre_vm_release(first));
  CHECK_OK(acre_vm_commit(second, pool * large, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_release(second));
  large_pool_restore();
}

TEST(a_placeholder_is_replaced_by_large_pages) {
  need_pool(2);
  size_t large = large_page();
  acre_vm_options placeholder = {.flags = ACRE_VM_PLACEHOLDER, .alignment = large};
  void *out;
  REQUIRE_OK(acre_vm_reserve(2 * large, &placeholder, &out));
  acre_vm_options options = {.address = out, .flags = ACRE_VM_REPLACE | ACRE_VM_LARGE_PAGES | ACRE_VM_COMMIT};
  REQUIRE_OK(acre_vm_reserve(2 * large, &options, &out));
  CHECK_EQ(query(out).large_pages, ACRE_VM_LARGE_PAGES_EXPLICIT);
  memset(out, 1, 2 * large);
  CHECK_EQ(smaps_bytes(out, 2 * large, "Private_Hugetlb:"), 2 * large);
  CHECK_OK(acre_vm_release_to_placeholder(out));
  CHECK_EQ(query(out).large_pages, ACRE_VM_LARGE_PAGES_NONE);
  CHECK_EQ(query(out).kind, ACRE_VM_KIND_PLACEHOLDER);
  CHECK_AGREES(out);
  CHECK_OK(acre_vm_release(out));
  large_pool_restore();
}

enum { UNITS = 6, STEPS = 400 };

/* Random operations on byte ranges, against a model of large pages. */
TEST(random_operations_on_explicit_large_pages) {
  need_pool(UNITS);
  size_t large = large_page();
  uint64_t charge = system_figures().commit_charge;
  acre_vm_protection model[UNITS] = {0}; /* 0: reserved */
  char *base;
  REQUIRE_OK(reserve_large(UNITS * large, 0, &base));
  REQUIRE(query(base).large_pages == ACRE_VM_LARGE_PAGES_EXPLICIT);
  for (int i = 0; i < STEPS; i++) {
    size_t first = test_random_below(UNITS), count = 1 + test_random_below(UNITS - first);
    size_t start = first * large + test_random_below(large), end = (first + count - 1) * large + large / 2;
    if (end <= start) end = start + 1;
    count = (end - 1) / large + 1 - first;
    acre_vm_protection protection = test_random_below(2) == 0 ? ACRE_VM_READ : ACRE_VM_READ_WRITE;
    bool all = true;
    for (size_t u = first; u < first + count; u++) all &= model[u] != 0;
    switch (test_random_below(3)) {
      case 0: CHECK_OK(acre_vm_commit(base + start, end - start, protection)); break;
      case 1:
        CHECK_OK(acre_vm_decommit(base + start, end - start));
        protection = ACRE_VM_DEFAULT;
        break;
      default:
        CHECK_RESULT(acre_vm_protect(base + start, end - start, protection, NULL),
                     all ? ACRE_OK : ACRE_E_NOT_COMMITTED);
        if (!all) continue;
    }
    size_t committed = 0;
    for (size_t u = first; u < first + count; u++) model[u] = protection;
    for (size_t u = 0; u < UNITS; u++) {
      acre_vm_info info = query(base + u * large);
      CHECK_EQ(info.state, model[u] != 0 ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED);
      if (model[u] != 0) CHECK_EQ(info.protection, model[u]);
      CHECK_EQ(test_can_write(base + u * large + large - 1), model[u] == ACRE_VM_READ_WRITE);
      committed += model[u] != 0;
    }
    CHECK_EQ(system_figures().commit_charge, charge + committed * large);
  }
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  large_pool_restore();
}

/* ------------------------------------------------------------- collapse */

TEST(what_was_committed_in_pieces_is_collapsed) {
  size_t large = large_page(), page = page_bytes();
  acre_vm_options options = {.alignment = large};
  char *base = reserve_with(3 * large / page, &options);
  for (size_t at = 0; at < 3 * large; at += 2 * page) { /* so that no large page can be had while it grows */
    CHECK_OK(acre_vm_commit(base + at, page, ACRE_VM_DEFAULT));
    memset(base + at, 1, page);
  }
  CHECK_RESULT(acre_vm_collapse(base, 3 * large), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_commit(base, 3 * large, ACRE_VM_DEFAULT));
  if (!system_figures().collapse) {
    CHECK_RESULT(acre_vm_collapse(base, 3 * large), ACRE_E_NOT_SUPPORTED);
    CHECK_OK(acre_vm_release(base));
    test_skip("nothing can be collapsed here");
  }
  CHECK_RESULT(acre_vm_collapse(base, large - 1), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_collapse(base + 1, 2 * large - 2), ACRE_E_INVALID_SIZE);
  CHECK_EQ(smaps_bytes(base, 3 * large, "AnonHugePages:"), 0);
  acre_result result = acre_vm_collapse(base + 1, 3 * large - 1); /* the two that lie inside */
  if (result != ACRE_E_NO_MEMORY && result != ACRE_E_BUSY) {
    CHECK_OK(result);
    CHECK_EQ(smaps_bytes(base, 3 * large, "AnonHugePages:"), 2 * large);
  }
  for (size_t at = 0; at < 3 * large; at += 2 * page)
    CHECK(all_bytes_are(base + at, page, 1) && all_bytes_are(base + at + page, page, 0));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_protect(base + large, page, ACRE_VM_READ, NULL));
  CHECK_RESULT(acre_vm_collapse(base + large, large), ACRE_E_NOT_SUPPORTED);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- a node */

static bool prefers_node(const void *start) {
  FILE *file = fopen("/proc/self/numa_maps", "re");
  if (file == NULL) test_skip("this kernel has no /proc/self/numa_maps");
  char line[512];
  bool found = false;
  while (fgets(line, sizeof line, file) != NULL)
    if (strtoul(line, NULL, 16) == (uintptr_t)start) found |= strstr(line, " prefer") != NULL;
  fclose(file);
  return found;
}

TEST(on_one_node_a_wish_is_a_no_op) {
  if (system_figures().nodes > 1) test_skip("this system has several nodes");
  acre_vm_options options = {.node = 1};
  char *base = reserve_with(4, &options);
  CHECK_EQ(query(base).node, 0);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_node_that_is_not_there_is_refused) {
  acre_vm_options options = {.node = system_figures().nodes + 1};
  void *out;
  CHECK_RESULT(acre_vm_reserve(1, &options, &out), ACRE_E_INVALID_ARGUMENT);
  options.node = UINT32_MAX;
  CHECK_RESULT(acre_vm_reserve(1, &options, &out), ACRE_E_INVALID_ARGUMENT);
}

/* The path of several nodes, on any system: node 0 is always there, and the next one may be refused. */
TEST(a_node_stays_preferred_after_a_decommit) {
  size_t page = page_bytes();
  unsigned nodes = acre__root_system()->nodes;
  if (nodes == 1) acre__root.system.nodes = 2;
  acre_vm_options options = {.node = 1, .flags = ACRE_VM_COMMIT}, other = {.node = 2};
  char *base = reserve_with(64, &options), *second = reserve_with(64, &other);
  acre__root.system.nodes = nodes;
  if (nodes == 1) CHECK_EQ(query(second).node, 0); /* refused, and told */
  CHECK_OK(acre_vm_release(second));
  if (query(base).node == 0) {
    CHECK_OK(acre_vm_release(base));
    test_skip("mbind is not to be had here");
  }
  CHECK_EQ(query(base).node, 1);
  CHECK(prefers_node(base));
  CHECK_OK(acre_vm_decommit(base, 32 * page));
  CHECK(prefers_node(base));
  CHECK_OK(acre_vm_commit(base, 32 * page, ACRE_VM_DEFAULT));
  CHECK(prefers_node(base));
  memset(base, 1, 64 * page);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release_to_placeholder(base));
  CHECK_EQ(query(base).node, 0);
  CHECK(!prefers_node(base));
  CHECK_OK(acre_vm_release(base));
}
