/* SPDX-License-Identifier: MIT */
/* The paging file: what a region on it promises, and what it says when it cannot. */
#include <acre/array.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "vm/paging_check.h"
#include "vm/vm_check.h"

static size_t page;

static char *reserve_paged(size_t pages) {
  return reserve_with(pages, &ON_PAGING_FILE);
}

static acre_result commit(char *base, size_t start, size_t end) {
  return acre_vm_commit(base + start * page, (end - start) * page, ACRE_VM_DEFAULT);
}

static acre_result decommit(char *base, size_t start, size_t end) {
  return acre_vm_decommit(base + start * page, (end - start) * page);
}

static size_t open_descriptors(void) {
  size_t count = 0;
  DIR *directory = opendir("/proc/self/fd");
  REQUIRE(directory != NULL);
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

/* ------------------------------------------------------------- setting one */

TEST(what_can_be_a_paging_file) {
  char path[128];
  page = page_bytes();
  make_paging_directory();
  snprintf(path, sizeof path, "%s/pagefile", paging_directory);
  CHECK_OK(acre_vm_set_paging_file(path, 0)); /* a file to be */
  CHECK(access(path, F_OK) != 0);
  int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0 && write(fd, "mine", 4) == 4);
  CHECK_RESULT(acre_vm_set_paging_file(path, 0), ACRE_E_EXISTS); /* somebody's data */
  struct stat status;
  CHECK(stat(path, &status) == 0 && status.st_size == 4);
  close(fd);
  strcat(path, "/below");
  CHECK_RESULT(acre_vm_set_paging_file(path, 0), ACRE_E_NOT_FOUND);
  CHECK_RESULT(acre_vm_set_paging_file("/nonexistent/below/file", 0), ACRE_E_NOT_FOUND);
  CHECK_RESULT(acre_vm_set_paging_file("/dev/null", 0), ACRE_E_EXISTS);
  CHECK_RESULT(acre_vm_set_paging_file("", 0), ACRE_E_INVALID_ARGUMENT);
  static char longest[5000];
  memset(longest, 'x', sizeof longest - 1);
  CHECK_RESULT(acre_vm_set_paging_file(longest, 0), ACRE_E_INVALID_ARGUMENT);

  char *base = reserve_paged(4); /* none of these failures took the setting away */
  CHECK_OK(acre_vm_release(base));
  snprintf(path, sizeof path, "%s/pagefile", paging_directory);
  CHECK(unlink(path) == 0);
  unset_paging_file();
}

TEST(without_one_the_backing_is_refused) {
  void *base = &base;
  CHECK_RESULT(acre_vm_reserve(65536, &ON_PAGING_FILE, &base), ACRE_E_NOT_SUPPORTED);
  CHECK(base == NULL);
  acre_vm_options unknown = {.backing = (acre_vm_backing)2};
  CHECK_RESULT(acre_vm_reserve(65536, &unknown, &base), ACRE_E_INVALID_ARGUMENT);
  set_paging_file(0);
  CHECK_OK(acre_vm_reserve(65536, &ON_PAGING_FILE, &base));
  unset_paging_file();
  CHECK_RESULT(acre_vm_reserve(65536, &ON_PAGING_FILE, &(void *){NULL}), ACRE_E_NOT_SUPPORTED);
  CHECK_OK(acre_vm_commit(base, 65536, ACRE_VM_DEFAULT)); /* it has its own */
  memset(base, 1, 65536);
  CHECK_OK(acre_vm_release(base));
}

TEST(a_relative_directory_stays_the_same_one) {
  page = page_bytes();
  make_paging_directory();
  int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(before >= 0 && chdir(paging_directory) == 0);
  CHECK_OK(acre_vm_set_paging_file(".", 0));
  CHECK_OK(acre_vm_set_paging_file("pagefile", 0));
  REQUIRE(fchdir(before) == 0);
  close(before);
  char *base = reserve_paged(4), link[64], target[256] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", paging_descriptor(base));
  CHECK(readlink(link, target, sizeof target - 1) > 0);
  CHECK(strncmp(target, paging_directory, strlen(paging_directory)) == 0);
  CHECK_OK(acre_vm_release(base));
  unset_paging_file();
}

TEST(the_file_is_nobody_elses) {
  page = page_bytes();
  set_paging_file(0);
  size_t before = open_descriptors();
  char *base = reserve_paged(100);
  int fd = paging_descriptor(base);
  struct stat status;
  REQUIRE(fstat(fd, &status) == 0);
  CHECK(S_ISREG(status.st_mode));
  CHECK_EQ(status.st_mode & 07777, 0600);
  CHECK_EQ(status.st_nlink, 0);
  CHECK_EQ(status.st_size, 0); /* reserving takes nothing */
  CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_EQ(open_descriptors(), before + 1);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(open_descriptors(), before);
  unset_paging_file();
  CHECK_EQ(open_descriptors(), before - 1);
}

/* ------------------------------------------------------------- pages */

TEST(blocks_come_with_the_commit_and_go_with_the_decommit) {
  page = page_bytes();
  set_paging_file(0);
  char *base = reserve_paged(2000);
  CHECK_OK(commit(base, 0, 1000));
  CHECK(blocks_of_file(base) >= 1000 * page);
  CHECK_EQ(paging_bytes_used(), 1000 * page);
  CHECK_BLOCKS(base);
  memset(base, 1, 1000 * page);
  CHECK_OK(commit(base, 500, 1500)); /* what was committed keeps its content */
  CHECK(all_bytes_are(base, 1000 * page, 1) && all_bytes_are(base + 1000 * page, 500 * page, 0));
  CHECK_OK(decommit(base, 100, 1400));
  CHECK_EQ(paging_bytes_used(), 200 * page);
  if (!acre__root.options.plain_files) CHECK(blocks_of_file(base) <= 210 * page);
  CHECK_BLOCKS(base);
  CHECK_AGREES(base);
  CHECK_OK(commit(base, 0, 1500));
  CHECK(all_bytes_are(base, 100 * page, 1) && all_bytes_are(base + 100 * page, 1400 * page, 0));
  CHECK_BLOCKS(base);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(paging_bytes_used(), 0);
  unset_paging_file();
}

TEST(scattered_pages) {
  page = page_bytes();
  set_paging_file(0);
  char *base = reserve_paged(1500);
  for (size_t at = 1; at < 1500; at += 3) {
    CHECK_OK(commit(base, at, at + 1));
    base[at * page] = (char)at;
  }
  CHECK_AGREES(base);
  CHECK_BLOCKS(base);
  for (size_t at = 1; at < 1500; at += 6) CHECK_OK(decommit(base, at, at + 1));
  CHECK_AGREES(base);
  CHECK_BLOCKS(base);
  CHECK_OK(commit(base, 0, 1500));
  for (size_t at = 0; at < 1500; at++) CHECK_EQ(base[at * page], at % 6 == 4 ? (char)at : 0);
  CHECK_AGREES(base);
  CHECK_OK(decommit(base, 0, 1500));
  CHECK_EQ(paging_bytes_used(), 0);
  CHECK_AGREES(base);
  CHECK_BLOCKS(base);
  CHECK_OK(acre_vm_release(base));
  unset_paging_file();
}

TEST(the_rest_of_the_interface) {
  page = page_bytes();
  set_paging_file(0);
  char *base = reserve_paged(64);
  CHECK_OK(commit(base, 0, 32));
  memset(base, 7, 32 * page);
  acre_vm_info info = query(base);
  CHECK_EQ(info.kind, ACRE_VM_KIND_PRIVATE);
  CHECK_EQ(info.state, ACRE_VM_COMMITTED);
  CHECK_EQ(info.size, 32 * page);
  CHECK_EQ(query(base + 32 * page).state, ACRE_VM_RESERVED);

  acre_vm_protection old;
  CHECK_OK(acre_vm_protect(base + page, page, ACRE_VM_NO_ACCESS, &old));
  CHECK(!test_can_read(base + page));
  CHECK_OK(acre_vm_protect(base + page, page, ACRE_VM_READ, &old));
  CHECK(!test_can_write(base + page) && base[page] == 7);
  CHECK_OK(acre_vm_protect(base + page, page, ACRE_VM_READ_WRITE, &old));
  CHECK_AGREES(base);

  CHECK_OK(acre_vm_populate(base, 32 * page));
  CHECK_OK(acre_vm_prefetch(base, 32 * page));
  CHECK_RESULT(acre_vm_populate(base, 33 * page), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_lock(base, 8 * page));
  CHECK_RESULT(acre_vm_reset(base, 16 * page), ACRE_E_WRONG_KIND);
  CHECK_OK(decommit(base, 4, 12));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_unlock(base, 4 * page));
  CHECK_OK(acre_vm_reset(base, 4 * page));
  CHECK(all_bytes_are(base, 4 * page, 7));
  CHECK_OK(acre_vm_undo_reset(base, 4 * page));
  CHECK_RESULT(acre_vm_reset(base, 8 * page), ACRE_E_NOT_COMMITTED);
  CHECK_BLOCKS(base);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(paging_bytes_used(), 0);
  unset_paging_file();
}

TEST(options_of_the_region) {
  page = page_bytes();
  set_paging_file(0);
  acre_vm_options options = ON_PAGING_FILE;
  options.flags = ACRE_VM_COMMIT;
  options.protection = ACRE_VM_READ;
  options.alignment = (size_t)1 << 21;
  char *base = reserve_with(10, &options);
  CHECK_EQ((uintptr_t)base % options.alignment, 0);
  CHECK(test_can_read(base) && !test_can_write(base));
  CHECK_EQ(paging_bytes_used(), 10 * page);
  CHECK_AGREES(base);
  CHECK_BLOCKS(base);
  CHECK_OK(acre_vm_release(base));

  options = (acre_vm_options){.backing = ACRE_VM_BACKING_PAGING_FILE, .touch_step = 4 * page, .address = base};
  char *touched = reserve_with(100, &options);
  CHECK(touched == base);
  touched[10 * page] = 1;
  CHECK_EQ(paging_bytes_used(), 4 * page);
  CHECK_EQ(query(touched + 8 * page).size, 4 * page);
  CHECK_BLOCKS(touched);
  CHECK_OK(acre_vm_release(touched));
  unset_paging_file();
}

TEST(arrays) {
  page = page_bytes();
  set_paging_file(0);
  acre_array array;
  acre_array_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE};
  REQUIRE_OK(acre_array_create(&array, (size_t)1 << 32, sizeof(uint64_t), &options));
  for (uint64_t i = 0; i < 1000000; i++) REQUIRE_OK(acre_array_push(&array, &i));
  CHECK(paging_bytes_used() >= 8000000);
  for (uint64_t i = 0; i < 1000000; i++) REQUIRE(*(uint64_t *)acre_array_at(&array, i) == i);
  CHECK_OK(acre_array_resize(&array, 10));
  CHECK_OK(acre_array_shrink(&array));
  CHECK_EQ(paging_bytes_used(), page);
  CHECK_EQ(*(uint64_t *)acre_array_at(&array, 9), 9);
  acre_array_destroy(&array);
  options.mode = ACRE_ARRAY_ON_TOUCH;
  REQUIRE_OK(acre_array_create(&array, 1 << 20, sizeof(uint64_t), &options));
  *(uint64_t *)acre_array_at(&array, 500000) = 5;
  CHECK(paging_bytes_used() > 0);
  acre_array_destroy(&array);
  CHECK_EQ(paging_bytes_used(), 0);
  unset_paging_file();
  CHECK_RESULT(acre_array_create(&array, 10, 8, &options), ACRE_E_NOT_SUPPORTED);
  options.backing = (acre_vm_backing)7;
  CHECK_RESULT(acre_array_create(&array, 10, 8, &options), ACRE_E_INVALID_ARGUMENT);
}

/* ------------------------------------------------------------- limits */

TEST(the_maximum_is_for_all_regions_together) {
  page = page_bytes();
  set_paging_file(100 * page + page / 2);
  CHECK_EQ(system_figures().paging_file_maximum, 100 * page);
  char *one = reserve_paged(1000), *two = reserve_paged(1000);
  static struct picture before, after;
  CHECK_OK(commit(one, 10, 70));
  CHECK_OK(commit(two, 0, 40));
  take_picture(two, 1000 * page, &before);
  CHECK_RESULT(commit(two, 0, 41), ACRE_E_COMMIT_LIMIT);
  CHECK_RESULT(commit(two, 0, 1000), ACRE_E_COMMIT_LIMIT);
  take_picture(two, 1000 * page, &after);
  CHECK(same_picture(&before, &after));
  CHECK_AGREES(two);
  CHECK_BLOCKS(two);
  CHECK_OK(commit(two, 0, 40)); /* nothing new in it */
  CHECK_OK(decommit(one, 0, 11));
  CHECK_OK(commit(two, 0, 41));
  CHECK_RESULT(commit(one, 10, 11), ACRE_E_COMMIT_LIMIT);
  CHECK_EQ(paging_bytes_used(), 100 * page);

  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 5 * page)); /* another one, for regions to come */
  CHECK_EQ(paging_bytes_used(), 0);
  char *three = reserve_paged(1000);
  CHECK_RESULT(commit(three, 0, 6), ACRE_E_COMMIT_LIMIT);
  CHECK_OK(commit(three, 0, 5));
  CHECK_RESULT(commit(one, 10, 11), ACRE_E_COMMIT_LIMIT);
  CHECK_OK(acre_vm_release(two));
  CHECK_OK(commit(one, 10, 11)); /* the old one's room, and content */
  CHECK_OK(acre_vm_release(one));
  CHECK_OK(acre_vm_release(three));
  unset_paging_file();
}

TEST(the_commit_limit) {
  page = page_bytes();
  set_paging_file(0);
  char *base = reserve_paged(1000);
  acre_system before = system_figures();
  CHECK_OK(commit(base, 0, 600));
  acre_system after = system_figures();
  CHECK_EQ(after.commit_charge, before.commit_charge + 600 * page);
  CHECK_EQ(after.commit_limit, before.commit_limit + 600 * page); /* the disk has room for what is on it */
  CHECK_OK(acre_vm_set_commit_limit(after.commit_charge + 100 * page));
  CHECK_RESULT(commit(base, 0, 701), ACRE_E_COMMIT_LIMIT);
  CHECK_EQ(paging_bytes_used(), 600 * page);
  CHECK_BLOCKS(base);
  CHECK_OK(commit(base, 0, 700));
  CHECK_OK(acre_vm_set_commit_limit(0));
  CHECK_OK(decommit(base, 0, 1000));
  after = system_figures();
  CHECK_EQ(after.commit_charge, before.commit_charge);
  CHECK_EQ(after.commit_limit, before.commit_limit);
  CHECK_OK(acre_vm_release(base));
  unset_paging_file();
}

TEST(strict_regions) {
  page = page_bytes();
  set_paging_file(0);
  acre_vm_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE, .flags = ACRE_VM_STRICT};
  char *base = reserve_with(600, &options);
  CHECK_OK(commit(base, 0, 100));
  CHECK_OK(commit(base, 300, 301));
  CHECK_OK(acre_vm_commit(base + 400 * page, 10 * page, ACRE_VM_READ));
  CHECK_AGREES(base);
  CHECK_BLOCKS(base);
  CHECK_OK(decommit(base, 0, 350));
  CHECK_AGREES(base);
  CHECK_BLOCKS(base);
  CHECK_OK(acre_vm_release(base));
  unset_paging_file();
}

static void commit_over_the_limit(void *base) {
  struct rlimit limit = {10 * page, 10 * page};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0); /* passing it is SIGXFSZ */
  char *own = reserve_paged(100);
  (void)base;
  CHECK_OK(commit(own, 0, 10));
  CHECK_RESULT(commit(own, 0, 11), ACRE_E_FILE_TOO_LARGE);
  CHECK_RESULT(commit(own, 50, 51), ACRE_E_FILE_TOO_LARGE);
  CHECK_AGREES(own);
  CHECK_BLOCKS(own);
  memset(own, 1, 10 * page);
  CHECK_OK(decommit(own, 0, 10));
  CHECK_OK(acre_vm_release(own));
}

static void use_up_descriptors(void *context) {
  struct rlimit limit = {20, 20};
  (void)context;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  char *regions[20];
  unsigned count = 0;
  void *base;
  acre_result result;
  while ((result = acre_vm_reserve(page, &ON_PAGING_FILE, &base)) == ACRE_OK && count < 20) regions[count++] = base;
  CHECK_RESULT(result, ACRE_E_TOO_MANY_FILES);
  CHECK(base == NULL);
  for (unsigned i = 0; i < count; i++) {
    CHECK_OK(commit(regions[i], 0, 1));
    CHECK_OK(acre_vm_release(regions[i]));
  }
}

TEST(limits_of_the_process) {
  page = page_bytes();
  set_paging_file(0);
  CHECK_EQ(test_in_child(commit_over_the_limit, NULL), 0);
  CHECK_EQ(test_in_child(use_up_descriptors, NULL), 0);
  void *base;
  acre_result result = acre_vm_reserve((size_t)1 << 46, &ON_PAGING_FILE, &base); /* 64 TiB */
  CHECK(result == ACRE_OK || result == ACRE_E_FILE_TOO_LARGE || (SANITIZED && result == ACRE_E_NO_ADDRESS_SPACE));
  if (result == ACRE_OK) CHECK_OK(acre_vm_release(base));
  const size_t large = (size_t)1 << (SANITIZED ? 36 : 40); /* a tebibyte takes nothing */
  CHECK_OK(acre_vm_reserve(large, &ON_PAGING_FILE, &base));
  CHECK_OK(acre_vm_commit((char *)base + large / 2, page, ACRE_VM_DEFAULT));
  ((char *)base)[large / 2] = 1;
  CHECK_OK(acre_vm_release(base));
  unset_paging_file();
}

/* ------------------------------------------------------------- a full disk */

static void touch_without_room(void *base) {
  ((volatile char *)base)[0] = 1;
}

static void fill_the_disk(void *context) {
  static struct picture before, after;
  (void)context;
  if (!mount_paging_disk("size=1m,huge=never")) _exit(77);
  REQUIRE_OK(acre_vm_set_paging_file(paging_directory, 0));
  size_t all = ((size_t)1 << 20) / page;
  char *base = reserve_paged(4 * all);
  for (size_t at = 0; at < all / 2; at += 2) {
    CHECK_OK(commit(base, at, at + 1));
    memset(base + at * page, 5, page);
  }
  take_picture(base, 4 * all * page, &before);
  uint64_t used = paging_bytes_used(), blocks = blocks_of_file(base);
  CHECK_RESULT(commit(base, 0, 2 * all), ACRE_E_NO_SPACE);
  CHECK_RESULT(commit(base, 2 * all, 4 * all), ACRE_E_NO_SPACE);
  take_picture(base, 4 * all * page, &after);
  CHECK(same_picture(&before, &after));
  CHECK_AGREES(base);
  CHECK_EQ(paging_bytes_used(), used);
  if (!acre__root.options.plain_files) {
    CHECK_EQ(blocks_of_file(base), blocks);
    CHECK_OK(commit(base, all, 2 * all - all / 4)); /* exactly what is left */
    memset(base + all * page, 6, (all - all / 4) * page);
    CHECK_RESULT(commit(base, 1, 2), ACRE_E_NO_SPACE);
    acre_vm_options options = {.backing = ACRE_VM_BACKING_PAGING_FILE, .touch_step = page};
    char *touched = reserve_with(1, &options);
    int status = test_in_child(touch_without_room, touched);
    CHECK(SANITIZED ? status != 0 : WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK_RESULT(
        acre_vm_reserve(page, &(acre_vm_options){.backing = options.backing, .flags = ACRE_VM_COMMIT}, &(void *){NULL}),
        ACRE_E_NO_SPACE);
    CHECK_OK(acre_vm_release(touched));
    CHECK_OK(decommit(base, all, 4 * all));
    CHECK_OK(commit(base, 3 * all, 4 * all - all / 4));
    CHECK(all_bytes_are(base + 3 * all * page, (all - all / 4) * page, 0));
  }
  for (size_t at = 0; at < all / 2; at += 2) CHECK(all_bytes_are(base + at * page, page, 5));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(paging_bytes_used(), 0);
}

TEST(a_full_disk_is_an_error_at_commit) {
  page = page_bytes();
  make_paging_directory();
  int status = test_in_child(fill_the_disk, NULL);
  CHECK(rmdir(paging_directory) == 0);
  if (status == 77 << 8) test_skip("needs a mount namespace of its own");
  CHECK_EQ(status, 0);
}

/* ------------------------------------------------------------- fork, and the end of a process */

struct family {
  char *base;
  uint64_t used;
  size_t descriptors;
};

static void look_at_the_child(void *context) {
  struct family *family = context;
  char *base = family->base;
  CHECK_EQ(query(base).state, ACRE_VM_RESERVED);
  CHECK_EQ(query(base).size, 700 * page);
  CHECK_AGREES(base);
  CHECK_INDEX();
  CHECK_EQ(paging_bytes_used(), 0);
  CHECK_EQ(open_descriptors(), family->descriptors - 1);
  CHECK_OK(decommit(base, 0, 700));
  CHECK_OK(commit(base, 0, 300));
  CHECK(all_bytes_are(base, 300 * page, 0));
  memset(base, 9, 300 * page); /* its own */
  CHECK_OK(commit(base, 650, 651));
  CHECK_AGREES(base);
  CHECK_BLOCKS(base);
  CHECK_EQ(paging_bytes_used(), 301 * page);
  CHECK_OK(acre_vm_release(base));
  CHECK_EQ(query(base).state, ACRE_VM_FREE);
  CHECK_EQ(paging_bytes_used(), 0);
  char *another = reserve_paged(10);
  CHECK_OK(commit(another, 0, 10));
  CHECK_OK(acre_vm_release(another));
}

static void fork_in_the_child(void *context) {
  CHECK_EQ(test_in_child(look_at_the_child, context), 0);
  CHECK_OK(acre_vm_release(((struct family *)context)->base)); /* never used here */
}

TEST(a_child_has_the_region_empty) {
  page = page_bytes();
  set_paging_file(0);
  struct family family = {.base = reserve_paged(700)};
  for (size_t at = 0; at < 700; at += 7) {
    CHECK_OK(commit(family.base, at, at + 1));
    family.base[at * page] = (char)at;
  }
  family.used = paging_bytes_used();
  family.descriptors = open_descriptors();
  CHECK_EQ(test_in_child(look_at_the_child, &family), 0);
  CHECK_EQ(test_in_child(fork_in_the_child, &family), 0);
  for (size_t at = 0; at < 700; at += 7) CHECK_EQ(family.base[at * page], (char)at);
  CHECK_EQ(paging_bytes_used(), family.used);
  CHECK_AGREES(family.base);
  CHECK_OK(acre_vm_release(family.base));
  unset_paging_file();
}

static void die_at_work(void *context) {
  (void)context;
  char *base = reserve_paged(1000);
  CHECK_OK(commit(base, 0, 1000));
  memset(base, 1, 1000 * page);
  raise(SIGKILL);
}

TEST(a_crash_leaves_nothing) {
  page = page_bytes();
  set_paging_file(0);
  int status = test_in_child(die_at_work, NULL);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  unset_paging_file(); /* the directory is empty */
}

/* ------------------------------------------------------------- programs that close what is not theirs */

TEST(a_descriptor_that_became_anothers_is_left_alone) {
  page = page_bytes();
  set_paging_file(0);
  char *base = reserve_paged(100), path[] = "/tmp/acre-other-XXXXXX";
  CHECK_OK(commit(base, 0, 50));
  memset(base, 1, 50 * page);
  int fd = paging_descriptor(base), other = mkstemp(path);
  REQUIRE(other >= 0 && unlink(path) == 0);
  static char theirs[1 << 16];
  memset(theirs, 'x', sizeof theirs);
  REQUIRE(write(other, theirs, sizeof theirs) == sizeof theirs);
  REQUIRE(dup2(other, fd) == fd);

  CHECK_RESULT(commit(base, 50, 60), ACRE_E_IO);
  CHECK_EQ(query(base + 50 * page).state, ACRE_VM_RESERVED);
  CHECK_OK(commit(base, 0, 50));
  CHECK_RESULT(decommit(base, 0, 4), ACRE_E_IO);
  CHECK_EQ(query(base).state, ACRE_VM_RESERVED);
  CHECK(!test_can_read(base));
  CHECK(all_bytes_are(base + 4 * page, 46 * page, 1));
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  CHECK(fcntl(fd, F_GETFD) >= 0);
  struct stat status;
  CHECK(fstat(other, &status) == 0 && status.st_size == sizeof theirs);
  CHECK(pread(other, theirs, sizeof theirs, 0) == sizeof theirs && all_bytes_are(theirs, sizeof theirs, 'x'));
  close(other);
  close(fd);
  CHECK_EQ(paging_bytes_used(), 0);
  unset_paging_file();
}

/* ------------------------------------------------------------- threads */

enum { WORKERS = 4, ROUNDS = SANITIZED ? 40 : 200, SHARED = 1200 };

static char *shared;

static void *work(void *seed) {
  uint64_t state = (uintptr_t)seed;
  for (unsigned round = 0; round < ROUNDS; round++) {
    size_t pages = 1 + (size_t)(test_random_next(&state) % 600);
    char *own = reserve_paged(pages);
    for (unsigned i = 0; i < 4; i++) {
      size_t at = (size_t)(test_random_next(&state) % pages), end = at + 1 + (size_t)(test_random_next(&state) % 20);
      if (end > pages) end = pages;
      CHECK_OK(commit(own, at, end));
      memset(own + at * page, (int)i + 1, (end - at) * page);
      size_t place = (size_t)(test_random_next(&state) % SHARED);
      if (i % 2 == 0)
        CHECK_OK(commit(shared, place, place + 1));
      else
        CHECK_OK(decommit(shared, place, place + 1));
    }
    CHECK_OK(acre_vm_release(own));
    if (round % 20 == 0) CHECK_OK(acre_vm_set_paging_file(paging_directory, 0));
  }
  return NULL;
}

TEST(threads) {
  pthread_t workers[WORKERS];
  page = page_bytes();
  set_paging_file(0);
  shared = reserve_paged(SHARED);
  for (uintptr_t i = 0; i < WORKERS; i++) REQUIRE(pthread_create(&workers[i], NULL, work, (void *)(i + 1)) == 0);
  for (unsigned i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
  CHECK_AGREES(shared);
  CHECK_BLOCKS(shared);
  CHECK_INDEX();
  CHECK_OK(acre_vm_release(shared));
  CHECK_EQ(paging_bytes_used(), 0);
  unset_paging_file();
}
