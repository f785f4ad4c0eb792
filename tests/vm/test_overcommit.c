/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own commit charge. Under vm.overcommit_memory=2 it counts what
 * can be written, and agrees with Acre's ledger after every operation; in the
 * other modes it counts nothing of Acre's, and keeps nothing.
 *
 * How the kernel's charge is seen: a mapping that is charged has the flag "ac"
 * in /proc/self/smaps, which is exact; and Committed_AS of /proc/meminfo moves,
 * which is the whole system's, so a moment is tried for in which nobody else
 * moves it.
 *
 * The mode is the whole machine's. It is set for as short as can be, together
 * with a limit so high that nobody is refused anything for it, and set back by
 * a process of its own, which lives on if this one is killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <acre/array.h>
#include <acre/filemap.h>

#include "vm/vm_check.h"

enum { PAGES = 2000, OPERATIONS = 150, ATTEMPTS = 300 };

static size_t page;

/* ------------------------------------------------------------- what the kernel says */

/* Bytes of [base, base + size) that the kernel has charged. */
static size_t charged_by_kernel(const void *base, size_t size) {
  FILE *file = fopen("/proc/self/smaps", "re");
  REQUIRE(file != NULL);
  char line[1024];
  uintptr_t from = (uintptr_t)base, to = from + size, start = 0, end = 0;
  size_t sum = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    unsigned long first, last;
    if (sscanf(line, "%lx-%lx ", &first, &last) == 2) {
      start = first < from ? from : first;
      end = last > to ? to : last;
    } else if (start < end && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " ac") != NULL) {
      sum += end - start;
    }
  }
  fclose(file);
  return sum;
}

static int64_t committed_as(void) {
  char text[4096];
  int file = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  REQUIRE(length > 0);
  text[length] = '\0';
  const char *found = strstr(text, "Committed_AS:");
  REQUIRE(found != NULL);
  return (int64_t)strtoull(found + strlen("Committed_AS:"), NULL, 10) << 10;
}

/* ------------------------------------------------------------- the machine's mode */

struct mode {
  long long mode, ratio, kilobytes;
};

static long long read_setting(const char *path) {
  char text[32] = "";
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  return length > 0 ? strtoll(text, NULL, 10) : -1;
}

static bool write_setting(const char *path, long long value) {
  char text[32];
  int length = snprintf(text, sizeof text, "%lld", value);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  bool written = write(file, text, (size_t)length) == length;
  close(file);
  return written;
}

#define MODE "/proc/sys/vm/overcommit_memory"
#define RATIO "/proc/sys/vm/overcommit_ratio"
#define KILOBYTES "/proc/sys/vm/overcommit_kbytes"

static struct mode read_mode(void) {
  return (struct mode){.mode = read_setting(MODE), .ratio = read_setting(RATIO), .kilobytes = read_setting(KILOBYTES)};
}

/* Of ratio and kilobytes the one that is written sets the other to 0. */
static bool write_mode(struct mode mode) {
  bool limited = mode.kilobytes != 0 ? write_setting(KILOBYTES, mode.kilobytes) : write_setting(RATIO, mode.ratio);
  return write_setting(MODE, mode.mode) && limited;
}

/* A process that sets the mode back when `end`, of which only its like has the other side, is closed. */
static pid_t start_guard(struct mode before, int *end) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  fflush(stdout);
  pid_t guard = fork();
  REQUIRE(guard >= 0);
  if (guard == 0) {
    setsid();
    for (int number = 1; number < NSIG; number++) signal(number, SIG_IGN);
    close(ends[1]);
    char byte;
    while (read(ends[0], &byte, 1) > 0) continue;
    /* Up, before the limit comes down again. */
    _exit(write_setting(MODE, before.mode) && write_mode(before) ? 0 : 1);
  }
  close(ends[0]);
  REQUIRE(fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0);
  *end = ends[1];
  return guard;
}

/* Runs `work` in a child while the kernel counts every commit. */
static void run_in_mode_2(void (*work)(void *context)) {
  struct mode before = read_mode();
  if (before.mode == 2) {
    CHECK_EQ(test_in_child(work, NULL), 0);
    return;
  }
  if (before.mode < 0 || access(MODE, W_OK) != 0 || access(KILOBYTES, W_OK) != 0)
    test_skip("vm.overcommit_memory is not this user's to set");
  int end;
  pid_t guard = start_guard(before, &end);
  bool set = write_mode((struct mode){.mode = 2, .kilobytes = 1LL << 42});
  int status = set ? test_in_child(work, NULL) : 0;
  close(end);
  int restored = -1;
  REQUIRE(waitpid(guard, &restored, 0) == guard);
  CHECK_EQ(restored, 0);
  CHECK_EQ(status, 0);
  struct mode after = read_mode();
  CHECK(after.mode == before.mode && after.ratio == before.ratio && after.kilobytes == before.kilobytes);
  if (!set) test_skip("vm.overcommit_memory cannot be set here");
}

/* ------------------------------------------------------------- after every operation */

static void check_region(char *base) {
  CHECK_EQ(charged_by_kernel(base, PAGES * page), acre__ledger_charged());
}

static void random_commits(char *base) {
  for (unsigned i = 0; i < OPERATIONS; i++) {
    size_t start = (size_t)test_random_below(PAGES), count = 1 + (size_t)test_random_below(i % 8 == 0 ? PAGES : 30);
    if (count > PAGES - start) count = PAGES - start;
    char *address = base + start * page;
    if (test_random_below(5) < 3)
      CHECK_OK(acre_vm_commit(address, count * page, ACRE_VM_DEFAULT));
    else
      CHECK_OK(acre_vm_decommit(address, count * page));
    if (i % 4 == 0 && query(address).state == ACRE_VM_COMMITTED) *address = 1;
    check_region(base);
  }
}

static void check_view(void) {
  char path[] = "/tmp/acre-test-XXXXXX";
  int descriptor = mkstemp(path);
  REQUIRE(descriptor >= 0 && ftruncate(descriptor, (off_t)(30 * page)) == 0);
  close(descriptor);
  acre_file *file;
  acre_section *section;
  acre_view *view;
  acre_view_options options = {.access = ACRE_ACCESS_COPY_ON_WRITE};
  uint64_t before = acre__ledger_charged();
  REQUIRE_OK(acre_file_open(path, NULL, &file));
  REQUIRE_OK(acre_section_create(file, NULL, &section));
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  CHECK_EQ(charged_by_kernel(acre_view_data(view), 30 * page), acre__ledger_charged() - before);
  CHECK_EQ(acre__ledger_charged() - before, 30 * page);
  CHECK_OK(acre_view_unmap(view));
  options.access = ACRE_ACCESS_READ;
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  CHECK_EQ(charged_by_kernel(acre_view_data(view), 30 * page), 0);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
  unlink(path);
}

/* Whether Committed_AS moved by our charge, up and down again, in one of many attempts. */
static bool committed_as_follows(char *base) {
  size_t size = PAGES * page;
  for (unsigned i = 0; i < ATTEMPTS; i++) {
    int64_t before = committed_as();
    CHECK_OK(acre_vm_commit(base, size, ACRE_VM_DEFAULT));
    int64_t between = committed_as();
    memset(base, 1, 50 * page);
    CHECK_OK(acre_vm_decommit(base, size));
    int64_t after = committed_as();
    if (between - before == (int64_t)size && after == before) return true;
  }
  return false;
}

static void agree(void *context) {
  (void)context;
  CHECK_EQ(system_figures().overcommit_mode, 2); /* Acre starts in it, and opens no chunk */
  page = page_bytes();
  char *base = reserve_pages(PAGES);
  check_region(base);
  random_commits(base);
  CHECK_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
  check_region(base);
  /* What cannot be written the kernel may count or not; Acre does, as it is committed. */
  CHECK_OK(acre_vm_protect(base, 700 * page, ACRE_VM_READ, NULL));
  CHECK(charged_by_kernel(base, PAGES * page) <= acre__ledger_charged());
  CHECK_OK(acre_vm_protect(base, 700 * page, ACRE_VM_READ_WRITE, NULL));
  check_region(base);
  CHECK_OK(acre_vm_decommit(base, PAGES * page));
  check_region(base);
  CHECK(committed_as_follows(base));
  CHECK_OK(acre_vm_release(base));

  acre_vm_options options = {.flags = ACRE_VM_COMMIT | ACRE_VM_STRICT};
  base = reserve_with(PAGES, &options);
  check_region(base);
  CHECK_OK(acre_vm_release(base));
  acre_array array;
  REQUIRE_OK(acre_array_create(&array, PAGES * page, 1, NULL));
  for (size_t count = 1; count < PAGES * page; count *= 5) {
    CHECK_OK(acre_array_resize(&array, count));
    check_region(array.data);
  }
  acre_array_destroy(&array);
  check_view();
  CHECK_EQ(acre__ledger_charged(), 0);
}

TEST(in_mode_2_the_kernel_agrees) {
  if (SANITIZED) test_skip("a sanitizer's own memory would be charged, all of it");
  run_in_mode_2(agree);
}

/* ------------------------------------------------------------- the other modes */

static void promise_nothing(void *context) {
  (void)context;
  page = page_bytes();
  char *base = reserve_pages(PAGES);
  bool given_back = false;
  for (unsigned i = 0; i < ATTEMPTS && !given_back; i++) {
    int64_t before = committed_as();
    CHECK_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
    memset(base, 1, 50 * page);
    if (i == 0) CHECK_EQ(charged_by_kernel(base, PAGES * page), 0);
    CHECK_OK(acre_vm_decommit(base, PAGES * page));
    if (i == 0) CHECK_EQ(charged_by_kernel(base, PAGES * page), 0);
    given_back = committed_as() == before;
  }
  CHECK(given_back);
}

TEST(in_the_other_modes_it_counts_nothing_of_ours) {
  if (read_mode().mode != 0 && read_mode().mode != 1) test_skip("vm.overcommit_memory is 2 here, or not known");
  CHECK_EQ(test_in_child(promise_nothing, NULL), 0);
}
