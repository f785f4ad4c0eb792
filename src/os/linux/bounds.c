/* SPDX-License-Identifier: MIT */
/*
 * bounds.c - how much memory the program may have on Linux: RAM, swap, cgroups.
 *
 * A cgroup's limit holds for all below it, so the least on the way up counts.
 * Version 1 and version 2 may both be mounted, one of them with the memory
 * controller; the other then has no such files, and is passed over.
 *
 *   /proc/self/mountinfo   36 25 0:31 /ROOT /POINT rw shared:1 - cgroup2 cgroup2 rw
 *                          37 25 0:32 /ROOT /POINT rw - cgroup cgroup rw,memory
 *   /proc/self/cgroup      0::/GROUP                  version 2
 *                          4:memory:/GROUP            version 1
 *
 *   /POINT/GROUP without ROOT     memory.max, memory.swap.max
 *   ... every folder up to        or memory.limit_in_bytes, memory.memsw.limit_in_bytes
 *   /POINT
 *
 * Where the mounts are is read once; which group the program is in, and what it
 * may have, each time. In a container the group may lie outside of what is
 * mounted: then the mount's top is all that can be seen, and is a bound as well.
 *
 * All files are read by bare system calls: libc's open and read are points at
 * which a thread may be cancelled, and whoever commits memory holds locks.
 */
#include "linux.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

enum { VERSION_1, VERSION_2 };

static const struct {
  const char *memory, *swap;
} files[ACRE_OS_PLACES] = {[VERSION_1] = {"/memory.limit_in_bytes", "/memory.memsw.limit_in_bytes"},
                           [VERSION_2] = {"/memory.max", "/memory.swap.max"}};

/* ------------------------------------------------------------- reading */

static int open_file(const char *path) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

static void close_file(int file) {
  syscall(SYS_close, file);
}

static struct acre__linux_lines open_lines(struct acre__os_bounds *bounds, const char *path) {
  return (struct acre__linux_lines){.file = open_file(path), .text = bounds->text, .size = sizeof bounds->text};
}

/* The number in the file. "max", what else is no number, and version 1's largest number bound nothing. */
static uint64_t read_bound(const char *path) {
  char text[24] = "";
  int file = open_file(path);
  if (file < 0) return UINT64_MAX;
  long length = syscall(SYS_read, file, text, sizeof text - 1);
  close_file(file);
  if (length <= 0 || *text < '0' || *text > '9') return UINT64_MAX;
  uint64_t number = 0;
  for (const char *digit = text; *digit >= '0' && *digit <= '9'; digit++) {
    if (number > (UINT64_MAX - 9) / 10) return UINT64_MAX;
    number = number * 10 + (uint64_t)(*digit - '0');
  }
  return number >= UINT64_MAX / 4 ? UINT64_MAX : number;
}

/* ------------------------------------------------------------- where the groups are */

/* Ends the word at *text and moves *text behind it. */
static char *next_word(char **text) {
  char *word = *text;
  size_t length = strcspn(word, " ");
  *text = word + length + (word[length] == ' ');
  word[length] = '\0';
  return word;
}

/* Whether `wanted` is one of the words between the commas. */
static bool has_word(const char *text, const char *wanted) {
  size_t length = strlen(wanted);
  for (;; text++) {
    if (strncmp(text, wanted, length) == 0 && (text[length] == ',' || text[length] == '\0')) return true;
    text = strchr(text, ',');
    if (text == NULL) return false;
  }
}

/* Blanks in mountinfo's paths are written \040. False: the path is too long. */
static bool copy_path(const char *path, char *out) {
  size_t length = 0;
  while (*path != '\0') {
    if (length == ACRE_OS_PLACE_LENGTH - 1) return false;
    char c = *path++;
    if (c == '\\' && path[0] != '\0' && path[1] != '\0' && path[2] != '\0') {
      c = (char)((path[0] - '0') * 64 + (path[1] - '0') * 8 + (path[2] - '0'));
      path += 3;
    }
    out[length++] = c;
  }
  if (length == 1) length = 0; /* "/" is the empty beginning of every path */
  out[length] = '\0';
  return true;
}

static void note_mount(struct acre__os_bounds *bounds, char *line) {
  for (int i = 0; i < 3; i++) (void)next_word(&line);
  char *root = next_word(&line), *point = next_word(&line);
  char *rest = strstr(line, " - ");
  if (rest == NULL) return;
  rest += 3;
  const char *type = next_word(&rest);
  (void)next_word(&rest);
  int version;
  if (strcmp(type, "cgroup2") == 0)
    version = VERSION_2;
  else if (strcmp(type, "cgroup") == 0 && has_word(rest, "memory"))
    version = VERSION_1;
  else
    return;
  char *kept = bounds->places[version].point;
  if (*kept != '\0') return; /* the first one will do */
  if (!copy_path(root, bounds->places[version].root) || !copy_path(point, kept)) *kept = '\0';
}

static void search_mounts(struct acre__os_bounds *bounds, const char *mounts) {
  struct acre__linux_lines lines = open_lines(bounds, mounts);
  if (lines.file < 0) return;
  for (char *line; (line = acre__linux_next_line(&lines)) != NULL;) note_mount(bounds, line);
  close_file(lines.file);
  bounds->searched = true;
}

/* ------------------------------------------------------------- what they may have */

static uint64_t sum(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* bounds->path is a group's folder, `length` long; what the group may have. */
static uint64_t bound_of_group(struct acre__os_bounds *bounds, size_t length, int version) {
  char *name = bounds->path + length;
  strcpy(name, files[version].memory);
  uint64_t memory = read_bound(bounds->path);
  if (memory == UINT64_MAX || bounds->swap == 0) return memory;
  strcpy(name, files[version].swap);
  uint64_t swap = read_bound(bounds->path);
  /* Version 1 bounds the sum of both, version 2 swap alone. */
  if (version == VERSION_1) return least(sum(memory, bounds->swap), swap);
  return sum(memory, least(bounds->swap, swap));
}

/* The least bound of the group and those above it. */
static uint64_t bound_of_groups(struct acre__os_bounds *bounds, const char *group, int version) {
  const char *root = bounds->places[version].root, *point = bounds->places[version].point;
  size_t top = strlen(point), root_length = strlen(root);
  if (top == 0) return UINT64_MAX;
  bool inside = strncmp(group, root, root_length) == 0 && strstr(group, "/..") == NULL;
  group = inside ? group + root_length : "";
  if (*group != '/') group = "";
  size_t length = top + strlen(group);
  if (length + 64 > sizeof bounds->path) group = "", length = top;
  memcpy(bounds->path, point, top);
  memcpy(bounds->path + top, group, length - top);

  uint64_t bound = UINT64_MAX;
  for (;;) {
    while (length > top && bounds->path[length - 1] == '/') length--;
    bound = least(bound, bound_of_group(bounds, length, version));
    if (length <= top) return bound;
    while (length > top && bounds->path[length - 1] != '/') length--;
  }
}

void acre__linux_group_bound(struct acre__os_bounds *bounds, const char *mounts, const char *groups) {
  if (!bounds->searched) {
    bounds->group = UINT64_MAX;
    search_mounts(bounds, mounts);
  }
  struct acre__linux_lines lines = open_lines(bounds, groups);
  if (lines.file < 0) return;
  uint64_t bound = UINT64_MAX;
  for (char *line; (line = acre__linux_next_line(&lines)) != NULL;) {
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL) continue;
    *group++ = '\0';
    controllers++;
    if (*controllers == '\0')
      bound = least(bound, bound_of_groups(bounds, group, VERSION_2));
    else if (has_word(controllers, "memory"))
      bound = least(bound, bound_of_groups(bounds, group, VERSION_1));
  }
  close_file(lines.file);
  bounds->group = bound;
}

void acre__os_bounds_read(struct acre__os_bounds *bounds) {
  struct sysinfo info;
  if (sysinfo(&info) == 0) {
    bounds->ram = (uint64_t)info.totalram * info.mem_unit;
    bounds->swap = (uint64_t)info.totalswap * info.mem_unit;
  }
  acre__linux_group_bound(bounds, "/proc/self/mountinfo", "/proc/self/cgroup");
}

uint64_t acre__os_clock_ms(void) {
  struct timespec now = {0};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
