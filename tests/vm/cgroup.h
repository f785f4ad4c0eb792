/* SPDX-License-Identifier: MIT */
/* A memory cgroup of a test's own, v1 or v2, in which a child runs. */
#ifndef ACRE_TESTS_CGROUP_H
#define ACRE_TESTS_CGROUP_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

struct cgroup {
  char path[512];
};

static inline bool cgroup_write(const struct cgroup *group, const char *file, const char *text) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", group->path, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  close(fd);
  return done;
}

/* The part of the line "N:CONTROLLERS:/path" of /proc/self/cgroup that begins with `/`, for v1's memory or for v2. */
static inline bool cgroup_own_path(bool v2, char *out, size_t size) {
  char line[512];
  bool found = false;
  FILE *in = fopen("/proc/self/cgroup", "re");
  if (in == NULL) return false;
  while (!found && fgets(line, sizeof line, in) != NULL) {
    char *path = strstr(line, ":/");
    if (path == NULL || !(v2 ? strncmp(line, "0::", 3) == 0 : strstr(line, ":memory:") != NULL)) continue;
    path[strcspn(path, "\n")] = '\0';
    snprintf(out, size, "%s", strcmp(path + 1, "/") == 0 ? "" : path + 1);
    found = true;
  }
  fclose(in);
  return found;
}

static inline bool cgroup_make_under(const char *root, const char *parent, bool v2, const char *limit,
                                     struct cgroup *out) {
  static unsigned number;
  struct cgroup above;
  snprintf(above.path, sizeof above.path, "%s%s", root, parent);
  if (v2) cgroup_write(&above, "cgroup.subtree_control", "+memory");
  snprintf(out->path, sizeof out->path, "%.400s/acre-test-%d-%u", above.path, (int)getpid(), number++);
  if (mkdir(out->path, 0755) != 0) return false;
  bool limited = cgroup_write(out, v2 ? "memory.max" : "memory.limit_in_bytes", limit);
  if (v2)
    cgroup_write(out, "memory.swap.max", "0");
  else
    cgroup_write(out, "memory.memsw.limit_in_bytes", limit);
  if (limited) return true;
  rmdir(out->path);
  return false;
}

/* Below this process's own cgroup or, where that may not be, the topmost one. False: none may be made; errno says why. */
static inline bool cgroup_make(const char *limit, struct cgroup *out) {
  static const struct {
    const char *root;
    bool v2;
  } hierarchies[] = {{"/sys/fs/cgroup/memory", false}, {"/sys/fs/cgroup", true}, {"/sys/fs/cgroup/unified", true}};
  for (size_t i = 0; i < sizeof hierarchies / sizeof *hierarchies; i++) {
    char own[256];
    if (!cgroup_own_path(hierarchies[i].v2, own, sizeof own)) continue;
    if (cgroup_make_under(hierarchies[i].root, own, hierarchies[i].v2, limit, out)) return true;
    if (cgroup_make_under(hierarchies[i].root, "", hierarchies[i].v2, limit, out)) return true;
  }
  return false;
}

/* In a child. */
static inline bool cgroup_enter(const struct cgroup *group) {
  return cgroup_write(group, "cgroup.procs", "0");
}

static inline void cgroup_remove(const struct cgroup *group) {
  for (unsigned i = 0; i < 100 && rmdir(group->path) != 0 && errno == EBUSY; i++) usleep(20000);
}

#endif
