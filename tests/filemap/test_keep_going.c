/* SPDX-License-Identifier: MIT */
/*
 * Views that keep going: files that are cut off by others, in one thread and in
 * many at once; what the flush says, and what is as it was before.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include <acre/fault.h>
#include <acre/vm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { PAGES = 64 };

static char path[SCRATCH_PATH];
static size_t page;

static struct {
  acre_file *file;
  acre_section *section;
} open_one;

static void set_up(void) {
  acre_system system;
  REQUIRE_OK(acre_system_info(&system));
  page = system.page_size;
  scratch_make(path, PAGES * page);
  open_one.file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  open_one.section = scratch_section(open_one.file, ACRE_ACCESS_READ_WRITE);
}

static void tear_down(void) {
  acre_section_close(open_one.section);
  acre_file_close(open_one.file);
  unlink(path);
}

static acre_view *map_with(acre_access access, uint64_t offset, size_t reserve) {
  acre_view_options options = {.access = access, .keep_going = true, .reserve = reserve};
  acre_view *view = NULL;
  REQUIRE_OK(acre_view_map(open_one.section, offset, 0, &options, &view));
  return view;
}

/* By the path, as another process would. */
static void cut_off(size_t size) {
  CHECK(truncate(path, (off_t)size) == 0);
}

static bool all_zero(const volatile char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0) return false;
  return true;
}

TEST(what_is_cut_off_reads_zero) {
  set_up();
  acre_view *view = map_with(ACRE_ACCESS_READ_WRITE, 0, 0);
  char *data = acre_view_data(view);
  CHECK_EQ(acre_view_lost(view), 0);
  size_t mappings = test_mapping_count();
  cut_off(10 * page + 100);
  CHECK(scratch_matches(data, 0, 10 * page + 100));
  CHECK(all_zero(data + 10 * page + 100, page - 100)); /* the last page's rest is the system's own zeros */
  CHECK_EQ(acre_view_lost(view), 0);
  CHECK_OK(acre_view_flush(view, 0, 0, ACRE_FLUSH_WAIT));

  CHECK(all_zero(data + 11 * page, (PAGES - 11) * page));
  CHECK_EQ(acre_view_lost(view), (PAGES - 11) * page);
  memset(data + 20 * page, 3, page); /* memory like any other, in no file */
  CHECK(data[20 * page] == 3 && data[21 * page] == 0);
  CHECK(test_mapping_count() <= mappings + 1);
  CHECK_EQ(scratch_status(path).st_size, 10 * page + 100);

  for (int i = 0; i < 2; i++) {
    CHECK_RESULT(acre_view_flush(view, 0, page, ACRE_FLUSH_START), ACRE_E_IO);
    CHECK_RESULT(acre_file_flush(open_one.file), ACRE_E_IO);
  }
  CHECK_RESULT(acre_view_acknowledge_error(view), ACRE_E_IO);
  CHECK_OK(acre_view_flush(view, 0, page, ACRE_FLUSH_DURABLE));

  /* What has been seen as zero stays so when the file is long again. */
  cut_off(PAGES * page);
  CHECK(data[20 * page] == 3);
  CHECK(scratch_matches(data, 0, 10 * page));
  data[0] = 77;
  CHECK_OK(acre_view_flush(view, 0, page, ACRE_FLUSH_DURABLE));
  acre_vm_info info;
  CHECK_OK(acre_vm_query(data, &info));
  CHECK_EQ(info.state, ACRE_VM_COMMITTED);
  CHECK_EQ(info.size, PAGES * page); /* one run, as far as the table is concerned */
  CHECK_OK(acre_view_unmap(view));
#ifndef __SANITIZE_THREAD__ /* which maps memory of its own as it goes */
  CHECK(test_mapping_count() <= mappings);
#else
  (void)mappings;
#endif

  view = map_with(ACRE_ACCESS_READ, 0, 0);
  CHECK_EQ(acre_view_lost(view), 0);
  CHECK_EQ(*(char *)acre_view_data(view), 77);
  CHECK_OK(acre_view_unmap(view));
  tear_down();
}

TEST(every_access_and_offset) {
  static const acre_access accesses[] = {ACRE_ACCESS_READ, ACRE_ACCESS_READ_WRITE, ACRE_ACCESS_COPY_ON_WRITE};
  for (int i = 0; i < 60; i++) {
    set_up();
    acre_access access = accesses[i % 3];
    size_t offset = test_random_below(PAGES * page), cut = test_random_below(PAGES * page);
    acre_view *view = map_with(access, offset, i % 2 == 0 ? 0 : 2 * PAGES * page);
    char *data = acre_view_data(view);
    size_t size = PAGES * page - offset;
    if (access == ACRE_ACCESS_COPY_ON_WRITE) memset(data, 9, size); /* a copy is gone with the page that it was of */
    cut_off(cut);
    size_t whole = (cut + page - 1) / page * page, kept = whole > offset ? whole - offset : 0;
    volatile char sum = 0;
    for (size_t at = 0; at < size; at += 512) sum = (char)(sum + data[at]);
    if (kept < size) CHECK(all_zero(data + kept, size - kept));
    CHECK_EQ(acre_view_lost(view) != 0, kept < size);
    CHECK(acre_view_lost(view) % page == 0 && acre_view_lost(view) <= size + 2 * page);
    if (access != ACRE_ACCESS_READ) memset(data, 5, size);
    CHECK_RESULT(acre_view_flush(view, 0, 0, ACRE_FLUSH_WAIT), kept < size ? ACRE_E_IO : ACRE_OK);
    CHECK_OK(acre_vm_protect(data, 1, ACRE_VM_READ, NULL));
    CHECK_OK(acre_view_unmap(view));
    tear_down();
  }
}

TEST(guards_tell_and_replace_nothing) {
  set_up();
  acre_view *view = map_with(ACRE_ACCESS_READ_WRITE, 0, 0);
  char *data = acre_view_data(view), byte;
  cut_off(page);
  CHECK_RESULT(acre_guarded_copy(&byte, data + 5 * page, 1), ACRE_E_IO);
  CHECK_EQ(acre_view_lost(view), 0);
  CHECK_OK(acre_view_flush(view, 0, page, ACRE_FLUSH_WAIT));
  cut_off(PAGES * page);
  CHECK_OK(acre_guarded_copy(&byte, data + 5 * page, 1));
  CHECK_OK(acre_view_unmap(view));
  tear_down();
}

/* ------------------------------------------------------------- others */

static void touch_a_plain_view(void *context) {
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  acre_view *other = map_with(ACRE_ACCESS_READ_WRITE, 0, 0), *view = scratch_view(open_one.section, ACRE_ACCESS_READ);
  (void)context;
  cut_off(page);
  CHECK(*((volatile char *)acre_view_data(other) + 5 * page) == 0);
  CHECK(*((volatile char *)acre_view_data(view) + 5 * page) == 0); /* dies */
}

TEST(other_views_die_as_ever) {
  set_up();
  CHECK(test_died_by(test_in_child(touch_a_plain_view, NULL), SIGBUS));
  tear_down();
}

static void look_at_both(void *context) {
  acre_view *view = context;
  char *data = acre_view_data(view);
  CHECK(data[5 * page] == 8);                  /* replaced before the fork */
  CHECK(all_zero(data + 40 * page, 2 * page)); /* and in the child */
  data[5 * page] = 9;
  CHECK_RESULT(acre_view_flush(view, 0, page, ACRE_FLUSH_WAIT), ACRE_E_IO);
  CHECK_OK(acre_view_unmap(view));
}

TEST(a_child_keeps_going) {
  set_up();
  acre_view *view = map_with(ACRE_ACCESS_READ_WRITE, 0, 0);
  char *data = acre_view_data(view);
  cut_off(page);
  data[5 * page] = 8;
  CHECK_EQ(test_in_child(look_at_both, view), 0);
  CHECK_EQ(data[5 * page], 8);
  CHECK_OK(acre_view_unmap(view));
  tear_down();
}

/* ------------------------------------------------------------- a full disk, and many threads */

enum { THREADS = 3, LOSSES = 100000 };

static struct {
  acre_view *_Atomic view;
  pthread_barrier_t begin, end;
  atomic_bool over;
} race;

/*
 * A plain access, which ThreadSanitizer does not look at: it takes the mmap by which another thread replaces the page
 * for a store to it.
 */
__attribute__((noinline, no_sanitize("thread"))) static bool touch(volatile unsigned char *at, bool writes) {
  if (writes) *at = 1;
  return *at <= 1;
}

static void *touch_pages(void *context) {
  uint64_t random = (uintptr_t)context;
  for (;;) {
    pthread_barrier_wait(&race.begin);
    if (atomic_load(&race.over)) return NULL;
    for (int i = 0; i < 50; i++) {
      unsigned char *data = acre_view_data(race.view);
      CHECK(touch(data + test_random_next(&random) % PAGES * page, i % 2 == 0));
    }
    pthread_barrier_wait(&race.end);
  }
}

/* Each round has a view of its own, which loses what is behind a random page while others touch it. */
TEST(truncation_races_the_access) {
  set_up();
  pthread_t threads[THREADS];
  REQUIRE(pthread_barrier_init(&race.begin, NULL, THREADS + 1) == 0);
  REQUIRE(pthread_barrier_init(&race.end, NULL, THREADS + 1) == 0);
  for (size_t i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, touch_pages, (void *)(i + 1)) == 0);
  size_t losses = 0, regions = scratch_regions();
  for (size_t lost = 0; lost < LOSSES; losses++) {
    cut_off(0);
    cut_off(PAGES * page); /* zeros, without blocks */
    race.view = map_with(ACRE_ACCESS_READ_WRITE, 0, 0);
    pthread_barrier_wait(&race.begin);
    cut_off(test_random_below(PAGES) * page);
    pthread_barrier_wait(&race.end);
    size_t gone = acre_view_lost(race.view);
    lost += gone / page;
    CHECK_RESULT(acre_view_acknowledge_error(race.view), gone != 0 ? ACRE_E_IO : ACRE_OK);
    CHECK_OK(acre_view_unmap(race.view));
  }
  atomic_store(&race.over, true);
  pthread_barrier_wait(&race.begin);
  for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_EQ(scratch_regions(), regions);
  tear_down();
}
