/* SPDX-License-Identifier: MIT */
/*
 * acre/base.h - what every other Acre header needs: results, version, and the
 * figures of the system that the program runs on.
 *
 * Conventions of every Acre header
 *   Sizes are bytes (size_t). A size that must be a whole number of pages is
 *   rounded up, an address down, so that every page which the bytes
 *   [address, address + size) touch is meant: the rule of Windows.
 *   Functions return acre_result; 0 is ACRE_OK. On any other result nothing has
 *   changed, unless the function's text says otherwise.
 *   Option structs: zero means the default, so `{0}` is a full set of defaults,
 *   and a NULL pointer means the same.
 *   Threads: every function may be called from any thread at any time, unless
 *   its text says otherwise.
 *   Fork: the child owns a copy of everything and may use it at once.
 *   Signal handlers may call only what says so.
 *   Win32 counterpart: the function of Windows that does it, or does the nearest
 *   to it; where a text names none, there is none.
 */
#ifndef ACRE_BASE_H
#define ACRE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(ACRE_STATIC) || !defined(__ELF__)
#define ACRE_API
#else
#define ACRE_API __attribute__((visibility("default")))
#endif

#define ACRE_VERSION_MAJOR 0
#define ACRE_VERSION_MINOR 1
#define ACRE_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a function did. Values are stable: new ones are added at the end.
 * The comment names the Win32 error that the Win32 names report for it.
 */
typedef enum acre_result {
  ACRE_OK = 0,                   /* done                                  ERROR_SUCCESS */
  ACRE_E_INVALID_ARGUMENT = 1,   /* null pointer, unknown flag            ERROR_INVALID_PARAMETER */
  ACRE_E_INVALID_SIZE = 2,       /* zero, or past the address space       ERROR_INVALID_PARAMETER */
  ACRE_E_INVALID_ADDRESS = 3,    /* outside what a program can own        ERROR_INVALID_ADDRESS */
  ACRE_E_INVALID_ALIGNMENT = 4,  /* not a power of two, or not aligned    ERROR_MAPPED_ALIGNMENT */
  ACRE_E_INVALID_PROTECTION = 5, /* unknown, or more than the view allows ERROR_INVALID_PARAMETER */
  ACRE_E_ADDRESS_IN_USE = 6,     /* something is there already            ERROR_INVALID_ADDRESS */
  ACRE_E_NOT_A_REGION = 7,       /* free, or not made by Acre             ERROR_INVALID_ADDRESS */
  ACRE_E_NOT_REGION_BASE = 8,    /* inside a region, not at its base      ERROR_INVALID_ADDRESS */
  ACRE_E_SPANS_REGIONS = 9,      /* starts in one region, ends outside    ERROR_INVALID_ADDRESS */
  ACRE_E_NOT_COMMITTED = 10,     /* a page of the range is only reserved  ERROR_INVALID_ADDRESS */
  ACRE_E_NOT_LOCKED = 11,        /* a page of the range is not locked     ERROR_NOT_LOCKED */
  ACRE_E_WRONG_KIND = 12,        /* not for a region of this kind         ERROR_INVALID_PARAMETER */
  ACRE_E_NO_ADDRESS_SPACE = 13,  /* no free range is large enough         ERROR_NOT_ENOUGH_MEMORY */
  ACRE_E_NO_MEMORY = 14,         /* the system has no memory left         ERROR_NOT_ENOUGH_MEMORY */
  ACRE_E_COMMIT_LIMIT = 15,      /* over the commit limit                 ERROR_COMMITMENT_LIMIT */
  ACRE_E_MAPPING_LIMIT = 16,     /* over the kernel's vm.max_map_count    ERROR_NOT_ENOUGH_MEMORY */
  ACRE_E_LOCK_LIMIT = 17,        /* over RLIMIT_MEMLOCK                   ERROR_WORKING_SET_QUOTA */
  ACRE_E_ACCESS_DENIED = 18,     /* the system forbids it                 ERROR_ACCESS_DENIED */
  ACRE_E_NOT_SUPPORTED = 19,     /* this system cannot                    ERROR_NOT_SUPPORTED */
  ACRE_E_CONTENT_LOST = 20,      /* undo of a reset came too late         ERROR_NO_MORE_ITEMS */
  ACRE_E_FULL = 21,              /* over the array's maximum              ERROR_NOT_ENOUGH_MEMORY */
  ACRE_E_NOT_FOUND = 22,         /* no such file                          ERROR_FILE_NOT_FOUND */
  ACRE_E_EXISTS = 23,            /* the file exists already               ERROR_FILE_EXISTS */
  ACRE_E_NOT_A_FILE = 24,        /* a directory, device, pipe or socket   ERROR_ACCESS_DENIED */
  ACRE_E_EMPTY_FILE = 25,        /* an empty file has nothing to map      ERROR_FILE_INVALID */
  ACRE_E_READ_ONLY = 26,         /* a file system that takes no writes    ERROR_WRITE_PROTECT */
  ACRE_E_NO_SPACE = 27,          /* disk or quota is full                 ERROR_DISK_FULL */
  ACRE_E_FILE_TOO_LARGE = 28,    /* over what the file system takes       ERROR_FILE_TOO_LARGE */
  ACRE_E_TOO_MANY_FILES = 29,    /* no descriptor left                    ERROR_TOO_MANY_OPEN_FILES */
  ACRE_E_OUT_OF_RANGE = 30,      /* past the end of the section or view   ERROR_INVALID_PARAMETER */
  ACRE_E_IO = 31,                /* the device failed                     ERROR_IO_DEVICE */
  ACRE_E_BUSY = 32,              /* in use by someone else                ERROR_SHARING_VIOLATION */
  ACRE_E_UNEXPECTED = 33,        /* a system error with no name here      ERROR_GEN_FAILURE */
  ACRE_E_HEAP_LIMIT = 34,        /* over the heap's limit                 ERROR_NOT_ENOUGH_MEMORY */
  ACRE_E_NOT_A_BLOCK = 35,       /* not a block (of this heap) in use     ERROR_INVALID_PARAMETER */
  ACRE_E_HEAP_CORRUPT = 36,      /* a heap's data were overwritten        ERROR_INVALID_DATA */
  ACRE_E_MORE = 37,              /* done, and there is more to report     ERROR_MORE_DATA */
  ACRE_E_MAPPED = 38             /* a section or view reaches to it       ERROR_USER_MAPPED_FILE */
} acre_result;

/*
 * The enumerator's name ("ACRE_E_NO_SPACE"), or "ACRE_E_?" for a number that is
 * none. Static text; callable from a signal handler.
 */
ACRE_API const char *acre_result_name(acre_result result);

/*
 * One sentence for a person: what it means and what to do about it. Static
 * text, English, no full stop, never NULL; callable from a signal handler.
 * Win32 counterpart: FormatMessage.
 */
ACRE_API const char *acre_result_text(acre_result result);

/* How Acre commits scattered pages here (see acre_system.commit_way). */
typedef enum acre_commit_way {
  ACRE_COMMIT_BY_MPROTECT = 0, /* one mapping per run of pages; vm.max_map_count bounds it. Windows: VirtualAlloc */
  ACRE_COMMIT_BY_GUARD = 1     /* guard markers (Linux 6.13+): no new mapping per run */
} acre_commit_way;

/* How Acre asks about memory that is not its own (see acre_system.query_way). */
typedef enum acre_query_way {
  ACRE_QUERY_BY_PROC = 0, /* reads /proc/self/maps */
  ACRE_QUERY_BY_IOCTL = 1 /* one answer, no parsing: PROCMAP_QUERY (Linux 6.11+); Windows: VirtualQuery */
} acre_query_way;

/* How Acre populates pages (see acre_system.populate_way). */
typedef enum acre_populate_way {
  ACRE_POPULATE_BY_TOUCH = 0,  /* touches each page */
  ACRE_POPULATE_BY_MADVISE = 1 /* MADV_POPULATE_READ/WRITE (Linux 5.14+) */
} acre_populate_way;

/* Which bound the commit limit is (see acre_system.commit_limit): the least of those that there are. */
typedef enum acre_commit_bound {
  ACRE_COMMIT_BOUND_NONE = 0,   /* nothing is known to bound it */
  ACRE_COMMIT_BOUND_USER = 1,   /* acre_vm_set_commit_limit, or commit_limit of ACRE_OPTIONS */
  ACRE_COMMIT_BOUND_MEMORY = 2, /* RAM + swap (+ paging file) of the system */
  ACRE_COMMIT_BOUND_GROUP = 3   /* what the program's cgroup may have (+ paging file) */
} acre_commit_bound;

/* How Acre finds written pages (see acre_system.written_way). */
typedef enum acre_written_way {
  ACRE_WRITTEN_BY_FAULT = 0, /* write protection and faults; system calls need acre_vm_written_prepare */
  ACRE_WRITTEN_BY_KERNEL = 1 /* userfaultfd and PAGEMAP_SCAN (Linux 6.7+), where the system allows them */
} acre_written_way;

/* The system's figures. Sizes in bytes. */
typedef struct acre_system {
  size_t page_size;              /* the unit of commit, decommit, protect */
  size_t allocation_granularity; /* every region starts on a multiple of it: 64 KiB or the page, whichever is larger */
  uintptr_t lowest_address;      /* lowest address that a region can have */
  uintptr_t highest_address;     /* highest byte that a region can hold */
  size_t large_page_size;        /* size of a large page, 0 where there is none */
  uint64_t physical_memory;      /* RAM */
  uint64_t available_memory;     /* RAM that could be had now without swapping */
  uint64_t swap;                 /* swap space in all */
  unsigned processors;           /* processors on line */
  size_t mapping_limit; /* vm.max_map_count: mappings the kernel allows one process; SIZE_MAX: there is no such limit */
  int overcommit_mode;  /* vm.overcommit_memory: 0, 1 or 2; -1 where it is unknown */
  bool transparent_large_pages; /* the kernel gives them to those who ask */
  acre_commit_way commit_way;
  acre_query_way query_way;
  acre_populate_way populate_way;
  acre_commit_bound commit_bound; /* which bound commit_limit is */

  size_t regions;          /* regions that Acre holds now */
  uint64_t reserved_bytes; /* address space that they hold */
  uint64_t commit_charge;  /* bytes that are committed: what is charged, acre/vm.h says */
  uint64_t commit_peak;    /* the most that they have been; if several threads commit, at the most */
  uint64_t commit_limit;   /* the most that they may be; UINT64_MAX: no limit */
  size_t metadata_bytes;   /* bytes that Acre's own tables take for it */
  uint64_t
      paging_file_maximum; /* what the paging file that is set may hold; UINT64_MAX: all that the disk has; 0: none is set */
  uint64_t paging_file_charge; /* bytes of the charge that are on it */
  char kernel[64];             /* name and release of the kernel */
  unsigned nodes;              /* NUMA nodes: their numbers are below it; 1 where there are none */
  size_t large_pages;          /* large pages in the system's own pool (vm.nr_hugepages), taken ones included */
  size_t large_pages_free;     /* those that can be had now, the pool's growth (vm.nr_overcommit_hugepages) included */
  bool collapse;               /* acre_vm_collapse works (Linux 6.1+) */
  acre_written_way written_way;
  size_t map_granularity; /* a view begins as far into its region as its offset is from a multiple of it: the page;
                             on Windows without placeholders (before 10, version 1803) 64 KiB */
} acre_system;

/*
 * Fills `out` with the system's figures.
 * Result: ACRE_OK; ACRE_E_INVALID_ARGUMENT if `out` is NULL.
 * Cost: some microseconds; it walks the regions for the sums. The sums are
 * exact when no other thread commits meanwhile.
 * Win32 counterpart: GetSystemInfo, GlobalMemoryStatusEx, GetLargePageMinimum.
 */
ACRE_API acre_result acre_system_info(acre_system *out);

/* "MAJOR.MINOR.PATCH" of the library that runs, which may be newer than this header. Static text. */
ACRE_API const char *acre_version(void);

#ifdef __cplusplus
}
#endif

#endif
