/* SPDX-License-Identifier: MIT */
/*
 * moment_check.h - queries of regions that are changed meanwhile: each tells what the region was at
 * one moment, and never a mixture of two. A region goes through two states and
 * back, over and over; who asks knows both.
 *
 * The tests are here, and the program that includes them says how the changes and the queries meet (while_changing).
 */
#ifndef ACRE_TESTS_VM_MOMENT_CHECK_H
#define ACRE_TESTS_VM_MOMENT_CHECK_H

#include "vm/vm_check.h"

enum { PAGES = 16 };

static size_t page, unit;
static char *base;

/* What a query of an address may say. */
struct moment {
  acre_vm_state state;
  acre_vm_protection protection;
  acre_vm_kind kind;
  size_t pages; /* of the run, from the address on */
  size_t region_pages;
  size_t below; /* pages between the region's base and the address */
  acre_vm_protection region_protection;
};

/* A region that changes from one state to the other, and back at the next step. */
struct changes {
  void (*step)(unsigned number);
  char *address; /* which is asked about */
  struct moment one, other;
  bool may_be_gone; /* in between there is no region */
};

/* The including program's: changes in one thread, checked queries in another. */
static void while_changing(const struct changes *changes);

static bool is_as(const acre_vm_info *info, const char *address, const struct moment *moment) {
  return info->base == address && info->state == moment->state && info->protection == moment->protection &&
         info->kind == moment->kind && info->size == moment->pages * page &&
         info->region_size == moment->region_pages * page && info->region_base == address - moment->below * page &&
         info->region_protection == moment->region_protection;
}

struct seen {
  size_t one, other;
};

/* One query. */
static void ask(const struct changes *changes, struct seen *seen) {
  acre_vm_info info = query(changes->address);
  bool is_one = is_as(&info, changes->address, &changes->one),
       is_other = is_as(&info, changes->address, &changes->other);
  bool is_gone = info.kind == ACRE_VM_KIND_NONE || info.kind == ACRE_VM_KIND_FOREIGN;
  seen->one += is_one;
  seen->other += is_other;
  if (is_one || is_other || (changes->may_be_gone && is_gone)) return;
  test_fail(__FILE__, __LINE__,
            "state %d, protection %d, kind %d, size %zu; region of %zu from base%+td, protection %d", (int)info.state,
            (int)info.protection, (int)info.kind, info.size, info.region_size, (char *)info.region_base - base,
            (int)info.region_protection);
  test_end();
}

/* In pages, or in units of allocation. */
static void set_up_with(const acre_vm_options *options, size_t pages, size_t units) {
  void *got;
  page = page_bytes();
  unit = system_figures().allocation_granularity;
  REQUIRE_OK(acre_vm_reserve(pages * page + units * unit, options, &got));
  base = got;
}

static void set_up(unsigned flags, size_t pages, size_t units) {
  set_up_with(&(acre_vm_options){.flags = flags}, pages, units);
}

/* ------------------------------------------------------------- pages */

static void protect_the_first(unsigned number) {
  CHECK_OK(acre_vm_protect(base, page, number % 2 == 0 ? ACRE_VM_READ : ACRE_VM_READ_WRITE, NULL));
}

static struct moment committed(size_t from, size_t pages, acre_vm_protection protection) {
  return (struct moment){ACRE_VM_COMMITTED, protection, ACRE_VM_KIND_PRIVATE, pages, PAGES, from, ACRE_VM_READ_WRITE};
}

static struct moment reserved(size_t from, size_t pages) {
  return (struct moment){ACRE_VM_RESERVED,  ACRE_VM_NO_ACCESS, ACRE_VM_KIND_PRIVATE, pages, PAGES, from,
                         ACRE_VM_READ_WRITE};
}

TEST(pages_beside_those_that_change) {
  set_up(ACRE_VM_COMMIT, PAGES, 0);
  struct changes beside = {protect_the_first, base + 5 * page, committed(5, PAGES - 5, ACRE_VM_READ_WRITE),
                           committed(5, PAGES - 5, ACRE_VM_READ_WRITE), false};
  while_changing(&beside);
  struct changes first = {protect_the_first, base, committed(0, PAGES, ACRE_VM_READ_WRITE),
                          committed(0, 1, ACRE_VM_READ), false};
  while_changing(&first);
  CHECK_OK(acre_vm_release(base));
}

static void commit_and_decommit(unsigned number) {
  CHECK_OK(number % 2 == 0 ? acre_vm_commit(base, 4 * page, ACRE_VM_DEFAULT) : acre_vm_decommit(base, 4 * page));
}

TEST(all_pages_of_a_commit_or_none) {
  set_up(0, PAGES, 0);
  struct changes changes = {commit_and_decommit, base + 2 * page, committed(2, 2, ACRE_VM_READ_WRITE),
                            reserved(2, PAGES - 2), false};
  while_changing(&changes);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- regions */

static struct moment whole_region(acre_vm_kind kind, size_t size, acre_vm_protection protection) {
  return (struct moment){ACRE_VM_RESERVED, ACRE_VM_NO_ACCESS, kind, size / page, size / page, 0, protection};
}

/* Two regions that have the same base in turn, and most likely the same record. */
static void release_and_reserve(unsigned number) {
  acre_vm_options options = {.address = base, .protection = number % 2 == 0 ? ACRE_VM_READ : ACRE_VM_READ_WRITE};
  void *got;
  CHECK_OK(acre_vm_release(base));
  while (acre_vm_reserve(number % 2 == 0 ? unit : 2 * unit, &options, &got) != ACRE_OK) continue;
}

/* In the middle of much free address space, where nothing else is placed while there is no region. */
static void set_up_apart(void) {
  enum { FREE = 1 << 30 };
  void *got;
  REQUIRE_OK(acre_vm_reserve(FREE, NULL, &got));
  acre_vm_options options = {.address = (char *)got + FREE / 2};
  REQUIRE_OK(acre_vm_release(got));
  set_up_with(&options, 0, 2);
}

TEST(one_region_or_the_next) {
  set_up_apart();
  struct changes changes = {release_and_reserve, base, whole_region(ACRE_VM_KIND_PRIVATE, unit, ACRE_VM_READ),
                            whole_region(ACRE_VM_KIND_PRIVATE, 2 * unit, ACRE_VM_READ_WRITE), true};
  while_changing(&changes);
  CHECK_OK(acre_vm_release(base));
}

static void replace_and_restore(unsigned number) {
  acre_vm_options options = {.address = base, .flags = ACRE_VM_REPLACE, .protection = ACRE_VM_READ};
  void *got;
  CHECK_OK(number % 2 == 0 ? acre_vm_reserve(unit, &options, &got) : acre_vm_release_to_placeholder(base));
}

TEST(a_placeholder_or_what_replaces_it) {
  set_up(ACRE_VM_PLACEHOLDER, 0, 1);
  struct changes changes = {replace_and_restore, base, whole_region(ACRE_VM_KIND_PRIVATE, unit, ACRE_VM_READ),
                            whole_region(ACRE_VM_KIND_PLACEHOLDER, unit, ACRE_VM_NO_ACCESS), false};
  while_changing(&changes);
  CHECK_OK(acre_vm_release(base));
}

static void split_and_join(unsigned number) {
  CHECK_OK(number % 2 == 0 ? acre_vm_split(base, unit) : acre_vm_join(base, 2 * unit));
}

TEST(a_placeholder_or_its_parts) {
  set_up(ACRE_VM_PLACEHOLDER, 0, 2);
  struct moment whole = whole_region(ACRE_VM_KIND_PLACEHOLDER, 2 * unit, ACRE_VM_NO_ACCESS), above = whole;
  struct moment part = whole_region(ACRE_VM_KIND_PLACEHOLDER, unit, ACRE_VM_NO_ACCESS);
  above.below = unit / page;
  above.pages -= unit / page;
  while_changing(&(struct changes){split_and_join, base, whole, part, false});
  while_changing(&(struct changes){split_and_join, base + unit, above, part, false});
  CHECK_OK(acre_vm_release(base));
}

#endif
