/* SPDX-License-Identifier: MIT */
/* Flushers: each condition, what they leave alone, what the limit holds back, and who is in their way. */
#include "flusher_check.h"
#include "scratch_linux.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

enum { PAGES = 256 };

/* Skips where no disk is behind the folder: nothing is ever changed there. */
static void need_disk(void) {
  struct flushed flushed;
  flushed_open(&flushed, PAGES, 0);
  memset(flushed.data, 1, flushed.size);
  size_t dirty = scratch_dirty(flushed.data);
  CHECK_OK(acre_view_flush(flushed.view, 0, 0, ACRE_FLUSH_DURABLE));
  size_t after = scratch_dirty(flushed.data);
  flushed_close(&flushed);
  if (dirty != PAGES * flushed.page || after != 0)
    test_skip("the kernel does not tell changed pages of files in this folder");
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

TEST(while_nothing_is_changed_nothing_is_flushed) {
  need_disk();
  struct flushed flushed;
  flushed_open(&flushed, PAGES, 0);
  acre_flusher *flusher = flushed_start(
      &flushed, (acre_flusher_options){.interval_ms = 1, .idle_ms = 1, .deadline_ms = 1, .dirty_bytes = 1});
  usleep(100000);
  CHECK_EQ(flushed.data[flushed.size - 1], 0); /* reading changes nothing */
  usleep(100000);
  CHECK_EQ(flusher_figures(flusher).flushes, 0);
  CHECK_EQ(flusher_figures(flusher).most_dirty, 0);
  CHECK_OK(acre_flusher_stop(flusher));
  flushed_close(&flushed);
}

TEST(each_condition_brings_the_disk_up_to_date) {
  need_disk();
  for (int condition = 0; condition < 6; condition++) {
    for (int mode = ACRE_FLUSH_DURABLE; mode <= ACRE_FLUSH_START; mode++) {
      struct flushed flushed;
      flushed_open(&flushed, PAGES, 0);
      acre_flusher_options options = {.mode = (acre_flush_mode)mode};
      switch (condition) {
        case 0: options.interval_ms = 20; break;
        case 1: options.idle_ms = 20; break;
        case 2: options.deadline_ms = 100; break;
        case 3: options.dirty_bytes = flushed.size / 2; break;
        case 4: options.dirty_limit = flushed.size; break;
        default: break; /* every second */
      }
      acre_flusher *flusher;
      acre_result result = acre_flusher_start(flushed.view, &options, &flusher);
      if (mode == ACRE_FLUSH_START && (condition == 2 || condition == 4)) {
        CHECK_RESULT(result, ACRE_E_INVALID_ARGUMENT);
      } else {
        REQUIRE_OK(result);
        memset(flushed.data, 'x', flushed.size / 2 + 1);
        CHECK(flusher_has_flushed(flusher, 1));
        for (int i = 0; i < 2000 && scratch_dirty(flushed.data) > flushed.size / 2; i++) usleep(5000);
        acre_flusher_figures figures = flusher_figures(flusher);
        CHECK(figures.flushed_bytes > 0);
        CHECK(figures.most_dirty >= flushed.page && figures.most_dirty <= 2 * flushed.size);
        CHECK_EQ(figures.failures, 0);
        CHECK_OK(acre_flusher_stop(flusher));
        if (mode != ACRE_FLUSH_START) CHECK_EQ(scratch_dirty(flushed.data), 0);
      }
      flushed_close(&flushed);
    }
  }
}

TEST(less_than_dirty_bytes_is_left_alone) {
  need_disk();
  struct flushed flushed;
  flushed_open(&flushed, PAGES, 0);
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.dirty_bytes = 10 * flushed.page});
  memset(flushed.data, 1, 10 * flushed.page);
  usleep(200000);
  CHECK_EQ(flusher_figures(flusher).flushes, 0);
  flushed.data[10 * flushed.page] = 1;
  CHECK(flusher_has_flushed(flusher, 1));
  CHECK_OK(acre_flusher_stop(flusher));
  flushed_close(&flushed);
}

TEST(who_goes_on_storing_is_not_idle) {
  need_disk();
  enum { IDLE = 500 };
  for (int attempt = 0;; attempt++) {
    struct flushed flushed;
    flushed_open(&flushed, PAGES, 0);
    acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.idle_ms = IDLE});
    uint64_t last = now_ms(), longest = 0, flushes = 0;
    for (size_t i = 0; i < 100; i++) {
      flushed.data[i * flushed.page] = 1;
      usleep(10000);
      flushes = flusher_figures(flusher).flushes;
      uint64_t now = now_ms();
      if (now - last > longest) longest = now - last;
      last = now;
    }
    bool was_idle = longest > IDLE / 4; /* a busy machine has held this thread up */
    if (!was_idle) {
      CHECK_EQ(flushes, 0);
      CHECK(flusher_has_flushed(flusher, 1));
      CHECK_EQ(scratch_dirty(flushed.data), 0);
    }
    CHECK_OK(acre_flusher_stop(flusher));
    flushed_close(&flushed);
    if (!was_idle) break;
    REQUIRE(attempt < 50);
  }
}

TEST(stop_loses_nothing) {
  need_disk();
  struct flushed flushed;
  flushed_open(&flushed, PAGES, 0);
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.interval_ms = 3600000}), *second;
  memset(flushed.data, 'y', flushed.size);
  CHECK_RESULT(acre_flusher_start(flushed.view, NULL, &second), ACRE_E_BUSY);
  CHECK(second == NULL);
  CHECK_RESULT(acre_view_unmap(flushed.view), ACRE_E_BUSY);
  CHECK_RESULT(acre_view_unmap_to_placeholder(flushed.view), ACRE_E_BUSY);
  CHECK_EQ(scratch_dirty(flushed.data), flushed.size);
  CHECK_OK(acre_flusher_stop(flusher));
  CHECK_EQ(scratch_dirty(flushed.data), 0);
  CHECK_RESULT(acre_flusher_stop(flusher), ACRE_E_INVALID_ARGUMENT);
  CHECK_OK(acre_flusher_stop(NULL));
  REQUIRE_OK(acre_flusher_start(flushed.view, NULL, &second)); /* the view may have another one */
  CHECK_OK(acre_flusher_stop(second));
  flushed_close(&flushed);
}

/* ------------------------------------------------------------- the limit */

enum { WRITERS = 2, LIMIT_PAGES = 64, ROUNDS = 4 };

struct writer {
  struct flushed *flushed;
  uint64_t random;
  size_t from, to; /* its pages */
};

static struct {
  atomic_bool end;
  _Atomic uint64_t most_changed, most_dirty, samples;
} sampled;

/* The same rounds again until somebody has seen what is changed. */
static void *write_all(void *argument) {
  struct writer *writer = argument;
  struct flushed *flushed = writer->flushed;
  for (size_t round = 0; round < ROUNDS || atomic_load(&sampled.most_changed) == 0; round++) {
    size_t at = round % ROUNDS;
    for (size_t i = writer->from; i < writer->to; i++) {
      size_t page = i;
      if (round % 2 != 0) page = writer->from + test_random_next(&writer->random) % (writer->to - writer->from);
      flushed->data[page * flushed->page + at] = (char)(page + at);
    }
  }
  return NULL;
}

/*
 * Changed pages of the file, as cachestat tells; 0: it is not to be had. Pages that are being written do not count: one
 * that is changed again at that moment would be there twice.
 */
static uint64_t dirty_by_cachestat(int fd, size_t size, size_t page) {
  struct {
    uint64_t offset, length;
  } range = {0, size};
  struct {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } counts;
  return syscall(451, fd, &range, &counts, 0) == 0 ? counts.dirty * page : 0;
}

/* By the kernel's figures and by Acre's own. The kernel goes from page to page: what a flush ends meanwhile may be there twice. */
static void *sample(void *argument) {
  struct flushed *flushed = argument;
  int fd = open(flushed->path, O_RDWR | O_CLOEXEC);
  while (!atomic_load(&sampled.end)) {
    uint64_t changed = acre__vm_gate_figures(flushed->data).changed;
    uint32_t turns = acre__gate_turns();
    uint64_t dirty = dirty_by_cachestat(fd, flushed->size, flushed->page);
    if (acre__gate_turns() != turns) continue;
    if (dirty > atomic_load(&sampled.most_dirty)) atomic_store(&sampled.most_dirty, dirty);
    if (changed > atomic_load(&sampled.most_changed)) atomic_store(&sampled.most_changed, changed);
    atomic_fetch_add(&sampled.samples, 1);
  }
  close(fd);
  return NULL;
}

TEST(no_more_is_changed_than_the_limit) {
  need_disk();
  struct flushed flushed;
  flushed_open(&flushed, PAGES * 8, 0);
  size_t limit = LIMIT_PAGES * flushed.page;
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.dirty_limit = limit});
  pthread_t threads[WRITERS], sampler;
  struct writer writers[WRITERS];
  atomic_store(&sampled.end, false);
  REQUIRE(pthread_create(&sampler, NULL, sample, &flushed) == 0);
  for (size_t i = 0; i < WRITERS; i++) {
    writers[i] = (struct writer){&flushed, test_random(), i * flushed.pages / WRITERS,
                                 (i + 1) * flushed.pages / WRITERS};
    REQUIRE(pthread_create(&threads[i], NULL, write_all, &writers[i]) == 0);
  }
  for (size_t i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
  atomic_store(&sampled.end, true);
  pthread_join(sampler, NULL);
  CHECK(atomic_load(&sampled.samples) > 0);
  CHECK(atomic_load(&sampled.most_changed) > 0);
  CHECK(atomic_load(&sampled.most_changed) <= limit);
  CHECK(atomic_load(&sampled.most_dirty) <= limit);
  acre_flusher_figures figures = flusher_figures(flusher);
  CHECK(figures.flushes >= flushed.pages / LIMIT_PAGES);
  CHECK(figures.waits > 0);
  printf("  %llu flushes, %llu waits, at most %llu changed of %zu\n", (unsigned long long)figures.flushes,
         (unsigned long long)figures.waits, (unsigned long long)atomic_load(&sampled.most_changed), limit);
  CHECK_OK(acre_flusher_stop(flusher));
  CHECK_EQ(scratch_dirty(flushed.data), 0);
  for (size_t page = 0; page < flushed.pages; page++) {
    char bytes[ROUNDS];
    scratch_read(flushed.path, page * flushed.page, bytes, sizeof bytes);
    for (size_t round = 0; round < ROUNDS; round += 2) CHECK_EQ(bytes[round], (char)(page + round));
  }
  memset(flushed.data, 'z', flushed.size); /* nobody holds it back any more */
  CHECK_EQ(scratch_dirty(flushed.data), flushed.size);
  flushed_close(&flushed);
}

/* The file in as large units of the page cache as the kernel likes: it would count each of them whole. */
TEST(the_figures_with_a_limit_are_of_what_was_stored_to) {
  need_disk();
  struct flushed flushed;
  flushed_open(&flushed, PAGES * 8, 0);
  char *all = calloc(1, flushed.size);
  int fd = open(flushed.path, O_RDWR | O_CLOEXEC);
  REQUIRE(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
  REQUIRE(pwrite(fd, all, flushed.size, 0) == (ssize_t)flushed.size && fsync(fd) == 0);
  close(fd);
  free(all);
  size_t limit = LIMIT_PAGES * flushed.page;
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.dirty_limit = limit});
  for (size_t page = 0; page < flushed.pages; page += 16) flushed.data[page * flushed.page] = 1;
  acre_flusher_figures figures = flusher_figures(flusher);
  CHECK(figures.most_dirty > 0 && figures.most_dirty <= limit);
  CHECK_OK(acre_flusher_stop(flusher));
  flushed_close(&flushed);
}

TEST(a_limit_of_less_than_a_page_is_one) {
  struct flushed flushed;
  flushed_open(&flushed, 8, 0);
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.dirty_limit = 1});
  for (size_t i = 0; i < 8; i++) {
    flushed.data[i * flushed.page] = 'q';
    CHECK(acre__vm_gate_figures(flushed.data).changed <= flushed.page);
  }
  CHECK(flusher_figures(flusher).flushes >= 4);
  CHECK_OK(acre_flusher_stop(flusher));
  flushed_close(&flushed);
}

TEST(protection_populating_and_growth_do_not_pass_the_gate_by) {
  struct flushed flushed;
  flushed_open(&flushed, PAGES, 2 * PAGES);
  size_t page = flushed.page, limit = 16 * page;
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.dirty_limit = limit});
  CHECK_OK(acre_vm_populate(flushed.data, flushed.size));
  CHECK_EQ(acre__vm_gate_figures(flushed.data).changed, 0);
  CHECK_OK(acre_vm_protect(flushed.data, flushed.size, ACRE_VM_READ, NULL));
  CHECK_EQ(test_access(flushed.data), TEST_READABLE);
  CHECK_OK(acre_vm_protect(flushed.data, flushed.size, ACRE_VM_READ_WRITE, NULL));
  CHECK_OK(acre_view_grow(flushed.view, 2 * flushed.size));
  for (size_t i = 0; i < 2 * PAGES; i++) {
    flushed.data[i * page] = (char)i;
    CHECK(acre__vm_gate_figures(flushed.data).changed <= limit);
  }
  CHECK(flusher_figures(flusher).flushes >=
        2 * PAGES / 16 - 2); /* the last pages may wait, or be in one that goes on */
  CHECK_OK(acre_flusher_stop(flusher));
  for (size_t i = 0; i < 2 * PAGES; i++) {
    char byte;
    scratch_read(flushed.path, i * page, &byte, 1);
    CHECK_EQ(byte, (char)i);
  }
  CHECK_EQ(test_access(flushed.data), TEST_WRITABLE);
  flushed_close(&flushed);
}

/* ------------------------------------------------------------- in the way */

#ifndef __SANITIZE_THREAD__ /* it hands signals over late, in the middle of a fault's handler that holds them back */
static struct flushed *handled;
static volatile sig_atomic_t handler_stores;

static void store_in_handler(int number) {
  (void)number;
  handled->data[(size_t)handler_stores * 7 % handled->pages * handled->page + 1]++;
  handler_stores++;
}

TEST(a_signal_handler_may_wait_as_well) {
  struct flushed flushed;
  flushed_open(&flushed, PAGES, 0);
  handled = &flushed;
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.dirty_limit = 4 * flushed.page});
  struct sigaction action = {.sa_handler = store_in_handler, .sa_flags = SA_RESTART};
  REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval timer = {{0, 2000}, {0, 2000}}, none = {{0, 0}, {0, 0}};
  REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
  for (size_t round = 0; round < 4 || handler_stores < 20; round++)
    for (size_t i = 0; i < PAGES; i++) flushed.data[i * flushed.page] = (char)round;
  REQUIRE(setitimer(ITIMER_REAL, &none, NULL) == 0);
  CHECK(handler_stores >= 20);
  CHECK_OK(acre_flusher_stop(flusher));
  flushed_close(&flushed);
}
#endif

TEST(a_child_of_fork_waits_for_nobody) {
  struct flushed flushed;
  flushed_open(&flushed, PAGES, 0);
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.dirty_limit = 4 * flushed.page});
  memset(flushed.data, 'p', 2 * flushed.page);
  pid_t child = fork();
  if (child == 0) {
    memset(flushed.data, 'c', flushed.size); /* far beyond the limit */
    bool good = acre_view_unmap(flushed.view) == ACRE_E_BUSY && acre_flusher_stop(flusher) == ACRE_OK &&
                acre_view_unmap(flushed.view) == ACRE_OK;
    _exit(good ? 0 : 1);
  }
  int status;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_EQ(flushed.data[flushed.size - 1], 'c');
  memset(flushed.data, 'q', flushed.size);
  CHECK(flusher_figures(flusher).waits > 0);
  CHECK_OK(acre_flusher_stop(flusher));
  flushed_close(&flushed);
}

TEST(a_system_call_is_refused_and_not_passed_by) {
  struct flushed flushed;
  flushed_open(&flushed, PAGES, 0);
  acre_flusher *flusher = flushed_start(&flushed, (acre_flusher_options){.dirty_limit = 16 * flushed.page});
  int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  REQUIRE(zero >= 0);
  CHECK(read(zero, flushed.data, 10) == -1 && errno == EFAULT);
  flushed.data[0] = 'a';
  ssize_t got = read(zero, flushed.data, 10); /* EFAULT again only if the flusher was faster */
  CHECK(got == 10 || (got == -1 && errno == EFAULT));
  close(zero);
  CHECK_OK(acre_flusher_stop(flusher));
  flushed_close(&flushed);
}

TEST(bad_options) {
  struct flushed flushed;
  flushed_open(&flushed, 4, 0);
  acre_view *reader = scratch_view(flushed.section, ACRE_ACCESS_READ),
            *copy = scratch_view(flushed.section, ACRE_ACCESS_COPY_ON_WRITE);
  acre_flusher *flusher = (acre_flusher *)&flushed;
  acre_flusher_figures figures;
  CHECK_RESULT(acre_flusher_start(NULL, NULL, &flusher), ACRE_E_INVALID_ARGUMENT);
  CHECK(flusher == NULL);
  CHECK_RESULT(acre_flusher_start(flushed.view, NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_flusher_start(reader, NULL, &flusher), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_flusher_start(copy, NULL, &flusher), ACRE_E_NOT_SUPPORTED);
  acre_flusher_options options = {.mode = (acre_flush_mode)3};
  CHECK_RESULT(acre_flusher_start(flushed.view, &options, &flusher), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_flusher_look(NULL, &figures), ACRE_E_INVALID_ARGUMENT);
  CHECK_OK(acre_view_unmap(reader));
  CHECK_OK(acre_view_unmap(copy));
  flushed_close(&flushed);

  acre_section *memory;
  REQUIRE_OK(acre_section_create_memory(65536, &(acre_memory_options){.reserve = true}, &memory));
  acre_view *view = scratch_view(memory, ACRE_ACCESS_READ_WRITE);
  CHECK_RESULT(acre_flusher_start(view, NULL, &flusher), ACRE_E_NOT_SUPPORTED);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(memory);
}
