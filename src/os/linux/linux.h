/* SPDX-License-Identifier: MIT */
/*
 * linux.h - what the files of the Linux backend share. Included first, as it
 * asks libc for everything it has.
 *
 * The numbers of newer kernels are spelled out here: Debian 12's headers and
 * musl's lack them, and whether the running kernel has them is asked of it.
 */
#ifndef ACRE_OS_LINUX_LINUX_H
#define ACRE_OS_LINUX_LINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include "os/os.h"

enum {
  ACRE_LINUX_MADV_COLD = 20,
  ACRE_LINUX_MADV_PAGEOUT = 21,
  ACRE_LINUX_MADV_POPULATE_READ = 22,
  ACRE_LINUX_MADV_POPULATE_WRITE = 23,
  ACRE_LINUX_MADV_DONTNEED_LOCKED = 24,
  ACRE_LINUX_MADV_COLLAPSE = 25,
  ACRE_LINUX_MADV_GUARD_INSTALL = 102,
  ACRE_LINUX_MADV_GUARD_REMOVE = 103,
  ACRE_LINUX_PIDFD_SELF = -10000, /* 6.14 */
  ACRE_LINUX_MAP_FIXED_NOREPLACE = 0x100000
};

/* Private futexes (FUTEX_PRIVATE_FLAG is 128), and an operation of FUTEX_WAKE_OP: as in <linux/futex.h>. */
enum {
  ACRE_LINUX_FUTEX_WAIT = 0 | 128,
  ACRE_LINUX_FUTEX_WAKE = 1 | 128,
  ACRE_LINUX_FUTEX_CMP_REQUEUE = 4 | 128,
  ACRE_LINUX_FUTEX_WAKE_OP = 5 | 128,
  ACRE_LINUX_FUTEX_OR_NOTHING = 2 << 28 | 0x7ff /* OR 0 into the word; wake if it was 0x7ff */
};

/* As in <linux/fs.h>, which takes names that are ours. */
#define ACRE_LINUX_FS_IOC_GETFLAGS _IOR('f', 1, long)
#define ACRE_LINUX_FS_IOC_SETFLAGS _IOW('f', 2, long)
enum { ACRE_LINUX_FS_NOCOW = 0x00800000 };

/* As in <linux/memfd.h>. */
enum { ACRE_LINUX_MFD_NOEXEC_SEAL = 8 };

/* Commands of membarrier, as in <linux/membarrier.h>. */
enum {
  ACRE_LINUX_MEMBARRIER_QUERY = 0,
  ACRE_LINUX_MEMBARRIER_PRIVATE = 1 << 3,
  ACRE_LINUX_MEMBARRIER_REGISTER_PRIVATE = 1 << 4
};

/* How every reservation is mapped. */
#define ACRE_LINUX_RESERVATION (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/*
 * Addresses that the kernel hands out unasked end here. Above it (five-level
 * x86 paging, 52-bit arm64) is memory only for those who ask for an address up
 * there, because programs keep tags in those bits. Acre never goes there.
 */
#if defined(__x86_64__)
#define ACRE_LINUX_WINDOW (UINT64_C(1) << 47)
#elif defined(__aarch64__)
#define ACRE_LINUX_WINDOW (UINT64_C(1) << 48)
#else
#define ACRE_LINUX_WINDOW ((uint64_t)UINTPTR_MAX)
#endif

/* Granularity on pages of up to this size, and the floor of all reservations: the first 64 KiB catch null pointers. */
#define ACRE_LINUX_GRANULARITY ((size_t)64 << 10)

/* ------------------------------------------------------------- error.c */

/* The one table from errno to results. */
acre_result acre__linux_error(int error);

/*
 * For a failed mmap, mprotect, munmap or mlock. ENOMEM there means too many
 * mappings, or anything else, which is `no_memory` (what it means to the caller).
 */
acre_result acre__linux_mapping_error(int error, acre_result no_memory);

/* ------------------------------------------------------------- memory.c */

int acre__linux_protection(acre_vm_protection protection);

/* Whether addresses that the kernel hands out unasked have room for so much at `wish`. */
bool acre__linux_is_possible(uintptr_t wish, size_t size);

/* madvise, again while it says that it lost a race. Returns 0 or an errno. */
int acre__linux_advise(void *address, size_t size, int advice);

/*
 * Reserves the range again if a failed mmap over it has left it free, as
 * kernels before 6.12 may. Keeps errno.
 */
void acre__linux_restore_reservation(void *address, size_t size);

/* ------------------------------------------------------------- query.c */

/*
 * Why a read or write of `page` faults: ACRE_E_OUT_OF_RANGE, past the end of its
 * file; ACRE_E_IO, inside it; ACRE_E_ACCESS_DENIED, protection or hiding.
 */
acre_result acre__linux_why_fault(uintptr_t page, bool for_writing);

/* Around fork, before any lock of the caller's. */
void acre__linux_images_before_fork(void);
void acre__linux_images_in_parent(void);
void acre__linux_images_in_child(void);

/* Whether PROCMAP_QUERY works here. */
bool acre__linux_has_procmap_query(void);

/* ------------------------------------------------------------- process.c */

struct acre__linux_switches {
  bool query_without_ioctl;
  bool populate_by_touch;
  bool plain_files;
  bool single_calls;
  bool dirty_by_mapping;
  bool copy_by_memcpy;
};
extern struct acre__linux_switches acre__linux_switches;

/* The highest byte a mapping may hold, found by trying. */
uintptr_t acre__linux_highest_address(void);

/* /proc/meminfo's figures of the pool of large pages. */
struct acre__linux_pool {
  size_t total, available;
};
struct acre__linux_pool acre__linux_pool(void);

/* lines.c: lines of a file, streamed through a text of the caller's. All but the first three is 0 when it begins. */
struct acre__linux_lines {
  int file;
  char *text;
  size_t size, begin, end;
};

/* The next line without its end; NULL: none is left. Lines that are longer than the text are passed over. */
char *acre__linux_next_line(struct acre__linux_lines *lines);

/* The number at the start of a small file of /proc or /sys, or `otherwise`. */
uint64_t acre__linux_read_number(const char *path, uint64_t otherwise);

/* ------------------------------------------------------------- bounds.c */

/* acre__os_bounds_read's part for groups, reading these files in place of /proc/self/mountinfo and /proc/self/cgroup. */
void acre__linux_group_bound(struct acre__os_bounds *bounds, const char *mounts, const char *groups);

#endif
