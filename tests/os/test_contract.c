/* SPDX-License-Identifier: MIT */
/*
 * The contract of os.h, sentence by sentence: system figures, memory, threads.
 * (Files: test_contract_file.c. Queries: test_contract_query.c.) Runs on every
 * backend, and on each through the wrapper of src/os/fault with no plan. What
 * one system alone has is in test_contract_linux.c.
 */
#include "contract.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/lock.h"

static struct acre__os_system probe(void) {
  struct acre__os_system system;
  acre__os_probe(&system);
  return system;
}

/* ------------------------------------------------------------- process.c */

TEST(probe_tells_the_systems_figures) {
  struct acre__os_system system = probe();
  CHECK_EQ(system.page_size, page_size());
  CHECK(system.granularity >= 65536);
  CHECK_EQ(system.granularity % system.page_size, 0);
  CHECK(system.lowest_address >= system.granularity);
  CHECK_EQ(system.lowest_address % system.granularity, 0);
  CHECK_EQ((system.highest_address + 1) % system.page_size, 0);
  CHECK(system.physical_memory > 0);
  CHECK(system.available_memory > 0 && system.available_memory <= system.physical_memory);
  CHECK(system.processors >= 1);
  CHECK(system.map_granularity >= system.page_size && system.map_granularity <= system.granularity);
  CHECK(system.mapping_limit >= 1000);
  CHECK(system.overcommit_mode >= -1 && system.overcommit_mode <= 2);
  CHECK(system.large_page_size == 0 || system.large_page_size > system.page_size);
  CHECK(strchr(system.kernel, ' ') != NULL); /* a name, and a number */
}

TEST(probe_knows_the_ends_of_the_address_space) {
  struct acre__os_system system = probe();
  void *base;
  acre_result lowest = acre__os_reserve((void *)system.lowest_address, system.page_size, ACRE_OS_EXACTLY, &base);
  CHECK(lowest == ACRE_OK || lowest == ACRE_E_ADDRESS_IN_USE);
  if (lowest == ACRE_OK) release(base, 1);

  uintptr_t last = (system.highest_address + 1 - system.page_size) / place_step() * place_step();
  acre_result highest = acre__os_reserve((void *)last, system.page_size, ACRE_OS_EXACTLY, &base);
  CHECK(highest == ACRE_OK || highest == ACRE_E_ADDRESS_IN_USE);
  if (highest == ACRE_OK) release(base, 1);
  CHECK_RESULT(acre__os_reserve((void *)(system.highest_address + 1), system.page_size, ACRE_OS_EXACTLY, &base),
               ACRE_E_INVALID_ADDRESS);
}

TEST(probe_uses_each_mechanism) {
  struct acre__os_system system = probe();
  char *page = reserve_committed(1);
  if (system.can_hide) CHECK_OK(acre__os_hide(page, page_size()));
  release(page, 1);
  acre__os_force(true, true);
  CHECK(!probe().can_populate);
  acre__os_force(false, false);
  CHECK_EQ(probe().can_populate, system.can_populate);
}

TEST(environment_is_copied) {
  char value[8];
  memset(value, '#', sizeof value);
  test_set_environment("ACRE_TEST_VALUE", NULL);
  CHECK_EQ(acre__os_environment("ACRE_TEST_VALUE", value, sizeof value), 0);
  CHECK(value[0] == '\0');
  test_set_environment("ACRE_TEST_VALUE", "seven77");
  CHECK_EQ(acre__os_environment("ACRE_TEST_VALUE", value, sizeof value), 7);
  CHECK(strcmp(value, "seven77") == 0);
  CHECK_EQ(acre__os_environment("ACRE_TEST_VALUE", value, 4), 7);
  CHECK(strcmp(value, "sev") == 0);
}

/* ------------------------------------------------------------- reserve */

TEST(reserved_memory_faults_and_costs_nothing) {
  test_resident_bytes(); /* what it needs itself */
  size_t before = test_resident_bytes();
  char *base = reserve(1 << 16);
  CHECK(test_resident_bytes() < before + 64 * page_size());
  CHECK(!test_can_read(base));
  CHECK(!test_can_write(base));
  CHECK(!test_can_read(base + 65535 * page_size()));
  release(base, 1 << 16);
}

TEST(reserve_takes_terabytes) {
  if (sizeof(size_t) < 8 || probe().highest_address >> 46 == 0) test_skip("the address space is smaller");
  size_t size = (size_t)(UNDER_SANITIZER || !test_resident_is_own() ? 1 : 256) << 38;
  char *base = reserve(size / page_size());
  CHECK(is_taken(base));
  CHECK(is_taken(base + size - page_size()));
  release(base, size / page_size());
}

TEST(reserve_takes_a_free_wish) {
  char *base = reserve(4);
  release(base, 4);
  void *got = NULL;
  CHECK_OK(acre__os_reserve(base, 4 * page_size(), ACRE_OS_ANYWHERE, &got));
  CHECK(got == base);
  release(got, 4);
  CHECK_OK(acre__os_reserve(base, 4 * page_size(), ACRE_OS_EXACTLY, &got));
  CHECK(got == base);
  release(got, 4);
}

TEST(reserve_never_goes_over_what_exists) {
  size_t page = page_size(), step = place_step();
  char *base = reserve(3 * step / page);
  REQUIRE_OK(acre__os_commit(base + step, page, ACRE_VM_READ_WRITE));
  memset(base + step, 7, page);
  void *got = NULL;
  CHECK_RESULT(acre__os_reserve(base, 3 * step, ACRE_OS_EXACTLY, &got), ACRE_E_ADDRESS_IN_USE);
  CHECK_RESULT(acre__os_reserve(base + step, page, ACRE_OS_EXACTLY, &got), ACRE_E_ADDRESS_IN_USE);
  CHECK(got == NULL);
  CHECK_OK(acre__os_reserve(base + step, page, ACRE_OS_ANYWHERE, &got));
  CHECK(got != base + step);
  release(got, 1);
  CHECK(all_bytes_are(base + step, page, 7));
  release(base, 3 * step / page);

  base = reserve(2 * step / page); /* a range whose first part alone is free */
  release(base, 2 * step / page);
  REQUIRE_OK(acre__os_reserve(base + step, step, ACRE_OS_EXACTLY, &got));
  CHECK_RESULT(acre__os_reserve(base, 2 * step, ACRE_OS_EXACTLY, &got), ACRE_E_ADDRESS_IN_USE);
  CHECK(!is_taken(base) && is_taken(base + step));
  release(base + step, step / page);
}

TEST(reserve_refuses_impossible_addresses) {
  struct acre__os_system system = probe();
  size_t page = page_size();
  void *got = NULL;
  CHECK_RESULT(acre__os_reserve(NULL, page, ACRE_OS_EXACTLY, &got), ACRE_E_INVALID_ADDRESS);
  CHECK_RESULT(acre__os_reserve((void *)page, page, ACRE_OS_EXACTLY, &got), ACRE_E_INVALID_ADDRESS);
  CHECK_RESULT(acre__os_reserve((void *)(system.highest_address + 1 - page), 2 * page, ACRE_OS_EXACTLY, &got),
               ACRE_E_INVALID_ADDRESS);
  CHECK_RESULT(acre__os_reserve((void *)(UINTPTR_MAX / 2 + 1), page, ACRE_OS_EXACTLY, &got), ACRE_E_INVALID_ADDRESS);
  CHECK(got == NULL);
  /* As mere wishes they do no harm. */
  CHECK_OK(acre__os_reserve((void *)page, page, ACRE_OS_ANYWHERE, &got));
  CHECK((uintptr_t)got >= system.lowest_address);
  release(got, 1);
  CHECK_OK(acre__os_reserve((void *)(UINTPTR_MAX / 2 + 1), page, ACRE_OS_ANYWHERE, &got));
  CHECK((uintptr_t)got <= system.highest_address);
  release(got, 1);
}

TEST(reserve_says_when_addresses_are_short) {
  void *got;
  CHECK_RESULT(acre__os_reserve(NULL, probe().highest_address, ACRE_OS_ANYWHERE, &got), ACRE_E_NO_ADDRESS_SPACE);
}

TEST(release_frees_any_part) {
  size_t step = place_step(), pages = step / page_size();
  char *base = reserve(3 * pages);
  CHECK_OK(acre__os_release(base + step, step));
  CHECK(is_taken(base) && !is_taken(base + step) && is_taken(base + 2 * step));
  CHECK(is_taken(base + step - page_size()) && is_taken(base + 3 * step - page_size()));
  CHECK_OK(acre__os_commit(base + 2 * step, page_size(), ACRE_VM_READ_WRITE)); /* what is left is as it was */
  base[2 * step] = 1;
  CHECK_OK(acre__os_release(base, 3 * step)); /* over the hole */
  CHECK(!is_taken(base) && !is_taken(base + 2 * step));
}

/* ------------------------------------------------------------- commit, decommit, protect */

static const struct {
  acre_vm_protection protection;
  bool read, write;
} protections[] = {
    {ACRE_VM_NO_ACCESS, false, false},        {ACRE_VM_READ, true, false},
    {ACRE_VM_READ_WRITE, true, true},         {ACRE_VM_EXECUTE_READ, true, false},
    {ACRE_VM_EXECUTE_READ_WRITE, true, true},
};

TEST(committed_memory_reads_zero_and_obeys_its_protection) {
  for (size_t i = 0; i < sizeof protections / sizeof *protections; i++) {
    char *base = reserve(2);
    CHECK_OK(acre__os_commit(base, page_size(), protections[i].protection));
    CHECK_EQ(test_can_read(base), protections[i].read);
    CHECK_EQ(test_can_write(base), protections[i].write);
    if (protections[i].read) CHECK(all_bytes_are(base, page_size(), 0));
    CHECK(!test_can_read(base + page_size()));
    release(base, 2);
  }
}

TEST(commit_keeps_what_is_committed) {
  size_t page = page_size();
  char *base = reserve(3);
  CHECK_OK(acre__os_commit(base + page, page, ACRE_VM_READ_WRITE));
  memset(base + page, 5, page);
  CHECK_OK(acre__os_commit(base, 3 * page, ACRE_VM_READ));
  CHECK(all_bytes_are(base + page, page, 5));
  CHECK(all_bytes_are(base, page, 0) && all_bytes_are(base + 2 * page, page, 0));
  CHECK(!test_can_write(base) && !test_can_write(base + page));
  release(base, 3);
}

TEST(executable_memory_executes) {
#if defined(__x86_64__)
  static const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* mov eax, 42; ret */
#elif defined(__aarch64__)
  static const unsigned char code[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6}; /* mov w0, 42; ret */
#else
  static const unsigned char code[1];
  test_skip("no machine code for this processor");
#endif
  char *base = reserve_committed(1);
  memcpy(base, code, sizeof code);
  __builtin___clear_cache(base, base + sizeof code);
  CHECK_OK(acre__os_protect(base, page_size(), ACRE_VM_EXECUTE));
  int (*function)(void);
  memcpy(&function, &base, sizeof function);
  CHECK_EQ(function(), 42);
  CHECK(!test_can_write(base));
  release(base, 1);
}

TEST(decommit_makes_pages_as_fresh_from_reserve) {
  size_t page = page_size();
  char *base = reserve(512);
  REQUIRE_OK(acre__os_commit(base + page, 510 * page, ACRE_VM_READ_WRITE));
  memset(base + page, 3, 510 * page);
  size_t before = test_resident_bytes();
  CHECK_OK(acre__os_decommit(base, 511 * page)); /* with a page that is only reserved */
  CHECK(test_resident_bytes() + 400 * page <= before);
  CHECK(!test_can_read(base) && !test_can_read(base + page) && is_taken(base + page));
  CHECK_OK(acre__os_commit(base + page, 510 * page, ACRE_VM_READ_WRITE));
  CHECK(all_bytes_are(base + page, 510 * page, 0));
  release(base, 512);
}

TEST(reserved_and_committed_in_one_step) {
  size_t page = page_size();
  void *base = NULL;
  REQUIRE_OK(acre__os_reserve_committed(NULL, 4 * page, ACRE_VM_READ_WRITE, &base));
  CHECK(all_bytes_are(base, 4 * page, 0) && test_can_write(base));
  CHECK_OK(acre__os_decommit((char *)base + page, page));
  CHECK(!test_can_read((char *)base + page) && test_can_write((char *)base + 2 * page));
  release(base, 4);
}

TEST(protect_changes_access_and_keeps_content) {
  char *base = reserve_committed(2);
  memset(base, 6, 2 * page_size());
  for (size_t i = 0; i < sizeof protections / sizeof *protections; i++) {
    CHECK_OK(acre__os_protect(base, page_size(), protections[i].protection));
    CHECK_EQ(test_can_read(base), protections[i].read);
    CHECK_EQ(test_can_write(base), protections[i].write);
    CHECK(test_can_write(base + page_size()));
  }
  CHECK_OK(acre__os_protect(base, page_size(), ACRE_VM_READ));
  CHECK(all_bytes_are(base, 2 * page_size(), 6));
  release(base, 2);
}

/* ------------------------------------------------------------- hide, reveal, discard */

static void need_hide(void) {
  if (!probe().can_hide) test_skip("this kernel has no guard markers (Linux 6.13)");
}

TEST(hidden_pages_fault_whatever_the_protection) {
  need_hide();
  size_t page = page_size();
  char *base = reserve_committed(4);
  memset(base, 8, 4 * page);
  CHECK_OK(acre__os_hide(base + page, 2 * page));
  CHECK_OK(acre__os_hide(base + page, page)); /* twice */
  CHECK(!test_can_read(base + page) && !test_can_write(base + 2 * page));
  CHECK_OK(acre__os_protect(base, 4 * page, ACRE_VM_READ));
  CHECK_OK(acre__os_protect(base, 4 * page, ACRE_VM_READ_WRITE));
  CHECK(!test_can_read(base + page) && !test_can_read(base + 2 * page));
  CHECK(all_bytes_are(base, page, 8) && all_bytes_are(base + 3 * page, page, 8));

  CHECK_OK(acre__os_reveal(base, 2 * page)); /* with a page that is not hidden */
  CHECK(all_bytes_are(base, page, 8));
  CHECK(all_bytes_are(base + page, page, 0) && test_can_write(base + page));
  CHECK(!test_can_read(base + 2 * page));
  release(base, 4);
}

TEST(hiding_changes_no_mapping) {
  need_hide();
  char *base = reserve(1024);
  CHECK_OK(acre__os_hide(base, 1024 * page_size())); /* still reserved */
  CHECK_OK(acre__os_commit(base, 1024 * page_size(), ACRE_VM_READ_WRITE));
  size_t before = test_mapping_count();
  CHECK(!test_can_read(base));
  for (size_t i = 0; i < 1024; i += 2) CHECK_OK(acre__os_reveal(base + i * page_size(), page_size()));
  CHECK(test_can_write(base) && !test_can_read(base + page_size()) && test_can_write(base + 1022 * page_size()));
  CHECK_EQ(test_mapping_count(), before);
  release(base, 1024);
}

/* By one system call for all, where there is one, and by one for each. */
static void hide_each_range(void) {
  size_t page = page_size();
  char *base = reserve_committed(300);
  memset(base, 8, 300 * page);
  struct acre__os_range ranges[100];
  for (size_t i = 0; i < 100; i++) ranges[i] = (struct acre__os_range){base + 3 * i * page, (1 + i % 2) * page};
  CHECK_EQ(acre__os_hide_each(ranges, 0), 0);
  CHECK_EQ(acre__os_hide_each(ranges, 100), 100);
  for (size_t i = 0; i < 300; i++) CHECK_EQ(test_can_read(base + i * page), i % 6 == 1 || i % 6 == 2 || i % 6 == 5);
  CHECK_EQ(acre__os_reveal_each(ranges, 1), 1);
  CHECK_EQ(acre__os_reveal_each(ranges, 100), 100);
  for (size_t i = 0; i < 300; i++) CHECK_EQ(base[i * page], i % 6 == 1 || i % 6 == 2 || i % 6 == 5 ? 8 : 0);

  REQUIRE_OK(acre__os_lock(base + 30 * page, page));
  CHECK_EQ(acre__os_hide_each(ranges, 100), 10); /* the eleventh is locked */
  CHECK(!test_can_read(base + 27 * page) && test_can_read(base + 30 * page) && test_can_read(base + 33 * page));
  release(base, 300);
}

TEST(several_ranges_are_hidden_at_once) {
  need_hide();
  hide_each_range();
  acre__os_force_single_calls(true);
  hide_each_range();
  acre__os_force_single_calls(false);
}

TEST(hide_refuses_locked_pages) {
  need_hide();
  char *base = reserve_committed(1);
  REQUIRE_OK(acre__os_lock(base, page_size()));
  CHECK_RESULT(acre__os_hide(base, page_size()), ACRE_E_NOT_SUPPORTED);
  release(base, 1);
}

TEST(discard_zeroes_and_keeps_the_rest) {
  size_t page = page_size();
  bool can_hide = probe().can_hide;
  char *base = reserve_committed(3);
  memset(base, 4, 3 * page);
  if (can_hide) CHECK_OK(acre__os_hide(base + page, page));
  CHECK_OK(acre__os_protect(base, page, ACRE_VM_READ));
  CHECK_OK(acre__os_discard(base, 2 * page));
  CHECK(all_bytes_are(base, page, 0));
  CHECK(!test_can_write(base));
  CHECK_EQ(test_can_read(base + page), !can_hide);
  CHECK(all_bytes_are(base + 2 * page, page, 4));
  release(base, 3);
}

/* ------------------------------------------------------------- populate, prefetch, lock */

/* Runs the test with the system's own call and with the fallback. */
static void populate_each_way(void (*test)(void)) {
  test();
  acre__os_force(false, true);
  test();
  acre__os_force(false, false);
}

static void populate_gives_memory(void) {
  size_t size = 512 * page_size();
  char *base = reserve_committed(512);
  *base = 1;
  size_t before = test_resident_bytes();
  CHECK_OK(acre__os_populate(base, size, true));
  CHECK(test_resident_bytes() >= before + 400 * page_size());
  CHECK(*base == 1 && all_bytes_are(base + 1, size - 1, 0));
  CHECK_OK(acre__os_protect(base, size, ACRE_VM_READ));
  CHECK_OK(acre__os_populate(base, size, false));
  release(base, 512);
}

static void populate_obeys_the_protection(void) {
  size_t page = page_size();
  char *base = reserve_committed(4);
  CHECK_OK(acre__os_protect(base + 2 * page, page, ACRE_VM_READ));
  CHECK_RESULT(acre__os_populate(base, 4 * page, true), ACRE_E_ACCESS_DENIED);
  CHECK_OK(acre__os_populate(base, 4 * page, false));
  CHECK_OK(acre__os_protect(base + 2 * page, page, ACRE_VM_NO_ACCESS));
  CHECK_RESULT(acre__os_populate(base, 4 * page, false), ACRE_E_ACCESS_DENIED);
  if (probe().can_hide) {
    CHECK_OK(acre__os_protect(base, 4 * page, ACRE_VM_READ_WRITE));
    CHECK_OK(acre__os_hide(base + 2 * page, page));
    CHECK_RESULT(acre__os_populate(base, 4 * page, true), ACRE_E_ACCESS_DENIED);
    CHECK_RESULT(acre__os_populate(base, 4 * page, false), ACRE_E_ACCESS_DENIED);
  }
  release(base, 4);
}

TEST(populate_gives_memory_each_way) {
  if (!probe().can_populate) test_skip("this system does not tell what is populated");
  populate_each_way(populate_gives_memory);
}

TEST(populate_obeys_the_protection_each_way) {
  populate_each_way(populate_obeys_the_protection);
}

TEST(hints_change_nothing) {
  char *base = reserve_committed(1024);
  memset(base, 2, 1024 * page_size());
  acre__os_prefetch(base, 1024 * page_size());
  acre__os_advise_small(base, 1024 * page_size());
  CHECK(all_bytes_are(base, 1024 * page_size(), 2));
  release(base, 1024);
}

TEST(locks_come_and_go) {
  char *base = reserve(8);
  REQUIRE_OK(acre__os_commit(base, 4 * page_size(), ACRE_VM_READ_WRITE));
  CHECK_OK(acre__os_lock(base, 4 * page_size()));
  CHECK_OK(acre__os_unlock(base, 4 * page_size()));
  CHECK_OK(acre__os_unlock(base, 4 * page_size()));
  CHECK_RESULT(acre__os_lock(base, 8 * page_size()), ACRE_E_ACCESS_DENIED);
  release(base, 8);
}

TEST(content_counts_again_after_a_reset_that_is_undone) {
  size_t size = 600 * page_size();
  char *base = reserve_committed(600);
  memset(base, 0x5a, size);
  CHECK_OK(acre__os_reset(base, size));
  CHECK_OK(acre__os_undo_reset(base, size));
  CHECK(all_bytes_are(base, size, 0x5a));
  release(base, 600);
}

/* ------------------------------------------------------------- thread.c */

static _Atomic uint32_t parking;

static void *wait_there(void *context) {
  while (atomic_load(&parking) == 1) acre__park(&parking, 1);
  atomic_fetch_add(&parking, 1);
  return context;
}

TEST(unpark_wakes_who_is_parked) {
  pthread_t thread;
  atomic_store(&parking, 1);
  acre__park(&parking, 2); /* not what is expected: returns at once */
  REQUIRE(pthread_create(&thread, NULL, wait_there, NULL) == 0);
  usleep(20000);
  CHECK_EQ(atomic_load(&parking), 1);
  atomic_store(&parking, 10);
  errno = 12345;
  acre__unpark(&parking);
  CHECK_EQ(errno, 12345);
  REQUIRE(pthread_join(thread, NULL) == 0);
  CHECK_EQ(atomic_load(&parking), 11);
}

/* ------------------------------------------------------------- what a system lacks */

TEST(what_is_not_there_says_so) {
  struct acre__os_system system = probe();
  struct acre__os_tracking tracking;
  char *base = reserve_committed(1);
  if (!system.can_hide) CHECK_RESULT(acre__os_hide(base, page_size()), ACRE_E_NOT_SUPPORTED);
  acre__os_probe_tracking(&tracking);
  if (!tracking.works) CHECK_RESULT(acre__os_track(base, page_size()), ACRE_E_NOT_SUPPORTED);
  if (system.large_page_size == 0) CHECK_RESULT(acre__os_collapse(base, page_size()), ACRE_E_NOT_SUPPORTED);
  CHECK(test_can_write(base));
  release(base, 1);
}
