/* SPDX-License-Identifier: MIT */
/*
 * query.c - what is mapped where on Linux: PROCMAP_QUERY (6.11) asks for one
 * mapping; before that, /proc/self/maps is read as text:
 *
 *   7f2c4a000000-7f2c4a021000 rw-p 00000000 08:01 1234    /path, to the end of the line
 *
 * The text streams through the caller's buffer. Its first byte not yet passed
 * (`begin`) is always the start of a line, which stays there until an address
 * beyond its mapping is asked for; so ascending questions read the file once.
 * A line longer than the buffer is used without its end: only the name is cut.
 *
 * The file is opened anew for each reader: a descriptor that was kept would
 * show the parent's mappings to a forked child.
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/lock.h"

/* `end` of a reader that asks with PROCMAP_QUERY and uses the buffer for the name. */
#define DIRECT SIZE_MAX

struct procmap_query {
  uint64_t size;
  uint64_t query_flags;
  uint64_t query_addr;
  uint64_t vma_start;
  uint64_t vma_end;
  uint64_t vma_flags;
  uint64_t vma_page_size;
  uint64_t vma_offset;
  uint64_t inode;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint32_t vma_name_size;
  uint32_t build_id_size;
  uint64_t vma_name_addr;
  uint64_t build_id_addr;
};

#define PROCMAP_QUERY_IOCTL _IOWR('f', 17, struct procmap_query)
enum { QUERY_READABLE = 1, QUERY_WRITABLE = 2, QUERY_EXECUTABLE = 4, QUERY_SHARED = 8, QUERY_COVERING_OR_NEXT = 16 };

/* One mapping, as the kernel tells it. */
struct raw_mapping {
  uintptr_t start;
  uintptr_t end;
  bool readable, writable, executable, shared;
  uint64_t offset;
  uint64_t inode;   /* not 0: it has a file, or shared memory */
  const char *name; /* in the reader's buffer, without a NUL */
  size_t name_length;
};

static bool name_is(const struct raw_mapping *mapping, const char *name) {
  return mapping->name_length == strlen(name) && memcmp(mapping->name, name, mapping->name_length) == 0;
}

/* ------------------------------------------------------------- asking directly */

static acre_result ask(struct acre__os_maps *maps, uintptr_t address, struct raw_mapping *out) {
  struct procmap_query query;
  memset(&query, 0, sizeof query);
  query.size = sizeof query;
  query.query_flags = QUERY_COVERING_OR_NEXT;
  query.query_addr = address;
  query.vma_name_addr = (uintptr_t)maps->buffer;
  query.vma_name_size = sizeof maps->buffer;
  if (ioctl((int)maps->handle, PROCMAP_QUERY_IOCTL, &query) != 0) {
    if (errno != ENAMETOOLONG) return errno == ENOENT ? ACRE_E_NOT_FOUND : ACRE_E_IO;
    query.vma_name_size = 0;
    query.vma_name_addr = 0;
    if (ioctl((int)maps->handle, PROCMAP_QUERY_IOCTL, &query) != 0)
      return errno == ENOENT ? ACRE_E_NOT_FOUND : ACRE_E_IO;
  }
  out->start = (uintptr_t)query.vma_start;
  out->end = (uintptr_t)query.vma_end;
  out->readable = (query.vma_flags & QUERY_READABLE) != 0;
  out->writable = (query.vma_flags & QUERY_WRITABLE) != 0;
  out->executable = (query.vma_flags & QUERY_EXECUTABLE) != 0;
  out->shared = (query.vma_flags & QUERY_SHARED) != 0;
  out->offset = query.vma_offset;
  out->inode = query.inode;
  out->name = maps->buffer;
  out->name_length = query.vma_name_size == 0 ? 0 : query.vma_name_size - 1; /* the kernel counts the NUL */
  return ACRE_OK;
}

static bool can_ask(int fd) {
  struct procmap_query query;
  memset(&query, 0, sizeof query);
  query.size = sizeof query;
  query.query_addr = (uintptr_t)&query;
  return ioctl(fd, PROCMAP_QUERY_IOCTL, &query) == 0 && query.vma_start <= query.query_addr &&
         query.query_addr < query.vma_end;
}

bool acre__linux_has_procmap_query(void) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool works = can_ask(fd);
  close(fd);
  return works;
}

/* ------------------------------------------------------------- reading the text */

/* Moves what is left to the front and reads more behind it. *more: something came. */
static acre_result fill(struct acre__os_maps *maps, bool *more) {
  memmove(maps->buffer, maps->buffer + maps->begin, maps->end - maps->begin);
  maps->end -= maps->begin;
  maps->begin = 0;
  ssize_t got;
  do got = read((int)maps->handle, maps->buffer + maps->end, sizeof maps->buffer - maps->end);
  while (got < 0 && errno == EINTR);
  if (got < 0) return ACRE_E_IO;
  maps->end += (size_t)got;
  *more = got > 0;
  return ACRE_OK;
}

/* The end of the line at `begin`, NULL if the buffer does not hold it. */
static char *line_end(struct acre__os_maps *maps) {
  return memchr(maps->buffer + maps->begin, '\n', maps->end - maps->begin);
}

/* Sees to it that the line at `begin` is in the buffer, or as much of it as fits. ACRE_E_NOT_FOUND: no line is left. */
static acre_result have_line(struct acre__os_maps *maps) {
  bool more = true;
  while (more && line_end(maps) == NULL && maps->end - maps->begin < sizeof maps->buffer) {
    acre_result result = fill(maps, &more);
    if (result != ACRE_OK) return result;
  }
  return maps->begin == maps->end ? ACRE_E_NOT_FOUND : ACRE_OK;
}

static acre_result pass_line(struct acre__os_maps *maps) {
  bool more = true;
  char *end;
  while ((end = line_end(maps)) == NULL && more) {
    maps->begin = maps->end;
    acre_result result = fill(maps, &more);
    if (result != ACRE_OK) return result;
  }
  maps->begin = end == NULL ? maps->end : (size_t)(end + 1 - maps->buffer);
  return ACRE_OK;
}

static const char *parse_number(const char *text, const char *end, unsigned base, uint64_t *out) {
  uint64_t number = 0;
  for (; text < end; text++) {
    unsigned digit;
    if (*text >= '0' && *text <= '9')
      digit = (unsigned)(*text - '0');
    else if (base == 16 && *text >= 'a' && *text <= 'f')
      digit = (unsigned)(*text - 'a') + 10;
    else
      break;
    number = number * base + digit;
  }
  *out = number;
  return text < end ? text + 1 : end; /* past the separator */
}

/* Reads the line at `begin`. */
static acre_result parse_line(struct acre__os_maps *maps, struct raw_mapping *out) {
  const char *at = maps->buffer + maps->begin;
  const char *end = line_end(maps);
  if (end == NULL) end = maps->buffer + maps->end;
  uint64_t start, stop, device;
  at = parse_number(at, end, 16, &start);
  at = parse_number(at, end, 16, &stop);
  if (end - at < 5 || stop <= start) return ACRE_E_IO;
  out->start = (uintptr_t)start;
  out->end = (uintptr_t)stop;
  out->readable = at[0] == 'r';
  out->writable = at[1] == 'w';
  out->executable = at[2] == 'x';
  out->shared = at[3] == 's';
  at = parse_number(at + 5, end, 16, &out->offset);
  at = parse_number(at, end, 16, &device);
  at = parse_number(at, end, 16, &device);
  at = parse_number(at, end, 10, &out->inode);
  while (at < end && *at == ' ') at++;
  out->name = at;
  out->name_length = (size_t)(end - at);
  return ACRE_OK;
}

static acre_result read_next(struct acre__os_maps *maps, uintptr_t address, struct raw_mapping *out) {
  if (address < maps->last) {
    if (lseek((int)maps->handle, 0, SEEK_SET) != 0) return ACRE_E_IO;
    maps->begin = maps->end = 0;
    maps->last = 0;
  }
  for (;;) {
    acre_result result = have_line(maps);
    if (result == ACRE_OK) result = parse_line(maps, out);
    if (result != ACRE_OK) return result;
    if (name_is(out, "[vsyscall]")) return ACRE_E_NOT_FOUND; /* the kernel's own page: nobody can ask for it */
    if (out->end > address) return ACRE_OK;
    maps->last = out->end;
    result = pass_line(maps);
    if (result != ACRE_OK) return result;
  }
}

/* ------------------------------------------------------------- kinds */

struct image_search {
  uintptr_t start, end; /* the mapping */
  bool has_file;
  bool found;
};

/*
 * A mapping belongs to an image if it overlaps one of its loaded segments (bss,
 * too, which has no file), or if it has a file and fills a gap between them.
 */
static int compare_image(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  struct image_search *search = context;
  uintptr_t low = UINTPTR_MAX, high = 0;
  for (size_t i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    uintptr_t end = start + info->dlpi_phdr[i].p_memsz;
    if (start < search->end && search->start < end) search->found = true;
    if (start < low) low = start;
    if (end > high) high = end;
  }
  if (search->has_file && low < search->end && search->start < high) search->found = true;
  return search->found;
}

/*
 * glibc's dl_iterate_phdr takes a lock of the loader that fork does not care
 * for: a child made while another thread is in there waits for it forever. So
 * Acre's own calls have a lock, which fork takes.
 */
static struct acre__lock images;

void acre__linux_images_before_fork(void) {
  acre__lock(&images);
}

void acre__linux_images_in_parent(void) {
  acre__unlock(&images);
}

void acre__linux_images_in_child(void) {
  acre__lock_reset(&images);
}

static bool is_image(const struct raw_mapping *mapping) {
  if (name_is(mapping, "[vdso]")) return true;
  struct image_search search = {mapping->start, mapping->end, mapping->inode != 0, false};
  acre__lock(&images);
  dl_iterate_phdr(compare_image, &search);
  acre__unlock(&images);
  /* What the loader does not list (dlmopen): code from a file that nobody else sees written. */
  return search.found || (mapping->inode != 0 && mapping->executable && !mapping->shared);
}

static acre_vm_kind kind_of(const struct raw_mapping *mapping) {
  if (name_is(mapping, "[stack]")) return ACRE_VM_KIND_STACK;
  if (name_is(mapping, "[heap]")) return ACRE_VM_KIND_HEAP;
  if (is_image(mapping)) return ACRE_VM_KIND_IMAGE;
  return mapping->inode != 0 ? ACRE_VM_KIND_MAPPED : ACRE_VM_KIND_FOREIGN;
}

/* No hardware protection is "write only". */
static acre_vm_protection protection_of(const struct raw_mapping *mapping) {
  if (mapping->executable) {
    if (mapping->writable) return ACRE_VM_EXECUTE_READ_WRITE;
    return mapping->readable ? ACRE_VM_EXECUTE_READ : ACRE_VM_EXECUTE;
  }
  if (mapping->writable) return ACRE_VM_READ_WRITE;
  return mapping->readable ? ACRE_VM_READ : ACRE_VM_NO_ACCESS;
}

/* ------------------------------------------------------------- the contract's functions */

static acre_result open_maps(struct acre__os_maps *maps, bool directly) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == EMFILE || errno == ENFILE ? ACRE_E_TOO_MANY_FILES : ACRE_E_NOT_SUPPORTED;
  maps->handle = fd;
  maps->last = 0;
  maps->begin = 0;
  maps->end = directly && can_ask(fd) ? DIRECT : 0;
  return ACRE_OK;
}

static acre_result raw_at(struct acre__os_maps *maps, uintptr_t address, struct raw_mapping *out) {
  return maps->end == DIRECT ? ask(maps, address, out) : read_next(maps, address, out);
}

acre_result acre__os_maps_open(struct acre__os_maps *maps) {
  return open_maps(maps, !acre__linux_switches.query_without_ioctl);
}

void acre__os_maps_close(struct acre__os_maps *maps) {
  close((int)maps->handle);
}

acre_result acre__os_maps_at(struct acre__os_maps *maps, uintptr_t address, struct acre__os_mapping *out) {
  struct raw_mapping mapping;
  acre_result result = raw_at(maps, address, &mapping);
  if (result != ACRE_OK) return result;
  out->start = mapping.start;
  out->end = mapping.end;
  out->protection = protection_of(&mapping);
  out->kind = kind_of(&mapping);
  out->shared = mapping.shared;
  out->has_file = mapping.inode != 0;
  out->offset = mapping.offset;
  out->name = mapping.name;
  out->name_length = mapping.name_length;
  out->name_is_escaped = maps->end != DIRECT;
  return ACRE_OK;
}

/* Reads the text in any case: a system call for 4 KiB of it is cheaper than one for each mapping. */
size_t acre__os_mapping_count(void) {
  struct acre__os_maps maps;
  struct raw_mapping mapping;
  size_t count = 0;
  if (open_maps(&maps, false) != ACRE_OK) return 0;
  for (uintptr_t at = 0; raw_at(&maps, at, &mapping) == ACRE_OK; at = mapping.end) count++;
  acre__os_maps_close(&maps);
  return count;
}

/* ------------------------------------------------------------- why a page faults */

/* Whether the file behind the mapping is known to reach to `offset`. */
static bool file_reaches(const struct raw_mapping *mapping, uint64_t offset) {
  char path[sizeof((struct acre__os_maps *)0)->buffer];
  struct stat status;
  if (mapping->name_length == 0 || mapping->name_length >= sizeof path) return false;
  memcpy(path, mapping->name, mapping->name_length);
  path[mapping->name_length] = '\0';
  return stat(path, &status) == 0 && status.st_ino == mapping->inode && offset < (uint64_t)status.st_size;
}

ACRE_COLD acre_result acre__linux_why_fault(uintptr_t page, bool for_writing) {
  struct acre__os_maps maps;
  struct raw_mapping mapping;
  if (acre__os_maps_open(&maps) != ACRE_OK) return ACRE_E_OUT_OF_RANGE; /* the likeliest */
  acre_result result = ACRE_E_ACCESS_DENIED;
  bool is_mapped = raw_at(&maps, page, &mapping) == ACRE_OK && mapping.start <= page;
  bool allowed = is_mapped && (for_writing ? mapping.writable : mapping.readable || mapping.executable);
  if (allowed && mapping.inode != 0)
    result = file_reaches(&mapping, mapping.offset + (page - mapping.start)) ? ACRE_E_IO : ACRE_E_OUT_OF_RANGE;
  acre__os_maps_close(&maps);
  return result;
}
