/* SPDX-License-Identifier: MIT */
/* The contract of os.h: the fault handler. (What becomes of other code's handlers on Linux: test_fault_handler_linux.c.) */
#include "contract.h"

#include <pthread.h>
#include <stdatomic.h>

static char *watched;
static atomic_uint calls;
static bool one_thread = true;
static struct acre__os_fault last; /* of one thread */

static enum acre__os_fault_answer commit_page(const struct acre__os_fault *fault) {
  uintptr_t page = fault->address / page_size() * page_size();
  atomic_fetch_add(&calls, 1);
  if (one_thread) last = *fault;
  if (page - (uintptr_t)watched >= 64 * page_size()) return ACRE_OS_FAULT_PASS_ON;
  return acre__os_commit((void *)page, page_size(), ACRE_VM_READ_WRITE) == ACRE_OK ? ACRE_OS_FAULT_REPAIRED
                                                                                   : ACRE_OS_FAULT_PASS_ON;
}

static void set_up(void) {
  REQUIRE_OK(acre__os_fault_install(commit_page));
  watched = reserve(64);
  atomic_store(&calls, 0);
}

TEST(a_repaired_access_is_tried_again) {
  set_up();
  for (size_t i = 0; i < 64; i += 2) {
    char *byte = watched + i * page_size() + i;
    *(volatile char *)byte = (char)i;
    CHECK_EQ(atomic_load(&calls), i / 2 + 1);
    CHECK(*(volatile char *)byte == (char)i);
    CHECK_EQ(last.address, (uintptr_t)byte);
    CHECK_EQ(last.access, ACRE_OS_FAULT_WRITE);
    CHECK(!last.no_backing && last.registers != NULL);
  }
  CHECK_EQ(*(volatile char *)(watched + page_size()), 0);
  CHECK_EQ(last.access, ACRE_OS_FAULT_READ);
  CHECK_EQ(last.address, (uintptr_t)watched + page_size());
  char here;
  if (last.stack_pointer != 0) CHECK((uintptr_t)&here - last.stack_pointer < 1 << 16);
  release(watched, 64);
}

TEST(installing_again_changes_nothing) {
  set_up();
  REQUIRE_OK(acre__os_fault_install(commit_page));
  *(volatile char *)watched = 1;
  CHECK_EQ(atomic_load(&calls), 1);
  release(watched, 64);
}

/* Each thread a byte of its own in every page. */
static void *touch_all(void *number) {
  for (size_t i = 0; i < 64; i++) *(volatile char *)(watched + i * page_size() + (uintptr_t)number) = 1;
  return NULL;
}

TEST(every_thread_is_served) {
  set_up();
  pthread_t threads[4];
  one_thread = false;
  for (uintptr_t i = 0; i < 4; i++) REQUIRE(pthread_create(&threads[i], NULL, touch_all, (void *)i) == 0);
  for (size_t i = 0; i < 4; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  one_thread = true;
  for (size_t i = 0; i < 64; i++) CHECK(all_bytes_are(watched + i * page_size(), 4, 1));
  CHECK(atomic_load(&calls) >= 64);
  release(watched, 64);
}
