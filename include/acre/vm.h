/* SPDX-License-Identifier: MIT */
/*
 * acre/vm.h - virtual memory control: reserve address space, commit memory to
 * parts of it, take it away again.
 *
 *        reserve            commit
 *   FREE ------> RESERVE ------------> COMMIT
 *     ^             ^  <------------     |
 *     |             |     decommit       |
 *     +-------------+--------------------+
 *                release (always the whole region)
 *
 *   FREE     nothing is there; any allocation may take it
 *   RESERVE  held: nothing else can be placed there, libc's mappings included;
 *            costs no memory, and an access faults
 *   COMMIT   memory stands behind it, and reads zero until it is written
 *
 * A region is what one acre_vm_reserve returned. It starts on a multiple of the
 * allocation granularity and is a whole number of pages long.
 *
 * Rounding and the all-or-nothing rule (Windows's): a range [address,
 * address + size) means every page that it touches. All of these pages must lie
 * in one region and be in a state that the operation takes; otherwise, and on
 * any failure of the system, nothing changes and the result says why.
 *
 * Checks that every function makes, in this order:
 *   ACRE_E_INVALID_PROTECTION the protection is none of the six
 *   ACRE_E_INVALID_ARGUMENT   a pointer is NULL that may not be, or a flag is unknown
 *   ACRE_E_INVALID_SIZE       size is 0, or address + size is past the last address
 *   ACRE_E_NOT_A_REGION       the address is free, or its memory is not Acre's
 *   ACRE_E_SPANS_REGIONS      the range leaves the region in which it starts
 * The functions below list only what they add to these. In a program that has
 * locked all its future memory (mlockall), whatever reserves or commits can also
 * answer ACRE_E_LOCK_LIMIT.
 *
 * The commit limit: every committed byte is charged, once, and never more of them
 * than the limit (acre_vm_set_commit_limit) allows. Whatever commits answers
 * ACRE_E_COMMIT_LIMIT beyond it, before it has asked the system for anything. (A
 * touch that would have to commit beyond it is the program's fault: SIGSEGV.)
 * Charged are the committed pages of regions, whatever they hold and allow, and
 * the pages of views that are copied on write, and of sections on the paging file. The kernel by itself promises
 * much more memory than there is, and ends a program when that is found out.
 *
 * Threads: any function on any address at any time. Operations on one region
 * take turns; operations on different regions run in parallel, as far as the
 * kernel's own lock lets them. Releasing a region that another thread is using
 * is an error of the program, as free() is; Acre's own tables stay whole.
 *
 * Fork: the child has the same regions at the same addresses, as copies. Locks
 * (acre_vm_lock) are not inherited, as mlock(2) says; nor is what regions on the
 * paging file hold (acre_vm_set_paging_file).
 *
 * Signal handlers: none of these functions may be called from one. Touching
 * memory of a region with `touch_step` in a handler is always fine. (What a fault
 * handler may do: acre/fault.h.)
 */
#ifndef ACRE_VM_H
#define ACRE_VM_H

#include <acre/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a page lets the program do. Win32: PAGE_NOACCESS, PAGE_READONLY, ... */
typedef enum acre_vm_protection {
  ACRE_VM_DEFAULT = 0,   /* as an argument: read-write at reserve, the region's own at commit */
  ACRE_VM_NO_ACCESS = 1, /* keeps its content; an access faults */
  ACRE_VM_READ = 2,
  ACRE_VM_READ_WRITE = 3,
  ACRE_VM_EXECUTE = 4, /* processors that cannot execute without reading let it be read */
  ACRE_VM_EXECUTE_READ = 5,
  ACRE_VM_EXECUTE_READ_WRITE = 6,
  ACRE_VM_GUARD = 16 /* a modifier: ORed to one of those for commit and protect (acre/fault.h). Win32: PAGE_GUARD */
} acre_vm_protection;

typedef enum acre_vm_state { ACRE_VM_FREE = 0, ACRE_VM_RESERVED = 1, ACRE_VM_COMMITTED = 2 } acre_vm_state;

/* What stands behind an address. */
typedef enum acre_vm_kind {
  ACRE_VM_KIND_NONE = 0,       /* free */
  ACRE_VM_KIND_PRIVATE = 1,    /* a region of Acre's */
  ACRE_VM_KIND_MAPPED = 2,     /* a view of a file or section: Acre's or anyone's */
  ACRE_VM_KIND_IMAGE = 3,      /* the program or a shared library */
  ACRE_VM_KIND_STACK = 4,      /* the main thread's stack */
  ACRE_VM_KIND_HEAP = 5,       /* the C library's brk heap */
  ACRE_VM_KIND_FOREIGN = 6,    /* other memory that Acre did not make */
  ACRE_VM_KIND_PLACEHOLDER = 7 /* a reservation of Acre's that can be cut up and replaced */
} acre_vm_kind;

typedef enum acre_vm_flags {
  ACRE_VM_COMMIT = 1 << 0,       /* reserve and commit the whole region, or nothing. Win32: MEM_COMMIT */
  ACRE_VM_TOP_DOWN = 1 << 1,     /* the highest free range that the kernel offers. Win32: MEM_TOP_DOWN */
  ACRE_VM_STRICT = 1 << 2,       /* commits have their memory before they return (see acre_vm_commit) */
  ACRE_VM_PLACEHOLDER = 1 << 3,  /* a placeholder: see below. Win32: MEM_RESERVE_PLACEHOLDER */
  ACRE_VM_LARGE_PAGES = 1 << 4,  /* large pages, if the system has them: see below. Win32: MEM_LARGE_PAGES */
  ACRE_VM_TRACK_WRITES = 1 << 5, /* acre_vm_written tells which pages were written. Win32: MEM_WRITE_WATCH */
  ACRE_VM_REPLACE = 1 << 8       /* in the place of the placeholder at `address`. Win32: MEM_REPLACE_PLACEHOLDER */
} acre_vm_flags;

/* What stands behind the committed pages of a region. */
typedef enum acre_vm_backing {
  ACRE_VM_BACKING_MEMORY = 0,     /* RAM and, where the system has some, swap */
  ACRE_VM_BACKING_PAGING_FILE = 1 /* a file on a disk, and RAM as a cache of it: see acre_vm_set_paging_file */
} acre_vm_backing;

/* What a region's committed pages are made of. */
typedef enum acre_vm_large_pages {
  ACRE_VM_LARGE_PAGES_NONE = 0,        /* small pages: not asked for, or not to be had */
  ACRE_VM_LARGE_PAGES_TRANSPARENT = 1, /* the kernel was asked for large ones, and gives them where it can */
  ACRE_VM_LARGE_PAGES_EXPLICIT = 2     /* large ones of the system's own pool, and no others */
} acre_vm_large_pages;

/* How to reserve. Zero in every field is the default. */
typedef struct acre_vm_options {
  void *address;                 /* wished for; rounded down to the granularity. NULL: anywhere */
  size_t alignment;              /* of the base, a power of two; 0 or less than the granularity: the granularity */
  unsigned flags;                /* acre_vm_flags */
  acre_vm_protection protection; /* of pages committed without a protection of their own. With ACRE_VM_GUARD: what
                                    ACRE_VM_COMMIT commits are guard pages; later commits say so themselves */
  size_t touch_step;             /* not 0: a touch of a reserved page commits it and its neighbours, this many bytes
                                    at a time (rounded up to pages, at most 4 GiB), aligned in the region. 0: a touch
                                    faults */
  acre_vm_backing backing;       /* what stands behind committed pages */
  unsigned node;                 /* 1 + the number of the NUMA node that memory should come from; 0: any */
} acre_vm_options;

/*
 * Large pages (ACRE_VM_LARGE_PAGES). The base is aligned to the large page
 * (acre_system.large_page_size), size and touch_step are rounded up to it. Then
 *   - explicit ones are taken, if the system's pool (vm.nr_hugepages) has
 *     enough free ones for all of the region when it is reserved;
 *   - else transparent ones are asked for, where the kernel gives them;
 *   - else the region is an ordinary one.
 * Which it is, acre_vm_query tells in `large_pages`. It stays so, and a
 * reservation does not fail for want of large pages.
 * With explicit ones the unit is the large page: a range means every large
 * page that it touches. A commit takes them from the pool, so that no touch
 * fails, and is ACRE_E_NO_MEMORY when the pool has too few (but with ACRE_VM_COMMIT
 * at reserve others are taken). They are never swapped, so acre_vm_reset, _undo_reset,
 * _offer, _reclaim, _discard, _cool and _page_out answer ACRE_E_WRONG_KIND. Caveat: after fork,
 * a child (or the parent) that writes to one needs another one of the pool, and is killed if there is none.
 *
 * A node (`node`). Memory comes from it while it has some, else from others. On a
 * system of one node, or where the kernel forbids the wish, it is a no-op;
 * acre_vm_query tells which node counts. Win32: VirtualAllocExNuma.
 */

/*
 * Reserves `size` bytes of address space and stores the region's base in *out.
 * Units: size is rounded up to pages. With a wished-for address the region
 * begins at that address rounded down to the granularity and ends with the page
 * of the last byte, so it may be longer than `size`; it is never placed over
 * memory that exists.
 * Result: ACRE_E_ADDRESS_IN_USE, the wished-for range is not free;
 *   ACRE_E_INVALID_ADDRESS, it is outside what the system lets a program have;
 *   ACRE_E_INVALID_ALIGNMENT, no power of two, or the wished-for address is not aligned so;
 *   ACRE_E_NO_ADDRESS_SPACE, no free range is large enough; ACRE_E_MAPPING_LIMIT;
 *   ACRE_E_TOO_MANY_FILES, with ACRE_VM_TRACK_WRITES: the first such region takes two descriptors;
 *   ACRE_E_NO_MEMORY, no memory for the tables, or, with ACRE_VM_COMMIT, for the commit;
 *   ACRE_E_COMMIT_LIMIT, with ACRE_VM_COMMIT;
 *   ACRE_E_INVALID_ARGUMENT, also a node that the system has not, or flags and fields that exclude
 *   each other: placeholders, large pages and tracked writes do not go with the paging file, nor the last two together.
 * With ACRE_VM_REPLACE see acre_vm_split.
 * On failure *out is NULL.
 * Cost: one mmap and no memory: 64 TiB costs as little as 64 KiB.
 * Lifetime: until acre_vm_release, or the end of the process.
 * Win32 counterpart: VirtualAlloc with MEM_RESERVE.
 */
ACRE_API acre_result acre_vm_reserve(size_t size, const acre_vm_options *options, void **out);

/*
 * Commits the pages of the range: they can be used at once, and pages that were
 * not committed before read zero. Pages that were committed keep their content,
 * and all pages of the range get `protection` (ACRE_VM_DEFAULT: the region's).
 * In a strict region (ACRE_VM_STRICT) new pages also get their memory before the
 * function returns, whatever their protection, so that no later touch of them can
 * fail or fault; if the memory is not to be had, nothing has changed. Others wait
 * for the region's lock meanwhile. What takes memory away later ends the promise
 * for those pages: acre_vm_reset, and a fork, whose copies come page by page.
 * (Where a cgroup's limit is met before the commit limit, because of memory that
 * is not Acre's, the kernel may end the program in place of refusing.)
 * In a view with reserved pages it commits these (acre/filemap.h): the view grows.
 * Result: ACRE_E_WRONG_KIND, the region is a placeholder, or a view without any; ACRE_E_NO_MEMORY;
 *   ACRE_E_COMMIT_LIMIT; acre_vm_commit_limit_text says more;
 *   ACRE_E_MAPPING_LIMIT, without guard markers the kernel's vm.max_map_count is met;
 *   ACRE_E_ACCESS_DENIED, the system forbids this protection.
 * Win32 counterpart: VirtualAlloc with MEM_COMMIT.
 */
ACRE_API acre_result acre_vm_commit(void *address, size_t size, acre_vm_protection protection);

/*
 * Takes the memory of the range away: content is gone, RSS falls at once, the
 * pages are reserved. Pages that are only reserved are passed over. Locked
 * pages are unlocked. If it fails, some of the pages may be reserved already,
 * or empty; acre_vm_query tells which are reserved.
 * Result: ACRE_E_WRONG_KIND, the region is a view; ACRE_E_NO_MEMORY;
 *   ACRE_E_MAPPING_LIMIT, as for commit.
 * Win32 counterpart: VirtualFree with MEM_DECOMMIT. (There, size 0 at the base
 * means the whole region; here it is ACRE_E_INVALID_SIZE.)
 */
ACRE_API acre_result acre_vm_decommit(void *address, size_t size);

/* A range of memory, in bytes; reported ones are whole pages. */
typedef struct acre_vm_run {
  void *address;
  size_t size;
} acre_vm_run;

/*
 * Commit, or decommit, several ranges, as acre_vm_commit and acre_vm_decommit do it with
 * each of them in its turn. They may lie in different regions and be in any order.
 * Where guard markers are in use (acre_system.commit_way) scattered pages cost some two thirds so, if
 * runs that are neighbours in memory are neighbours in the list: many go in one system call.
 * Result: that of the first range that fails. The ranges before it are done, of which *done tells
 *   the number (it may be NULL); those behind it are as they were.
 *   ACRE_E_INVALID_ARGUMENT, runs is NULL and count is not 0.
 * Win32 counterpart: none.
 */
ACRE_API acre_result acre_vm_commit_runs(const acre_vm_run *runs, size_t count, acre_vm_protection protection,
                                         size_t *done);
ACRE_API acre_result acre_vm_decommit_runs(const acre_vm_run *runs, size_t count, size_t *done);

/*
 * Gives the whole region back: its addresses are free.
 * Result: ACRE_E_NOT_A_REGION, also for a second release; ACRE_E_NOT_REGION_BASE,
 *   an address inside the region; ACRE_E_WRONG_KIND, the region is a view
 *   (acre_view_unmap releases it); ACRE_E_MAPPING_LIMIT, the kernel cannot
 *   split the mapping that the region shares with its neighbours. On the last the
 *   region is still there; of a large one the content may be gone, and its pages reserved.
 * Win32 counterpart: VirtualFree with MEM_RELEASE.
 */
ACRE_API acre_result acre_vm_release(void *base);

/*
 * Changes what may be done with the committed pages of the range; content
 * stays. Stores the first page's protection before the change in *old, if old
 * is not NULL (on Windows NULL is an error).
 * Result: ACRE_E_NOT_COMMITTED, a page is only reserved; ACRE_E_INVALID_PROTECTION,
 *   also ACRE_VM_DEFAULT, or more than a view's section allows;
 *   ACRE_E_ACCESS_DENIED; ACRE_E_MAPPING_LIMIT; ACRE_E_NO_MEMORY.
 * Win32 counterpart: VirtualProtect.
 */
ACRE_API acre_result acre_vm_protect(void *address, size_t size, acre_vm_protection protection,
                                     acre_vm_protection *old);

/* One run of pages with equal attributes. */
typedef struct acre_vm_info {
  void *base;                           /* the page of the address that was asked for */
  size_t size;                          /* bytes from base to the end of the run */
  acre_vm_state state;                  /* of the run */
  acre_vm_protection protection;        /* of the run, perhaps with ACRE_VM_GUARD; ACRE_VM_NO_ACCESS unless committed */
  acre_vm_kind kind;                    /* what stands there */
  void *region_base;                    /* region (of Acre's) or mapping (others'); NULL if free */
  size_t region_size;                   /* its bytes; 0 if free */
  acre_vm_protection region_protection; /* with which it was reserved, perhaps with ACRE_VM_GUARD */
  acre_vm_large_pages large_pages;      /* of the region; of others' memory it is not known: NONE */
  unsigned node;                        /* 1 + the region's preferred node; 0: none, or the system has but one */
} acre_vm_info;

/*
 * Describes the run of pages that begins with the page of `address`, which may
 * be any address of the process.
 * Addresses of Acre's regions are answered from Acre's table, without a system
 * call and mostly without a lock; others by the kernel (some microseconds, more
 * without PROCMAP_QUERY). While another thread changes the region, the answer is
 * from before the change or from after it.
 * Others' memory counts as committed, or as reserved if it allows no access.
 * Result: ACRE_E_INVALID_ARGUMENT, out is NULL; ACRE_E_INVALID_ADDRESS, above
 *   the highest address that a program can have; ACRE_E_NOT_SUPPORTED, others'
 *   memory where /proc is not mounted.
 * NULL is an address like any other (and free).
 * Win32 counterpart: VirtualQuery.
 */
ACRE_API acre_result acre_vm_query(const void *address, acre_vm_info *out);

/*
 * Tells which file stands behind `address`, in a view or in anyone's mapping: its
 * path, absolute, as the system knows it now, and in *offset which byte of the file stands there (UINT64_MAX: the system
 * does not tell, as on Windows).
 * At most size - 1 bytes of the path go to `path`, and a NUL; its whole length to *length. Each of the three may be
 * NULL (size is 0 then). Behind the path of a file that was removed stands " (deleted)"; what has no path
 * (memory) has a name of the system's. Paths beyond some 4,000 bytes are cut.
 * Result: ACRE_E_WRONG_KIND, no file is there (free, reserved, or plain memory);
 *   ACRE_E_INVALID_ARGUMENT; ACRE_E_INVALID_ADDRESS and ACRE_E_NOT_SUPPORTED as acre_vm_query, also of own memory.
 * Win32 counterpart: GetMappedFileName.
 */
ACRE_API acre_result acre_vm_query_file(const void *address, uint64_t *offset, char *path, size_t size, size_t *length);

/* Called for each run; false ends the walk. */
typedef bool (*acre_vm_visitor)(const acre_vm_info *info, void *context);

/*
 * Visits every run of the address space, FREE ones included, in ascending
 * order. The visitor may call any function of Acre's; what changes meanwhile
 * is seen or not, but no address is visited twice.
 * Result: ACRE_OK also when the visitor ended it; ACRE_E_INVALID_ARGUMENT;
 *   ACRE_E_NOT_SUPPORTED as for acre_vm_query.
 * Win32 counterpart: a loop of VirtualQuery.
 */
ACRE_API acre_result acre_vm_walk(acre_vm_visitor visitor, void *context);

/*
 * Gives every committed page of the range its memory now, for writing where it
 * may be written, else for reading, so that no later touch faults. An error
 * where touching would be a signal: past the end of a view's file,
 * ACRE_E_OUT_OF_RANGE. Pages populated before a failure stay so.
 * Result: ACRE_E_NOT_COMMITTED; ACRE_E_ACCESS_DENIED, a page allows no access;
 *   ACRE_E_OUT_OF_RANGE; ACRE_E_IO; ACRE_E_NO_MEMORY.
 * Win32 counterpart: none; VirtualLock, which keeps them there as well.
 */
ACRE_API acre_result acre_vm_populate(void *address, size_t size);

/*
 * Begins to bring the range's content into memory and returns at once: from
 * the file for a view, from swap for a region. A hint: pages that are there
 * already, and those that never had content, cost nothing.
 * Result: ACRE_E_NOT_COMMITTED.
 * Win32 counterpart: PrefetchVirtualMemory.
 */
ACRE_API acre_result acre_vm_prefetch(void *address, size_t size);

/*
 * Keeps the committed pages of the range in RAM (populating them) until they
 * are unlocked, decommitted or released. Locks do not nest.
 * Result: ACRE_E_NOT_COMMITTED; ACRE_E_LOCK_LIMIT, over RLIMIT_MEMLOCK;
 *   ACRE_E_ACCESS_DENIED, a page allows no access; ACRE_E_MAPPING_LIMIT; ACRE_E_NO_MEMORY.
 * After fork the child's pages are not locked.
 * Win32 counterpart: VirtualLock.
 */
ACRE_API acre_result acre_vm_lock(void *address, size_t size);

/*
 * Undoes acre_vm_lock.
 * Result: ACRE_E_NOT_LOCKED, a page of the range is not locked.
 * Win32 counterpart: VirtualUnlock.
 */
ACRE_API acre_result acre_vm_unlock(void *address, size_t size);

/*
 * Tells the system that the content of the pages that lie wholly inside the
 * range is of no more use: under memory pressure it may drop them, and they
 * read zero then. They stay committed. Here the range is rounded inwards, so
 * that no neighbour's byte is lost; a range without a whole page changes
 * nothing. Writing a page makes its content count again.
 * Result: ACRE_E_NOT_COMMITTED; ACRE_E_WRONG_KIND, the region is a view, or a
 *   page of it is locked; ACRE_E_ACCESS_DENIED, a page is not writable.
 * Win32 counterpart: VirtualAlloc with MEM_RESET.
 */
ACRE_API acre_result acre_vm_reset(void *address, size_t size);

/*
 * Makes content count again that acre_vm_reset gave up.
 * Result: ACRE_OK, all of it is intact; ACRE_E_CONTENT_LOST, a page was dropped
 *   and reads zero (every page counts again all the same); ACRE_E_NOT_COMMITTED;
 *   ACRE_E_WRONG_KIND.
 * A page never written before the reset counts as lost (unless it was read, on a
 * kernel that gives reads pages of their own), as there was nothing
 * to keep.
 * Win32 counterpart: VirtualAlloc with MEM_RESET_UNDO.
 */
ACRE_API acre_result acre_vm_undo_reset(void *address, size_t size);

/*
 * Bounds the bytes that the process may have committed, all together; 0: no
 * bound of this kind, as at the start. (ACRE_OPTIONS=commit_limit=... sets it for
 * a program that does not.) Rounded down to pages. The commit limit is the least of
 *   - this one,
 *   - RAM + swap of the system, and what is committed on the paging file,
 *   - what the cgroup that the process is in, and those above it, may have, with
 *     the same. Nothing tells when that changes; so some commits (at most
 *     ten a second, and those that would be refused) read files in /proc and
 *     /sys/fs/cgroup. Where these cannot be read, what was last known stays.
 * acre_system_info tells the limit, the charge, and which of the three it is.
 * A bound below the charge is fine: nothing is taken away, and commits fail
 * until enough has been decommitted.
 * Result: ACRE_OK.
 * Threads: a commit of another thread that begins after the call has returned
 * finds the new limit.
 * Fork: the child has the parent's bound, and a charge of its own, the same at first.
 * Win32 counterpart: JobObjectExtendedLimitInformation's ProcessMemoryLimit.
 */
ACRE_API acre_result acre_vm_set_commit_limit(uint64_t bytes);

/*
 * Writes to `out` what there is to say about a request of `request` bytes that
 * met the commit limit, for a person: the request, the charge, the limit, and
 * where the limit comes from. As they are now: nothing is kept from the call
 * that failed. At most size - 1 characters, and a NUL; `out` may be NULL if size is 0.
 * Result: the length of the whole text (ASCII, English, no full stop).
 */
ACRE_API size_t acre_vm_commit_limit_text(uint64_t request, char *out, size_t size);

/* ------------------------------------------------------------- written pages */

/*
 * Which pages of a region with ACRE_VM_TRACK_WRITES were written since they were
 * committed, or since the last reset of their report.
 *
 *   commit     a fresh page is not written; committing it again changes nothing
 *   write      by any thread, and by a system call that stores there (read(2)), whatever the value
 *   protect    changes nothing; a page that cannot be written now may have been
 *   decommit   the page is reserved, and never reported
 *
 * Pages may be reported that were not written, never the other way round:
 *   acre_vm_populate, acre_vm_lock, acre_vm_undo_reset and, in a strict region or a program that
 *   locks all its memory (mlockall), acre_vm_commit count as writing what is writable;
 *   after a fork every page with content counts as written in the child, or as it did in the parent;
 *   so does every page with content after the program has closed descriptors that are not its own;
 *   near vm.max_map_count a write counts for the pages around it (ACRE_WRITTEN_BY_FAULT).
 * A page whose content acre_vm_reset gave up, and the system dropped, may be missing.
 *
 * A tracked region has no large pages, as each page is tracked by itself. Nor can it be on the paging file.
 *
 * How it is done is in acre_system.written_way. By the kernel (Linux 6.7 and
 * later, where the system allows userfaultfd) tracking costs the first write of
 * a page a fault inside the kernel, and a commit next to nothing. By faults the
 * first write of a page costs a signal and a system call, and two mappings until
 * the reset; system calls that store into such pages need acre_vm_written_prepare.
 */

typedef enum acre_vm_written_flags {
  ACRE_VM_WRITTEN_RESET = 1 << 0 /* what is reported counts as not written. Win32: WRITE_WATCH_FLAG_RESET */
} acre_vm_written_flags;

/*
 * Reports the written pages of the range as runs, in ascending order, no two of
 * which touch. *count is how many runs `out` has room for, and afterwards how
 * many are in it. Reserved pages are passed over.
 * Result: ACRE_E_MORE, more was written than there is room for: `out` has what comes
 *   first, and only that was reset. Call again, with a reset for the same range, else for
 *   what lies behind the last run. With no room (*count is 0, and out may be NULL) it
 *   tells whether anything was written.
 *   ACRE_E_WRONG_KIND, the region does not track writes; ACRE_E_NO_MEMORY;
 *   ACRE_E_MAPPING_LIMIT; ACRE_E_NOT_SUPPORTED, the system has withdrawn its help. On a failure *count is 0, and
 *   no write is forgotten.
 * Threads: a write meanwhile is reported by this call or the next one. With a
 *   reset, read what was reported after the call: the content is at least as new
 *   as the report, and what is written later is reported again.
 * Cost: for 16,384 pages that are not written some 40 microseconds by the kernel;
 *   by faults it follows the number of runs.
 * Win32 counterpart: GetWriteWatch.
 */
ACRE_API acre_result acre_vm_written(const void *address, size_t size, unsigned flags, acre_vm_run *out, size_t *count);

/*
 * The same, page by page: *count and `out` are of page addresses. Results as there.
 * Win32 counterpart: GetWriteWatch.
 */
ACRE_API acre_result acre_vm_written_pages(const void *address, size_t size, unsigned flags, void **out, size_t *count);

/*
 * All pages of the range count as not written.
 * Result: as acre_vm_written, but for ACRE_E_MORE. If it fails, some may count so already, or all as written.
 * Win32 counterpart: ResetWriteWatch.
 */
ACRE_API acre_result acre_vm_reset_written(void *address, size_t size);

/*
 * Makes the pages of the range ready for a system call that stores into them,
 * as for read(2) into a buffer there. By the kernel this does nothing. By
 * faults a system call gets EFAULT from a page that is not written since the
 * last reset; after this call it does not, until a reset of the page, and the
 * range's writable pages count as written. So hold resets back until the system call
 * has returned. A program that always calls it works the same either way.
 * Result: ACRE_E_NOT_COMMITTED; ACRE_E_WRONG_KIND, the region does not track writes;
 *   ACRE_E_MAPPING_LIMIT; ACRE_E_NO_MEMORY.
 */
ACRE_API acre_result acre_vm_written_prepare(void *address, size_t size);

/*
 * Sets where regions with the backing ACRE_VM_BACKING_PAGING_FILE have their
 * memory from now on: in files on a disk, one for each region, whose blocks are
 * allocated when pages are committed and freed when they are decommitted. Such
 * memory needs no RAM to be kept: the system writes it to the disk when RAM is
 * short, also where it has no swap and under a memory limit (cgroup), where
 * other memory would get the program killed. Its bytes raise the commit limit as
 * they are committed, since they use none of what others are promised.
 *   path      a directory: the files are made in it; or the path of a file to be, and then in its directory. They
 *             have no name, mode 0600, and go with their regions, however the program ends. NULL: no paging file.
 *   maximum   bytes that all these regions may have committed together, rounded down to pages; 0: as many as the disk has
 * Result: ACRE_E_INVALID_ARGUMENT, `path` is empty; ACRE_E_EXISTS, it names something that is no directory;
 *   ACRE_E_NOT_FOUND; ACRE_E_ACCESS_DENIED; ACRE_E_READ_ONLY; ACRE_E_NO_SPACE;
 *   ACRE_E_NOT_SUPPORTED, files of this file system can't be mapped; and on Windows, which has a paging file of its own;
 *   ACRE_E_TOO_MANY_FILES; ACRE_E_NO_MEMORY; ACRE_E_IO. On failure the former setting stays.
 * acre_system_info tells the maximum and what is committed.
 * Lifetime: regions keep the files, the directory and the maximum that they began with.
 *
 * What is particular to such a region
 *   acre_vm_reserve answers ACRE_E_NOT_SUPPORTED when no paging file is set,
 *     ACRE_E_TOO_MANY_FILES (a region takes one file descriptor), and
 *     ACRE_E_FILE_TOO_LARGE for more than a file can have (16 TiB on ext4).
 *   A commit answers ACRE_E_NO_SPACE on a full disk, ACRE_E_COMMIT_LIMIT over the
 *     maximum, ACRE_E_FILE_TOO_LARGE over ulimit -f, ACRE_E_IO when the disk fails or
 *     the program has closed the descriptor. A touch of a committed page meets no
 *     full disk. (Where a file system allocates blocks at other times than it says,
 *     as ZFS, or NFS before 4.2, it may: that is a SIGBUS.) If the disk cannot read
 *     a page back, touching it is SIGBUS as well.
 *   A decommit can answer ACRE_E_IO: the pages are reserved, their blocks not yet free.
 *   acre_vm_reset keeps the content, as the system cannot drop it; acre_vm_undo_reset always finds it.
 *   Pages that execute want a file system that is not mounted noexec.
 * Fork: the child has such a region at its address, but empty, all its pages
 *   reserved; it may commit its own memory there, or release it.
 * Win32 counterpart: none for a program; the control panel's paging file.
 */
ACRE_API acre_result acre_vm_set_paging_file(const char *path, uint64_t maximum);

/*
 * The same two as acre_vm_reset and acre_vm_undo_reset, by the names of
 * Windows's newer functions: memory that is offered may be taken by the system at any
 * time, and costs nothing then; it is to be reclaimed before it is used again. An
 * access meanwhile is no fault, and may find the old content or zeros.
 * Results as there.
 * Win32 counterparts: OfferVirtualMemory, ReclaimVirtualMemory.
 */
ACRE_API acre_result acre_vm_offer(void *address, size_t size);
ACRE_API acre_result acre_vm_reclaim(void *address, size_t size);

/*
 * Takes the memory of the pages that lie wholly inside the range, at once: RSS
 * falls, and they read zero. They stay committed. (On Windows their content is
 * undefined afterwards.) Rounding and results as acre_vm_reset; ACRE_E_NO_MEMORY;
 * ACRE_E_WRONG_KIND also for a region on the paging file.
 * Win32 counterpart: DiscardVirtualMemory.
 */
ACRE_API acre_result acre_vm_discard(void *address, size_t size);

/*
 * Tells the system that the committed pages of the range will not be needed for
 * a while: under memory pressure they go to swap, or a view's to its file, before others.
 * acre_vm_page_out asks for that now. Content stays, and a touch brings it
 * back. Without swap a region's pages have nowhere to go, and stay.
 * Result: ACRE_E_NOT_COMMITTED; ACRE_E_WRONG_KIND, a page is locked, or an explicit large page;
 *   ACRE_E_NOT_SUPPORTED, the system does not take such advice: nothing has happened.
 * Win32 counterparts: none; VirtualUnlock of pages that are not locked, which takes them from the working set.
 */
ACRE_API acre_result acre_vm_cool(void *address, size_t size);
ACRE_API acre_result acre_vm_page_out(void *address, size_t size);

/*
 * Moves the content of the committed range into large pages, for faster
 * access: for memory that was committed piece by piece, so that it got small
 * ones. Only large pages (by address) that lie wholly inside the range. It takes some
 * 0.1 ms and more for each, and other threads may use the memory meanwhile.
 * Large pages that were made before a failure stay.
 * Result: ACRE_E_NOT_COMMITTED; ACRE_E_WRONG_KIND, the region tracks writes;
 *   ACRE_E_INVALID_SIZE, no large page lies inside the range;
 *   ACRE_E_NO_MEMORY, the system has no large page free; ACRE_E_BUSY, pages are in use by the system (try again);
 *   ACRE_E_NOT_SUPPORTED, before Linux 6.1, or for this memory: protections differ
 *   inside a large page, or a file system has none.
 * Win32 counterpart: none.
 */
ACRE_API acre_result acre_vm_collapse(void *address, size_t size);

/*
 * Placeholders: a reservation that can be cut up, and whose parts become
 * regions or views, and placeholders again, with no moment in which another
 * thread's allocation could be placed there.
 *
 *   acre_vm_reserve, ACRE_VM_PLACEHOLDER   [ P                        ]
 *   acre_vm_split                          [ P          ][ P          ]
 *   replaced (below)                       [ region     ][ view       ]
 *   acre_vm_release_to_placeholder,
 *   acre_view_unmap_to_placeholder         [ P          ][ P          ]
 *   acre_vm_join                           [ P                        ]
 *
 * A placeholder is a region of kind ACRE_VM_KIND_PLACEHOLDER. It holds addresses and nothing
 * else: a commit is ACRE_E_WRONG_KIND. acre_vm_release gives it back.
 *
 * Replacing: acre_vm_reserve with ACRE_VM_REPLACE and the placeholder's base as
 * `address`, or acre_view_map with `replace`; the new region must be as long as
 * the placeholder, after rounding, and cannot be one on the paging file.
 * Result of the two, besides their others: ACRE_E_NOT_A_REGION; ACRE_E_NOT_REGION_BASE;
 *   ACRE_E_WRONG_KIND, it is no placeholder (any more); ACRE_E_INVALID_SIZE, it is
 *   not as long. On failure the placeholder is there as before.
 *
 * Bases are multiples of the allocation granularity, as those of all regions:
 * views want that, and so does the speed of a look-up. (Windows takes pages here.)
 */

/*
 * Cuts the placeholder with this base in two: [base, base + offset) and the rest.
 * Units: offset is a multiple of the allocation granularity.
 * Result: ACRE_E_INVALID_ALIGNMENT, it is not; ACRE_E_INVALID_SIZE, it is 0, or not inside the placeholder;
 *   ACRE_E_NOT_A_REGION; ACRE_E_NOT_REGION_BASE; ACRE_E_WRONG_KIND, no placeholder; ACRE_E_NO_MEMORY.
 * Win32 counterpart: VirtualFree with MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER on a part.
 */
ACRE_API acre_result acre_vm_split(void *placeholder, size_t offset);

/*
 * Makes one placeholder of all those that fill exactly [base, base + size).
 * Units: size is rounded up to pages.
 * Result: ACRE_E_NOT_A_REGION, a part is free; ACRE_E_NOT_REGION_BASE, base is inside a region;
 *   ACRE_E_WRONG_KIND, a part is no placeholder; ACRE_E_INVALID_SIZE, also if the last
 *   placeholder ends beyond the range; ACRE_E_NO_MEMORY.
 * Win32 counterpart: VirtualFree with MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS.
 */
ACRE_API acre_result acre_vm_join(void *base, size_t size);

/*
 * Takes a region of acre_vm_reserve away, as acre_vm_release does, but leaves a
 * placeholder in its place.
 * Result: as acre_vm_release; ACRE_E_WRONG_KIND also for a placeholder; ACRE_E_NO_MEMORY.
 *   On failure nothing has changed.
 * Win32 counterpart: VirtualFree with MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER on a whole region.
 */
ACRE_API acre_result acre_vm_release_to_placeholder(void *base);

#ifdef __cplusplus
}
#endif

#include <acre/fault.h> /* handlers of faults, guard pages, growing stacks */

#endif
