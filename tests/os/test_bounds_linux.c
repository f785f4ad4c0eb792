/* SPDX-License-Identifier: MIT */
/* bounds.c of os.h, on Linux: the memory of the system, and the limits of cgroups in trees of files made for it. */
#include "contract_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "os/linux/linux.h"

static uint64_t meminfo(const char *format) {
  unsigned long long kibibytes = 0;
  char line[256];
  FILE *file = fopen("/proc/meminfo", "re");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file) != NULL && sscanf(line, format, &kibibytes) != 1) continue;
  fclose(file);
  return kibibytes << 10;
}

TEST(memory_of_the_system) {
  static struct acre__os_bounds bounds;
  acre__os_bounds_read(&bounds);
  CHECK(bounds.ram > 0 && bounds.group > 0);
  if (meminfo("MemTotal: %llu") != 0) {
    CHECK_EQ(bounds.ram, meminfo("MemTotal: %llu"));
    CHECK_EQ(bounds.swap, meminfo("SwapTotal: %llu"));
  }
  uint64_t group = bounds.group;
  acre__os_bounds_read(&bounds); /* the second reading finds the same */
  CHECK_EQ(bounds.group, group);
}

TEST(the_clock_goes_on) {
  uint64_t before = acre__os_clock_ms();
  usleep(30000);
  uint64_t passed = acre__os_clock_ms() - before;
  CHECK(passed >= 15 && passed < 60000);
}

/* No descriptor stays open, and without any nothing is lost that was known. */
static void without_descriptors(void *context) {
  (void)context;
  static struct acre__os_bounds bounds;
  acre__os_bounds_read(&bounds);
  int first = open("/dev/null", O_RDONLY), second;
  REQUIRE(first >= 0);
  close(first);
  acre__os_bounds_read(&bounds);
  second = open("/dev/null", O_RDONLY);
  CHECK_EQ(first, second);
  bounds.group = 12345;
  uint64_t ram = bounds.ram;
  set_limit(RLIMIT_NOFILE, 0);
  acre__os_bounds_read(&bounds);
  CHECK_EQ(bounds.group, 12345);
  CHECK_EQ(bounds.ram, ram);
}

TEST(it_needs_a_descriptor_and_keeps_none) {
  CHECK_IN_CHILD(without_descriptors, NULL);
}

/* ------------------------------------------------------------- trees of files */

enum { PATH = 256 };

static char top[PATH];

static void write_file(const char *path, const char *text) {
  char full[2 * PATH];
  snprintf(full, sizeof full, "%s/%s", top, path);
  for (char *slash = full + strlen(top) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
    *slash = '\0';
    REQUIRE(mkdir(full, 0700) == 0 || errno == EEXIST);
  }
  FILE *file = fopen(full, "we");
  REQUIRE(file != NULL);
  fputs(text, file);
  REQUIRE(fclose(file) == 0);
}

/* Lines in which %s stands for the tree's folder. */
static void write_mounts(const char *format) {
  char text[8 * PATH];
  snprintf(text, sizeof text, format, top, top, top);
  write_file("mounts", text);
}

static void begin_tree(void) {
  const char *directory = getenv("TMPDIR");
  snprintf(top, sizeof top, "%s/acre-bounds-XXXXXX", directory != NULL ? directory : "/tmp");
  REQUIRE(mkdtemp(top) != NULL);
}

static void end_tree(void) {
  char command[2 * PATH];
  snprintf(command, sizeof command, "rm -r '%s'", top);
  CHECK_EQ(system(command), 0);
}

static void read_tree(struct acre__os_bounds *bounds) {
  char mounts[2 * PATH], groups[2 * PATH];
  snprintf(mounts, sizeof mounts, "%s/mounts", top);
  snprintf(groups, sizeof groups, "%s/groups", top);
  acre__linux_group_bound(bounds, mounts, groups);
}

/* What the tree bounds with so much swap. */
static uint64_t bound_of_tree(uint64_t swap) {
  static struct acre__os_bounds bounds;
  memset(&bounds, 0, sizeof bounds);
  bounds.swap = swap;
  read_tree(&bounds);
  return bounds.group;
}

#define OTHER_MOUNTS                                                \
  "22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n"           \
  "23 1 0:21 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b\n" \
  "24 1 0:22 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n"

TEST(version_2) {
  begin_tree();
  write_mounts(OTHER_MOUNTS "30 22 0:26 / %s/v2 rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  write_file("groups", "0::/a/b/c\n");
  write_file("v2/cgroup.controllers", "memory\n");
  CHECK_EQ(bound_of_tree(0), UINT64_MAX); /* no memory controller */
  write_file("v2/a/b/c/memory.max", "max\n");
  CHECK_EQ(bound_of_tree(0), UINT64_MAX);
  write_file("v2/a/memory.max", "1000000\n");
  CHECK_EQ(bound_of_tree(0), 1000000);
  write_file("v2/a/b/memory.max", "500000\n");
  CHECK_EQ(bound_of_tree(0), 500000);
  write_file("v2/a/b/c/memory.max", "700000\n");
  CHECK_EQ(bound_of_tree(0), 500000);
  write_file("v2/a/b/c/memory.max", "0\n");
  CHECK_EQ(bound_of_tree(0), 0);
  write_file("v2/a/b/c/memory.max", "700000\n");
  /* With swap in the system a group may have that too, as far as it is let. */
  CHECK_EQ(bound_of_tree(100000), 600000);
  write_file("v2/a/b/memory.swap.max", "30000\n");
  CHECK_EQ(bound_of_tree(100000), 530000);
  write_file("v2/a/b/memory.swap.max", "max\n");
  CHECK_EQ(bound_of_tree(100000), 600000);
  end_tree();
}

TEST(version_1) {
  begin_tree();
  write_mounts(OTHER_MOUNTS "35 31 0:32 / %s/v1 rw,relatime - cgroup cgroup rw,memory\n");
  write_file("groups", "9:name=systemd:/z\n5:cpu,cpuacct:/y\n4:memory:/a/b\n0::/x\n");
  write_file("v1/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
  write_file("v1/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK_EQ(bound_of_tree(0), UINT64_MAX);
  CHECK_EQ(bound_of_tree(1000), UINT64_MAX);
  write_file("v1/a/memory.limit_in_bytes", "800000\n");
  CHECK_EQ(bound_of_tree(0), 800000);
  CHECK_EQ(bound_of_tree(1000), 801000);
  write_file("v1/a/memory.memsw.limit_in_bytes", "800500\n"); /* of the sum of both */
  CHECK_EQ(bound_of_tree(1000), 800500);
  CHECK_EQ(bound_of_tree(0), 800000);
  write_file("v1/a/b/memory.limit_in_bytes", "4096\n");
  CHECK_EQ(bound_of_tree(0), 4096);
  end_tree();
}

TEST(both_versions_at_once) {
  begin_tree();
  write_mounts("30 22 0:26 / %s/v2 rw - cgroup2 none rw\n35 31 0:32 / %s/v1 rw - cgroup none rw,hugetlb,memory\n");
  write_file("groups", "4:hugetlb,memory:/a\n0::/b\n");
  write_file("v1/a/memory.limit_in_bytes", "5000\n");
  write_file("v2/b/cgroup.procs", "\n");
  CHECK_EQ(bound_of_tree(0), 5000);
  write_file("v2/b/memory.max", "4000\n");
  CHECK_EQ(bound_of_tree(0), 4000);
  end_tree();
}

/* In a container: the mount shows a part of the tree, in which the group is, or is not. */
TEST(mounts_of_a_part) {
  begin_tree();
  write_mounts("30 22 0:26 /docker/1234 %s/v2 ro - cgroup2 cgroup rw\n");
  write_file("v2/memory.max", "9000\n");
  write_file("v2/in/memory.max", "7000\n");
  write_file("groups", "0::/docker/1234/in\n");
  CHECK_EQ(bound_of_tree(0), 7000);
  write_file("groups", "0::/docker/1234\n");
  CHECK_EQ(bound_of_tree(0), 9000);
  write_file("groups", "0::/docker/12345/in\n"); /* another one, which begins alike */
  CHECK_EQ(bound_of_tree(0), 9000);
  write_file("groups", "0::/elsewhere\n");
  CHECK_EQ(bound_of_tree(0), 9000);
  write_file("groups", "0::/../../in\n"); /* above the namespace's root */
  CHECK_EQ(bound_of_tree(0), 9000);
  end_tree();
}

TEST(it_is_read_again) {
  static struct acre__os_bounds bounds;
  begin_tree();
  write_mounts("30 22 0:26 / %s/v2 rw - cgroup2 cgroup2 rw\n");
  write_file("groups", "0::/a\n");
  write_file("v2/a/memory.max", "5000\n");
  read_tree(&bounds);
  CHECK_EQ(bounds.group, 5000);
  write_file("v2/a/memory.max", "6000\n");
  read_tree(&bounds);
  CHECK_EQ(bounds.group, 6000);
  write_file("groups", "0::/b\n"); /* moved, to a group that is gone by now */
  read_tree(&bounds);
  CHECK_EQ(bounds.group, UINT64_MAX);
  write_file("v2/b/memory.max", "7000\n");
  read_tree(&bounds);
  CHECK_EQ(bounds.group, 7000);
  end_tree();
}

/* Whatever the files say, no byte is read or written where none should be (the sanitizers look). */
TEST(strange_files) {
  static char longest[20000];
  begin_tree();
  write_mounts("30 22 0:26 / %s/v\\0402 rw - cgroup2 cgroup2 rw\n");
  write_file("v 2/a/memory.max", "5000\n");
  write_file("groups", "0::/a\n");
  CHECK_EQ(bound_of_tree(0), 5000); /* a blank in the path */

  static const char *const groups[] = {"",     "\n",           ":",      "::",      "0::", "0::\n", "0:\n",
                                       "::/a", "x\n\n0::/a\n", "0::a\n", "0::/a/\n"};
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    write_file("groups", groups[i]);
    uint64_t bound = bound_of_tree(0);
    CHECK(bound == UINT64_MAX || bound == 5000);
  }
  static const char *const numbers[] = {"", "\n", "x", "-1\n", "99999999999999999999999999999999\n", " 7\n"};
  write_file("groups", "0::/a\n");
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    write_file("v 2/a/memory.max", numbers[i]);
    CHECK_EQ(bound_of_tree(0), UINT64_MAX);
  }
  write_file("v 2/a/memory.max", "5000\n");

  /* Lines of every awkward length before the one that counts, and paths that are too long. */
  static const size_t lengths[] = {100, 4093, 4094, 4095, 4096, 4097, 8191, 8192, 8193, 19000};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    memset(longest, 'x', lengths[i]);
    strcpy(longest + lengths[i], "\n0::/a\n");
    write_file("groups", longest);
    CHECK_EQ(bound_of_tree(0), 5000);
    memset(longest, '/', lengths[i]);
    memcpy(longest, "0::/a", 5);
    strcpy(longest + lengths[i], "\n");
    write_file("groups", longest);
    uint64_t bound = bound_of_tree(0);
    CHECK(bound == UINT64_MAX || bound == 5000);
  }
  static const char *const mounts[] = {"",     "\n", " ", "a b c", "1 2 3 / / - cgroup2", "1 2 3 / /x y - cgroup2 a\n",
                                       " - \n"};
  for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
    write_file("mounts", mounts[i]);
    CHECK_EQ(bound_of_tree(0), UINT64_MAX);
  }
  end_tree();
}
