/* SPDX-License-Identifier: MIT */
/*
 * written.c - which pages were written on Linux (6.7): userfaultfd's
 * asynchronous write protection, and PAGEMAP_SCAN.
 *
 *   registered      the mapping belongs to our userfaultfd (mprotect and splits
 *                   keep that; a new mapping over it does not)
 *   protected       a bit in the page's entry; the first write, a system call's
 *                   too, clears it in the kernel, and nobody waits
 *   written         has an entry without the bit
 *
 * A scan that asks for "written" alone is quick because it looks at the bit
 * alone; but then a page without an entry counts as written, and so does the
 * shared page of zeros, which a read leaves. Asked for pages that are written,
 * there (or in swap), not of zeros and not guard markers, the scan looks closer
 * and takes twice as long. The caller says which one will do.
 *
 * Large pages would make 512 pages written at once: none for what is tracked.
 *
 * State: one word with both descriptors, so that a thread needs no lock for
 * them, and a fork finds none taken:
 *
 *   63        32 31            30         0
 *   [ pagemap+1 | passes hidden | uffd + 1 ]     0: not open
 *
 * The program may close descriptors that it does not know. Then the kernel drops
 * the registration, and every page with content counts as written again; a
 * number that has become something else's refuses our requests, and the word is
 * forgotten.
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/math.h"

/* ------------------------------------------------------------- the kernel's numbers */

struct uffd_api {
  uint64_t api, features, ioctls;
};

struct uffd_register {
  uint64_t start, size, mode, ioctls;
};

struct uffd_writeprotect {
  uint64_t start, size, mode;
};

struct pagemap_scan {
  uint64_t size, flags, start, end, walk_end;
  uint64_t vec, vec_len, max_pages;
  uint64_t inverted, all_of, any_of, returned;
};

#define UFFD_API_IOCTL _IOWR(0xaa, 0x3f, struct uffd_api)
#define UFFD_REGISTER_IOCTL _IOWR(0xaa, 0x00, struct uffd_register)
#define UFFD_WRITEPROTECT_IOCTL _IOWR(0xaa, 0x06, struct uffd_writeprotect)
#define PAGEMAP_SCAN_IOCTL _IOWR('f', 16, struct pagemap_scan)

enum {
  UFFD_VERSION = 0xaa,
  UFFD_USER_MODE_ONLY = 1,
  UFFD_WP_UNPOPULATED = 1 << 13,
  UFFD_WP_ASYNC = 1 << 15,
  UFFD_MODE_WP = 1 << 1,
  SCAN_WP_MATCHING = 1 << 0,
  SCAN_CHECK_WPASYNC = 1 << 1,
  PAGE_IS_WRITTEN = 1 << 1,
  PAGE_IS_PRESENT = 1 << 3,
  PAGE_IS_SWAPPED = 1 << 4,
  PAGE_IS_ZERO = 1 << 5,
  PAGE_IS_GUARD = 1 << 8 /* Linux 6.15 */
};

_Static_assert(sizeof(struct acre__os_written_run) == 24, "a struct page_region, which the kernel fills");

/* ------------------------------------------------------------- the descriptors */

struct tracker {
  int uffd, pagemap;
  bool passes_hidden;
};

#define PASSES_HIDDEN (UINT64_C(1) << 31)

static _Atomic uint64_t opened;

static uint64_t pack(struct tracker tracker) {
  return ((uint64_t)tracker.uffd + 1) | (tracker.passes_hidden ? PASSES_HIDDEN : 0) |
         ((uint64_t)tracker.pagemap + 1) << 32;
}

static struct tracker unpack(uint64_t word) {
  return (struct tracker){(int)(word & (PASSES_HIDDEN - 1)) - 1, (int)(word >> 32) - 1, (word & PASSES_HIDDEN) != 0};
}

static acre_result open_error(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE: return ACRE_E_TOO_MANY_FILES;
    case ENOMEM: return ACRE_E_NO_MEMORY;
    default: return ACRE_E_NOT_SUPPORTED; /* not in this kernel, or forbidden */
  }
}

/* The restricted kind is for everybody; kernels before 5.11 and some policies know only the other. */
static int open_uffd(void) {
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
  return fd >= 0 || errno == EMFILE || errno == ENFILE ? fd : (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
}

static long scan_nothing(int pagemap, uint64_t categories) {
  struct pagemap_scan scan;
  memset(&scan, 0, sizeof scan);
  scan.size = sizeof scan;
  scan.all_of = scan.returned = categories;
  return ioctl(pagemap, PAGEMAP_SCAN_IOCTL, &scan);
}

static void close_tracker(struct tracker tracker) {
  close(tracker.uffd);
  close(tracker.pagemap);
}

static acre_result open_tracker(struct tracker *out) {
  struct uffd_api api = {.api = UFFD_VERSION, .features = UFFD_WP_ASYNC | UFFD_WP_UNPOPULATED};
  out->uffd = open_uffd();
  if (out->uffd < 0) return open_error(errno);
  out->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (out->pagemap < 0) {
    acre_result result = open_error(errno);
    close(out->uffd);
    return result;
  }
  if (ioctl(out->uffd, UFFD_API_IOCTL, &api) != 0 || scan_nothing(out->pagemap, PAGE_IS_WRITTEN) < 0) {
    close_tracker(*out);
    return ACRE_E_NOT_SUPPORTED;
  }
  out->passes_hidden = scan_nothing(out->pagemap, PAGE_IS_GUARD) >= 0;
  return ACRE_OK;
}

/* The process's tracker, opened if it is not yet. */
static acre_result get_tracker(uint64_t *word) {
  *word = atomic_load(&opened);
  if (*word != 0) return ACRE_OK;
  struct tracker fresh;
  acre_result result = open_tracker(&fresh);
  if (result != ACRE_OK) return result;
  if (atomic_compare_exchange_strong(&opened, word, pack(fresh)))
    *word = pack(fresh);
  else
    close_tracker(fresh); /* another thread was first */
  return ACRE_OK;
}

static void close_if(int fd, const char *target) {
  char path[32] = "/proc/self/fd/", link[40], digits[12];
  size_t count = 0, length = strlen(path);
  for (int rest = fd; rest > 0 || count == 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
  while (count > 0) path[length++] = digits[--count];
  ssize_t got = readlink(path, link, sizeof link);
  size_t wanted = strlen(target);
  if (got >= (ssize_t)wanted && memcmp(link + got - wanted, target, wanted) == 0) close(fd);
}

/* Forgets the tracker, and closes what of it is still what it was. */
static void drop_tracker(uint64_t word) {
  if (!atomic_compare_exchange_strong(&opened, &word, 0)) return;
  struct tracker tracker = unpack(word);
  close_if(tracker.uffd, "[userfaultfd]");
  close_if(tracker.pagemap, "/pagemap");
}

/* Whether a request failed because the descriptor is not ours any more. */
static bool is_gone(int error) {
  return error == EBADF || error == ENOTTY;
}

void acre__os_track_in_child(void) {
  int error = errno;
  uint64_t word = atomic_load(&opened);
  if (word != 0) drop_tracker(word);
  errno = error;
}

/* ------------------------------------------------------------- tracking */

/* Returns 0 or an errno. */
static int track(struct tracker tracker, void *address, size_t size) {
  struct uffd_register range = {.start = (uintptr_t)address, .size = size, .mode = UFFD_MODE_WP};
  struct uffd_writeprotect none = {.start = (uintptr_t)address, .size = size};
  madvise(address, size, MADV_NOHUGEPAGE); /* fails where there are no large pages */
  if (ioctl(tracker.uffd, UFFD_REGISTER_IOCTL, &range) != 0) return errno;
  return ioctl(tracker.uffd, UFFD_WRITEPROTECT_IOCTL, &none) == 0 ? 0 : errno;
}

acre_result acre__os_track(void *address, size_t size) {
  for (int attempts = 2;; attempts--) {
    uint64_t word;
    acre_result result = get_tracker(&word);
    if (result != ACRE_OK) return result;
    int error = track(unpack(word), address, size);
    if (error == 0) return ACRE_OK;
    if (error == EINVAL) return ACRE_E_NOT_SUPPORTED;
    if (!is_gone(error)) return acre__linux_mapping_error(error, ACRE_E_NO_MEMORY);
    drop_tracker(word);
    if (attempts == 1) return ACRE_E_NOT_SUPPORTED;
  }
}

/* ------------------------------------------------------------- searching */

/* Returns 0 or an errno. */
static int search_with(struct tracker tracker, struct acre__os_written_search *search) {
  struct pagemap_scan scan = {.size = sizeof scan,
                              .flags = SCAN_CHECK_WPASYNC | (search->reset ? SCAN_WP_MATCHING : 0),
                              .start = search->start,
                              .end = search->end,
                              .vec = (uintptr_t)search->runs,
                              .vec_len = search->room,
                              .max_pages = search->most_pages,
                              .all_of = PAGE_IS_WRITTEN,
                              .returned = PAGE_IS_WRITTEN};
  if (!search->all_have_content) {
    scan.inverted = PAGE_IS_ZERO | (tracker.passes_hidden ? PAGE_IS_GUARD : 0);
    scan.all_of |= scan.inverted;
    scan.any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED;
  }
  long got = ioctl(tracker.pagemap, PAGEMAP_SCAN_IOCTL, &scan);
  if (got < 0) return errno;
  search->count = (size_t)got;
  search->start = (uintptr_t)scan.walk_end;
  return 0;
}

acre_result acre__os_written(struct acre__os_written_search *search) {
  uint64_t word = atomic_load(&opened);
  search->count = 0;
  if (word == 0) return ACRE_E_NOT_SUPPORTED;
  int error = search_with(unpack(word), search);
  if (error == 0) return ACRE_OK;
  if (is_gone(error)) drop_tracker(word);
  return error == ENOMEM ? ACRE_E_NO_MEMORY : ACRE_E_NOT_SUPPORTED;
}

/* ------------------------------------------------------------- probing */

/* How many pages count as written; 0 also for a failure. */
static size_t written_pages(struct tracker tracker, const char *pages, size_t size, bool reset) {
  struct acre__os_written_run runs[4];
  struct acre__os_written_search search = {
      .start = (uintptr_t)pages, .end = (uintptr_t)pages + size, .reset = reset, .runs = runs, .room = 4};
  if (search_with(tracker, &search) != 0) return 0;
  size_t bytes = 0;
  for (size_t i = 0; i < search.count; i++) bytes += (size_t)(runs[i].end - runs[i].start);
  return bytes * 4 / size;
}

/* Four pages: written, read, untouched, written by the kernel. */
static bool try_tracking(struct tracker tracker, char *pages, size_t size) {
  size_t page = size / 4;
  if (track(tracker, pages, size) != 0 || mprotect(pages, size, PROT_READ | PROT_WRITE) != 0) return false;
  *(volatile char *)pages = 1;
  (void)*(volatile char *)(pages + page);
  if (written_pages(tracker, pages, size, true) != 1 || written_pages(tracker, pages, size, false) != 0) return false;
  *(volatile char *)pages = 2;
  if (readlink("/proc/self", pages + 3 * page, page) <= 0) return false;
  return written_pages(tracker, pages, size, false) == 2;
}

void acre__os_probe_tracking(struct acre__os_tracking *out) {
  struct tracker tracker;
  size_t size = 4 * (size_t)sysconf(_SC_PAGESIZE);
  *out = (struct acre__os_tracking){false, false};
  if (open_tracker(&tracker) != ACRE_OK) return;
  char *pages = mmap(NULL, size, PROT_NONE, ACRE_LINUX_RESERVATION, -1, 0);
  if (pages != MAP_FAILED) {
    out->works = try_tracking(tracker, pages, size);
    out->passes_hidden = out->works && tracker.passes_hidden;
    munmap(pages, size);
  }
  close_tracker(tracker);
}
