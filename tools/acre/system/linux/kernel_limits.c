/* SPDX-License-Identifier: MIT */
/*
 * What the process may still take, and what the kernel gives of itself (see
 * kernel.h). A container's limit does not show in the system's figures: going by
 * those alone, the tour would be killed in a container smaller than its machine.
 */
#define _DEFAULT_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernel.h"
#include "linux.h"

/* Lowers *room to what one cgroup leaves. A missing file, or "max" in it, is no limit. */
static void apply_limit(const char *folder, const char *limit_name, const char *usage_name, uint64_t *room) {
  char path[PATH_MAX + 64];
  uint64_t limit, usage = 0;
  snprintf(path, sizeof path, "%s/%s", folder, limit_name);
  if (!linux_number(path, &limit)) return;
  snprintf(path, sizeof path, "%s/%s", folder, usage_name);
  linux_number(path, &usage);
  uint64_t left = limit > usage ? limit - usage : 0;
  if (left < *room) *room = left;
}

/* Applies the limits of the cgroup `group` below `root`, and of each above it. */
static void apply_limits(const char *root, const char *group, const char *limit, const char *usage, uint64_t *room) {
  char folder[PATH_MAX];
  int length = snprintf(folder, sizeof folder, "%s%s", root, group);
  if (length < 0 || (size_t)length >= sizeof folder) return;
  size_t root_length = strlen(root);
  for (;;) {
    apply_limit(folder, limit, usage, room);
    char *slash = strrchr(folder, '/');
    if (strlen(folder) <= root_length || slash == NULL) return;
    *slash = '\0';
  }
}

uint64_t kernel_headroom(uint64_t available) {
  uint64_t room = available;
  FILE *file = fopen("/proc/self/cgroup", "r");
  if (file == NULL) return room;
  char line[PATH_MAX];
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    const char *controllers = strchr(line, ':');
    const char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (group == NULL) continue;
    group++;
    if (strncmp(controllers, "::", 2) == 0)
      apply_limits("/sys/fs/cgroup", group, "memory.max", "memory.current", &room);
    else if (strstr(controllers, "memory") != NULL && strstr(controllers, "memory") < group)
      apply_limits("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", "memory.usage_in_bytes", &room);
  }
  fclose(file);
  return room;
}

/* ------------------------------------------------------------- numbers and addresses */

size_t kernel_page_size(void) {
  long page = sysconf(_SC_PAGESIZE);
  return page > 0 ? (size_t)page : 0;
}

bool kernel_mapping_limit(uint64_t *out) {
  return linux_number("/proc/sys/vm/max_map_count", out);
}

static bool addresses_are_limited(uint64_t *limit) {
  struct rlimit found;
  if (getrlimit(RLIMIT_AS, &found) != 0) return true;
  *limit = found.rlim_cur;
  return found.rlim_cur != RLIM_INFINITY;
}

uint64_t kernel_space_limit(void) {
  uint64_t limit = UINT64_MAX;
  return addresses_are_limited(&limit) && limit != UINT64_MAX ? limit / 4 : UINT64_MAX;
}

uint64_t kernel_reservation_cost(uint64_t size) {
  (void)size;
  return 0;
}

bool kernel_keeps_out(void *wish, const void *base, size_t size) {
  size_t page = kernel_page_size();
  const char *start = base, *hinted = mmap(wish, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (hinted == MAP_FAILED) return false;
  bool is_outside = hinted < start || hinted >= start + size;
  munmap((void *)hinted, page);
  return is_outside;
}

unsigned kernel_promises(size_t size, unsigned times) {
  enum { MOST = 16 };
  void *pieces[MOST];
  unsigned granted = 0;
  while (granted < times && granted < MOST) {
    pieces[granted] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pieces[granted] == MAP_FAILED) break;
    granted++;
  }
  for (unsigned i = 0; i < granted; i++) munmap(pieces[i], size);
  return granted;
}

/* With strict overcommit (mode 2), or a limit on addresses, it does not promise so much. */
bool kernel_is_careful(int overcommit) {
  uint64_t limit;
  return overcommit == 2 || addresses_are_limited(&limit);
}

void kernel_drop(void *base, size_t size) {
  (void)madvise(base, size, MADV_DONTNEED);
}
