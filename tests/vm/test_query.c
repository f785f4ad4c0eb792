/* SPDX-License-Identifier: MIT */
/* What stands at an address: every kind there is, and the whole space without a gap. */
#include <stdlib.h>
#include <unistd.h>

#include "vm/query_check.h"

static const size_t MIB = (size_t)1 << 20;

TEST(own_regions) {
  size_t page = page_bytes();
  char *base = reserve_pages(100);
  CHECK_OK(acre_vm_commit(base + 10 * page, 20 * page, ACRE_VM_READ_WRITE));
  CHECK_OK(acre_vm_protect(base + 15 * page, 5 * page, ACRE_VM_EXECUTE_READ, NULL));
  static const struct {
    size_t at, start_of_answer, pages;
    acre_vm_state state;
    acre_vm_protection protection;
  } expected[] = {
      {0, 0, 10, ACRE_VM_RESERVED, ACRE_VM_NO_ACCESS},      {4, 4, 6, ACRE_VM_RESERVED, ACRE_VM_NO_ACCESS},
      {10, 10, 5, ACRE_VM_COMMITTED, ACRE_VM_READ_WRITE},   {14, 14, 1, ACRE_VM_COMMITTED, ACRE_VM_READ_WRITE},
      {15, 15, 5, ACRE_VM_COMMITTED, ACRE_VM_EXECUTE_READ}, {20, 20, 10, ACRE_VM_COMMITTED, ACRE_VM_READ_WRITE},
      {30, 30, 70, ACRE_VM_RESERVED, ACRE_VM_NO_ACCESS},    {99, 99, 1, ACRE_VM_RESERVED, ACRE_VM_NO_ACCESS}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    for (size_t offset = 0; offset < page; offset += page - 1) {
      acre_vm_info info = query(base + expected[i].at * page + offset);
      CHECK(info.base == base + expected[i].start_of_answer * page);
      CHECK_EQ(info.size, expected[i].pages * page);
      CHECK_EQ(info.state, expected[i].state);
      CHECK_EQ(info.protection, expected[i].protection);
      CHECK_EQ(info.kind, ACRE_VM_KIND_PRIVATE);
      CHECK(info.region_base == base);
      CHECK_EQ(info.region_size, 100 * page);
      CHECK_EQ(info.region_protection, ACRE_VM_READ_WRITE);
    }
  CHECK_OK(acre_vm_release(base));
}

TEST(locks_do_not_cut_runs) {
  size_t page = page_bytes();
  char *base = reserve_pages(16);
  CHECK_OK(acre_vm_commit(base, 16 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_lock(base + 4 * page, 2 * page));
  CHECK_EQ(query(base).size, 16 * page);
  CHECK_OK(acre_vm_release(base));
}

TEST(memory_of_others) {
  volatile char local = 0;
  static int data = 1;
  check_foreign((void *)(uintptr_t)&local, ACRE_VM_KIND_STACK, ACRE_VM_READ_WRITE);
  check_foreign(&data, ACRE_VM_KIND_IMAGE, ACRE_VM_READ_WRITE);
  check_foreign((void *)(uintptr_t)&check_foreign, ACRE_VM_KIND_IMAGE, ACRE_VM_EXECUTE_READ);
  check_foreign((void *)(uintptr_t)&getpid, ACRE_VM_KIND_IMAGE, ACRE_VM_EXECUTE_READ);
  check_foreign("text that is only read", ACRE_VM_KIND_IMAGE, ACRE_VM_READ);
}

#if !ACRE_SANITIZED && defined(__GLIBC__)
TEST(the_heap_of_libc) {
  char *block = calloc(1, 100);
  REQUIRE(block != NULL);
  check_foreign(block, ACRE_VM_KIND_HEAP, ACRE_VM_READ_WRITE);
  free(block);
}
#endif

TEST(free_addresses) {
  acre_vm_info info = query(NULL);
  CHECK_EQ(info.state, ACRE_VM_FREE);
  CHECK_EQ(info.kind, ACRE_VM_KIND_NONE);
  CHECK(info.base == NULL && info.region_base == NULL);
  CHECK_EQ(info.region_size, 0);
  CHECK(info.size >= 65536);
  info = query((void *)1);
  CHECK(info.base == NULL);

  size_t page = page_bytes();
  char *base = reserve_pages(16);
  CHECK_OK(acre_vm_release(base));
  info = query(base + 5 * page);
  CHECK_EQ(info.state, ACRE_VM_FREE);
  CHECK(info.base == base + 5 * page);
  CHECK(info.size >= 11 * page);
}

/* What is free ends where the next region begins, whatever else is there. */
TEST(free_ranges_end_at_regions) {
  size_t page = page_bytes(), granularity = system_figures().allocation_granularity;
  char *place = reserve_pages(16 * granularity / page);
  CHECK_OK(acre_vm_release(place));
  acre_vm_options options = {.address = place + 8 * granularity};
  char *upper = reserve_with(1, &options);
  REQUIRE(upper == place + 8 * granularity);
  options.address = place;
  char *lower = reserve_with(3, &options);
  REQUIRE(lower == place);
  acre_vm_info info = query(lower + 3 * page + 1);
  CHECK_EQ(info.state, ACRE_VM_FREE);
  CHECK_EQ(info.size, 8 * granularity - 3 * page);
  info = query(upper + page);
  CHECK_EQ(info.state, ACRE_VM_FREE);
  CHECK_OK(acre_vm_release(lower));
  CHECK_OK(acre_vm_release(upper));
}

TEST(above_the_highest_address) {
  acre_vm_info info;
  uintptr_t highest = system_figures().highest_address;
  info = query((void *)highest);
  CHECK_EQ((uintptr_t)info.base + info.size, highest + 1);
  CHECK_RESULT(acre_vm_query((void *)(highest + 1), &info), ACRE_E_INVALID_ADDRESS);
  CHECK_RESULT(acre_vm_query((void *)UINTPTR_MAX, &info), ACRE_E_INVALID_ADDRESS);
  CHECK_RESULT(acre_vm_query((void *)(UINTPTR_MAX - 4096), &info), ACRE_E_INVALID_ADDRESS);
}

/* ------------------------------------------------------------- walk */

struct walk {
  uintptr_t next;
  size_t runs, own, most;
  char *look_for;
  size_t found;
  bool broken;
};

static bool visit(const acre_vm_info *info, void *context) {
  struct walk *walk = context;
  walk->broken |= (uintptr_t)info->base != walk->next || info->size == 0;
  walk->broken |= (info->state == ACRE_VM_FREE) != (info->kind == ACRE_VM_KIND_NONE);
  walk->next = (uintptr_t)info->base + info->size;
  walk->runs++;
  walk->own += info->kind == ACRE_VM_KIND_PRIVATE;
  if (walk->look_for != NULL && info->region_base == walk->look_for) walk->found += info->size;
  return walk->most == 0 || walk->runs < walk->most;
}

TEST(a_walk_covers_the_space_without_gap_or_overlap) {
  size_t page = page_bytes();
  char *bases[50];
  for (unsigned i = 0; i < 50; i++) {
    bases[i] = reserve_pages(1 + i * 7);
    CHECK_OK(acre_vm_commit(bases[i] + i / 2 * page, page, i % 2 == 0 ? ACRE_VM_READ : ACRE_VM_READ_WRITE));
  }
  for (unsigned i = 0; i < 50; i++) {
    struct walk walk = {.look_for = bases[i]};
    CHECK_OK(acre_vm_walk(visit, &walk));
    CHECK(!walk.broken);
    CHECK_EQ(walk.next, system_figures().highest_address + 1);
    CHECK_EQ(walk.found, (1 + i * 7) * page);
    CHECK(walk.own >= 50);
  }
  for (unsigned i = 0; i < 50; i++) CHECK_OK(acre_vm_release(bases[i]));
}

TEST(a_visitor_may_end_the_walk) {
  struct walk walk = {.most = 3};
  CHECK_OK(acre_vm_walk(visit, &walk));
  CHECK_EQ(walk.runs, 3);
}

/* A visitor may release what it sees, and reserve more. */
static bool release_each(const acre_vm_info *info, void *context) {
  size_t *released = context;
  if (info->kind == ACRE_VM_KIND_PRIVATE && info->base == info->region_base) {
    CHECK_OK(acre_vm_release(info->region_base));
    void *base;
    if (++*released % 2 == 0 && acre_vm_reserve(MIB, NULL, &base) == ACRE_OK) CHECK_OK(acre_vm_release(base));
  }
  return true;
}

TEST(a_visitor_may_change_the_space) {
  for (unsigned i = 0; i < 40; i++) (void)reserve_pages(20);
  size_t before = system_figures().regions, released = 0;
  CHECK_OK(acre_vm_walk(release_each, &released));
  CHECK(released >= 40 && released <= before);
  CHECK_EQ(system_figures().regions, before - released);
}

/* Each answer of a walk is what a query of its address says, by whichever way the kernel was asked. */
static bool ask_again(const acre_vm_info *info, void *context) {
  unsigned *differing = context;
  acre_vm_info again = query(info->base);
  if (again.kind == ACRE_VM_KIND_HEAP || again.kind == ACRE_VM_KIND_STACK) return true; /* they grow */
  *differing += again.kind != info->kind || again.protection != info->protection || again.state != info->state;
  return true;
}

TEST(walk_and_query_agree) {
  unsigned differing = 0;
  (void)query(NULL);
  CHECK_OK(acre_vm_walk(ask_again, &differing));
  CHECK_EQ(differing, 0);
}
