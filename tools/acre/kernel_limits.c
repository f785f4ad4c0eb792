/* SPDX-License-Identifier: MIT */
/*
 * How much memory the process may still take (see kernel.h). A container's
 * limit does not show in the system's figures: going by those alone, the tour
 * would be killed in a container smaller than its machine.
 */
#define _POSIX_C_SOURCE 200809L
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kernel.h"

/* Lowers *room to what one cgroup leaves. A missing file, or "max" in it, is no limit. */
static void apply_limit(const char *folder, const char *limit_name, const char *usage_name, uint64_t *room) {
  char path[PATH_MAX + 64];
  uint64_t limit, usage = 0;
  snprintf(path, sizeof path, "%s/%s", folder, limit_name);
  if (!kernel_number(path, &limit)) return;
  snprintf(path, sizeof path, "%s/%s", folder, usage_name);
  kernel_number(path, &usage);
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
