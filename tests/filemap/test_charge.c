/* SPDX-License-Identifier: MIT */
/*
 * What is charged of views; and the whole sum: random work on regions, arrays,
 * touches and copy-on-write views by several threads, after which the charge is
 * what the tables say, and nothing once all is released.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdatomic.h>

#include <acre/array.h>

#include "scratch.h"
#include "vm/vm_check.h"

static size_t page;

static uint64_t charged(void) {
  return acre__ledger_charged();
}

TEST(views_that_are_copied_on_write) {
  char path[SCRATCH_PATH];
  page = page_bytes();
  scratch_make(path, 20 * page + 1);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_section *section = scratch_section(file, ACRE_ACCESS_READ_WRITE);
  uint64_t before = charged();
  acre_view *reader = scratch_view(section, ACRE_ACCESS_READ), *writer = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  CHECK_EQ(charged(), before); /* their pages are the file's */
  acre_view *copy = scratch_view(section, ACRE_ACCESS_COPY_ON_WRITE);
  CHECK_EQ(charged(), before + 21 * page);
  CHECK_CHARGE();
  CHECK_OK(acre_vm_protect(acre_view_data(copy), 5 * page, ACRE_VM_READ, NULL));
  CHECK_EQ(charged(), before + 21 * page);

  CHECK_OK(acre_vm_set_commit_limit(before + 21 * page + 20 * page));
  acre_view_options options = {.access = ACRE_ACCESS_COPY_ON_WRITE};
  acre_view *another = NULL;
  size_t regions = scratch_regions();
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &another), ACRE_E_COMMIT_LIMIT);
  CHECK(another == NULL);
  CHECK_EQ(scratch_regions(), regions);
  CHECK_OK(acre_view_map(section, 0, 20 * page, &options, &another));
  CHECK_OK(acre_view_unmap(another));
  CHECK_OK(acre_vm_set_commit_limit(0));

  CHECK_OK(acre_view_unmap(copy));
  CHECK_EQ(charged(), before);
  CHECK_OK(acre_view_unmap(reader));
  CHECK_OK(acre_view_unmap(writer));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- all of it, at random */

enum { THREADS = 4, SHARED_PAGES = 2000, FILE_PAGES = 40, VIEWS = 4 };

struct shared {
  char *region, *touched; /* on both of these all threads work */
  acre_section *section;
  bool limited; /* then a touch may be refused, and would end the program */
};

static struct shared shared;

/* What a thread has of its own. */
struct own {
  uint64_t random;
  char *region;
  size_t pages;
  acre_array array;
  acre_view *views[VIEWS];
};

static size_t below(struct own *own, size_t limit) {
  return (size_t)(test_random_next(&own->random) % limit);
}

/* Over the limit is fine: then nothing has changed, as the sum will tell. */
static void check_done(acre_result result) {
  CHECK(result == ACRE_OK || result == ACRE_E_COMMIT_LIMIT);
}

static void change_pages(struct own *own, char *base, size_t pages) {
  size_t start = below(own, pages), count = 1 + below(own, below(own, 4) == 0 ? pages - start : 20);
  if (count > pages - start) count = pages - start;
  if (below(own, 5) < 3)
    check_done(acre_vm_commit(base + start * page, count * page, ACRE_VM_DEFAULT));
  else
    CHECK_OK(acre_vm_decommit(base + start * page, count * page));
}

static void renew_region(struct own *own) {
  if (own->region != NULL) CHECK_OK(acre_vm_release(own->region));
  void *base = NULL;
  unsigned flags = (unsigned)below(own, 2) * ACRE_VM_COMMIT + (below(own, 4) == 0 ? ACRE_VM_STRICT : 0);
  acre_vm_options options = {.flags = flags, .touch_step = below(own, 2) * 16 * page};
  own->pages = 1 + below(own, 1500);
  check_done(acre_vm_reserve(own->pages * page, &options, &base));
  own->region = base;
}

static void change_array(struct own *own) {
  if (below(own, 8) == 0) {
    acre_array_destroy(&own->array);
    acre_array_options options = {.mode = below(own, 2) == 0 ? ACRE_ARRAY_EXPLICIT : ACRE_ARRAY_ON_TOUCH};
    CHECK_OK(acre_array_create(&own->array, 1000 * page, 1, &options));
  } else if (own->array.data != NULL && below(own, 4) == 0) {
    CHECK_OK(acre_array_shrink(&own->array));
  } else if (own->array.data != NULL) {
    check_done(acre_array_resize(&own->array, below(own, 1000 * page)));
  }
}

static void change_view(struct own *own) {
  acre_view **view = &own->views[below(own, VIEWS)];
  if (*view != NULL) {
    CHECK_OK(acre_view_unmap(*view));
    *view = NULL;
    return;
  }
  static const acre_access accesses[] = {ACRE_ACCESS_READ, ACRE_ACCESS_READ_WRITE, ACRE_ACCESS_COPY_ON_WRITE,
                                         ACRE_ACCESS_COPY_ON_WRITE};
  acre_view_options options = {.access = accesses[below(own, 4)]};
  check_done(acre_view_map(shared.section, below(own, FILE_PAGES) * page, 0, &options, view));
}

static void *work(void *argument) {
  struct own *own = argument;
  renew_region(own);
  for (unsigned i = 0; i < (SANITIZED ? 1500 : 6000); i++) {
    switch (below(own, 16)) {
      case 0: renew_region(own); break;
      case 1:
      case 2: change_array(own); break;
      case 3:
      case 4: change_view(own); break;
      case 5:
      case 6:
        if (!shared.limited) {
          atomic_char *byte = (atomic_char *)(shared.touched + below(own, SHARED_PAGES) * page);
          atomic_store_explicit(byte, 1, memory_order_relaxed); /* two threads may touch the same one */
        }
        break;
      case 7: CHECK_OK(acre_vm_decommit(shared.touched + below(own, SHARED_PAGES) * page, page)); break;
      case 8:
      case 9:
      case 10:
        if (own->region != NULL) change_pages(own, own->region, own->pages);
        break;
      default: change_pages(own, shared.region, SHARED_PAGES); break;
    }
  }
  if (own->region != NULL) CHECK_OK(acre_vm_release(own->region));
  acre_array_destroy(&own->array);
  return NULL; /* its views stay for the sum */
}

/* Limits that come and go while the others work, some of them below what is charged. */
static void *change_limit(void *argument) {
  uint64_t random = (uintptr_t)argument, most = (uint64_t)SHARED_PAGES * page;
  for (unsigned i = 0; i < (SANITIZED ? 200 : 1000); i++) {
    uint64_t limit = test_random_next(&random) % (6 * most);
    CHECK_OK(acre_vm_set_commit_limit(test_random_next(&random) % 4 == 0 ? 0 : limit));
    acre_system system;
    CHECK_OK(acre_system_info(&system));
  }
  return NULL;
}

static void run(bool with_limits) {
  char path[SCRATCH_PATH];
  page = page_bytes();
  CHECK_CHARGE();
  uint64_t before = charged();
  scratch_make(path, FILE_PAGES * page);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ_WRITE);
  acre_vm_options options = {.touch_step = 8 * page};
  shared = (struct shared){.region = reserve_pages(SHARED_PAGES),
                           .touched = reserve_with(SHARED_PAGES, &options),
                           .section = scratch_section(file, ACRE_ACCESS_READ_WRITE),
                           .limited = with_limits};
  pthread_t threads[THREADS + 1];
  struct own owns[THREADS] = {0};
  for (size_t i = 0; i < THREADS; i++) {
    owns[i].random = test_random();
    REQUIRE(pthread_create(&threads[i], NULL, work, &owns[i]) == 0);
  }
  if (with_limits)
    REQUIRE(pthread_create(&threads[THREADS], NULL, change_limit, (void *)(uintptr_t)test_random()) == 0);
  for (size_t i = 0; i < THREADS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  if (with_limits) REQUIRE(pthread_join(threads[THREADS], NULL) == 0);
  CHECK_OK(acre_vm_set_commit_limit(0));

  CHECK_CHARGE();
  CHECK_AGREES(shared.region);
  CHECK_AGREES(shared.touched);
  for (size_t i = 0; i < THREADS; i++)
    for (size_t view = 0; view < VIEWS; view++) CHECK_OK(acre_view_unmap(owns[i].views[view]));
  CHECK_OK(acre_vm_release(shared.region));
  CHECK_OK(acre_vm_release(shared.touched));
  acre_section_close(shared.section);
  acre_file_close(file);
  unlink(path);
  CHECK_EQ(charged(), before);
  CHECK_CHARGE();
  CHECK_EQ(system_figures().commit_charge, before);
}

TEST(random_work_of_several_threads) {
  run(false);
}

TEST(random_work_while_the_limit_changes) {
  run(true);
}
