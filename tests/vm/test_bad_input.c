/* SPDX-License-Identifier: MIT */
/*
 * What no function may be asked for: a table of calls, each with its documented
 * result. After each of them everything is as it was: every run of our
 * regions, the content of every page, and the memory of others.
 */
#include <acre/filemap.h>

#include "vm/vm_check.h"

enum { PAGES = 64, AREA_PAGES = 1024 };

/* Where an address comes from. The area holds, a granule apart:  first | second | foreign | view, and free ranges. */
enum place { NOTHING, FIRST, SECOND, FREE, FOREIGN, VIEW, STACK, CODE, LAST };

static struct {
  size_t page, granularity;
  char *area, *first, *second, *free, *foreign, *view;
  acre_section *section;
  acre_view *mapped;
} world;

static char *address_of(enum place place) {
  static char local[1];
  switch (place) {
    case NOTHING: return NULL;
    case FIRST: return world.first;
    case SECOND: return world.second;
    case FREE: return world.free;
    case FOREIGN: return world.foreign;
    case VIEW: return world.view;
    case STACK: return local;
    case CODE: return (char *)(uintptr_t)&address_of;
    case LAST: return (char *)(UINTPTR_MAX - 4095);
  }
  return NULL;
}

static char *reserve_at(char *address, size_t size) {
  acre_vm_options options = {.address = address};
  void *base = NULL;
  REQUIRE_OK(acre_vm_reserve(size, &options, &base));
  return base;
}

/*
 * The first region: pages 0 to 7 reserved, 8 to 23 read-write, 24 to 31 read,
 * 32 to 39 no access, the rest reserved. The second follows it at once.
 */
static void make_world(void) {
  void *area;
  world.page = page_bytes();
  world.granularity = system_figures().allocation_granularity;
  size_t span = PAGES * world.page;
  REQUIRE_OK(acre_vm_reserve(AREA_PAGES * world.page, NULL, &area));
  REQUIRE_OK(acre_vm_release(area));
  world.area = area;
  world.first = reserve_at(world.area, span);
  world.second = reserve_at(world.area + span, span);
  world.free = world.area + 2 * span;
  world.foreign = world.area + 4 * span;
  REQUIRE(test_take_memory_at(world.foreign, span) == world.foreign);
  memset(world.foreign, 3, span);
  acre_view_options view = {.access = ACRE_ACCESS_READ, .address = world.area + 6 * span};
  REQUIRE_OK(acre_section_create_memory(span, NULL, &world.section));
  REQUIRE_OK(acre_view_map(world.section, 0, 0, &view, &world.mapped));
  world.view = acre_view_data(world.mapped);
  REQUIRE_OK(acre_vm_commit(world.first + 8 * world.page, 32 * world.page, ACRE_VM_DEFAULT));
  memset(world.first + 8 * world.page, 1, 32 * world.page);
  REQUIRE_OK(acre_vm_protect(world.first + 24 * world.page, 8 * world.page, ACRE_VM_READ, NULL));
  REQUIRE_OK(acre_vm_protect(world.first + 32 * world.page, 8 * world.page, ACRE_VM_NO_ACCESS, NULL));
  REQUIRE_OK(acre_vm_commit(world.second, 8 * world.page, ACRE_VM_DEFAULT));
  memset(world.second, 2, 8 * world.page);
}

static void end_world(void) {
  REQUIRE_OK(acre_vm_release(world.first));
  REQUIRE_OK(acre_vm_release(world.second));
  REQUIRE_OK(acre_view_unmap(world.mapped));
  acre_section_close(world.section);
  test_give_memory(world.foreign, PAGES * world.page);
}

/* ------------------------------------------------------------- the calls */

enum function {
  COMMIT,
  DECOMMIT,
  PROTECT,
  POPULATE,
  PREFETCH,
  LOCK,
  UNLOCK,
  RESET,
  UNDO_RESET,
  RANGE_FUNCTIONS,
  RELEASE
};

static const char *const names[] = {"commit", "decommit", "protect",    "populate", "prefetch", "lock",
                                    "unlock", "reset",    "undo_reset", "(all)",    "release"};

static acre_result call(enum function function, void *address, size_t size, acre_vm_protection protection) {
  acre_vm_protection old;
  switch (function) {
    case COMMIT: return acre_vm_commit(address, size, protection);
    case DECOMMIT: return acre_vm_decommit(address, size);
    case PROTECT: return acre_vm_protect(address, size, protection, &old);
    case POPULATE: return acre_vm_populate(address, size);
    case PREFETCH: return acre_vm_prefetch(address, size);
    case LOCK: return acre_vm_lock(address, size);
    case UNLOCK: return acre_vm_unlock(address, size);
    case RESET: return acre_vm_reset(address, size);
    case UNDO_RESET: return acre_vm_undo_reset(address, size);
    case RELEASE: return acre_vm_release(address);
    case RANGE_FUNCTIONS: break;
  }
  return ACRE_E_UNEXPECTED;
}

#define RW ACRE_VM_READ_WRITE

struct bad_call {
  enum function function; /* RANGE_FUNCTIONS: every one of them */
  enum place place;
  ptrdiff_t page;   /* from the place, and... */
  ptrdiff_t offset; /* ...bytes */
  size_t pages, bytes;
  acre_vm_protection protection;
  acre_result expected;
};

static const struct bad_call bad_calls[] = {
    /* no pointer, no size, sizes that wrap */
    {RANGE_FUNCTIONS, NOTHING, 0, 0, 1, 0, RW, ACRE_E_INVALID_ARGUMENT},
    {RANGE_FUNCTIONS, NOTHING, 0, 0, 0, 0, RW, ACRE_E_INVALID_ARGUMENT},
    {RANGE_FUNCTIONS, FIRST, 8, 0, 0, 0, RW, ACRE_E_INVALID_SIZE},
    {RANGE_FUNCTIONS, FIRST, 8, 0, 0, SIZE_MAX, RW, ACRE_E_INVALID_SIZE},
    {RANGE_FUNCTIONS, FIRST, 8, 1, 0, SIZE_MAX - 4096, RW, ACRE_E_INVALID_SIZE},
    {RANGE_FUNCTIONS, LAST, 0, 0, 0, 4096, RW, ACRE_E_INVALID_SIZE},
    {RANGE_FUNCTIONS, FREE, 0, 0, 0, 0, RW, ACRE_E_INVALID_SIZE},
    /* memory that is no region */
    {RANGE_FUNCTIONS, NOTHING, 0, 1, 0, 1, RW, ACRE_E_NOT_A_REGION},
    {RANGE_FUNCTIONS, FREE, 0, 0, 1, 0, RW, ACRE_E_NOT_A_REGION},
    {RANGE_FUNCTIONS, FREE, 0, -1, 0, 1, RW, ACRE_E_NOT_COMMITTED}, /* the last byte of the second region */
    {RANGE_FUNCTIONS, FOREIGN, 0, 0, 1, 0, RW, ACRE_E_NOT_A_REGION},
    {RANGE_FUNCTIONS, FOREIGN, 63, 0, 1, 0, RW, ACRE_E_NOT_A_REGION},
    {RANGE_FUNCTIONS, STACK, 0, 0, 1, 0, RW, ACRE_E_NOT_A_REGION},
    {RANGE_FUNCTIONS, CODE, 0, 0, 1, 0, RW, ACRE_E_NOT_A_REGION},
    {RANGE_FUNCTIONS, LAST, 0, 0, 0, 1, RW, ACRE_E_NOT_A_REGION},
    /* ranges that leave their region, by a byte or by far */
    {RANGE_FUNCTIONS, FIRST, 8, 0, 57, 0, RW, ACRE_E_SPANS_REGIONS},
    {RANGE_FUNCTIONS, FIRST, 8, 0, 56, 1, RW, ACRE_E_SPANS_REGIONS},
    {RANGE_FUNCTIONS, FIRST, 8, 1, 56, 0, RW, ACRE_E_SPANS_REGIONS},
    {RANGE_FUNCTIONS, FIRST, 0, 0, 128, 0, RW, ACRE_E_SPANS_REGIONS},
    {RANGE_FUNCTIONS, SECOND, 0, 0, 65, 0, RW, ACRE_E_SPANS_REGIONS},
    {RANGE_FUNCTIONS, SECOND, 63, 4095, 0, 2, RW, ACRE_E_SPANS_REGIONS},
    {RANGE_FUNCTIONS, FIRST, 8, 0, 0, SIZE_MAX / 2, RW, ACRE_E_SPANS_REGIONS},
    {RANGE_FUNCTIONS, VIEW, 0, 0, 65, 0, ACRE_VM_READ, ACRE_E_SPANS_REGIONS},
    /* pages that are only reserved */
    {PROTECT, FIRST, 7, 0, 2, 0, RW, ACRE_E_NOT_COMMITTED},
    {PROTECT, FIRST, 39, 0, 2, 0, RW, ACRE_E_NOT_COMMITTED},
    {POPULATE, FIRST, 7, 0, 2, 0, RW, ACRE_E_NOT_COMMITTED},
    {PREFETCH, FIRST, 0, 0, 64, 0, RW, ACRE_E_NOT_COMMITTED},
    {LOCK, FIRST, 7, 0, 2, 0, RW, ACRE_E_NOT_COMMITTED},
    {RESET, FIRST, 7, 0, 2, 0, RW, ACRE_E_NOT_COMMITTED},
    {UNDO_RESET, FIRST, 7, 0, 2, 0, RW, ACRE_E_NOT_COMMITTED},
    {UNLOCK, FIRST, 7, 0, 2, 0, RW, ACRE_E_NOT_LOCKED},
    {UNLOCK, FIRST, 8, 0, 2, 0, RW, ACRE_E_NOT_LOCKED},
    {DECOMMIT, FIRST, 0, 0, 8, 0, RW, ACRE_OK},
    {DECOMMIT, FIRST, 40, 0, 24, 0, RW, ACRE_OK},
    /* pages that forbid it */
    {POPULATE, FIRST, 31, 0, 2, 0, RW, ACRE_E_ACCESS_DENIED},
    {LOCK, FIRST, 31, 0, 2, 0, RW, ACRE_E_ACCESS_DENIED},
    {RESET, FIRST, 23, 0, 2, 0, RW, ACRE_E_ACCESS_DENIED},
    {UNDO_RESET, FIRST, 23, 0, 2, 0, RW, ACRE_E_ACCESS_DENIED},
    /* protections that are none; they come before everything else */
    {COMMIT, FIRST, 8, 0, 1, 0, (acre_vm_protection)7, ACRE_E_INVALID_PROTECTION},
    {COMMIT, FIRST, 8, 0, 1, 0, (acre_vm_protection)-1, ACRE_E_INVALID_PROTECTION},
    {COMMIT, NOTHING, 0, 0, 0, 0, (acre_vm_protection)64, ACRE_E_INVALID_PROTECTION},
    {PROTECT, FIRST, 8, 0, 1, 0, (acre_vm_protection)7, ACRE_E_INVALID_PROTECTION},
    {PROTECT, FIRST, 8, 0, 1, 0, (acre_vm_protection)0x40, ACRE_E_INVALID_PROTECTION}, /* PAGE_EXECUTE_READWRITE */
    {PROTECT, FIRST, 8, 0, 1, 0, ACRE_VM_DEFAULT, ACRE_E_INVALID_PROTECTION},
    {PROTECT, NOTHING, 0, 0, 0, 0, ACRE_VM_DEFAULT, ACRE_E_INVALID_PROTECTION},
    /* views */
    {COMMIT, VIEW, 0, 0, 1, 0, ACRE_VM_READ, ACRE_E_WRONG_KIND},
    {DECOMMIT, VIEW, 0, 0, 1, 0, ACRE_VM_READ, ACRE_E_WRONG_KIND},
    {RESET, VIEW, 0, 0, 1, 0, ACRE_VM_READ, ACRE_E_WRONG_KIND},
    {UNDO_RESET, VIEW, 0, 0, 1, 0, ACRE_VM_READ, ACRE_E_WRONG_KIND},
    {PROTECT, VIEW, 0, 0, 1, 0, RW, ACRE_E_INVALID_PROTECTION},
    {PROTECT, VIEW, 0, 0, 1, 0, ACRE_VM_EXECUTE_READ, ACRE_E_INVALID_PROTECTION},
    {UNLOCK, VIEW, 0, 0, 1, 0, RW, ACRE_E_NOT_LOCKED},
    {RELEASE, VIEW, 0, 0, 0, 0, RW, ACRE_E_WRONG_KIND},
    {RELEASE, VIEW, 1, 0, 0, 0, RW, ACRE_E_NOT_REGION_BASE},
    /* release of what is no base */
    {RELEASE, NOTHING, 0, 0, 0, 0, RW, ACRE_E_INVALID_ARGUMENT},
    {RELEASE, NOTHING, 0, 1, 0, 0, RW, ACRE_E_NOT_A_REGION},
    {RELEASE, FIRST, 0, 1, 0, 0, RW, ACRE_E_NOT_REGION_BASE},
    {RELEASE, FIRST, 8, 0, 0, 0, RW, ACRE_E_NOT_REGION_BASE},
    {RELEASE, FIRST, 63, 4095, 0, 0, RW, ACRE_E_NOT_REGION_BASE},
    {RELEASE, FREE, 0, 0, 0, 0, RW, ACRE_E_NOT_A_REGION},
    {RELEASE, FOREIGN, 0, 0, 0, 0, RW, ACRE_E_NOT_A_REGION},
    {RELEASE, STACK, 0, 0, 0, 0, RW, ACRE_E_NOT_A_REGION},
    {RELEASE, CODE, 0, 0, 0, 0, RW, ACRE_E_NOT_A_REGION},
    {RELEASE, LAST, 0, 4095, 0, 0, RW, ACRE_E_NOT_A_REGION},
};

/* The last page of the second region is reserved: the functions that take such a page are no bad calls there. */
static bool is_no_bad_call(const struct bad_call *bad, enum function function, acre_result *expected) {
  *expected = bad->expected;
  if (bad->expected != ACRE_E_NOT_COMMITTED) return false;
  if (function == UNLOCK) *expected = ACRE_E_NOT_LOCKED;
  return function == COMMIT || function == DECOMMIT;
}

static bool content_is_there(void) {
  size_t page = world.page;
  return all_bytes_are(world.first + 8 * page, 24 * page, 1) && all_bytes_are(world.second, 8 * page, 2) &&
         all_bytes_are(world.foreign, PAGES * page, 3);
}

static void try_call(const struct bad_call *bad, enum function function, acre_result expected, size_t line) {
  static struct picture before, after;
  char *address = address_of(bad->place) + bad->page * (ptrdiff_t)world.page + bad->offset;
  take_picture(world.area, AREA_PAGES * world.page, &before);
  acre_result result = call(function, address, bad->pages * world.page + bad->bytes, bad->protection);
  take_picture(world.area, AREA_PAGES * world.page, &after);
  if (result != expected)
    test_fail(__FILE__, __LINE__, "row %zu, %s: %s, not %s", line, names[function], acre_result_name(result),
              acre_result_name(expected));
  if (!same_picture(&before, &after)) test_fail(__FILE__, __LINE__, "row %zu, %s: changed", line, names[function]);
  if (!content_is_there()) test_fail(__FILE__, __LINE__, "row %zu, %s: content lost", line, names[function]);
}

TEST(every_bad_call_has_its_result_and_changes_nothing) {
  make_world();
  size_t regions = system_figures().regions;
  uint64_t charge = system_figures().commit_charge;
  for (size_t i = 0; i < sizeof bad_calls / sizeof *bad_calls; i++) {
    const struct bad_call *bad = &bad_calls[i];
    acre_result expected;
    if (bad->function != RANGE_FUNCTIONS) {
      try_call(bad, bad->function, bad->expected, i);
      continue;
    }
    for (enum function function = COMMIT; function < RANGE_FUNCTIONS; function++)
      if (!is_no_bad_call(bad, function, &expected)) try_call(bad, function, expected, i);
  }
  CHECK_AGREES(world.first);
  CHECK_AGREES(world.second);
  CHECK_INDEX();
  CHECK_EQ(system_figures().regions, regions);
  CHECK_EQ(system_figures().commit_charge, charge);
  end_world();
}

TEST(a_second_release) {
  make_world();
  char *base = reserve_pages(16);
  CHECK_OK(acre_vm_release(base));
  for (unsigned i = 0; i < 3; i++) CHECK_RESULT(acre_vm_release(base), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_vm_commit(base, 1, ACRE_VM_DEFAULT), ACRE_E_NOT_A_REGION);
  CHECK(content_is_there());
  end_world();
}

/* ------------------------------------------------------------- reserve */

static const struct bad_reservation {
  size_t size;
  acre_vm_options options;
  bool no_out;
  acre_result expected;
} bad_reservations[] = {
    {0, {0}, false, ACRE_E_INVALID_SIZE},
    {SIZE_MAX, {0}, false, ACRE_E_INVALID_SIZE},
    {SIZE_MAX - 4094, {0}, false, ACRE_E_INVALID_SIZE},
    {SIZE_MAX - 4095, {0}, false, ACRE_E_NO_ADDRESS_SPACE},
    {1, {.flags = 1u << 30}, false, ACRE_E_INVALID_ARGUMENT},
    {1, {.flags = 0x80000000u}, false, ACRE_E_INVALID_ARGUMENT},
    {1, {.flags = ACRE_VM_COMMIT | 0x100}, false, ACRE_E_INVALID_ARGUMENT},
    {1, {.protection = (acre_vm_protection)7}, false, ACRE_E_INVALID_PROTECTION},
    {1, {.protection = (acre_vm_protection)-1}, false, ACRE_E_INVALID_PROTECTION},
    {1, {.alignment = 5}, false, ACRE_E_INVALID_ALIGNMENT},
    {1, {.alignment = SIZE_MAX}, false, ACRE_E_INVALID_ALIGNMENT},
    {1, {.touch_step = SIZE_MAX}, false, ACRE_E_INVALID_SIZE},
    {1, {.address = (void *)1}, false, ACRE_E_INVALID_ADDRESS},
    {1, {.address = (void *)-4097}, false, ACRE_E_INVALID_ADDRESS},
    {1, {.address = (void *)-1}, false, ACRE_E_INVALID_SIZE},
    {1, {0}, true, ACRE_E_INVALID_ARGUMENT},
    /* several at once: in the header's order */
    {0, {.protection = (acre_vm_protection)7, .flags = 64}, true, ACRE_E_INVALID_PROTECTION},
    {0, {.flags = 64}, false, ACRE_E_INVALID_ARGUMENT},
    {0, {.protection = (acre_vm_protection)7}, false, ACRE_E_INVALID_PROTECTION},
};

TEST(every_bad_reservation_has_its_result) {
  make_world();
  static struct picture before, after;
  take_picture(world.area, AREA_PAGES * world.page, &before);
  size_t regions = system_figures().regions;
  for (size_t i = 0; i < sizeof bad_reservations / sizeof *bad_reservations; i++) {
    const struct bad_reservation *bad = &bad_reservations[i];
    void *base = &base;
    acre_result result = acre_vm_reserve(bad->size, &bad->options, bad->no_out ? NULL : &base);
    if (result != bad->expected)
      test_fail(__FILE__, __LINE__, "row %zu: %s, not %s", i, acre_result_name(result),
                acre_result_name(bad->expected));
    if (!bad->no_out) CHECK(base == NULL);
  }
  take_picture(world.area, AREA_PAGES * world.page, &after);
  CHECK(same_picture(&before, &after));
  CHECK_EQ(system_figures().regions, regions);
  CHECK_INDEX();
  end_world();
}

TEST(query_and_walk_without_what_they_need) {
  CHECK_RESULT(acre_vm_query(&world, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_query(NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_walk(NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_system_info(NULL), ACRE_E_INVALID_ARGUMENT);
}

/* ------------------------------------------------------------- addresses that nobody thought of */

/* Any address and any size: nothing but a documented result, and no region of ours is ever touched. */
TEST(random_calls_outside_our_regions) {
  make_world();
  for (unsigned i = 0; i < 20000; i++) {
    uintptr_t address = (uintptr_t)test_random() >> test_random_below(64);
    size_t size = (size_t)test_random() >> test_random_below(64);
    enum function function = (enum function)test_random_below(RELEASE + 1);
    if (address - (uintptr_t)world.area < AREA_PAGES * world.page || function == RANGE_FUNCTIONS) continue;
    acre_result result = call(function, (void *)address, size, ACRE_VM_READ);
    if (result != ACRE_E_INVALID_ARGUMENT && result != ACRE_E_INVALID_SIZE && result != ACRE_E_NOT_A_REGION)
      test_fail(__FILE__, __LINE__, "%s(%p, %zu): %s", names[function], (void *)address, size,
                acre_result_name(result));
  }
  CHECK(content_is_there());
  CHECK_AGREES(world.first);
  end_world();
}
