/* SPDX-License-Identifier: MIT */
/*
 * placement.c - large pages, nodes, what goes first, on Linux.
 *
 * Two kinds of large pages. Transparent ones are the kernel's to give and to
 * take: an advice, and small pages wherever it does not work out. Those of the
 * pool (hugetlb) are a mapping of another kind, and the caller's once mapped.
 * The default size alone is used of the pool.
 *
 * A mapping of the pool is made elsewhere and moved over the reservation: if the
 * pool has too few pages, that shows before anything of the range is touched,
 * and there is no moment in which it is free.
 *
 * Nothing here keeps state. errno is whatever the last call left.
 */
#include "linux.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"

/* ------------------------------------------------------------- large pages */

acre_result acre__os_advise_large(void *address, size_t size) {
  return acre__linux_advise(address, size, MADV_HUGEPAGE) == 0 ? ACRE_OK : ACRE_E_NOT_SUPPORTED;
}

void acre__os_advise_small(void *address, size_t size) {
  madvise(address, size, MADV_NOHUGEPAGE);
}

size_t acre__os_large_pages_free(void) {
  return acre__linux_pool().available;
}

static acre_result pool_error(int error) {
  switch (error) {
    case EINVAL:
    case ENODEV:
    case ENOSYS:
    case EPERM: return ACRE_E_NOT_SUPPORTED;
    default: return acre__linux_mapping_error(error, ACRE_E_NO_MEMORY);
  }
}

/* Kernels before 5.16 do not move mappings of the pool. There the range may be free for a moment, if it fails. */
ACRE_COLD static acre_result map_in_place(void *address, size_t size, int protection, int flags) {
  if (mmap(address, size, protection, flags | MAP_FIXED, -1, 0) != MAP_FAILED) return ACRE_OK;
  acre__linux_restore_reservation(address, size);
  return pool_error(errno);
}

acre_result acre__os_commit_large(void *address, size_t size, acre_vm_protection protection) {
  int bits = acre__linux_protection(protection);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
  void *elsewhere = mmap(NULL, size, bits, flags, -1, 0);
  if (elsewhere == MAP_FAILED) return pool_error(errno);
  if (mremap(elsewhere, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, address) != MAP_FAILED) return ACRE_OK;
  int error = errno;
  munmap(elsewhere, size);
  if (error == EINVAL) return map_in_place(address, size, bits, flags);
  acre__linux_restore_reservation(address, size);
  return pool_error(error);
}

acre_result acre__os_collapse(void *address, size_t size) {
  int error = acre__linux_advise(address, size, ACRE_LINUX_MADV_COLLAPSE);
  switch (error) {
    case EINVAL: return ACRE_E_NOT_SUPPORTED;
    case EAGAIN: return ACRE_E_BUSY;
    default: return acre__linux_error(error);
  }
}

/* ------------------------------------------------------------- nodes */

enum { PREFERRED = 1, MOST_NODES = 1024, BITS = 8 * sizeof(unsigned long) }; /* MPOL_PREFERRED of <linux/mempolicy.h> */

acre_result acre__os_prefer_node(void *address, size_t size, unsigned node) {
  unsigned long mask[MOST_NODES / BITS] = {0};
  if (node >= MOST_NODES) return ACRE_E_INVALID_ARGUMENT;
  mask[node / BITS] = 1UL << node % BITS;
  /* The kernel takes the number of bits for one more than it is. */
  if (syscall(SYS_mbind, address, size, PREFERRED, mask, MOST_NODES + 1, 0) == 0) return ACRE_OK;
  switch (errno) {
    case EINVAL: return ACRE_E_INVALID_ARGUMENT;
    case EPERM:
    case ENOSYS: return ACRE_E_NOT_SUPPORTED;
    default: return acre__linux_mapping_error(errno, ACRE_E_NO_MEMORY);
  }
}

/* ------------------------------------------------------------- what goes first */

static acre_result advise_or_unsupported(void *address, size_t size, int advice) {
  int error = acre__linux_advise(address, size, advice);
  return error == EINVAL ? ACRE_E_NOT_SUPPORTED : acre__linux_error(error);
}

acre_result acre__os_cool(void *address, size_t size) {
  return advise_or_unsupported(address, size, ACRE_LINUX_MADV_COLD);
}

acre_result acre__os_page_out(void *address, size_t size) {
  return advise_or_unsupported(address, size, ACRE_LINUX_MADV_PAGEOUT);
}
