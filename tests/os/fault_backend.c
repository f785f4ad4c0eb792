/* SPDX-License-Identifier: MIT */
/* The failing backend fails what a plan says, and nothing else. */
#include "contract.h"

#include <pthread.h>

#include "os/fault/fault.h"

TEST(without_a_plan_everything_works) {
  struct acre__fault_report report;
  CHECK(!acre__fault_end(NULL));
  char *base = reserve_committed(2);
  *base = 1;
  release(base, 2);
  acre__fault_begin(&(struct acre__fault_plan){.call = 0});
  base = reserve_committed(2);
  release(base, 2);
  CHECK(!acre__fault_end(&report));
  CHECK_EQ(report.calls, 3);
  CHECK_EQ(report.failed, 0);
}

TEST(the_nth_call_fails_once) {
  struct acre__fault_report report;
  char *base = reserve(8);
  acre__fault_begin(&(struct acre__fault_plan){.call = 3, .result = ACRE_E_MAPPING_LIMIT});
  for (unsigned i = 1; i <= 5; i++)
    CHECK_RESULT(acre__os_commit(base + i * page_size(), page_size(), ACRE_VM_READ_WRITE),
                 i == 3 ? ACRE_E_MAPPING_LIMIT : ACRE_OK);
  CHECK(acre__fault_end(&report));
  CHECK_EQ(report.calls, 5);
  CHECK_EQ(report.failed, 1);
  CHECK_EQ(report.first_failed, ACRE_FAULT_COMMIT);
  CHECK(test_can_write(base + 2 * page_size()));
  CHECK(!test_can_read(base + 3 * page_size())); /* nothing was done */
  CHECK(test_can_write(base + 4 * page_size()));
  release(base, 8);
}

TEST(all_calls_from_the_nth_on_fail) {
  struct acre__fault_report report;
  char *base = reserve(8);
  acre__fault_begin(&(struct acre__fault_plan){.call = 2, .result = ACRE_E_NO_MEMORY, .and_later = true});
  CHECK_OK(acre__os_commit(base, page_size(), ACRE_VM_READ_WRITE));
  CHECK_RESULT(acre__os_protect(base, page_size(), ACRE_VM_READ), ACRE_E_NO_MEMORY);
  CHECK_RESULT(acre__os_decommit(base, page_size()), ACRE_E_NO_MEMORY);
  CHECK_RESULT(acre__os_release(base, page_size()), ACRE_E_NO_MEMORY);
  CHECK(acre__fault_end(&report));
  CHECK_EQ(report.failed, 3);
  CHECK_EQ(report.first_failed, ACRE_FAULT_PROTECT);
  CHECK(test_can_write(base));
  CHECK_OK(acre__os_release(base, 8 * page_size())); /* the plan has ended */
}

TEST(a_mask_chooses_functions) {
  struct acre__fault_report report;
  acre__fault_begin(&(struct acre__fault_plan){.call = 2,
                                               .result = ACRE_E_ACCESS_DENIED,
                                               .functions = ACRE_FAULT_MASK(ACRE_FAULT_COMMIT) |
                                                            ACRE_FAULT_MASK(ACRE_FAULT_PROTECT)});
  char *base = reserve(2);                                                               /* not counted */
  CHECK_OK(acre__os_commit(base, page_size(), ACRE_VM_READ_WRITE));                      /* 1 */
  CHECK_OK(acre__os_discard(base, page_size()));                                         /* not counted */
  CHECK_RESULT(acre__os_protect(base, page_size(), ACRE_VM_READ), ACRE_E_ACCESS_DENIED); /* 2 */
  CHECK_OK(acre__os_protect(base, page_size(), ACRE_VM_READ));                           /* 3 */
  CHECK(acre__fault_end(&report));
  CHECK_EQ(report.calls, 3);
  release(base, 2);
}

TEST(a_call_can_fail_half_way) {
  size_t page = page_size();
  struct acre__fault_plan plan = {.call = 1, .result = ACRE_E_NO_MEMORY, .partly = true};
  char *base = reserve(5);
  acre__fault_begin(&plan);
  CHECK_RESULT(acre__os_commit(base, 5 * page, ACRE_VM_READ_WRITE), ACRE_E_NO_MEMORY);
  acre__fault_end(NULL);
  CHECK(test_can_write(base) && test_can_write(base + page) && !test_can_read(base + 2 * page));

  acre__fault_begin(&plan);
  CHECK_RESULT(acre__os_protect(base, 2 * page, ACRE_VM_READ), ACRE_E_NO_MEMORY);
  acre__fault_end(NULL);
  CHECK(!test_can_write(base) && test_can_write(base + page));

  acre__fault_begin(&plan); /* one page has no half */
  CHECK_RESULT(acre__os_protect(base, page, ACRE_VM_READ_WRITE), ACRE_E_NO_MEMORY);
  acre__fault_end(NULL);
  CHECK(!test_can_write(base));
  release(base, 5);
}

static enum acre__os_fault_answer never(const struct acre__os_fault *fault) {
  (void)fault;
  return ACRE_OS_FAULT_PASS_ON;
}

static void nothing(void) {}

/* Calls every wrapped function once, each under a plan that lets the first call of that function fail. */
TEST(every_function_can_fail) {
  struct acre__os_file file = {-1};
  static struct acre__os_maps maps;
  struct acre__os_mapping mapping;
  struct acre__os_identity identity;
  struct acre__os_written_search search = {0};
  struct acre__os_thread thread;
  struct acre__os_range range = {NULL, 4096};
  char path[ACRE_OS_NAME_PATH];
  uint64_t size;
  void *out = NULL;
  for (int function = 0; function < ACRE_FAULT_FUNCTIONS; function++) {
    acre__fault_begin(&(struct acre__fault_plan){
        .call = 1, .result = ACRE_E_UNEXPECTED, .functions = ACRE_FAULT_MASK((unsigned)function)});
    acre_result result = ACRE_OK;
    switch ((enum acre__fault_function)function) {
      case ACRE_FAULT_RESERVE: result = acre__os_reserve(NULL, 4096, ACRE_OS_ANYWHERE, &out); break;
      case ACRE_FAULT_RELEASE: result = acre__os_release(NULL, 4096); break;
      case ACRE_FAULT_COMMIT: result = acre__os_commit(NULL, 4096, ACRE_VM_READ); break;
      case ACRE_FAULT_DECOMMIT: result = acre__os_decommit(NULL, 4096); break;
      case ACRE_FAULT_PROTECT: result = acre__os_protect(NULL, 4096, ACRE_VM_READ); break;
      case ACRE_FAULT_HIDE: result = acre__os_hide(NULL, 4096); break;
      case ACRE_FAULT_REVEAL: result = acre__os_reveal(NULL, 4096); break;
      case ACRE_FAULT_DISCARD: result = acre__os_discard(NULL, 4096); break;
      case ACRE_FAULT_POPULATE: result = acre__os_populate(NULL, 4096, false); break;
      case ACRE_FAULT_LOCK: result = acre__os_lock(NULL, 4096); break;
      case ACRE_FAULT_UNLOCK: result = acre__os_unlock(NULL, 4096); break;
      case ACRE_FAULT_RESET: result = acre__os_reset(NULL, 4096); break;
      case ACRE_FAULT_UNDO_RESET: result = acre__os_undo_reset(NULL, 4096); break;
      case ACRE_FAULT_FILE_OPEN: result = acre__os_file_open("/", false, false, false, false, 0, &file); break;
      case ACRE_FAULT_FILE_COPY: result = acre__os_file_copy(-1, false, &file); break;
      case ACRE_FAULT_FILE_SIZE: result = acre__os_file_size(file, &size); break;
      case ACRE_FAULT_FILE_GROW: result = acre__os_file_grow(file, 0, 1); break;
      case ACRE_FAULT_MAP_FILE: result = acre__os_map_file(NULL, 4096, PART(file, 0, ACRE_VM_READ, false)); break;
      case ACRE_FAULT_MAP_FILE_ANYWHERE:
        result = acre__os_map_file_anywhere(NULL, 4096, PART(file, 0, ACRE_VM_READ, false), &out);
        break;
      case ACRE_FAULT_FLUSH: result = acre__os_flush(file, NULL, 4096); break;
      case ACRE_FAULT_FILE_SYNC: result = acre__os_file_sync(file); break;
      case ACRE_FAULT_MAPS_OPEN: result = acre__os_maps_open(&maps); break;
      case ACRE_FAULT_MAPS_AT: result = acre__os_maps_at(&maps, 0, &mapping); break;
      case ACRE_FAULT_FAULT_INSTALL: result = acre__os_fault_install(never); break;
      case ACRE_FAULT_AT_FORK: result = acre__os_at_fork(NULL, NULL, NULL); break;
      case ACRE_FAULT_READ_SINGLY: result = acre__os_read_singly(NULL, 4096); break;
      case ACRE_FAULT_KEEP_FROM_CHILDREN: result = acre__os_keep_from_children(NULL, 4096); break;
      case ACRE_FAULT_DIRECTORY_OPEN: result = acre__os_directory_open("/", &file); break;
      case ACRE_FAULT_FILE_TEMPORARY: result = acre__os_file_temporary(file, &file); break;
      case ACRE_FAULT_FILE_IDENTITY: result = acre__os_file_identity(file, &identity); break;
      case ACRE_FAULT_FILE_ALLOCATE: result = acre__os_file_allocate(file, 0, 1); break;
      case ACRE_FAULT_FILE_PUNCH: result = acre__os_file_punch(file, 0, 1); break;
      case ACRE_FAULT_SIGNAL_STACK_SET: result = acre__os_signal_stack_set(NULL, 65536); break;
      case ACRE_FAULT_SIGNAL_STACK_UNSET: result = acre__os_signal_stack_unset(NULL); break;
      case ACRE_FAULT_AT_THREAD_EXIT: result = acre__os_at_thread_exit(nothing); break;
      case ACRE_FAULT_WANT_THREAD_EXIT: result = acre__os_want_thread_exit(); break;
      case ACRE_FAULT_FENCE_PREPARE: result = acre__os_fence_prepare(); break;
      case ACRE_FAULT_ADVISE_LARGE: result = acre__os_advise_large(NULL, 4096); break;
      case ACRE_FAULT_COMMIT_LARGE: result = acre__os_commit_large(NULL, 4096, ACRE_VM_READ); break;
      case ACRE_FAULT_COLLAPSE: result = acre__os_collapse(NULL, 4096); break;
      case ACRE_FAULT_PREFER_NODE: result = acre__os_prefer_node(NULL, 4096, 0); break;
      case ACRE_FAULT_COOL: result = acre__os_cool(NULL, 4096); break;
      case ACRE_FAULT_PAGE_OUT: result = acre__os_page_out(NULL, 4096); break;
      case ACRE_FAULT_FILE_IN_MEMORY: result = acre__os_file_in_memory(1, &file); break;
      case ACRE_FAULT_TRACK: result = acre__os_track(NULL, 4096); break;
      case ACRE_FAULT_WRITTEN: result = acre__os_written(&search); break;
      case ACRE_FAULT_FILE_SET_SIZE: result = acre__os_file_set_size(file, 1); break;
      case ACRE_FAULT_FILE_WRITE_BACK: result = acre__os_file_write_back(file, 0, 4096, NULL, true); break;
      case ACRE_FAULT_NAME_DIRECTORY: result = acre__os_name_directory(true, path); break;
      case ACRE_FAULT_NAME_OPEN: result = acre__os_name_open("/", false, &file); break;
      case ACRE_FAULT_NAME_HOLD: result = acre__os_name_hold(file, true, false); break;
      case ACRE_FAULT_NAME_LEADS_TO: result = acre__os_name_leads_to("/", file); break;
      case ACRE_FAULT_NAME_MARK: result = acre__os_name_mark(file); break;
      case ACRE_FAULT_NAME_CHECK_MARK: result = acre__os_name_check_mark(file); break;
      case ACRE_FAULT_NAME_REMOVE: result = acre__os_name_remove("/"); break;
      case ACRE_FAULT_FILE_DIRTY: result = acre__os_file_dirty(file, 0, 4096, NULL, &size); break;
      case ACRE_FAULT_THREAD_START: result = acre__os_thread_start(&thread); break;
      /* These have no result: nothing is done. */
      case ACRE_FAULT_HIDE_EACH: result = acre__os_hide_each(&range, 1) == 0 ? ACRE_E_UNEXPECTED : ACRE_OK; break;
      case ACRE_FAULT_REVEAL_EACH: result = acre__os_reveal_each(&range, 1) == 0 ? ACRE_E_UNEXPECTED : ACRE_OK; break;
      case ACRE_FAULT_FUNCTIONS: break;
    }
    struct acre__fault_report report;
    CHECK_RESULT(result, ACRE_E_UNEXPECTED);
    CHECK(acre__fault_end(&report));
    CHECK_EQ(report.first_failed, function);
    CHECK_EQ(report.calls, 1);
    CHECK(strncmp(acre__fault_function_name((enum acre__fault_function)function), "acre__os_", 9) == 0);
  }
}

enum { THREADS = 4, CALLS = 2000 };

static void *discard_often(void *page) {
  size_t failures = 0;
  for (int i = 0; i < CALLS; i++)
    if (acre__os_discard(page, page_size()) != ACRE_OK) failures++;
  return (void *)failures;
}

TEST(exactly_one_call_fails_among_threads) {
  pthread_t threads[THREADS];
  struct acre__fault_report report;
  char *base = reserve_committed(1);
  size_t failures = 0;
  acre__fault_begin(&(struct acre__fault_plan){.call = THREADS * CALLS / 2, .result = ACRE_E_NO_MEMORY});
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, discard_often, base) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *result;
    REQUIRE(pthread_join(threads[i], &result) == 0);
    failures += (size_t)result;
  }
  CHECK(acre__fault_end(&report));
  CHECK_EQ(failures, 1);
  CHECK_EQ(report.calls, THREADS * CALLS);
  release(base, 1);
}
