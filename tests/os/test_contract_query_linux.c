/* SPDX-License-Identifier: MIT */
/*
 * The contract of os.h as Linux keeps it: kinds of its own, names of files, and
 * what /proc may do to a parser. See test_contract_query.c.
 */
#include "contract_linux.h"
#include "contract_query.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char in_data[] = "data";
static char in_bss[1 << 16];

static void kinds(void) {
  int on_stack = 0;
  CHECK_EQ(mapping_at(&on_stack).kind, ACRE_VM_KIND_STACK);
  CHECK_EQ(mapping_at((const void *)(uintptr_t)kinds).kind, ACRE_VM_KIND_IMAGE);
  CHECK_EQ(mapping_at(in_data).kind, ACRE_VM_KIND_IMAGE);
  CHECK_EQ(mapping_at(in_bss + sizeof in_bss / 2).kind, ACRE_VM_KIND_IMAGE);
  CHECK_EQ(mapping_at((const void *)(uintptr_t)getpid).kind, ACRE_VM_KIND_IMAGE);
  void *vdso = (void *)getauxval(AT_SYSINFO_EHDR);
  if (vdso != NULL) CHECK_EQ(mapping_at(vdso).kind, ACRE_VM_KIND_IMAGE);
  char *brk = sbrk((intptr_t)(4 * page_size()));
  if (brk != (void *)-1) CHECK_EQ(mapping_at(brk + 2 * page_size()).kind, ACRE_VM_KIND_HEAP);

  void *shared = mmap(NULL, page_size(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  CHECK_EQ(mapping_at(shared).kind, ACRE_VM_KIND_MAPPED);
  CHECK(mapping_at(shared).shared);
  munmap(shared, page_size());

  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  void *file = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  REQUIRE(file != MAP_FAILED);
  CHECK_EQ(mapping_at(file).kind, ACRE_VM_KIND_MAPPED);
  CHECK(!mapping_at(file).shared);
  CHECK(mapping_at(file).has_file && !mapping_at(in_bss + sizeof in_bss / 2).has_file);
  CHECK_EQ(mapping_at(file).offset, 0);
  munmap(file, page_size());
}

static void names_and_offsets(void) {
  char path[] = "/tmp/acre-query-XXXXXX", odd[64], found[64];
  int fd = mkstemp(path);
  snprintf(odd, sizeof odd, "%s\n ", path);
  REQUIRE(fd >= 0 && rename(path, odd) == 0 && ftruncate(fd, 1 << 20) == 0);
  void *file = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, (off_t)(7 * page_size()));
  REQUIRE(file != MAP_FAILED);
  struct acre__os_maps maps;
  struct acre__os_mapping mapping;
  REQUIRE_OK(acre__os_maps_open(&maps));
  for (int i = 0; i < 2; i++) { /* asking leaves what is asked again as it was */
    REQUIRE_OK(acre__os_maps_at(&maps, (uintptr_t)file, &mapping));
    CHECK_EQ(mapping.offset, 7 * page_size());
    snprintf(found, sizeof found, "%s%s", path, mapping.name_is_escaped ? "\\012 " : "\n ");
    CHECK_EQ(mapping.name_length, strlen(found));
    CHECK(memcmp(mapping.name, found, strlen(found)) == 0);
  }
  acre__os_maps_close(&maps);
  munmap(file, page_size());
  close(fd);
  unlink(odd);
}

TEST(names_and_offsets_each_way) {
  each_way(names_and_offsets);
}

TEST(linux_kinds_each_way) {
  each_way(kinds);
}

/* ------------------------------------------------------------- long names */

enum { DEEP = 14, NAME = 250 };

/* Goes DEEP directories down, each named by NAME line feeds, which the kernel writes as \012. */
static void enter_deep_directory(char *top) {
  char name[NAME + 1];
  memset(name, '\n', NAME);
  name[NAME] = '\0';
  REQUIRE(mkdtemp(top) != NULL);
  REQUIRE(chdir(top) == 0);
  for (int i = 0; i < DEEP; i++) REQUIRE(mkdir(name, 0777) == 0 && chdir(name) == 0);
}

static char *long_view;

static void find_past_a_long_line(void) {
  struct acre__os_mapping mapping = mapping_at(long_view + page_size());
  CHECK_EQ(mapping.start, (uintptr_t)long_view + page_size());
  CHECK_EQ(mapping.end, (uintptr_t)long_view + 2 * page_size());
  CHECK_EQ(mapping.kind, ACRE_VM_KIND_MAPPED);
  CHECK_EQ(mapping.protection, ACRE_VM_READ);
  CHECK(mapping.shared);
  CHECK_EQ(walk(), test_mapping_count());
}

TEST(lines_longer_than_the_buffer_each_way) {
  char top[] = "/tmp/acre-deep-XXXXXX", command[64];
  int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(back >= 0);
  enter_deep_directory(top);
  int fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0 && ftruncate(fd, (off_t)page_size()) == 0);
  struct acre__os_file file = {fd};
  long_view = reserve(3);
  CHECK_OK(acre__os_map_file(long_view + page_size(), page_size(), PART(file, 0, ACRE_VM_READ, false)));
  each_way(find_past_a_long_line);
  release(long_view, 3);
  close(fd);
  CHECK(fchdir(back) == 0);
  close(back);
  snprintf(command, sizeof command, "rm -rf '%s'", top);
  CHECK(system(command) == 0);
}

/* ------------------------------------------------------------- open */

static void open_too_many(void *context) {
  (void)context;
  struct acre__os_maps maps;
  set_limit(RLIMIT_NOFILE, 3);
  CHECK_RESULT(acre__os_maps_open(&maps), ACRE_E_TOO_MANY_FILES);
  CHECK_EQ(acre__os_mapping_count(), 0);
}

TEST(open_says_when_descriptors_are_short) {
  CHECK_IN_CHILD(open_too_many, NULL);
}

static void open_without_proc(void *top) {
  struct acre__os_maps maps;
  REQUIRE(chroot(top) == 0);
  CHECK_RESULT(acre__os_maps_open(&maps), ACRE_E_NOT_SUPPORTED);
  CHECK_EQ(acre__os_mapping_count(), 0);
}

TEST(open_says_when_the_system_does_not_tell) {
  if (geteuid() != 0) test_skip("needs the right to chroot");
  char top[] = "/tmp/acre-root-XXXXXX";
  REQUIRE(mkdtemp(top) != NULL);
  CHECK_IN_CHILD(open_without_proc, top);
  CHECK(rmdir(top) == 0);
}

static void open_in_child(void *context) {
  (void)context;
  char *base = reserve_committed(1); /* the child's own mappings, not its parent's */
  CHECK_EQ(mapping_at(base).protection, ACRE_VM_READ_WRITE);
}

TEST(a_child_sees_its_own_mappings) {
  CHECK_IN_CHILD(open_in_child, NULL);
}
