/* SPDX-License-Identifier: MIT */
/*
 * The commit limit under a cgroup that this test makes: nested, read again when
 * it changes, and when the process moves to another one. Version 1 or 2,
 * whichever has the memory controller here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/vm_check.h"

enum { V1, V2, MIB = 1 << 20 };

static char outer[1024], inner[1100];
static const char *limit_file;

static bool write_text(const char *folder, const char *name, const char *text) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  bool written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
  close(file);
  return written;
}

static bool limit_group(const char *folder, size_t mib) {
  char text[32];
  snprintf(text, sizeof text, "%zu", mib * MIB);
  return write_text(folder, limit_file, text);
}

static bool enter(const char *folder) {
  char text[32];
  snprintf(text, sizeof text, "%ld", (long)getpid());
  return write_text(folder, "cgroup.procs", text);
}

static bool make_groups(const char *point, int version) {
  limit_file = version == V1 ? "memory.limit_in_bytes" : "memory.max";
  snprintf(outer, sizeof outer, "%s/acre-test-%ld", point, (long)getpid());
  snprintf(inner, sizeof inner, "%s/inner", outer);
  if (*point == '\0' || mkdir(outer, 0700) != 0) return false;
  bool made = limit_group(outer, 512) && (version == V1 || write_text(outer, "cgroup.subtree_control", "+memory")) &&
              mkdir(inner, 0700) == 0;
  if (!made) rmdir(outer);
  return made;
}

static void remove_groups(void) {
  for (unsigned i = 0; i < 100 && rmdir(inner) != 0 && errno == EBUSY; i++) usleep(10000);
  CHECK(rmdir(inner) == 0 || errno == ENOENT);
  CHECK(rmdir(outer) == 0);
}

/* Commits in steps of 64 KiB until the limit is met; how many bytes that were, at most `most`. */
static size_t commit_steps(char *base, size_t most) {
  for (size_t at = 0; at < most; at += 64 << 10)
    if (acre_vm_commit(base + at, 64 << 10, ACRE_VM_DEFAULT) != ACRE_OK) return at;
  return most;
}

static void check_limit(size_t mib) {
  acre_system system = system_figures();
  CHECK_EQ(system.commit_limit, mib * MIB);
  CHECK_EQ(system.commit_bound, ACRE_COMMIT_BOUND_GROUP);
}

static void in_the_inner_one(void *context) {
  (void)context;
  void *got;
  CHECK(enter(inner));
  REQUIRE_OK(acre_vm_reserve((size_t)1 << 30, NULL, &got));
  char *base = got, text[256];

  /* The outer one's counts as well. */
  check_limit(512);
  CHECK(limit_group(inner, 256));
  check_limit(256);
  CHECK(acre_vm_commit_limit_text(1, text, sizeof text) < sizeof text);
  CHECK(strstr(text, "the limit of the program's cgroup") != NULL);

  /* Raised: whoever would be refused finds that out. */
  CHECK_OK(acre_vm_commit(base, 250 * MIB, ACRE_VM_DEFAULT));
  CHECK_RESULT(acre_vm_commit(base + 250 * MIB, 7 * MIB, ACRE_VM_DEFAULT), ACRE_E_COMMIT_LIMIT);
  CHECK(limit_group(inner, 300));
  CHECK_OK(acre_vm_commit(base + 250 * MIB, 7 * MIB, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_decommit(base, 257 * MIB));

  /* Lowered: noticed after a while, though nobody asks for the figures. */
  CHECK_OK(acre_vm_commit(base, 64 << 10, ACRE_VM_DEFAULT));
  CHECK(limit_group(inner, 128));
  usleep(200000);
  CHECK_EQ(commit_steps(base, 256 * MIB), 128 * MIB);
  CHECK_OK(acre_vm_decommit(base, 256 * MIB));

  /* Elsewhere. */
  CHECK(enter(outer) || errno == EBUSY); /* version 2: no process beside groups */
  check_limit(errno == EBUSY ? 128 : 512);

  /* The user's own bound, and the group's, whichever is less. */
  CHECK(enter(inner));
  CHECK_OK(acre_vm_set_commit_limit(1 << 30));
  check_limit(128);
  CHECK_OK(acre_vm_set_commit_limit(100 * MIB));
  CHECK_EQ(system_figures().commit_limit, 100 * MIB);
  CHECK_EQ(system_figures().commit_bound, ACRE_COMMIT_BOUND_USER);

  /* What is populated within the limit is there; beyond it, it is refused, and nobody is killed. */
  acre_vm_options options = {.flags = ACRE_VM_STRICT};
  REQUIRE_OK(acre_vm_reserve((size_t)1 << 30, &options, &got));
  CHECK_OK(acre_vm_commit(got, 32 * MIB, ACRE_VM_DEFAULT));
  CHECK_RESULT(acre_vm_commit(got, (size_t)1 << 30, ACRE_VM_DEFAULT), ACRE_E_COMMIT_LIMIT);
}

TEST(limits_of_cgroups) {
  static struct acre__os_bounds bounds;
  acre__os_bounds_read(&bounds);
  if (bounds.swap != 0) test_skip("there is swap, which the limits of groups would have to count");
  if (bounds.ram < (uint64_t)1 << 30 || bounds.group < (uint64_t)1 << 30) test_skip("less than 1 GiB to be had");
  if (!make_groups(bounds.places[V1].point, V1) && !make_groups(bounds.places[V2].point, V2))
    test_skip("no memory cgroup can be made here (not root, or none that can be written)");
  CHECK_EQ(test_in_child(in_the_inner_one, NULL), 0);
  remove_groups();
}
