/* SPDX-License-Identifier: MIT */
/*
 * Every function of vm.h with every one of its calls to the system failing.
 *
 * A scene is a region in some state and one operation on it. It is played again
 * and again: the first call fails, the second, ... until no call is left; each
 * time alone or with all later ones, doing nothing or a front part, and with
 * different results. Whatever happens, the table and the kernel must agree on
 * every page, content must be there, and without failures everything works.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/fault/fault.h"
#include "vm/meta.h"
#include "vm/paging_check.h"
#include "vm/vm_check.h"

enum { PAGES = 1600, MARK = 7, MOST_CALLS = 2000, MOST_SPARES = 200 };

static size_t page;
static acre_vm_options regions_are; /* how the scenes' regions are reserved */

static acre_result commit(char *base, size_t start, size_t end, acre_vm_protection protection) {
  return acre_vm_commit(base + start * page, (end - start) * page, protection);
}

static acre_result decommit(char *base, size_t start, size_t end) {
  return acre_vm_decommit(base + start * page, (end - start) * page);
}

static void commit_every(char *base, size_t start, size_t end, size_t stride) {
  for (size_t at = start; at < end; at += stride) REQUIRE_OK(commit(base, at, at + 1, ACRE_VM_DEFAULT));
}

/* ------------------------------------------------------------- states */

static void untouched(char *base) {
  (void)base;
}

static void frontier(char *base) {
  REQUIRE_OK(commit(base, 0, 700, ACRE_VM_DEFAULT));
}

static void islands(char *base) {
  commit_every(base, 3, PAGES, 5);
}

static void edges_in_two_chunks(char *base) {
  REQUIRE_OK(commit(base, 100, 110, ACRE_VM_DEFAULT));
  REQUIRE_OK(commit(base, 1200, 1210, ACRE_VM_DEFAULT));
}

static void mixed(char *base) {
  commit_every(base, 1, 900, 3);
  REQUIRE_OK(commit(base, 300, 340, ACRE_VM_DEFAULT));
}

static void mixed_protections(char *base) {
  mixed(base);
  REQUIRE_OK(acre_vm_protect(base + 310 * page, 10 * page, ACRE_VM_READ, NULL));
  REQUIRE_OK(acre_vm_protect(base + 325 * page, 5 * page, ACRE_VM_NO_ACCESS, NULL));
}

static void whole(char *base) {
  REQUIRE_OK(commit(base, 0, PAGES, ACRE_VM_DEFAULT));
}

static void whole_and_locked(char *base) {
  whole(base);
  REQUIRE_OK(acre_vm_lock(base + 200 * page, 20 * page));
  REQUIRE_OK(acre_vm_lock(base + 240 * page, 20 * page));
}

/* ------------------------------------------------------------- operations */

static acre_result commit_one(char *base) {
  return commit(base, 250, 251, ACRE_VM_DEFAULT);
}

static acre_result commit_on(char *base) {
  return commit(base, 700, 720, ACRE_VM_DEFAULT);
}

static acre_result commit_across(char *base) {
  return commit(base, 200, 1300, ACRE_VM_DEFAULT);
}

static acre_result commit_two_edges(char *base) {
  return commit(base, 200, 1100, ACRE_VM_DEFAULT);
}

static acre_result commit_across_read_only(char *base) {
  return commit(base, 290, 620, ACRE_VM_READ);
}

static acre_result commit_all(char *base) {
  return commit(base, 0, PAGES, ACRE_VM_DEFAULT);
}

static acre_result decommit_hole(char *base) {
  return decommit(base, 250, 260);
}

static acre_result decommit_one(char *base) {
  return decommit(base, 253, 254);
}

static acre_result decommit_mixed(char *base) {
  return decommit(base, 305, 335);
}

static acre_result decommit_across(char *base) {
  return decommit(base, 205, 1250);
}

static acre_result decommit_end(char *base) {
  return decommit(base, 600, 700);
}

static acre_result decommit_all(char *base) {
  return decommit(base, 0, PAGES);
}

/* Every fifth page, and some that are no case for a marker, across chunks and at last one by itself. */
static acre_result each_run(char *base, size_t first, acre_result (*change)(const acre_vm_run *, size_t, size_t *)) {
  enum { RUNS = 150 };
  acre_vm_run runs[RUNS + 1];
  for (size_t i = 0; i < RUNS; i++)
    runs[i] = (acre_vm_run){base + (first + 5 * i) * page, (i % 40 == 39 ? 9 : 1) * page};
  runs[RUNS] = (acre_vm_run){base + 250 * page, page};
  return change(runs, RUNS + 1, NULL);
}

static acre_result commit_each(const acre_vm_run *runs, size_t count, size_t *done) {
  return acre_vm_commit_runs(runs, count, ACRE_VM_DEFAULT, done);
}

static acre_result commit_runs(char *base) {
  return each_run(base, 204, commit_each);
}

static acre_result decommit_runs(char *base) {
  return each_run(base, 203, acre_vm_decommit_runs);
}

static acre_result protect_some(char *base) {
  return acre_vm_protect(base + 301 * page, 38 * page, ACRE_VM_EXECUTE_READ, NULL);
}

static acre_result protect_no_access(char *base) {
  return acre_vm_protect(base + 500 * page, 100 * page, ACRE_VM_NO_ACCESS, NULL);
}

static acre_result populate_some(char *base) {
  return acre_vm_populate(base + 300 * page, 10 * page);
}

static acre_result prefetch_some(char *base) {
  return acre_vm_prefetch(base + 300 * page, 10 * page);
}

static acre_result lock_some(char *base) {
  return acre_vm_lock(base + 300 * page, 10 * page);
}

static acre_result unlock_some(char *base) {
  return acre_vm_unlock(base + 205 * page, 5 * page);
}

static acre_result reset_some(char *base) {
  acre_result result = acre_vm_reset(base + 300 * page, 5 * page);
  memset(base + 300 * page, MARK, 5 * page); /* whether it is dropped is not the question here */
  return result;
}

static acre_result undo_reset_some(char *base) {
  return acre_vm_undo_reset(base + 300 * page, 5 * page);
}

static acre_result release(char *base) {
  return acre_vm_release(base);
}

static const struct scene {
  const char *name;
  void (*set_up)(char *base);
  acre_result (*act)(char *base);
  bool may_do_a_part; /* as documented: decommit */
} scenes[] = {
    {"the first commit", untouched, commit_one, false},
    {"an island", edges_in_two_chunks, commit_one, false},
    {"a frontier goes on", frontier, commit_on, false},
    {"a commit in a hole", islands, commit_one, false},
    {"a commit over two chunks' edges", edges_in_two_chunks, commit_across, false},
    {"a commit that opens two chunks", edges_in_two_chunks, commit_two_edges, false},
    {"a commit over islands", islands, commit_across, false},
    {"a commit of everything", islands, commit_all, false},
    {"a commit that changes protections", mixed_protections, commit_across_read_only, false},
    {"a decommit inside a frontier", frontier, decommit_hole, true},
    {"a decommit at a frontier", frontier, decommit_end, true},
    {"a decommit of an island", islands, decommit_one, true},
    {"a decommit of many islands", islands, decommit_across, true},
    {"a decommit of mixed protections", mixed_protections, decommit_mixed, true},
    {"a decommit over whole chunks", whole, decommit_across, true},
    {"a decommit of everything", islands, decommit_all, true},
    {"a decommit of locked pages", whole_and_locked, decommit_across, true},
    {"a commit of runs between islands", islands, commit_runs, true},
    {"a commit of runs in a frontier", frontier, commit_runs, true},
    {"a decommit of many runs", islands, decommit_runs, true},
    {"a decommit of runs in whole chunks", whole, decommit_runs, true},
    {"a change of protection", mixed_protections, protect_some, false},
    {"no access inside a frontier", frontier, protect_no_access, false},
    {"populate", mixed, populate_some, false},
    {"prefetch", mixed, prefetch_some, false},
    {"lock", mixed, lock_some, false},
    {"unlock", whole_and_locked, unlock_some, false},
    {"reset", mixed, reset_some, false},
    {"undo of a reset", mixed, undo_reset_some, false},
    {"release of islands", islands, release, false},
    {"release of everything", whole, release, false},
};

/* ------------------------------------------------------------- playing */

struct attempt {
  const struct scene *scene;
  struct acre__fault_plan plan;
};

static uint8_t attributes_before[PAGES];

static unsigned attributes_of(char *base, size_t at) {
  acre_vm_info info = query(base + at * page);
  return info.state == ACRE_VM_COMMITTED ? (unsigned)info.protection : 0;
}

static void mark_committed(char *base) {
  for (size_t at = 0; at < PAGES; at++) {
    attributes_before[at] = (uint8_t)attributes_of(base, at);
    if (acre__protection_writes(attributes_before[at])) memset(base + at * page, MARK, page);
  }
}

/* What was committed and writable still holds its mark. After a failed decommit it may be empty. */
static bool content_is_kept(char *base, bool may_be_lost, bool readable_only) {
  for (size_t at = 0; at < PAGES; at++) {
    if (!acre__protection_writes(attributes_before[at])) continue;
    unsigned now = attributes_of(base, at);
    if (!acre__protection_reads(now)) {
      if (!readable_only && now == 0) return false;
      continue;
    }
    char *bytes = base + at * page;
    if (bytes[0] == MARK && bytes[page - 1] == MARK) continue;
    if (!may_be_lost || bytes[0] != 0 || bytes[page - 1] != 0) return false;
  }
  return true;
}

static void complain(const struct attempt *attempt, const char *what) {
  test_fail(__FILE__, __LINE__, "%s, call %lu fails%s%s with %s: %s", attempt->scene->name, attempt->plan.call,
            attempt->plan.and_later ? " and all later ones" : "", attempt->plan.partly ? ", half done," : "",
            acre_result_name(attempt->plan.result), what);
}

/* A fault for each page would be most of the time that the tests take; where the system has no such call, it is. */
static void touch_together(char *base) {
  enum { POPULATE_READ = 22 }; /* Linux 5.14 */
  (void)madvise(base, PAGES * page, POPULATE_READ);
}

/* Without failures everything works, and new pages read zero. */
static void check_usable(const struct attempt *attempt, char *base) {
  if (decommit(base, 240, 270) != ACRE_OK || commit(base, 230, 280, ACRE_VM_READ_WRITE) != ACRE_OK)
    complain(attempt, "the region cannot be used any more");
  else if (!all_bytes_are(base + 240 * page, 30 * page, 0))
    complain(attempt, "pages that were committed anew are not zero");
  if (commit(base, 0, PAGES, ACRE_VM_READ_WRITE) != ACRE_OK) complain(attempt, "not all of it can be committed");
  touch_together(base);
  for (size_t at = 0; at < PAGES; at++) {
    if (at >= 230 && at < 280) continue;
    char value = base[at * page];
    if (value != 0 && (value != MARK || attributes_before[at] == 0)) {
      complain(attempt, "a page holds old bytes");
      break;
    }
  }
  bool can = decommit(base, 0, PAGES) == ACRE_OK && commit(base, 0, PAGES, ACRE_VM_READ_WRITE) == ACRE_OK;
  touch_together(base);
  if (!can || !all_bytes_are(base, PAGES * page, 0))
    complain(attempt, "it is not empty after all of it was decommitted");
  CHECK_AGREES(base);
  if (regions_are.backing == ACRE_VM_BACKING_PAGING_FILE) CHECK_BLOCKS(base);
  if (acre_vm_release(base) != ACRE_OK) complain(attempt, "it cannot be released");
}

/* False: no call failed, so that all were tried. */
static bool play(const struct attempt *attempt) {
  static struct picture before, after;
  const struct scene *scene = attempt->scene;
  bool paged = regions_are.backing == ACRE_VM_BACKING_PAGING_FILE;
  char *base = reserve_with(PAGES, &regions_are);
  scene->set_up(base);
  mark_committed(base);
  size_t regions = system_figures().regions;

  struct acre__region *region = acre__region_lock((uintptr_t)base);
  size_t committed = acre__table_committed(&region->table, 0, region->table.pages);
  acre__region_unlock(region);
  memset(&before, 0, sizeof before);
  memset(&after, 0, sizeof after);

  acre__fault_begin(&attempt->plan);
  acre_result result = scene->act(base);
  struct acre__fault_report report;
  bool failed = acre__fault_end(&report);

  CHECK_INDEX();
  CHECK_CHARGE();
  if (result != ACRE_OK && result != attempt->plan.result && !(scene->act == undo_reset_some) &&
      !(paged && result == ACRE_E_IO))
    complain(attempt, acre_result_name(result));
  if (scene->act == release && result == ACRE_OK) {
    CHECK_EQ(system_figures().regions, regions - 1);
    CHECK_EQ(query(base).state, ACRE_VM_FREE);
    return failed;
  }
  CHECK_EQ(system_figures().regions, regions);
  CHECK_AGREES(base);
  if (paged && !attempt->plan.and_later) CHECK_BLOCKS(base); /* where nothing can be taken back, blocks stay */
  bool changed = false;
  for (size_t at = 0; at < PAGES; at++) changed |= attributes_of(base, at) != attributes_before[at];
  if (result != ACRE_OK && changed && !scene->may_do_a_part) complain(attempt, "the state has changed");
  if (!content_is_kept(base, scene->may_do_a_part, scene->may_do_a_part || result == ACRE_OK))
    complain(attempt, "content is lost");
  region = acre__region_lock((uintptr_t)base);
  if (result != ACRE_OK && !scene->may_do_a_part &&
      acre__table_committed(&region->table, 0, region->table.pages) != committed)
    complain(attempt, "the count of committed pages has changed");
  acre__region_unlock(region);
  if (result != ACRE_OK) {
    acre_result again = scene->act(base);
    if (again != ACRE_OK && !(scene->act == undo_reset_some)) complain(attempt, "it does not work afterwards");
    if (scene->act == release) return failed;
    CHECK_AGREES(base);
  }
  check_usable(attempt, base);
  return failed;
}

/* Where everything is slow, a part of the scenes, and another part the next time. */
static void play_all(struct acre__fault_plan plan) {
  static size_t turn;
  size_t stride = SANITIZED ? 3 : 1;
  if (regions_are.backing == ACRE_VM_BACKING_PAGING_FILE) stride *= 4;
  for (size_t i = turn++ % stride; i < sizeof scenes / sizeof *scenes; i += stride) {
    struct attempt attempt = {&scenes[i], plan};
    for (attempt.plan.call = 1; play(&attempt); attempt.plan.call++) REQUIRE(attempt.plan.call < MOST_CALLS);
  }
}

TEST(one_call_fails) {
  page = page_bytes();
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY});
  play_all((struct acre__fault_plan){.result = ACRE_E_MAPPING_LIMIT});
}

TEST(one_call_fails_halfway) {
  page = page_bytes();
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .partly = true});
}

TEST(all_calls_fail_from_one_on) {
  page = page_bytes();
  play_all((struct acre__fault_plan){.result = ACRE_E_MAPPING_LIMIT, .and_later = true});
}

/* As on locked memory: hiding is refused, maybe after a front part was hidden. */
TEST(hiding_is_refused) {
  page = page_bytes();
  for (unsigned i = 0; i < 2; i++)
    play_all((struct acre__fault_plan){.result = ACRE_E_NOT_SUPPORTED,
                                       .functions = ACRE_FAULT_MASK(ACRE_FAULT_HIDE),
                                       .partly = i == 0,
                                       .and_later = i != 0});
}

/* What is hidden by halves cannot be revealed again. */
TEST(hiding_fails_and_so_does_its_undoing) {
  page = page_bytes();
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY,
                                     .functions = ACRE_FAULT_MASK(ACRE_FAULT_HIDE) | ACRE_FAULT_MASK(ACRE_FAULT_REVEAL),
                                     .partly = true,
                                     .and_later = true});
}

TEST(on_the_paging_file) {
  page = page_bytes();
  make_fast_paging_directory();
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 0));
  regions_are = ON_PAGING_FILE;
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_SPACE});
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .partly = true});
  play_all((struct acre__fault_plan){.result = ACRE_E_IO, .and_later = true});
  play_all((struct acre__fault_plan){.result = ACRE_E_NOT_SUPPORTED, .functions = ACRE_FAULT_MASK(ACRE_FAULT_HIDE)});
  regions_are = (acre_vm_options){0};
  CHECK_EQ(paging_bytes_used(), 0);
  unset_paging_file();
}

/* ------------------------------------------------------------- reserve */

static const struct reservation {
  acre_vm_options options;
  size_t pages;
  bool at_a_place;
} reservations[] = {
    {{0}, 40, false},
    {{.alignment = (size_t)1 << 30}, 40, false},
    {{.flags = ACRE_VM_TOP_DOWN}, 40, false},
    {{.flags = ACRE_VM_TOP_DOWN, .alignment = (size_t)1 << 30}, 40, false},
    {{.flags = ACRE_VM_COMMIT}, 700, false},
    {{.touch_step = 1}, 40, false},
    {{0}, 40, true},
    {{.flags = ACRE_VM_COMMIT}, 40, true},
    {{.flags = ACRE_VM_COMMIT | ACRE_VM_STRICT}, 700, false},
    {{.flags = ACRE_VM_COMMIT | ACRE_VM_STRICT, .protection = ACRE_VM_READ}, 40, false},
};

/* With `and_later` the way back is barred too, so address space may stay taken: then that is not looked at. */
static bool try_to_reserve(const struct reservation *reservation, const struct acre__fault_plan *plan) {
  acre_vm_options options = reservation->options;
  void *base = NULL;
  if (reservation->at_a_place) {
    options.address = reserve_pages(reservation->pages);
    CHECK_OK(acre_vm_release(options.address));
  }
  acre_system before = system_figures();
  size_t mappings = test_mapping_count();
  acre__fault_begin(plan);
  acre_result result = acre_vm_reserve(reservation->pages * page, &options, &base);
  bool failed = acre__fault_end(NULL);
  CHECK_INDEX();
  CHECK_CHARGE();
  if (result == ACRE_OK) {
    CHECK(base != NULL);
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
    CHECK_EQ(system_figures().regions, before.regions);
    return failed;
  }
  CHECK_RESULT(result, plan->result);
  CHECK(base == NULL);
  acre_system after = system_figures();
  CHECK_EQ(after.regions, before.regions);
  CHECK_EQ(after.reserved_bytes, before.reserved_bytes);
  CHECK_EQ(after.commit_charge, before.commit_charge);
  if (!plan->and_later) {
    CHECK(SANITIZED || test_mapping_count() <= mappings + 1);
    options = reservation->options;
    CHECK_OK(acre_vm_reserve(reservation->pages * page, &options, &base));
    CHECK_OK(acre_vm_release(base));
  }
  return failed;
}

TEST(reserve_with_every_call_failing) {
  static const acre_result results[] = {ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT, ACRE_E_NO_ADDRESS_SPACE};
  page = page_bytes();
  for (size_t i = 0; i < sizeof reservations / sizeof *reservations; i++)
    for (unsigned mode = 0; mode < 12; mode++) {
      struct acre__fault_plan plan = {
          .result = results[mode % 3], .and_later = mode / 3 % 2 != 0, .partly = mode / 6 != 0};
      for (plan.call = 1; try_to_reserve(&reservations[i], &plan); plan.call++) REQUIRE(plan.call < MOST_CALLS);
    }
}

/* A region with much committed memory is emptied before it is released: neither step may lose the region. */
TEST(release_of_a_large_region) {
  page = page_bytes();
  for (unsigned long call = 1;; call++) {
    acre_vm_options options = {.flags = ACRE_VM_COMMIT};
    char *base = reserve_with(10000, &options);
    struct acre__fault_plan plan = {.call = call, .result = ACRE_E_MAPPING_LIMIT};
    acre__fault_begin(&plan);
    acre_result result = acre_vm_release(base);
    bool failed = acre__fault_end(NULL);
    if (result != ACRE_OK) {
      CHECK_RESULT(result, ACRE_E_MAPPING_LIMIT);
      CHECK_AGREES(base);
      CHECK_OK(acre_vm_commit(base, 10000 * page, ACRE_VM_DEFAULT));
      CHECK_OK(acre_vm_release(base));
    }
    CHECK_EQ(query(base).state, ACRE_VM_FREE);
    CHECK_INDEX();
    if (!failed) break;
  }
}

/* ------------------------------------------------------------- query and walk */

static bool count_run(const acre_vm_info *info, void *context) {
  (void)info;
  ++*(size_t *)context;
  return true;
}

TEST(query_and_walk_without_the_system) {
  page = page_bytes();
  char *base = reserve_pages(16);
  for (unsigned i = 0; i < 2; i++) {
    struct acre__fault_plan plan = {.call = i + 1, .result = ACRE_E_NOT_SUPPORTED, .and_later = true};
    acre_vm_info info;
    size_t runs = 0;
    acre__fault_begin(&plan);
    CHECK_RESULT(acre_vm_query(&info, &info), ACRE_E_NOT_SUPPORTED);
    CHECK_OK(acre_vm_query(base, &info)); /* our own table needs nobody */
    acre__fault_end(NULL);
    acre__fault_begin(&plan);
    CHECK_RESULT(acre_vm_walk(count_run, &runs), ACRE_E_NOT_SUPPORTED);
    acre__fault_end(NULL);
  }
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- no memory for the tables */

struct hoard {
  struct hoard *next;
  size_t size;
};

/* Takes every block that the metadata allocator has, and lets it have no more. */
static struct hoard *take_all(void) {
  struct hoard *all = NULL;
  acre__meta_is_closed = true;
  for (size_t size = ACRE_META_LARGEST; size >= 16; size /= 2)
    for (struct hoard *block; (block = acre__meta_alloc(size)) != NULL; all = block) *block = (struct hoard){all, size};
  return all;
}

static void give_back(struct hoard *all) {
  acre__meta_is_closed = false;
  while (all != NULL) {
    struct hoard *next = all->next;
    acre__meta_free(all, all->size);
    all = next;
  }
}

TEST(no_memory_for_the_tables) {
  page = page_bytes();
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
    const struct scene *scene = &scenes[i];
    struct attempt attempt = {scene, {.result = ACRE_E_NO_MEMORY, .and_later = true}};
    char *base = reserve_pages(PAGES);
    scene->set_up(base);
    mark_committed(base);
    struct hoard *hoard = take_all();
    void *others[MOST_SPARES]; /* regions that find a spare record */
    size_t count = 0;
    acre_result result = ACRE_OK;
    while (count < MOST_SPARES && (result = acre_vm_reserve(page, NULL, &others[count])) == ACRE_OK) count++;
    acre_result acted = scene->act(base);
    give_back(hoard);
    CHECK_RESULT(result, ACRE_E_NO_MEMORY);
    while (count > 0) CHECK_OK(acre_vm_release(others[--count]));
    CHECK_INDEX();
    if (acted != ACRE_OK && acted != ACRE_E_NO_MEMORY && scene->act != undo_reset_some)
      complain(&attempt, acre_result_name(acted));
    if (scene->act == release && acted == ACRE_OK) continue;
    CHECK_AGREES(base);
    if (!content_is_kept(base, false, true)) complain(&attempt, "content is lost");
    check_usable(&attempt, base);
  }
}

/* ------------------------------------------------------------- memory that is locked as a whole */

/* mlockall: nothing can be hidden, by the kernel's own word. */
static void work_on_locked_memory(void *context) {
  (void)context;
  page = page_bytes();
  char *early = reserve_pages(PAGES); /* has an open chunk before it is locked */
  commit_every(early, 3, 600, 5);
  if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) _exit(77);
  char *late = reserve_pages(PAGES);
  char *bases[] = {early, late};
  for (unsigned i = 0; i < 2; i++) {
    char *base = bases[i];
    for (unsigned step = 0; step < 300; step++) {
      size_t start = (size_t)test_random_below(PAGES - 20), end = start + 1 + (size_t)test_random_below(20);
      if (step % 2 == 0) {
        CHECK_OK(decommit(base, start, end));
        continue;
      }
      CHECK_OK(decommit(base, start, end));
      CHECK_OK(commit(base, start, end, ACRE_VM_DEFAULT));
      CHECK(all_bytes_are(base + start * page, (end - start) * page, 0));
      memset(base + start * page, MARK, (end - start) * page);
    }
    CHECK_AGREES(base);
    CHECK_OK(decommit(base, 0, PAGES));
    CHECK_AGREES(base);
    CHECK_OK(acre_vm_release(base));
  }
  CHECK_INDEX();
}

TEST(memory_that_is_locked_as_a_whole) {
  int status = test_in_child(work_on_locked_memory, NULL);
  if (status == 77 << 8) test_skip("this process may not lock its memory");
  CHECK_EQ(status, 0);
}
