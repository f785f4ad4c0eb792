/* SPDX-License-Identifier: MIT */
/*
 * Written pages: what is reported, by whichever way (acre_system.written_way);
 * ctest runs these tests for both, and for each way to commit.
 */
#include <acre/acre.h>
#include <stdatomic.h>

#include "vm/written_check.h"

/* ------------------------------------------------------------- what counts */

TEST(a_page_is_written_when_it_is_written) {
  char *base = tracked(PAGES);
  CHECK_WRITTEN(base, PAGES, "");
  commit(base, 0, 700);
  CHECK_WRITTEN(base, PAGES, "");
  for (size_t i = 0; i < 700; i++) CHECK_EQ(*(volatile char *)(base + i * page), 0); /* reading is not writing */
  CHECK_WRITTEN(base, PAGES, "");
  write_page(base, 699), write_page(base, 3), write_page(base, 4), write_page(base, 511), write_page(base, 512);
  CHECK_WRITTEN(base, PAGES, "3-4 511-512 699");
  CHECK_AND_RESET(base, PAGES, "3-4 511-512 699");
  CHECK_AND_RESET(base, PAGES, "");
  base[4 * page] = base[4 * page]; /* may be left out by the compiler */
  *(volatile char *)(base + 4 * page) = 1;
  *(volatile char *)(base + 4 * page) = 1;
  CHECK_AND_RESET(base, PAGES, "4");
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_range_is_whole_pages_and_nothing_else_is_reset) {
  char *base = tracked(64);
  commit(base, 0, 64);
  for (size_t i = 10; i < 20; i++) write_page(base, i);
  acre_vm_run run;
  size_t count = 1;
  CHECK_OK(acre_vm_written(base + 12 * page + 5, 2 * page, ACRE_VM_WRITTEN_RESET, &run, &count));
  CHECK_EQ(count, 1);
  CHECK(run.address == base + 12 * page && run.size == 3 * page);
  CHECK_WRITTEN(base, 64, "10-11 15-19");
  CHECK_OK(acre_vm_reset_written(base + 11 * page, 5 * page - 1));
  CHECK_WRITTEN(base, 64, "10 16-19");
  CHECK_OK(acre_vm_reset_written(base, 64 * page));
  CHECK_WRITTEN(base, 64, "");
  write_page(base, 12);
  CHECK_WRITTEN(base, 64, "12");
  CHECK_OK(acre_vm_release(base));
}

TEST(reserve_and_commit_in_one) {
  char *base = tracked_with(64, (acre_vm_options){.flags = ACRE_VM_COMMIT});
  CHECK_WRITTEN(base, 64, "");
  CHECK_AGREES_AND_RESET(base);
  write_page(base, 63);
  CHECK_AND_RESET(base, 64, "63");
  CHECK_OK(acre_vm_release(base));
}

TEST(every_way_to_commit) {
  static const struct {
    size_t start, end, stride, length;
  } ways[] = {{0, PAGES, PAGES, PAGES}, {0, 700, 64, 64}, {3, PAGES, 5, 1}, {100, 900, 100, 37}};
  for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
    char *base = tracked(PAGES);
    char expected[8192] = "";
    size_t length = 0, pieces = 0;
    for (size_t at = ways[w].start; at < ways[w].end; at += ways[w].stride, pieces++) {
      size_t last = at + ways[w].length < PAGES ? at + ways[w].length : PAGES;
      commit(base, at, last);
      if (pieces % 3 != 0) continue;
      write_page(base, last - 1);
      length += (size_t)snprintf(expected + length, sizeof expected - length, length == 0 ? "%zu" : " %zu", last - 1);
    }
    CHECK_WRITTEN(base, PAGES, expected);
    CHECK_AND_RESET(base, PAGES, expected);
    CHECK_AND_RESET(base, PAGES, "");
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
  }
}

TEST(a_decommitted_page_is_never_reported_and_comes_back_clean) {
  static const size_t strides[] = {1, 7};
  for (size_t s = 0; s < 2; s++) {
    char *base = tracked(PAGES);
    for (size_t at = 0; at < PAGES; at += strides[s]) commit(base, at, at + 1);
    for (size_t at = 0; at < PAGES; at += strides[s]) write_page(base, at);
    if (s == 1) CHECK_OK(acre_vm_reset_written(base, 700 * page));
    decommit(base, 0, 560);
    decommit(base, 567, PAGES - 7);
    if (s == 0) CHECK_WRITTEN(base, PAGES, "560-566 1593-1599");
    if (s == 1) CHECK_WRITTEN(base, PAGES, "1596");
    CHECK_OK(acre_vm_reset_written(base, PAGES * page));
    commit(base, 0, PAGES);
    CHECK_WRITTEN(base, PAGES, "");
    CHECK(all_bytes_are(base, 560 * page, 0));
    CHECK_WRITTEN(base, PAGES, "");
    write_page(base, 2), write_page(base, 1400);
    CHECK_AND_RESET(base, PAGES, "2 1400");
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
  }
}

TEST(committing_and_protecting_again_changes_nothing) {
  for (int agree = 0; agree < 2; agree++) { /* the walk over the pages is a write of its own */
    char *base = tracked(64);
    commit(base, 0, 32);
    write_page(base, 3), write_page(base, 8);
    CHECK_AND_RESET(base, 64, "3 8");
    write_page(base, 8), write_page(base, 9);
    commit(base, 4, 40);
    CHECK_WRITTEN(base, 64, "8-9");
    CHECK_OK(acre_vm_protect(base, 32 * page, ACRE_VM_READ, NULL));
    CHECK_WRITTEN(base, 64, "8-9");
    CHECK_OK(acre_vm_protect(base + 2 * page, 8 * page, ACRE_VM_NO_ACCESS, NULL));
    CHECK_AND_RESET(base, 64, "8-9");
    if (agree == 1) CHECK_AGREES_AND_RESET(base);
    CHECK_OK(acre_vm_protect(base, 40 * page, ACRE_VM_READ_WRITE, NULL));
    CHECK_WRITTEN(base, 64, "");
    if (agree == 1) CHECK_AGREES_AND_RESET(base);
    write_page(base, 9), write_page(base, 31);
    CHECK_WRITTEN(base, 64, "9 31");
    CHECK_OK(acre_vm_commit(base + 9 * page, page, ACRE_VM_READ));
    CHECK_WRITTEN(base, 64, "9 31");
    CHECK_EQ(base[9 * page + 9], 2);
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
  }
}

TEST(guard_pages_stay_guarded) {
  char *base = tracked(16);
  commit(base, 0, 16);
  write_page(base, 4), write_page(base, 5);
  CHECK_OK(acre_vm_protect(base + 5 * page, page, (acre_vm_protection)(ACRE_VM_READ_WRITE | ACRE_VM_GUARD), NULL));
  CHECK_WRITTEN(base, 16, "4-5");
  CHECK_OK(acre_vm_written_prepare(base, 16 * page));
  CHECK_OK(acre_vm_reset_written(base, 16 * page));
  CHECK(!test_can_read(base + 5 * page) && !test_can_write(base + 5 * page));
  CHECK_EQ(query(base + 5 * page).protection, ACRE_VM_READ_WRITE | ACRE_VM_GUARD);
  CHECK_AGREES_AND_RESET(base);
  CHECK_OK(acre_vm_protect(base + 5 * page, page, ACRE_VM_READ_WRITE, NULL));
  CHECK_WRITTEN(base, 16, "");
  CHECK_EQ(base[5 * page + 5], 1);
  write_page(base, 5);
  CHECK_WRITTEN(base, 16, "5");
  CHECK_OK(acre_vm_release(base));
}

TEST(executable_pages_are_tracked_like_others) {
  char *base = tracked_with(16, (acre_vm_options){.protection = ACRE_VM_EXECUTE_READ_WRITE});
  acre_result result = acre_vm_commit(base, 16 * page, ACRE_VM_DEFAULT);
  if (result == ACRE_E_ACCESS_DENIED) test_skip("the system lets no memory be written and executed");
  REQUIRE_OK(result);
  write_page(base, 5);
  CHECK_AND_RESET(base, 16, "5");
  CHECK_EQ(query(base).protection, ACRE_VM_EXECUTE_READ_WRITE);
  CHECK_OK(acre_vm_release(base));
}

TEST(committed_by_a_touch) {
  char *base = tracked_with(PAGES, (acre_vm_options){.touch_step = 16 * 4096});
  CHECK_EQ(*(volatile char *)(base + 40 * page), 0);
  write_page(base, 20), write_page(base, 1000);
  CHECK_EQ(query(base + 21 * page).state, ACRE_VM_COMMITTED);
  CHECK_AND_RESET(base, PAGES, "20 1000");
  write_page(base, 21), write_page(base, 20);
  CHECK_AND_RESET(base, PAGES, "20-21");
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(populating_locking_and_undoing_a_reset_count_as_writing) {
  char *base = tracked(64);
  commit(base, 0, 64);
  CHECK_OK(acre_vm_protect(base + 60 * page, 4 * page, ACRE_VM_READ, NULL));
  CHECK_OK(acre_vm_populate(base + 10 * page, 2 * page));
  CHECK_OK(acre_vm_populate(base + 58 * page, 6 * page));
  CHECK_AND_RESET(base, 64, "10-11 58-59");
  acre_result locked = acre_vm_lock(base + 20 * page, 4 * page);
  if (locked == ACRE_OK) {
    CHECK_AND_RESET(base, 64, "20-23");
    write_page(base, 21);
    CHECK_AND_RESET(base, 64, "21");
    CHECK_OK(acre_vm_unlock(base + 20 * page, 4 * page));
    CHECK_WRITTEN(base, 64, "");
  }
  memset(base + 30 * page, 7, 2 * page);
  CHECK_AND_RESET(base, 64, "30-31");
  CHECK_OK(acre_vm_reset(base + 30 * page, 2 * page));
  CHECK_OK(acre_vm_undo_reset(base + 30 * page, 2 * page));
  CHECK(all_bytes_are(base + 30 * page, 2 * page, 7));
  CHECK_AND_RESET(base, 64, "30-31");
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

/* The neighbours of one page in 4 MiB of fresh memory are not written with it, whatever large pages the system gives. */
TEST(a_page_is_tracked_by_itself) {
  char *base = tracked_with(2048, (acre_vm_options){.alignment = (size_t)2 << 20});
  commit(base, 0, 2048);
  write_page(base, 700);
  CHECK_AND_RESET(base, 2048, "700");
  memset(base, 1, 2048 * page);
  CHECK_AND_RESET(base, 2048, "0-2047");
  write_page(base, 701);
  CHECK_AND_RESET(base, 2048, "701");
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- the system's own writes */

TEST(a_system_call_writes_into_what_is_prepared) {
  char *base = tracked(64);
  commit(base, 0, 64);
  for (size_t round = 0; round < 3; round++) {
    CHECK_OK(acre_vm_written_prepare(base + 7 * page + 100, 1));
    CHECK(test_system_write(base + 7 * page + 100));
    CHECK_AND_RESET(base, 64, "7");
  }
  CHECK_EQ(base[7 * page + 100], TEST_SYSTEM_BYTE);
  CHECK_AGREES(base);
  CHECK_RESULT(acre_vm_written_prepare(base, 64 * page), ACRE_OK);
  decommit(base, 5, 6);
  CHECK_RESULT(acre_vm_written_prepare(base, 64 * page), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_system_call_without_it) {
  char *base = tracked(64);
  commit(base, 0, 64);
  for (size_t round = 0; round < 3; round++) {
    if (test_system_write(base + 9 * page)) {
      CHECK(!by_fault());
      CHECK_AND_RESET(base, 64, "9");
    } else {
      CHECK(by_fault());
      CHECK_AND_RESET(base, 64, "");
    }
  }
  write_page(base, 9); /* once written, a page takes it either way */
  CHECK(test_system_write(base + 9 * page));
  CHECK_AND_RESET(base, 64, "9");
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- room */

TEST(what_finds_no_room_waits) {
  char *base = tracked(PAGES);
  commit(base, 0, PAGES);
  for (size_t i = 0; i < PAGES; i += 2) write_page(base, i);
  for (size_t i = 1; i < 20; i += 2) write_page(base, i); /* 0 to 20 are one run */
  acre_vm_run runs[7];
  size_t count = 7, found = 0;
  CHECK_RESULT(acre_vm_written(base, PAGES * page, 0, runs, &count), ACRE_E_MORE);
  CHECK_EQ(count, 7);
  acre_result result;
  do {
    count = 7;
    result = acre_vm_written(base, PAGES * page, ACRE_VM_WRITTEN_RESET, runs, &count);
    REQUIRE(result == ACRE_OK || result == ACRE_E_MORE);
    for (size_t i = 0; i < count; i++, found++) {
      CHECK(runs[i].address == base + (found == 0 ? 0 : 20 + found * 2) * page);
      CHECK_EQ(runs[i].size, (found == 0 ? 21 : 1) * page);
    }
    CHECK(result == ACRE_OK || count == 7);
  } while (result == ACRE_E_MORE);
  CHECK_EQ(found, (PAGES - 20) / 2);
  CHECK_WRITTEN(base, PAGES, "");
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(pages_with_room_for_some_of_a_run) {
  char *base = tracked(64);
  commit(base, 0, 64);
  for (size_t i = 5; i < 25; i++) write_page(base, i);
  void *pages[8];
  for (size_t first = 5; first < 25; first += 8) {
    size_t count = 8, expected = first + 8 < 25 ? 8 : 25 - first;
    CHECK_RESULT(acre_vm_written_pages(base, 64 * page, ACRE_VM_WRITTEN_RESET, pages, &count),
                 first + 8 < 25 ? ACRE_E_MORE : ACRE_OK);
    REQUIRE_EQ(count, expected);
    for (size_t i = 0; i < count; i++) CHECK(pages[i] == base + (first + i) * page);
  }
  CHECK_OK(acre_vm_release(base));
}

TEST(exactly_enough_room_is_enough) {
  char *base = tracked(64);
  commit(base, 0, 64);
  write_page(base, 1), write_page(base, 3);
  acre_vm_run runs[2];
  void *pages[2];
  size_t count = 2;
  CHECK_OK(acre_vm_written(base, 64 * page, 0, runs, &count));
  CHECK_EQ(count, 2);
  CHECK_OK(acre_vm_written_pages(base, 64 * page, 0, pages, &count));
  CHECK_EQ(count, 2);
  count = 0;
  CHECK_RESULT(acre_vm_written(base, 64 * page, ACRE_VM_WRITTEN_RESET, NULL, &count), ACRE_E_MORE);
  CHECK_EQ(count, 0);
  CHECK_AND_RESET(base, 64, "1 3");
  CHECK_OK(acre_vm_written_pages(base, 64 * page, 0, NULL, &count));
  CHECK_OK(acre_vm_release(base));
}

/* Runs that meet where two system calls, or two chunks, meet are one. */
TEST(many_runs) {
  enum { MANY = 20000 };
  static acre_vm_run runs[MANY];
  char *base = tracked(MANY);
  commit(base, 0, MANY);
  for (unsigned round = 0; round < 2; round++) {
    size_t expected = 0;
    for (size_t i = 0; i < MANY; i++)
      if (i % 3 != round) write_page(base, i), expected += i == 0 || (i - 1) % 3 == round;
    size_t count = MANY;
    CHECK_OK(acre_vm_written(base, MANY * page, ACRE_VM_WRITTEN_RESET, runs, &count));
    CHECK_EQ(count, expected);
    for (size_t i = 1; i < count; i++) CHECK((char *)runs[i - 1].address + runs[i - 1].size < (char *)runs[i].address);
  }
  CHECK_OK(acre_vm_release(base));
}

/* Regions that fill their table's nodes: nothing is looked for behind their end. */
TEST(regions_that_end_with_a_node) {
  static const size_t sizes[] = {512, 64 * 512, 512 * 512, 64 * 64 * 512};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *base = tracked(sizes[i]);
    commit(base, 0, 3), commit(base, sizes[i] - 3, sizes[i]); /* what comes first lies behind the topmost node */
    write_page(base, sizes[i] - 1);
    acre_vm_run run;
    size_t count = 1;
    CHECK_OK(acre_vm_written(base, sizes[i] * page, ACRE_VM_WRITTEN_RESET, &run, &count));
    CHECK_EQ(count, 1);
    CHECK(run.address == base + (sizes[i] - 1) * page && run.size == page);
    CHECK_OK(acre_vm_reset_written(base, sizes[i] * page));
    CHECK_OK(acre_vm_release(base));
  }
}

TEST(a_sparse_region) {
  const size_t pages = ((size_t)1 << (SANITIZED ? 36 : 40)) / page_bytes(); /* ThreadSanitizer leaves few addresses */
  char *base = tracked(pages);
  commit(base, 0, 3), commit(base, pages / 2, pages / 2 + 5), commit(base, pages - 600, pages);
  write_page(base, 1), write_page(base, pages / 2 + 4), write_page(base, pages - 1);
  size_t metadata = system_figures().metadata_bytes;
  for (unsigned round = 0; round < 3; round++) {
    acre_vm_run runs[4];
    size_t count = 4;
    CHECK_OK(acre_vm_written(base, pages * page, ACRE_VM_WRITTEN_RESET, runs, &count));
    REQUIRE_EQ(count, round == 2 ? 0 : 3);
    if (round == 2) break;
    CHECK(runs[0].address == base + page && runs[1].address == base + (pages / 2 + 4) * page);
    CHECK(runs[2].address == base + (pages - 1) * page);
    if (round == 0) write_page(base, 1), write_page(base, pages / 2 + 4), write_page(base, pages - 1);
  }
  CHECK(system_figures().metadata_bytes <= metadata + 4096);
  decommit(base, 0, pages);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- what is refused */

TEST(bad_arguments) {
  char *base = tracked(16), *plain = reserve_pages(16);
  acre_vm_run run;
  void *one;
  size_t count = 1;
  commit(base, 0, 16);
  CHECK_RESULT(acre_vm_written(base, page, 0, &run, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_written(base, page, 0, NULL, &count), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_written_pages(base, page, 0, NULL, &count), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_written(base, page, 2, &run, &count), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_written(NULL, page, 0, &run, &count), ACRE_E_INVALID_ARGUMENT);
  CHECK_EQ(count, 0);
  count = 1;
  CHECK_RESULT(acre_vm_written(base, 0, 0, &run, &count), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_written(base, SIZE_MAX, 0, &run, &count), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_vm_written(base, 17 * page, 0, &run, &count), ACRE_E_SPANS_REGIONS);
  CHECK_RESULT(acre_vm_written(&count, page, 0, &run, &count), ACRE_E_NOT_A_REGION);
  count = 1;
  CHECK_RESULT(acre_vm_written(plain, page, 0, &run, &count), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_written_pages(plain, page, 0, &one, &count), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_reset_written(plain, page), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_written_prepare(plain, page), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_release(plain));
  CHECK_OK(acre_vm_release(base));
  CHECK_RESULT(acre_vm_reset_written(base, page), ACRE_E_NOT_A_REGION);
  acre_vm_options options = {.flags = ACRE_VM_TRACK_WRITES, .backing = ACRE_VM_BACKING_PAGING_FILE};
  CHECK_RESULT(acre_vm_reserve(page, &options, &one), ACRE_E_INVALID_ARGUMENT);
  options = (acre_vm_options){.flags = ACRE_VM_TRACK_WRITES | ACRE_VM_LARGE_PAGES};
  CHECK_RESULT(acre_vm_reserve(page, &options, &one), ACRE_E_INVALID_ARGUMENT);
  options = (acre_vm_options){.flags = ACRE_VM_TRACK_WRITES | ACRE_VM_PLACEHOLDER};
  CHECK_RESULT(acre_vm_reserve(page, &options, &one), ACRE_E_INVALID_ARGUMENT);
}

/* Pages of a tracked region stay small, or one write would count for many. */
TEST(no_large_page_comes_of_them) {
  size_t large = system_figures().large_page_size;
  if (large == 0) test_skip("no large pages here");
  char *base = tracked_with(2 * large / page_bytes(), (acre_vm_options){.alignment = large, .flags = ACRE_VM_COMMIT});
  memset(base, 1, 2 * large);
  CHECK_RESULT(acre_vm_collapse(base, large), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_reset_written(base, 2 * large));
  write_page(base, 7);
  CHECK_AND_RESET(base, 2 * large / page, "7");
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- placeholders */

TEST(in_the_place_of_a_placeholder) {
  page = page_bytes();
  size_t size = 64 * 1024, pages = size / page;
  acre_vm_options placeholder = {.flags = ACRE_VM_PLACEHOLDER};
  char *base = reserve_with(3 * pages, &placeholder);
  CHECK_OK(acre_vm_split(base, size));
  CHECK_OK(acre_vm_split(base + size, size));
  acre_vm_options options = {.address = base + size, .flags = ACRE_VM_REPLACE | ACRE_VM_TRACK_WRITES | ACRE_VM_COMMIT};
  for (int round = 0; round < 3; round++) {
    void *out;
    acre_vm_run run;
    size_t count = 1;
    REQUIRE_OK(acre_vm_reserve(size, &options, &out));
    CHECK_WRITTEN(base + size, pages, "");
    write_page(base + size, 3), write_page(base + size, 7);
    CHECK_AND_RESET(base + size, pages, "3 7");
    write_page(base + size, 4);
    CHECK_AND_RESET(base + size, pages, "4");
    CHECK_AGREES(base + size);

    /* What comes next at the same place does not track its writes. */
    REQUIRE_OK(acre_vm_release_to_placeholder(base + size));
    CHECK_RESULT(acre_vm_written(base + size, page, 0, &run, &count), ACRE_E_WRONG_KIND);
    acre_vm_options plain = {.address = base + size, .flags = ACRE_VM_REPLACE | ACRE_VM_COMMIT};
    REQUIRE_OK(acre_vm_reserve(size, &plain, &out));
    write_page(base + size, 5);
    CHECK_RESULT(acre_vm_reset_written(base + size, size), ACRE_E_WRONG_KIND);
    CHECK_AGREES(base + size);
    REQUIRE_OK(acre_vm_release_to_placeholder(base + size));
  }
  CHECK_OK(acre_vm_join(base, 3 * size));
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- few mappings left */

TEST(near_the_limit_of_mappings_more_is_reported_and_nothing_lost) {
  char *base = tracked(PAGES);
  commit(base, 0, PAGES);
  size_t budget = acre__root.mapping_budget;
  acre__root.mapping_budget = 40;
  for (size_t i = 0; i < PAGES; i += 4) write_page(base, i);
  static void *pages[PAGES];
  size_t count = PAGES, at = 0;
  CHECK_OK(acre_vm_written_pages(base, PAGES * page, ACRE_VM_WRITTEN_RESET, pages, &count));
  for (size_t i = 0; i < PAGES; i += 4) {
    while (at < count && (char *)pages[at] < base + i * page) at++;
    CHECK(at < count && pages[at] == base + i * page);
  }
  if (!by_fault()) CHECK_EQ(count, PAGES / 4);
  CHECK(acre__root.mappings < 60);
  CHECK_WRITTEN(base, PAGES, "");
  CHECK_AGREES(base);
  acre__root.mapping_budget = budget;
  CHECK_OK(acre_vm_release(base));
}

/* Coarse commits leave reserved pages accessible. Who writes there is not told, and is not reported. */
TEST(reserved_pages_are_not_reported_even_if_they_can_be_written) {
  char *base = tracked(PAGES);
  size_t budget = acre__root.mapping_budget;
  acre__root.mapping_budget = 10;
  for (size_t i = 5; i < 1100; i += 6) commit(base, i, i + 1);
  for (size_t i = 0; i < PAGES; i++)
    if (test_can_write(base + i * page)) ++*(volatile char *)(base + i * page);
  static void *pages[PAGES];
  for (unsigned round = 0; round < 2; round++) {
    size_t count = PAGES;
    CHECK_OK(acre_vm_written_pages(base, PAGES * page, ACRE_VM_WRITTEN_RESET, pages, &count));
    for (size_t i = 0; i < count; i++) CHECK_EQ(query(pages[i]).state, ACRE_VM_COMMITTED);
    decommit(base, 0, 700);
    commit(base, 17, 20);
    write_page(base, 17), write_page(base, 1001);
  }
  acre__root.mapping_budget = budget;
  CHECK_OK(acre_vm_reset_written(base, PAGES * page));
  write_page(base, 17), write_page(base, 1001);
  CHECK_WRITTEN(base, PAGES, "17 1001");
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

/* Strict commits write what they populate, or not: nothing is lost either way. */
TEST(a_strict_region) {
  char *base = tracked_with(64, (acre_vm_options){.flags = ACRE_VM_STRICT});
  commit(base, 0, 40);
  REQUIRE_OK(acre_vm_commit(base + 40 * page, 4 * page, ACRE_VM_READ));
  CHECK_OK(acre_vm_reset_written(base, 64 * page));
  CHECK_WRITTEN(base, 64, "");
  write_page(base, 39), write_page(base, 2);
  CHECK_AND_RESET(base, 64, "2 39");
  commit(base, 30, 50);
  write_page(base, 49), write_page(base, 41);
  report(base, 0, 64, ACRE_VM_WRITTEN_RESET);
  write_page(base, 41);
  CHECK_AND_RESET(base, 64, "41");
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- against a model */

enum { MODEL_PAGES = 1300, STEPS = SANITIZED ? 600 : 3000 };

struct model {
  unsigned char state[MODEL_PAGES]; /* 0 reserved, else the protection */
  bool written[MODEL_PAGES];
  unsigned char first_byte[MODEL_PAGES];
};

static void model_report(struct model *model, char *base, size_t start, size_t end) {
  static void *pages[MODEL_PAGES];
  size_t room = test_random_below(4) == 0 ? (size_t)test_random_below(20) : MODEL_PAGES, count = room, expected = 0;
  unsigned flags = test_random_below(2) == 0 ? ACRE_VM_WRITTEN_RESET : 0;
  acre_result result = acre_vm_written_pages(base + start * page, (end - start) * page, flags, pages, &count);
  REQUIRE(result == ACRE_OK || result == ACRE_E_MORE);
  for (size_t at = start; at < end; at++) {
    if (!model->written[at]) continue;
    if (expected == room) {
      CHECK_RESULT(result, ACRE_E_MORE);
      return;
    }
    REQUIRE(expected < count);
    REQUIRE(pages[expected++] == base + at * page);
    if (flags != 0) model->written[at] = false;
  }
  CHECK_EQ(expected, count);
  CHECK_OK(result);
}

static void model_step(struct model *model, char *base) {
  static const acre_vm_protection protections[] = {ACRE_VM_READ_WRITE, ACRE_VM_READ, ACRE_VM_NO_ACCESS};
  size_t length = 1 + (size_t)test_random_below(test_random_below(8) == 0 ? 700 : 12);
  size_t start = (size_t)test_random_below(MODEL_PAGES),
         end = start + length < MODEL_PAGES ? start + length : MODEL_PAGES;
  uint64_t kind = test_random_below(10);
  if (kind < 2) {
    acre_vm_protection protection = protections[test_random_below(8) < 6 ? 0 : 1];
    REQUIRE_OK(acre_vm_commit(base + start * page, (end - start) * page, protection));
    for (size_t at = start; at < end; at++) model->state[at] = (unsigned char)protection;
  } else if (kind == 2) {
    decommit(base, start, end);
    memset(model->state + start, 0, end - start);
    memset(model->written + start, 0, end - start);
    memset(model->first_byte + start, 0, end - start);
  } else if (kind == 3) {
    acre_vm_protection protection = protections[test_random_below(3)];
    bool committed = memchr(model->state + start, 0, end - start) == NULL;
    CHECK_RESULT(acre_vm_protect(base + start * page, (end - start) * page, protection, NULL),
                 committed ? ACRE_OK : ACRE_E_NOT_COMMITTED);
    if (committed) memset(model->state + start, (int)protection, end - start);
  } else if (kind < 8) {
    for (size_t at = start; at < end; at++) {
      if (model->state[at] != ACRE_VM_READ_WRITE || test_random_below(2) == 0) continue;
      if (test_random_below(4) == 0) {
        REQUIRE_OK(acre_vm_written_prepare(base + at * page, page));
        REQUIRE(test_system_write(base + at * page));
        model->first_byte[at] = 'x';
      } else {
        base[at * page] = (char)++model->first_byte[at];
      }
      model->written[at] = true;
    }
  } else {
    model_report(model, base, start, end);
  }
}

TEST(random_steps_agree_with_a_model) {
  static struct model model;
  memset(&model, 0, sizeof model);
  char *base = tracked(MODEL_PAGES);
  for (unsigned step = 0; step < STEPS; step++) {
    model_step(&model, base);
    if (step % 100 == 0) {
      CHECK_AGREES_AND_RESET(base);
      memset(model.written, 0, sizeof model.written);
    }
  }
  model_report(&model, base, 0, MODEL_PAGES);
  CHECK_AGREES(base);
  for (size_t at = 0; at < MODEL_PAGES; at++)
    if (model.state[at] > ACRE_VM_NO_ACCESS) CHECK_EQ((unsigned char)base[at * page], model.first_byte[at]);
  CHECK_OK(acre_vm_release(base));
}
