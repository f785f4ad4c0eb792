/* SPDX-License-Identifier: MIT */
/*
 * memory.c - reserve, commit, protect, hide, advise on Linux.
 *
 *   reserved    PROT_NONE, private, anonymous, MAP_NORESERVE
 *   committed   the same mapping after mprotect: a commit charge exists only
 *               under vm.overcommit_memory=2, and only for what is writable
 *   hidden      guard markers in the page table, under whatever protection
 *
 * Decommit maps anew instead of MADV_DONTNEED: that alone gives back the commit
 * charge, the locks and the page tables.
 *
 * Nothing here keeps state. errno is whatever the last call left.
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/math.h"

int acre__linux_protection(acre_vm_protection protection) {
  switch (protection) {
    case ACRE_VM_NO_ACCESS: return PROT_NONE;
    case ACRE_VM_READ: return PROT_READ;
    case ACRE_VM_EXECUTE: return PROT_EXEC;
    case ACRE_VM_EXECUTE_READ: return PROT_READ | PROT_EXEC;
    case ACRE_VM_EXECUTE_READ_WRITE: return PROT_READ | PROT_WRITE | PROT_EXEC;
    case ACRE_VM_GUARD: /* which is nobody's by itself */
    case ACRE_VM_DEFAULT:
    case ACRE_VM_READ_WRITE: break;
  }
  return PROT_READ | PROT_WRITE;
}

static size_t page_size(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

/* ------------------------------------------------------------- reserve and release */

bool acre__linux_is_possible(uintptr_t wish, size_t size) {
  return wish >= ACRE_LINUX_GRANULARITY && wish < ACRE_LINUX_WINDOW && size <= ACRE_LINUX_WINDOW - wish;
}

ACRE_COLD static bool is_past_the_end(uintptr_t wish, size_t size) {
  uintptr_t highest = acre__linux_highest_address();
  return wish > highest || size - 1 > highest - wish;
}

ACRE_COLD static acre_result reserve_exactly_error(int error, uintptr_t wish, size_t size) {
  switch (error) {
    case EEXIST: return ACRE_E_ADDRESS_IN_USE;
    case EPERM:  /* below vm.mmap_min_addr */
    case EACCES: /* the same, said by SELinux */
    case EINVAL: return ACRE_E_INVALID_ADDRESS;
    case ENOMEM:
      if (is_past_the_end(wish, size)) return ACRE_E_INVALID_ADDRESS;
      break;
    default: break;
  }
  return acre__linux_mapping_error(error, ACRE_E_NO_ADDRESS_SPACE);
}

static acre_result reserve_exactly(void *wish, size_t size, void **out) {
  if (!acre__linux_is_possible((uintptr_t)wish, size)) return ACRE_E_INVALID_ADDRESS;
  void *got = mmap(wish, size, PROT_NONE, ACRE_LINUX_RESERVATION | ACRE_LINUX_MAP_FIXED_NOREPLACE, -1, 0);
  if (got == MAP_FAILED) return reserve_exactly_error(errno, (uintptr_t)wish, size);
  if (got != wish) { /* a kernel before 4.17 takes the address for a hint */
    munmap(got, size);
    return is_past_the_end((uintptr_t)wish, size) ? ACRE_E_INVALID_ADDRESS : ACRE_E_ADDRESS_IN_USE;
  }
  *out = got;
  return ACRE_OK;
}

acre_result acre__os_reserve(void *wish, size_t size, enum acre__os_place place, void **out) {
  if (place == ACRE_OS_EXACTLY) return reserve_exactly(wish, size, out);
  if (!acre__linux_is_possible((uintptr_t)wish, size)) wish = NULL;
  void *got = mmap(wish, size, PROT_NONE, ACRE_LINUX_RESERVATION, -1, 0);
  if (got == MAP_FAILED) return acre__linux_mapping_error(errno, ACRE_E_NO_ADDRESS_SPACE);
  *out = got;
  return ACRE_OK;
}

acre_result acre__os_reserve_committed(void *wish, size_t size, acre_vm_protection protection, void **out) {
  if (!acre__linux_is_possible((uintptr_t)wish, size)) wish = NULL;
  void *got = mmap(wish, size, acre__linux_protection(protection), ACRE_LINUX_RESERVATION, -1, 0);
  if (got == MAP_FAILED) return acre__linux_mapping_error(errno, ACRE_E_NO_MEMORY);
  *out = got;
  return ACRE_OK;
}

acre_result acre__os_release(void *address, size_t size) {
  if (munmap(address, size) == 0) return ACRE_OK;
  return acre__linux_mapping_error(errno, ACRE_E_NO_MEMORY);
}

ACRE_COLD void acre__linux_restore_reservation(void *address, size_t size) {
  int error = errno;
  void *got = mmap(address, size, PROT_NONE, ACRE_LINUX_RESERVATION | ACRE_LINUX_MAP_FIXED_NOREPLACE, -1, 0);
  if (got != MAP_FAILED && got != address) munmap(got, size);
  errno = error;
}

/* Any part is as good as another here. */
void acre__os_part_at(void *address, size_t size, void *at) {
  (void)address, (void)size, (void)at;
}

/* ------------------------------------------------------------- commit and protect */

acre_result acre__os_commit(void *address, size_t size, acre_vm_protection protection) {
  return acre__os_protect(address, size, protection);
}

acre_result acre__os_decommit(void *address, size_t size) {
  if (mmap(address, size, PROT_NONE, ACRE_LINUX_RESERVATION | MAP_FIXED, -1, 0) != MAP_FAILED) return ACRE_OK;
  acre__linux_restore_reservation(address, size);
  return acre__linux_mapping_error(errno, ACRE_E_NO_MEMORY);
}

acre_result acre__os_protect(void *address, size_t size, acre_vm_protection protection) {
  if (mprotect(address, size, acre__linux_protection(protection)) == 0) return ACRE_OK;
  return acre__linux_mapping_error(errno, ACRE_E_NO_MEMORY);
}

/* ------------------------------------------------------------- hide and discard */

/* madvise gives EAGAIN or EINTR when it lost a race or was interrupted: the same call may work the next time. */
int acre__linux_advise(void *address, size_t size, int advice) {
  for (int attempts = 100; attempts > 0; attempts--) {
    if (madvise(address, size, advice) == 0) return 0;
    if (errno != EAGAIN && errno != EINTR) return errno;
  }
  return ENOMEM;
}

static acre_result advise_or_unsupported(void *address, size_t size, int advice) {
  int error = acre__linux_advise(address, size, advice);
  return error == EINVAL ? ACRE_E_NOT_SUPPORTED : acre__linux_error(error);
}

acre_result acre__os_hide(void *address, size_t size) {
  return advise_or_unsupported(address, size, ACRE_LINUX_MADV_GUARD_INSTALL);
}

acre_result acre__os_reveal(void *address, size_t size) {
  return advise_or_unsupported(address, size, ACRE_LINUX_MADV_GUARD_REMOVE);
}

/*
 * process_madvise on oneself takes many ranges (any advice since Linux 6.13). It
 * wants a descriptor of the process: since 6.14 there is a number that says "my own".
 */
enum self_way { BY_NUMBER, BY_DESCRIPTOR, NOT_AT_ALL };

_Static_assert(sizeof(struct acre__os_range) == sizeof(struct iovec) &&
                   offsetof(struct acre__os_range, size) == offsetof(struct iovec, iov_len),
               "ranges are passed as they are");

static long advise_myself(int self, const struct acre__os_range *ranges, size_t count, int advice) {
  return syscall(SYS_process_madvise, self, ranges, count, advice, 0);
}

/* Bytes done, or -1. */
static long advise_together(const struct acre__os_range *ranges, size_t count, int advice) {
  static _Atomic(enum self_way) known;
  enum self_way way = atomic_load_explicit(&known, memory_order_relaxed);
  if (acre__linux_switches.single_calls) way = NOT_AT_ALL;
  long done = -1;
  if (way == BY_NUMBER) {
    done = advise_myself(ACRE_LINUX_PIDFD_SELF, ranges, count, advice);
    if (done < 0 && (errno == EBADF || errno == ESRCH)) way = BY_DESCRIPTOR;
  }
  if (way == BY_DESCRIPTOR) {
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self >= 0) done = advise_myself(self, ranges, count, advice);
    if (self >= 0) close(self);
  }
  if (done < 0 && (errno == ENOSYS || errno == EPERM)) way = NOT_AT_ALL;
  if (!acre__linux_switches.single_calls) atomic_store_explicit(&known, way, memory_order_relaxed);
  return done;
}

static size_t advise_each(const struct acre__os_range *ranges, size_t count, int advice) {
  size_t done = 0;
  if (count > 1) {
    long bytes = advise_together(ranges, count, advice);
    for (; done < count && bytes >= (long)ranges[done].size; done++) bytes -= (long)ranges[done].size;
  }
  while (done < count && acre__linux_advise(ranges[done].address, ranges[done].size, advice) == 0) done++;
  return done;
}

size_t acre__os_hide_each(const struct acre__os_range *ranges, size_t count) {
  return advise_each(ranges, count, ACRE_LINUX_MADV_GUARD_INSTALL);
}

size_t acre__os_reveal_each(const struct acre__os_range *ranges, size_t count) {
  return advise_each(ranges, count, ACRE_LINUX_MADV_GUARD_REMOVE);
}

acre_result acre__os_discard(void *address, size_t size) {
  int error = acre__linux_advise(address, size, MADV_DONTNEED);
  if (error == EINVAL) return advise_or_unsupported(address, size, ACRE_LINUX_MADV_DONTNEED_LOCKED);
  return acre__linux_error(error);
}

/* ------------------------------------------------------------- populate */

/*
 * Touches the word as the kernel's own access, which turns what would be a
 * signal into EFAULT. Two futex operations access a word and do nothing else:
 * FUTEX_CMP_REQUEUE of nobody reads it, and FUTEX_WAKE_OP ORs zero into it,
 * atomically. (At worst the latter wakes a thread that sleeps on that very
 * word, which every user of futexes must expect.) Returns 0 or an errno.
 */
static int touch(uintptr_t page, bool for_writing) {
  static uint32_t nobody;
  long done = for_writing ? syscall(SYS_futex, &nobody, ACRE_LINUX_FUTEX_WAKE_OP, 0, (void *)0, page,
                                    ACRE_LINUX_FUTEX_OR_NOTHING)
                          : syscall(SYS_futex, page, ACRE_LINUX_FUTEX_CMP_REQUEUE, 0, (void *)0, &nobody, 0);
  return done >= 0 || errno == EAGAIN ? 0 : errno;
}

static acre_result populate_error(int error, uintptr_t page, bool for_writing) {
  return error == EFAULT ? acre__linux_why_fault(page, for_writing) : acre__linux_error(error);
}

static acre_result populate_by_touch(uintptr_t address, size_t size, bool for_writing) {
  size_t step = page_size();
  for (uintptr_t page = address; page - address < size; page += step) {
    int error = touch(page, for_writing);
    if (error != 0) return populate_error(error, page, for_writing);
  }
  return ACRE_OK;
}

/* The first page of the range that can't be populated, as one of them can't; it halves the range. */
ACRE_COLD static uintptr_t find_unpopulated(uintptr_t address, size_t size, int advice) {
  size_t pages = size / page_size();
  while (pages > 1) {
    size_t half = pages / 2 * page_size();
    if (acre__linux_advise((void *)address, half, advice) != 0) {
      pages /= 2;
    } else {
      address += half;
      pages -= pages / 2;
    }
  }
  return address;
}

acre_result acre__os_populate(void *address, size_t size, bool for_writing) {
  uintptr_t start = (uintptr_t)address;
  if (acre__linux_switches.populate_by_touch) return populate_by_touch(start, size, for_writing);

  int advice = for_writing ? ACRE_LINUX_MADV_POPULATE_WRITE : ACRE_LINUX_MADV_POPULATE_READ;
  int error = acre__linux_advise(address, size, advice);
  if (error == 0) return ACRE_OK;
  if (error == EFAULT) return populate_error(error, find_unpopulated(start, size, advice), for_writing);
  if (error != EINVAL) return acre__linux_error(error);
  /* The protection forbids it, or the kernel does not know the advice: then it refuses it for no bytes, too. */
  if (acre__linux_advise(address, 0, advice) == 0) return ACRE_E_ACCESS_DENIED;
  return populate_by_touch(start, size, for_writing);
}

void acre__os_prefetch(void *address, size_t size) {
  madvise(address, size, MADV_WILLNEED);
}

/* ------------------------------------------------------------- lock */

/* As system calls, because the sanitizers' mlock and munlock do nothing. */
static long unlock(void *address, size_t size) {
  return syscall(SYS_munlock, address, size);
}

/*
 * mlock says ENOMEM when the limit is met, when a page has no access or no
 * memory, and when a mapping would have to be split and can't be. Except in the
 * first case the range is marked as locked all the same, and the mark must go.
 */
ACRE_COLD static acre_result lock_error(int error, void *address, size_t size) {
  if (error == EPERM) return ACRE_E_LOCK_LIMIT;
  if (error == ENOMEM) {
    struct rlimit limit;
    bool limited = getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    if (limited && size > limit.rlim_cur) return ACRE_E_LOCK_LIMIT;
    acre_result result = acre__os_populate(address, size, false);
    if (result == ACRE_OK) result = acre__linux_mapping_error(error, limited ? ACRE_E_LOCK_LIMIT : ACRE_E_NO_MEMORY);
    if (result == ACRE_E_LOCK_LIMIT) return result;
    unlock(address, size);
    return result;
  }
  unlock(address, size);
  return error == EAGAIN ? ACRE_E_NO_MEMORY : acre__linux_error(error);
}

acre_result acre__os_lock(void *address, size_t size) {
  return syscall(SYS_mlock, address, size) == 0 ? ACRE_OK : lock_error(errno, address, size);
}

acre_result acre__os_unlock(void *address, size_t size) {
  return unlock(address, size) == 0 ? ACRE_OK : acre__linux_mapping_error(errno, ACRE_E_NO_MEMORY);
}

/* ------------------------------------------------------------- reset */

acre_result acre__os_reset(void *address, size_t size) {
  int error = acre__linux_advise(address, size, MADV_FREE);
  /* Where the kernel cannot drop pages lazily, they stay: that is one of the things that may happen to them. */
  return error == EINVAL ? ACRE_OK : acre__linux_error(error);
}

/*
 * Undoing a reset, without a moment in which the answer can be wrong
 *
 * A page that was reset is dropped at any time until it is written. A dropped
 * page reads zero, and is then the shared page of zeros. So, page by page:
 *
 *   not present and not in swap            dropped
 *   a word is not zero, and is so still
 *   when it is written again               intact: the write made it count
 *   all zero, but not a page of our own    dropped, or never written
 *   all zero, and a page of our own        intact: what was read was it
 *
 * "A page of our own" is bit 56 of /proc/self/pagemap. Without that file a page
 * of zeros counts as dropped: an error on the safe side.
 */
#define PAGEMAP_EXCLUSIVE (UINT64_C(1) << 56)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)

enum { PAGEMAP_WINDOW = 256 };

static bool read_pagemap(int pagemap, uintptr_t page, size_t step, uint64_t *entries, size_t count) {
  size_t bytes = count * sizeof(uint64_t);
  return pread(pagemap, entries, bytes, (off_t)(page / step * sizeof(uint64_t))) == (ssize_t)bytes;
}

/*
 * Writes the word's own value, whatever other threads do to it, and returns it.
 * Not a fetch_or of zero: clang makes a load of that. And the value is hidden
 * from the optimiser, which must not see that the exchange changes nothing.
 */
static uint64_t rewrite(_Atomic uint64_t *word) {
  uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
  uint64_t same;
  do {
    same = seen;
    __asm__("" : "+r"(same));
  } while (!atomic_compare_exchange_weak_explicit(word, &seen, same, memory_order_relaxed, memory_order_relaxed));
  return same;
}

static bool is_own(int pagemap, uintptr_t page, size_t step) {
  uint64_t entry;
  return read_pagemap(pagemap, page, step, &entry, 1) && (entry & PAGEMAP_PRESENT) != 0 &&
         (entry & PAGEMAP_EXCLUSIVE) != 0;
}

/* Makes one page count; false: it has lost its content. `entry` is its state a moment ago. */
static bool undo_page(int pagemap, uintptr_t page, size_t step, uint64_t entry) {
  _Atomic uint64_t *words = (_Atomic uint64_t *)page;
  bool intact = (entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) != 0;
  if (intact) {
    for (size_t i = 0; i < step / sizeof *words; i++)
      if (atomic_load_explicit(&words[i], memory_order_relaxed) != 0) return rewrite(&words[i]) != 0;
    intact = is_own(pagemap, page, step);
  }
  rewrite(words);
  return intact;
}

acre_result acre__os_undo_reset(void *address, size_t size) {
  uint64_t entries[PAGEMAP_WINDOW];
  size_t step = page_size();
  size_t pages = size / step;
  uintptr_t page = (uintptr_t)address;
  bool intact = true;
  int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

  while (pages > 0) {
    size_t count = acre__min(pages, PAGEMAP_WINDOW);
    if (pagemap < 0 || !read_pagemap(pagemap, page, step, entries, count))
      for (size_t i = 0; i < count; i++) entries[i] = PAGEMAP_PRESENT;
    for (size_t i = 0; i < count; i++, page += step)
      if (!undo_page(pagemap, page, step, entries[i])) intact = false;
    pages -= count;
  }
  if (pagemap >= 0) close(pagemap);
  return intact ? ACRE_OK : ACRE_E_CONTENT_LOST;
}

/* ------------------------------------------------------------- mappings of the paging file */

static acre_result mark_mapping(void *address, size_t size, int advice) {
  int error = acre__linux_advise(address, size, advice);
  return error == ENOMEM ? acre__linux_mapping_error(error, ACRE_E_NO_MEMORY) : acre__linux_error(error);
}

/* Large folios come from read-ahead; MADV_WILLNEED, which reads ahead all the same, makes small ones. */
acre_result acre__os_read_singly(void *address, size_t size) {
  return mark_mapping(address, size, MADV_RANDOM);
}

acre_result acre__os_keep_from_children(void *address, size_t size) {
  return mark_mapping(address, size, MADV_DONTFORK);
}
