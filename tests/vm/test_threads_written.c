/* SPDX-License-Identifier: MIT */
/*
 * Written pages while threads write at full speed: a copy that follows the
 * reports must end as the memory does, or a write was lost.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm/vm_check.h"

enum { WRITERS = 3, PAGES = 700, ROUNDS = SANITIZED ? 500 : 4000 };

static size_t page;
static atomic_bool stop;

struct writer {
  pthread_t thread;
  char *base;
  uint64_t random;
  uint64_t number; /* of this thread's words: it has one in each page */
};

static _Atomic uint64_t *word_of(char *base, size_t at, uint64_t number) {
  return (_Atomic uint64_t *)(void *)(base + at * page) + number;
}

static void *write_on(void *context) {
  struct writer *writer = context;
  for (uint64_t i = 1; !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
    size_t at = (size_t)(test_random_next(&writer->random) % PAGES);
    atomic_store_explicit(word_of(writer->base, at, writer->number), i, memory_order_relaxed);
  }
  return NULL;
}

/* The same through the kernel. Pages are prepared, and may be reset before the call: then it fails and is made again. */
static void *read_on(void *context) {
  struct writer *writer = context;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  for (uint64_t i = 1; !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
    _Atomic uint64_t *word = word_of(writer->base, (size_t)(test_random_next(&writer->random) % PAGES), writer->number);
    if (write(ends[1], &i, sizeof i) != sizeof i) break;
    for (;;) {
      CHECK_OK(acre_vm_written_prepare((void *)word, sizeof *word));
      /* As a system call: the race with the one who copies is meant, and ThreadSanitizer knows read(). */
      if (syscall(SYS_read, ends[0], (void *)word, sizeof *word) == sizeof *word) break;
    }
  }
  close(ends[0]), close(ends[1]);
  return NULL;
}

static char copy[PAGES][(WRITERS + 1) * sizeof(uint64_t)];

static void copy_reported(char *base, const acre_vm_run *runs, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (char *at = runs[i].address; at < (char *)runs[i].address + runs[i].size; at += page)
      for (uint64_t number = 0; number <= WRITERS; number++) {
        uint64_t value = atomic_load_explicit(word_of(at, 0, number), memory_order_relaxed);
        memcpy(&copy[(size_t)(at - base) / page][number * sizeof value], &value, sizeof value);
      }
}

static void follow(char *base, unsigned rounds) {
  static acre_vm_run runs[PAGES];
  for (unsigned round = 0; round < rounds; round++) {
    size_t count = round % 3 == 0 ? 5 : PAGES;
    acre_result result = acre_vm_written(base, PAGES * page, ACRE_VM_WRITTEN_RESET, runs, &count);
    if (result != ACRE_OK) CHECK_RESULT(result, ACRE_E_MORE);
    copy_reported(base, runs, count);
    if (round % 64 == 0) sched_yield();
  }
}

static void compare(char *base) {
  size_t differ = 0;
  for (size_t at = 0; at < PAGES; at++) differ += memcmp(copy[at], base + at * page, sizeof *copy) != 0;
  CHECK_EQ(differ, 0);
}

static void run(char *base, void *(*last)(void *), void (*meanwhile)(char *base)) {
  struct writer writers[WRITERS + 1];
  memset(copy, 0, sizeof copy);
  atomic_store(&stop, false);
  for (uint64_t i = 0; i <= WRITERS; i++) {
    writers[i] = (struct writer){.base = base, .random = test_random(), .number = i};
    REQUIRE(pthread_create(&writers[i].thread, NULL, i == WRITERS ? last : write_on, &writers[i]) == 0);
  }
  meanwhile(base);
  atomic_store(&stop, true);
  for (uint64_t i = 0; i <= WRITERS; i++) REQUIRE(pthread_join(writers[i].thread, NULL) == 0);
  follow(base, 1 + 2 * PAGES / 5);
  compare(base);
}

static char *tracked(size_t pages) {
  acre_vm_options options = {.flags = ACRE_VM_TRACK_WRITES};
  page = page_bytes();
  return reserve_with(pages, &options);
}

static void only_follow(char *base) {
  follow(base, ROUNDS);
}

TEST(no_write_is_lost_at_a_reset) {
  char *base = tracked(PAGES);
  REQUIRE_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
  run(base, write_on, only_follow);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}

TEST(nor_one_that_a_system_call_makes) {
  char *base = tracked(PAGES);
  REQUIRE_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
  run(base, read_on, only_follow);
  CHECK_OK(acre_vm_release(base));
}

/* Beside it, pages come and go, and the written ones are committed again. */
static void follow_and_change(char *base) {
  for (unsigned i = 0; i < ROUNDS / 10; i++) {
    size_t at = (size_t)test_random_below(PAGES - 40);
    CHECK_OK(acre_vm_commit(base + at * page, 40 * page, ACRE_VM_DEFAULT));
    CHECK_OK(acre_vm_commit(base + (PAGES + at) * page, 30 * page, ACRE_VM_DEFAULT));
    *(base + (PAGES + at) * page) = 1;
    CHECK_OK(acre_vm_decommit(base + (PAGES + at + 3) * page, 20 * page));
    follow(base, 5);
  }
}

TEST(nor_while_pages_come_and_go) {
  char *base = tracked(2 * PAGES);
  REQUIRE_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
  run(base, write_on, follow_and_change);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
}
