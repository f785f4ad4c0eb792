/* SPDX-License-Identifier: MIT */
/* The contract of os.h: tracking of written pages. */
#include "contract_linux.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { PAGES = 64, ROOM = 64 };

static struct acre__os_tracking tracking(void) {
  struct acre__os_tracking tracking;
  acre__os_probe_tracking(&tracking);
  if (!tracking.works) test_skip("the system does not track writes, or does not let this process ask");
  return tracking;
}

static char *tracked(size_t pages) {
  char *base = reserve(pages);
  REQUIRE_OK(acre__os_track(base, pages * page_size()));
  REQUIRE_OK(acre__os_commit(base, pages * page_size(), ACRE_VM_READ_WRITE));
  return base;
}

static struct acre__os_written_run runs[ROOM];

static size_t search(char *base, size_t pages, bool reset, bool all_have_content) {
  struct acre__os_written_search search = {.start = (uintptr_t)base,
                                           .end = (uintptr_t)base + pages * page_size(),
                                           .reset = reset,
                                           .all_have_content = all_have_content,
                                           .runs = runs,
                                           .room = ROOM};
  REQUIRE_OK(acre__os_written(&search));
  CHECK_EQ(search.start, search.end);
  return search.count;
}

#define CHECK_RUN(i, base, from, to)                                \
  (CHECK_EQ(runs[i].start, (uintptr_t)(base) + (from)*page_size()), \
   CHECK_EQ(runs[i].end, (uintptr_t)(base) + (to)*page_size()))

TEST(the_written_pages_are_found) {
  tracking();
  char *base = tracked(PAGES);
  CHECK_EQ(search(base, PAGES, false, false), 0);
  base[0] = base[page_size()] = base[5 * page_size()] = 1;
  CHECK_EQ(*(volatile char *)(base + 9 * page_size()), 0); /* a read leaves the page of zeros */
  for (int i = 0; i < 2; i++) {
    REQUIRE_EQ(search(base, PAGES, i == 1, false), 2);
    CHECK_RUN(0, base, 0, 2);
    CHECK_RUN(1, base, 5, 6);
  }
  CHECK_EQ(search(base, PAGES, false, false), 0);
  base[5 * page_size()] = 1; /* the same value */
  REQUIRE_EQ(search(base, PAGES, true, false), 1);
  CHECK_RUN(0, base, 5, 6);
  release(base, PAGES);
}

TEST(the_quick_search_says_the_same_where_all_has_content) {
  tracking();
  char *base = tracked(PAGES);
  for (size_t i = 0; i < PAGES; i++) base[i * page_size()] = 1;
  REQUIRE_EQ(search(base, PAGES, true, true), 1);
  CHECK_RUN(0, base, 0, PAGES);
  CHECK_EQ(search(base, PAGES, true, true), 0);
  base[7 * page_size()] = 2;
  REQUIRE_EQ(search(base, PAGES, true, true), 1);
  CHECK_RUN(0, base, 7, 8);
  release(base, PAGES);
}

TEST(a_system_call_writes_too) {
  tracking();
  char *base = tracked(PAGES);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  base[page_size()] = 1;
  search(base, PAGES, true, false);
  for (size_t i = 0; i < 2; i++) { /* a page that was reset, and one without content */
    REQUIRE(write(ends[1], "x", 1) == 1);
    REQUIRE(read(ends[0], base + (1 + i) * page_size(), 1) == 1);
    REQUIRE_EQ(search(base, PAGES, true, false), 1);
    CHECK_RUN(0, base, 1 + i, 2 + i);
  }
  close(ends[0]), close(ends[1]);
  release(base, PAGES);
}

TEST(no_room_ends_a_search_where_it_can_go_on) {
  tracking();
  char *base = tracked(PAGES);
  for (size_t i = 0; i < PAGES; i += 2) base[i * page_size()] = 1;
  struct acre__os_written_search ask = {
      .start = (uintptr_t)base, .end = (uintptr_t)base + PAGES * page_size(), .reset = true, .runs = runs, .room = 3};
  for (size_t found = 0; found < PAGES / 2;) {
    REQUIRE_OK(acre__os_written(&ask));
    REQUIRE(ask.count > 0 && ask.count <= 3);
    for (size_t i = 0; i < ask.count; i++, found++) CHECK_RUN(i, base, found * 2, found * 2 + 1);
    /* No more was reset than was reported. */
    struct acre__os_written_run others[ROOM];
    struct acre__os_written_search rest = {.start = (uintptr_t)base, .end = ask.end, .runs = others, .room = ROOM};
    REQUIRE_OK(acre__os_written(&rest));
    CHECK_EQ(rest.count, PAGES / 2 - found);
  }
  release(base, PAGES);
}

TEST(a_number_of_pages_ends_a_search) {
  tracking();
  char *base = tracked(PAGES);
  memset(base, 1, 20 * page_size());
  struct acre__os_written_search ask = {.start = (uintptr_t)base,
                                        .end = (uintptr_t)base + PAGES * page_size(),
                                        .reset = true,
                                        .most_pages = 8,
                                        .runs = runs,
                                        .room = ROOM};
  for (size_t from = 0; from < 20; from += 8) {
    REQUIRE_OK(acre__os_written(&ask));
    REQUIRE_EQ(ask.count, 1);
    CHECK_RUN(0, base, from, from + 8 < 20 ? from + 8 : 20);
  }
  release(base, PAGES);
}

TEST(protection_changes_nothing) {
  tracking();
  char *base = tracked(PAGES);
  base[3 * page_size()] = base[4 * page_size()] = 1;
  search(base, PAGES, true, false);
  base[4 * page_size()] = 2;
  const acre_vm_protection all[] = {ACRE_VM_READ, ACRE_VM_NO_ACCESS, ACRE_VM_READ_WRITE};
  for (size_t i = 0; i < 3; i++) {
    CHECK_OK(acre__os_protect(base + 2 * page_size(), 3 * page_size(), all[i]));
    REQUIRE_EQ(search(base, PAGES, false, false), 1);
    CHECK_RUN(0, base, 4, 5);
  }
  CHECK_EQ(base[4 * page_size()], 2);
  release(base, PAGES);
}

TEST(decommit_ends_it_and_tracking_again_begins_it) {
  tracking();
  char *base = tracked(PAGES);
  memset(base, 1, PAGES * page_size());
  CHECK_OK(acre__os_decommit(base + 8 * page_size(), 8 * page_size()));
  struct acre__os_written_search ask = {
      .start = (uintptr_t)base, .end = (uintptr_t)base + PAGES * page_size(), .runs = runs, .room = ROOM};
  CHECK_RESULT(acre__os_written(&ask), ACRE_E_NOT_SUPPORTED);
  CHECK_OK(acre__os_track(base + 8 * page_size(), 8 * page_size()));
  CHECK_OK(acre__os_commit(base + 8 * page_size(), 8 * page_size(), ACRE_VM_READ_WRITE));
  REQUIRE_EQ(search(base, PAGES, true, false), 2);
  CHECK_RUN(0, base, 0, 8);
  CHECK_RUN(1, base, 16, PAGES);
  base[9 * page_size()] = 1;
  REQUIRE_EQ(search(base, PAGES, true, false), 1);
  CHECK_RUN(0, base, 9, 10);
  CHECK_OK(acre__os_track(base, PAGES * page_size())); /* again: all that has content counts */
  REQUIRE_EQ(search(base, PAGES, true, false), 3);
  CHECK_RUN(1, base, 9, 10);
  release(base, PAGES);
}

TEST(hidden_pages_are_passed_over) {
  struct acre__os_system system;
  acre__os_probe(&system);
  if (!tracking().passes_hidden || !system.can_hide) test_skip("hidden pages and written ones look alike here");
  char *base = tracked(PAGES);
  base[0] = base[9 * page_size()] = 1;
  CHECK_OK(acre__os_hide(base + page_size(), 4 * page_size()));
  CHECK_OK(acre__os_hide(base + 9 * page_size(), page_size()));
  REQUIRE_EQ(search(base, PAGES, true, false), 1);
  CHECK_RUN(0, base, 0, 1);
  CHECK(!test_can_read(base + page_size()));
  CHECK_OK(acre__os_reveal(base + page_size(), 9 * page_size()));
  CHECK_EQ(search(base, PAGES, true, false), 0);
  base[9 * page_size()] = 1;
  REQUIRE_EQ(search(base, PAGES, true, false), 1);
  CHECK_RUN(0, base, 9, 10);
  release(base, PAGES);
}

/* ------------------------------------------------------------- fork, and descriptors that go */

static void track_anew(void *context) {
  char *base = context;
  struct acre__os_written_search ask = {
      .start = (uintptr_t)base, .end = (uintptr_t)base + PAGES * page_size(), .runs = runs, .room = ROOM};
  acre__os_track_in_child();
  CHECK_RESULT(acre__os_written(&ask), ACRE_E_NOT_SUPPORTED);
  REQUIRE_OK(acre__os_track(base, PAGES * page_size()));
  REQUIRE_EQ(search(base, PAGES, true, false), 1);
  CHECK_RUN(0, base, 0, 4);
  base[2 * page_size()] = 1;
  REQUIRE_EQ(search(base, PAGES, true, false), 1);
  CHECK_RUN(0, base, 2, 3);
}

TEST(a_child_tracks_by_itself) {
  tracking();
  char *base = tracked(PAGES);
  memset(base, 1, 4 * page_size());
  search(base, PAGES, true, false);
  CHECK_IN_CHILD(track_anew, base);
  CHECK_EQ(search(base, PAGES, true, false), 0); /* the child's writes are the child's */
  base[page_size()] = 1;
  REQUIRE_EQ(search(base, PAGES, true, false), 1);
  CHECK_RUN(0, base, 1, 2);
  release(base, PAGES);
}

static void lose_descriptors(void *context) {
  char *base = context;
  for (int fd = 3; fd < 100; fd++) close(fd);
  int file = open("/dev/null", O_RDWR); /* takes the place of one of them */
  struct acre__os_written_search ask = {
      .start = (uintptr_t)base, .end = (uintptr_t)base + PAGES * page_size(), .runs = runs, .room = ROOM};
  CHECK_RESULT(acre__os_written(&ask), ACRE_E_NOT_SUPPORTED);
  REQUIRE_OK(acre__os_track(base, PAGES * page_size()));
  REQUIRE_EQ(search(base, PAGES, true, false), 1);
  CHECK_RUN(0, base, 0, 4);
  CHECK(write(file, base, 1) == 1); /* not closed with them */
  close(file);
}

static void track_and_lose_descriptors(void *context) {
  (void)context;
  acre__os_track_in_child();
  char *base = tracked(PAGES);
  memset(base, 1, 4 * page_size());
  search(base, PAGES, true, false);
  lose_descriptors(base);
}

TEST(descriptors_that_the_program_closes) {
  tracking();
  CHECK_IN_CHILD(track_and_lose_descriptors, NULL);
}

/* ------------------------------------------------------------- threads */

static atomic_bool stop;

static void *write_on(void *context) {
  _Atomic uint64_t *words = context;
  size_t step = page_size() / sizeof *words;
  for (uint64_t i = 1; !atomic_load(&stop); i++) atomic_store(&words[i % PAGES * step], i);
  return NULL;
}

/* What was reported is copied; in the end the copy must have the last write of every page. */
TEST(no_write_is_lost_between_a_report_and_its_reset) {
  tracking();
  char *base = tracked(PAGES);
  static uint64_t copy[PAGES];
  pthread_t writer;
  atomic_store(&stop, false);
  REQUIRE(pthread_create(&writer, NULL, write_on, base) == 0);
  for (unsigned round = 0; round < 20001; round++) {
    if (round == 20000) {
      atomic_store(&stop, true);
      REQUIRE(pthread_join(writer, NULL) == 0);
    }
    size_t count = search(base, PAGES, true, round % 2 == 0 && round > 1000);
    for (size_t i = 0; i < count; i++)
      for (uint64_t at = runs[i].start; at < runs[i].end; at += page_size())
        copy[(at - (uintptr_t)base) / page_size()] = atomic_load((_Atomic uint64_t *)(uintptr_t)at);
  }
  for (size_t i = 0; i < PAGES; i++) CHECK_EQ(copy[i], *(uint64_t *)(void *)(base + i * page_size()));
  release(base, PAGES);
}
