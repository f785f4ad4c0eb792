/* SPDX-License-Identifier: MIT */
/*
 * process.c - system figures, environment, the last words on Linux.
 *
 * A mechanism counts as there only if it had its effect on memory of our own:
 * emulators (qemu's user mode) and sandboxes say yes to advice that they ignore.
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/line.h"
#include "base/math.h"

struct acre__linux_switches acre__linux_switches;

/* ------------------------------------------------------------- small files of /proc and /sys */

/* Reads the file's beginning as a string; returns false, and an empty string, if it can't. */
static bool read_text(const char *path, char *out, size_t size) {
  size_t length = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    ssize_t got;
    while (length < size - 1 && (got = read(fd, out + length, size - 1 - length)) > 0) length += (size_t)got;
    close(fd);
  }
  out[length] = '\0';
  return length != 0;
}

static bool parse_number(const char *text, uint64_t *out) {
  while (*text == ' ' || *text == '\t') text++;
  if (*text < '0' || *text > '9') return false;
  uint64_t number = 0;
  for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (uint64_t)(*text - '0');
  *out = number;
  return true;
}

uint64_t acre__linux_read_number(const char *path, uint64_t otherwise) {
  char text[32];
  uint64_t number;
  return read_text(path, text, sizeof text) && parse_number(text, &number) ? number : otherwise;
}

/* The figure of /proc/meminfo's line that begins with `name`, in bytes, or `otherwise`. */
static uint64_t meminfo(const char *text, const char *name, uint64_t otherwise) {
  size_t length = strlen(name);
  for (const char *line = text; line != NULL && *line != '\0';) {
    uint64_t kibibytes;
    if (strncmp(line, name, length) == 0 && parse_number(line + length, &kibibytes)) return kibibytes << 10;
    line = strchr(line, '\n');
    if (line != NULL) line++;
  }
  return otherwise;
}

static struct acre__linux_pool pool_of(const char *text) {
  struct acre__linux_pool pool = {.total = (size_t)meminfo(text, "HugePages_Total:", 0) >> 10};
  size_t unused = (size_t)meminfo(text, "HugePages_Free:", 0) >> 10;
  size_t promised = (size_t)meminfo(text, "HugePages_Rsvd:", 0) >> 10;
  size_t surplus = (size_t)meminfo(text, "HugePages_Surp:", 0) >> 10;
  size_t most_surplus = (size_t)acre__linux_read_number("/proc/sys/vm/nr_overcommit_hugepages", 0);
  if (unused > promised) pool.available = unused - promised;
  if (most_surplus > surplus) pool.available += most_surplus - surplus;
  return pool;
}

struct acre__linux_pool acre__linux_pool(void) {
  char text[4096];
  return read_text("/proc/meminfo", text, sizeof text) ? pool_of(text) : (struct acre__linux_pool){0};
}

/* ------------------------------------------------------------- address space */

static bool is_address(uintptr_t page, size_t page_size) {
  void *got = mmap((void *)page, page_size, PROT_NONE, ACRE_LINUX_RESERVATION | ACRE_LINUX_MAP_FIXED_NOREPLACE, -1, 0);
  if (got == MAP_FAILED) return errno == EEXIST;
  munmap(got, page_size);
  return got == (void *)page;
}

/*
 * The space ends at a power of two, or (x86-64) one page before it, because the
 * instruction after a system call at its very end would not be an address. The
 * size differs between kernels of one architecture (arm64: 39 to 52 bits).
 */
uintptr_t acre__linux_highest_address(void) {
  size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
  uintptr_t last = (uintptr_t)(ACRE_LINUX_WINDOW - 1);
  for (uintptr_t end = last; end > UINT32_MAX / 2; end >>= 1) {
    if (is_address(end - page_size + 1, page_size)) return end;
    if (is_address(end - 2 * page_size + 1, page_size)) return end - page_size;
  }
  return last - page_size; /* not one page can be had */
}

static uintptr_t lowest_address(size_t granularity) {
  uint64_t minimum = acre__linux_read_number("/proc/sys/vm/mmap_min_addr", 0);
  return acre__align_up(minimum > granularity ? (uintptr_t)minimum : granularity, granularity);
}

/* ------------------------------------------------------------- mechanisms */

static bool try_hide(char *page, size_t page_size) {
  *(volatile char *)page = 1;
  if (acre__os_hide(page, page_size) != ACRE_OK || acre__os_reveal(page, page_size) != ACRE_OK) return false;
  return *(volatile char *)page == 0;
}

static bool try_populate(char *page, size_t page_size) {
  unsigned char resident = 0;
  return madvise(page, page_size, ACRE_LINUX_MADV_POPULATE_WRITE) == 0 && mincore(page, page_size, &resident) == 0 &&
         (resident & 1) != 0;
}

static bool probe_hide(size_t page_size) {
  char *page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  bool works = page != MAP_FAILED && try_hide(page, page_size);
  if (page != MAP_FAILED) munmap(page, page_size);
  return works;
}

static void probe_mechanisms(struct acre__os_system *out) {
  out->can_query_directly = !acre__linux_switches.query_without_ioctl && acre__linux_has_procmap_query();
  char *pages = mmap(NULL, out->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return;
  out->can_populate = !acre__linux_switches.populate_by_touch && try_populate(pages, out->page_size);
  /* Known advice takes no bytes at all; the effect would cost two large pages to see. */
  out->can_collapse = madvise(pages, 0, ACRE_LINUX_MADV_COLLAPSE) == 0;
  munmap(pages, out->page_size);
}

static void probe_memory(struct acre__os_system *out) {
  struct sysinfo info;
  if (sysinfo(&info) == 0) {
    out->physical_memory = (uint64_t)info.totalram * info.mem_unit;
    out->available_memory = (uint64_t)(info.freeram + info.bufferram) * info.mem_unit;
    out->swap = (uint64_t)info.totalswap * info.mem_unit;
  }
  char text[4096];
  if (!read_text("/proc/meminfo", text, sizeof text)) return;
  out->available_memory = meminfo(text, "MemAvailable:", out->available_memory);
  out->large_page_size = (size_t)meminfo(text, "Hugepagesize:", 0);
  if (out->large_page_size == 0) /* a kernel may have transparent ones alone */
    out->large_page_size = (size_t)acre__linux_read_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", 0);
  struct acre__linux_pool pool = pool_of(text);
  out->large_pages = pool.total;
  out->large_pages_free = pool.available;
}

/* The last number of "0-1,3", and 1. */
static unsigned count_nodes(void) {
  char text[256];
  uint64_t last = 0;
  if (!read_text("/sys/devices/system/node/online", text, sizeof text)) return 1;
  for (const char *at = text; *at != '\0'; at++)
    if (at == text || at[-1] == '-' || at[-1] == ',') parse_number(at, &last);
  return last < INT32_MAX ? (unsigned)last + 1 : 1;
}

static bool large_pages_on_request(void) {
  char text[64];
  return read_text("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) && strstr(text, "[never]") == NULL;
}

static void probe_kernel_name(char *out, size_t size) {
  struct utsname name;
  if (uname(&name) != 0) return;
  const char *parts[] = {name.sysname, " ", name.release};
  size_t length = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    for (const char *c = parts[i]; *c != '\0' && length < size - 1; c++) out[length++] = *c;
  out[length] = '\0';
}

void acre__os_probe_first(struct acre__os_system *out) {
  memset(out, 0, sizeof *out);
  out->page_size = (size_t)sysconf(_SC_PAGESIZE);
  out->granularity = acre__max(out->page_size, ACRE_LINUX_GRANULARITY);
  out->map_granularity = out->page_size;
  out->overcommit_mode = (int)acre__linux_read_number("/proc/sys/vm/overcommit_memory", (uint64_t)-1);
  out->can_hide = probe_hide(out->page_size);
}

void acre__os_probe(struct acre__os_system *out) {
  acre__os_probe_first(out);
  out->lowest_address = lowest_address(out->granularity);
  out->highest_address = acre__linux_highest_address();
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  out->processors = processors > 0 ? (unsigned)processors : 0;
  out->mapping_limit = (size_t)acre__linux_read_number("/proc/sys/vm/max_map_count", 0);
  out->transparent_large_pages = large_pages_on_request();
  probe_kernel_name(out->kernel, sizeof out->kernel);
  probe_memory(out);
  out->nodes = count_nodes();
  probe_mechanisms(out);
}

size_t acre__os_address_space_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur >= SIZE_MAX) return SIZE_MAX;
  return (size_t)limit.rlim_cur;
}

void acre__os_force(bool query_without_ioctl, bool populate_by_touch) {
  acre__linux_switches.query_without_ioctl = query_without_ioctl;
  acre__linux_switches.populate_by_touch = populate_by_touch;
}

void acre__os_force_single_calls(bool single) {
  acre__linux_switches.single_calls = single;
}

/* Any mapping can be cut and replaced here. */
void acre__os_force_plain_reservations(bool plain) {
  (void)plain;
}

void acre__os_force_plain_files(bool plain) {
  acre__linux_switches.plain_files = plain;
}

/* ------------------------------------------------------------- environment and last words */

size_t acre__os_environment(const char *name, char *out, size_t size) {
  const char *value = secure_getenv(name);
  size_t length = value == NULL ? 0 : strlen(value);
  if (size == 0) return length;
  size_t kept = acre__min(length, size - 1);
  if (kept != 0) memcpy(out, value, kept);
  out[kept] = '\0';
  return length;
}

void acre__os_say(const char *text) {
  int error = errno;
  ssize_t written = write(STDERR_FILENO, text, strlen(text));
  (void)written; /* nobody is left to tell */
  errno = error;
}

_Noreturn void acre__os_die(const char *text) {
  acre__os_say(text);
  abort();
}

_Noreturn void acre__os_end(const char *text, int status) {
  acre__os_say(text);
  _exit(status);
}

_Noreturn void acre__assert_failed(const char *condition, const char *file, int line) {
  char text[512];
  acre__line_of_assertion(text, sizeof text, condition, file, line);
  acre__os_die(text);
}
