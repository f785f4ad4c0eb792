/* SPDX-License-Identifier: MIT */
/* Sections over memory and the paging file, sections that are only reserved, execute access. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scratch.h"

#include <pthread.h>

#include "vm/vm_check.h"

static size_t page;

static acre_section *make_section(uint64_t size, const acre_memory_options *options) {
  acre_section *section = NULL;
  page = page_bytes();
  REQUIRE_OK(acre_section_create_memory(size, options, &section));
  return section;
}

static acre_view *map(acre_section *section, uint64_t offset, size_t size, acre_access access) {
  acre_view_options options = {.access = access};
  acre_view *view = NULL;
  REQUIRE_OK(acre_view_map(section, offset, size, &options, &view));
  return view;
}

/* ------------------------------------------------------------- reserved sections */

TEST(committed_pages_are_seen_by_all_views) {
  acre_memory_options options = {.reserve = true};
  acre_section *section = make_section(100 * page_bytes(), &options);
  acre_view *one = map(section, 0, 0, ACRE_ACCESS_READ_WRITE),
            *two = map(section, 10 * page + 5, 50 * page, ACRE_ACCESS_READ);
  char *data = acre_view_data(one), *part = acre_view_data(two);
  CHECK(!test_can_read(data) && !test_can_read(part));
  CHECK_EQ(query(data).state, ACRE_VM_RESERVED);
  CHECK_EQ(query(data).size, 100 * page);
  CHECK_EQ(query(data).kind, ACRE_VM_KIND_MAPPED);

  CHECK_OK(acre_vm_commit(data + 20 * page, 2 * page, ACRE_VM_DEFAULT));
  CHECK(!test_can_read(data + 19 * page) && !test_can_read(data + 22 * page));
  strcpy(data + 20 * page + 7, "seen");
  CHECK(strcmp(part + 10 * page + 2, "seen") == 0);
  CHECK(!test_can_write(part + 10 * page));
  CHECK_EQ(query(part + 10 * page).size, 2 * page);

  CHECK_OK(acre_vm_commit(part, 1, ACRE_VM_DEFAULT)); /* a reader may commit, for all */
  CHECK(test_can_write(data + 10 * page));
  CHECK_OK(acre_vm_commit(data, 100 * page, ACRE_VM_DEFAULT));
  CHECK(strcmp(data + 20 * page + 7, "seen") == 0);
  CHECK_EQ(query(part).size, 51 * page);

  acre_view *late = map(section, 0, 0, ACRE_ACCESS_COPY_ON_WRITE);
  CHECK(strcmp((char *)acre_view_data(late) + 20 * page + 7, "seen") == 0);
  CHECK_OK(acre_view_unmap(two));
  CHECK_OK(acre_view_unmap(late));
  CHECK_OK(acre_view_unmap(one));
  acre_section_close(section);
}

TEST(what_was_committed_stays_while_the_section_lives) {
  acre_memory_options options = {.reserve = true};
  acre_section *section = make_section(1 << 20, &options);
  acre_view *view = map(section, 0, 0, ACRE_ACCESS_READ_WRITE);
  CHECK_OK(acre_vm_commit((char *)acre_view_data(view) + 3 * page, page, ACRE_VM_READ)); /* only here: see below */
  CHECK_EQ(query((char *)acre_view_data(view) + 3 * page).protection, ACRE_VM_READ);
  CHECK_RESULT(acre_vm_decommit(acre_view_data(view), page), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_commit(acre_view_data(view), page, ACRE_VM_EXECUTE_READ), ACRE_E_INVALID_PROTECTION);
  CHECK_EQ(query(acre_view_data(view)).state, ACRE_VM_RESERVED);
  CHECK_OK(acre_view_unmap(view));
  view = map(section, 0, 0, ACRE_ACCESS_READ_WRITE);
  CHECK_EQ(query((char *)acre_view_data(view) + 3 * page).protection, ACRE_VM_READ_WRITE);
  CHECK_RESULT(acre_view_grow(view, (1 << 20) + 1), ACRE_E_OUT_OF_RANGE);
  CHECK_RESULT(acre_section_resize(section, (1 << 20) + 1), ACRE_E_NOT_SUPPORTED);
  acre_view_options room = {.reserve = 2 << 20};
  acre_view *other;
  CHECK_RESULT(acre_view_map(section, 0, 0, &room, &other), ACRE_E_INVALID_ARGUMENT);
  acre_section_close(section);
  CHECK_OK(acre_vm_commit(acre_view_data(view), 1 << 20, ACRE_VM_DEFAULT)); /* the view keeps it */
  memset(acre_view_data(view), 1, 1 << 20);
  CHECK_OK(acre_view_unmap(view));
}

/* Sizes that are no whole pages, and views of the last bytes. */
TEST(the_last_page_of_a_reserved_section) {
  acre_memory_options options = {.reserve = true};
  acre_section *section = make_section(10 * page_bytes() + 1, &options);
  acre_view *all = map(section, 0, 0, ACRE_ACCESS_READ_WRITE),
            *last = map(section, 10 * page, 1, ACRE_ACCESS_READ_WRITE);
  CHECK_OK(acre_vm_commit(acre_view_data(last), 1, ACRE_VM_DEFAULT));
  *(char *)acre_view_data(last) = 'l';
  CHECK_EQ(((char *)acre_view_data(all))[10 * page], 'l');
  CHECK_EQ(query((char *)acre_view_data(all) + 10 * page).region_size, 11 * page);
  CHECK(!test_can_read((char *)acre_view_data(all) + 9 * page));
  CHECK_OK(acre_view_unmap(all));
  CHECK_OK(acre_view_unmap(last));
  acre_section_close(section);
}

TEST(a_large_section_costs_what_is_committed) {
  acre_memory_options options = {.reserve = true};
  acre_section *section = NULL;
  page = page_bytes();
  acre_result result = acre_section_create_memory((uint64_t)1 << 40, &options, &section);
  if (result == ACRE_E_FILE_TOO_LARGE) test_skip("the file system has no files of 1 TiB");
  REQUIRE_OK(result);
  acre_view *view = NULL;
  acre_view_options view_options = {.access = ACRE_ACCESS_READ_WRITE};
  result = acre_view_map(section, 0, 0, &view_options, &view);
  if (result != ACRE_OK) acre_section_close(section); /* other tests look at what is open */
  if (result == ACRE_E_NO_ADDRESS_SPACE) test_skip("no address space for it");
  REQUIRE_OK(result);
  char *data = acre_view_data(view);
  size_t resident = test_resident_bytes();
  for (size_t at = 0; at < (size_t)1 << 40; at += (size_t)1 << 34) {
    REQUIRE_OK(acre_vm_commit(data + at, page, ACRE_VM_DEFAULT));
    data[at] = 1;
  }
  if (!SANITIZED) CHECK(test_resident_bytes() < resident + ((size_t)16 << 20));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
}

static void commit_in_child(void *context) {
  acre_view *view = context;
  char *data = acre_view_data(view);
  CHECK_EQ(data[0], 'p');
  CHECK_RESULT(acre_vm_commit(data + 5 * page, page, ACRE_VM_DEFAULT), ACRE_E_NOT_SUPPORTED);
  data[1] = 'c';
  CHECK_OK(acre_view_unmap(view));
}

TEST(a_child_has_what_was_committed) {
  acre_memory_options options = {.reserve = true};
  acre_section *section = make_section(10 * page_bytes(), &options);
  acre_view *view = map(section, 0, 0, ACRE_ACCESS_READ_WRITE);
  char *data = acre_view_data(view);
  CHECK_OK(acre_vm_commit(data, 1, ACRE_VM_DEFAULT));
  data[0] = 'p';
  CHECK_EQ(test_in_child(commit_in_child, view), 0);
  CHECK_EQ(data[1], 'c');
  CHECK_OK(acre_vm_commit(data + 5 * page, page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
}

/* ------------------------------------------------------------- at random, several threads */

enum { PAGES = 300, THREADS = 3, VIEWS = 5 };

struct shared {
  acre_section *section;
  uint64_t seed;
};

/* Maps views, commits at random, and marks its own bytes of what it has committed. */
static void *work(void *context) {
  struct shared *shared = context;
  uint64_t random = shared->seed;
  acre_view *views[VIEWS] = {NULL};
  for (int i = 0; i < 400; i++) {
    acre_view **view = &views[test_random_next(&random) % VIEWS];
    if (*view == NULL) {
      size_t from = (size_t)(test_random_next(&random) % PAGES);
      *view = map(shared->section, from * page, 0, ACRE_ACCESS_READ_WRITE);
    } else if (test_random_next(&random) % 4 == 0) {
      CHECK_OK(acre_view_unmap(*view));
      *view = NULL;
      continue;
    }
    size_t pages = acre_view_size(*view) / page;
    size_t at = (size_t)(test_random_next(&random) % pages);
    size_t count = 1 + (size_t)(test_random_next(&random) % (pages - at < 9 ? pages - at : 9));
    char *data = (char *)acre_view_data(*view) + at * page;
    REQUIRE_OK(acre_vm_commit(data, count * page, ACRE_VM_DEFAULT));
    for (size_t j = 0; j < count; j++) ((volatile unsigned char *)data)[j * page + shared->seed]++;
  }
  for (int i = 0; i < VIEWS; i++) CHECK_OK(acre_view_unmap(views[i]));
  return NULL;
}

TEST(threads_commit_and_map_at_random) {
  acre_memory_options options = {.reserve = true};
  acre_section *section = make_section(PAGES * page_bytes(), &options);
  acre_view *watcher = map(section, 0, 0, ACRE_ACCESS_READ);
  size_t regions = scratch_regions();
  struct shared shared[THREADS];
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    shared[i] = (struct shared){section, i + 1};
    REQUIRE(pthread_create(&threads[i], NULL, work, &shared[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_EQ(scratch_regions(), regions);
  /* A view that comes now has the same pages as the one that was there all the time. */
  acre_view *late = map(section, 0, 0, ACRE_ACCESS_READ);
  size_t committed = 0;
  for (size_t i = 0; i < PAGES; i++) {
    acre_vm_state state = query((char *)acre_view_data(watcher) + i * page).state;
    CHECK_EQ(query((char *)acre_view_data(late) + i * page).state, state);
    committed += state == ACRE_VM_COMMITTED;
  }
  CHECK(committed > PAGES / 2);
  CHECK_OK(acre_view_unmap(late));
  CHECK_OK(acre_view_unmap(watcher));
  acre_section_close(section);
}

/* ------------------------------------------------------------- the paging file */

TEST(sections_on_the_paging_file) {
  acre_memory_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE};
  acre_section *section = NULL;
  CHECK_OK(acre_vm_set_paging_file(NULL, 0));
  CHECK_RESULT(acre_section_create_memory(1, &options, &section), ACRE_E_NOT_SUPPORTED);
  page = page_bytes();
  scratch_set_paging_file(100 * page);
  size_t descriptors = test_open_handles();
  acre_system before = system_figures(), now;
  section = make_section(50 * page - 1, &options);
  now = system_figures();
  CHECK_EQ(now.paging_file_charge, before.paging_file_charge + 50 * page);
  CHECK_EQ(now.commit_charge, before.commit_charge + 50 * page);
  acre_section *second = NULL;
  CHECK_RESULT(acre_section_create_memory(51 * page, &options, &second), ACRE_E_COMMIT_LIMIT);
  CHECK(second == NULL);
  CHECK_RESULT(acre_section_create_memory(UINT64_MAX, &options, &second), ACRE_E_FILE_TOO_LARGE);
  CHECK_RESULT(acre_section_resize(section, 60 * page), ACRE_E_NOT_SUPPORTED);

  acre_view *one = map(section, 0, 0, ACRE_ACCESS_READ_WRITE), *two = map(section, page, 0, ACRE_ACCESS_READ);
  memset(acre_view_data(one), 'p', 50 * page - 1);
  CHECK_EQ(*(char *)acre_view_data(two), 'p');
  acre_section_close(section);
  CHECK_OK(acre_view_unmap(one));
  CHECK_EQ(system_figures().commit_charge, before.commit_charge + 50 * page);
  CHECK_OK(acre_view_unmap(two));
  now = system_figures();
  CHECK_EQ(now.paging_file_charge, before.paging_file_charge);
  CHECK_EQ(now.commit_charge, before.commit_charge);
  CHECK_EQ(test_open_handles(), descriptors);
  CHECK_OK(acre_vm_set_paging_file(NULL, 0));
}

TEST(reserved_sections_on_the_paging_file) {
  acre_memory_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE, .reserve = true};
  page = page_bytes();
  scratch_set_paging_file(20 * page);
  acre_system before = system_figures();
  acre_section *section = make_section(1000 * page, &options);
  CHECK_EQ(system_figures().commit_charge, before.commit_charge);
  acre_view *view = map(section, 0, 0, ACRE_ACCESS_READ_WRITE);
  char *data = acre_view_data(view);
  CHECK_OK(acre_vm_commit(data + 500 * page, 15 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_commit(data + 510 * page, 10 * page, ACRE_VM_DEFAULT));
  CHECK_EQ(system_figures().paging_file_charge, before.paging_file_charge + 20 * page);
  CHECK_RESULT(acre_vm_commit(data, 1, ACRE_VM_DEFAULT), ACRE_E_COMMIT_LIMIT);
  CHECK(!test_can_read(data));
  memset(data + 500 * page, 1, 20 * page);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  CHECK_EQ(system_figures().paging_file_charge, before.paging_file_charge);
  CHECK_EQ(system_figures().commit_charge, before.commit_charge);
  CHECK_OK(acre_vm_set_paging_file(NULL, 0));
}

TEST(bad_options) {
  acre_section *section = (acre_section *)&section;
  CHECK_RESULT(acre_section_create_memory(1, &(acre_memory_options){.backing = (acre_vm_backing)2}, &section),
               ACRE_E_INVALID_ARGUMENT);
  CHECK(section == NULL);
  CHECK_RESULT(acre_section_create_memory(0, &(acre_memory_options){.reserve = true}, &section), ACRE_E_INVALID_SIZE);
  CHECK_RESULT(acre_section_create_memory(UINT64_MAX, &(acre_memory_options){.reserve = true}, &section),
               ACRE_E_FILE_TOO_LARGE);
}

/* ------------------------------------------------------------- growth, and what nobody can do */

/* ------------------------------------------------------------- execute */

#if defined(__x86_64__)
static const unsigned char return_42[] = {0xb8, 42, 0, 0, 0, 0xc3};
#elif defined(__aarch64__)
static const unsigned char return_42[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#endif

TEST(execute_access) {
  acre_memory_options memory = {.execute = true};
  acre_section *section = make_section(2 * page_bytes(), &memory);
  acre_view *writer = map(section, 0, 0, ACRE_ACCESS_READ_WRITE), *code = NULL;
  acre_view_options options = {.execute = true};
  acre_result result = acre_view_map(section, 0, 0, &options, &code);
  if (result == ACRE_E_ACCESS_DENIED) test_skip("the system executes nothing there");
  REQUIRE_OK(result);
  CHECK_EQ(query(acre_view_data(code)).protection, ACRE_VM_EXECUTE_READ);
#if defined(__x86_64__) || defined(__aarch64__)
  memcpy(acre_view_data(writer), return_42, sizeof return_42);
  char *start = acre_view_data(code);
  __builtin___clear_cache(start, start + sizeof return_42);
  int (*function)(void);
  memcpy(&function, &start, sizeof function);
  CHECK_EQ(function(), 42);
#endif
  CHECK_RESULT(acre_vm_protect(acre_view_data(code), page, ACRE_VM_EXECUTE_READ_WRITE, NULL),
               ACRE_E_INVALID_PROTECTION);
  CHECK_OK(acre_vm_protect(acre_view_data(writer), page, ACRE_VM_EXECUTE_READ, NULL)); /* the section allows it */
  CHECK_OK(acre_view_unmap(code));
  CHECK_OK(acre_view_unmap(writer));
  acre_section_close(section);
}

TEST(no_execute_access_unless_asked_for) {
  acre_section *section = make_section(page_bytes(), NULL);
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .execute = true};
  acre_view *view = NULL;
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_ACCESS_DENIED);
  view = map(section, 0, 0, ACRE_ACCESS_READ_WRITE);
  CHECK_RESULT(acre_vm_protect(acre_view_data(view), page, ACRE_VM_EXECUTE_READ, NULL), ACRE_E_INVALID_PROTECTION);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);

  char path[SCRATCH_PATH];
  scratch_make(path, 100);
  acre_file *file = scratch_open(path, ACRE_ACCESS_READ);
  REQUIRE_OK(acre_section_create(file, &(acre_section_options){.execute = true}, &section));
  options.access = ACRE_ACCESS_COPY_ON_WRITE;
  acre_result result = acre_view_map(section, 0, 0, &options, &view);
  CHECK(result == ACRE_OK || result == ACRE_E_ACCESS_DENIED); /* a file system mounted noexec */
  if (result == ACRE_OK) {
    CHECK_EQ(query(acre_view_data(view)).protection, ACRE_VM_EXECUTE_READ_WRITE);
    CHECK_OK(acre_view_unmap(view));
  }
  options.access = ACRE_ACCESS_READ_WRITE;
  CHECK_RESULT(acre_view_map(section, 0, 0, &options, &view), ACRE_E_ACCESS_DENIED);
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* ------------------------------------------------------------- which file */
