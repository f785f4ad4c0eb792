/* SPDX-License-Identifier: MIT */
/*
 * error.c - system errors to results: one table, and the one errno that needs
 * thought. ENOMEM from the calls that change mappings means either that memory
 * or address space is short, or that the process has vm.max_map_count mappings;
 * the remedy differs, so this cold path counts them.
 */
#include "linux.h"

#include <errno.h>

#include "base/compiler.h"

/* A change may split a mapping in three, and other threads map too: this close to the limit, the limit it was. */
enum { MAPPING_MARGIN = 4 };

acre_result acre__linux_error(int error) {
  switch (error) {
    case 0: return ACRE_OK;
    case EINVAL:
    case EBADF:
    case EFAULT:
    case ENAMETOOLONG: return ACRE_E_INVALID_ARGUMENT;
    case EEXIST: return ACRE_E_EXISTS;
    case ENOENT:
    case ENOTDIR:
    case ELOOP: return ACRE_E_NOT_FOUND;
    case EISDIR:
    case ENXIO:
    case ESPIPE: return ACRE_E_NOT_A_FILE;
    case EACCES:
    case EPERM: return ACRE_E_ACCESS_DENIED;
    case EROFS: return ACRE_E_READ_ONLY;
    case ENOSPC:
    case EDQUOT: return ACRE_E_NO_SPACE;
    case EFBIG:
    case EOVERFLOW: return ACRE_E_FILE_TOO_LARGE;
    case EMFILE:
    case ENFILE: return ACRE_E_TOO_MANY_FILES;
    case EIO:
    case ESTALE:
    case EREMOTEIO:
    case EHWPOISON: return ACRE_E_IO;
    case EBUSY:
    case EAGAIN:
    case ETXTBSY: return ACRE_E_BUSY;
    case ENOMEM: return ACRE_E_NO_MEMORY;
    case ENOSYS:
    case ENODEV:
    case ENOTTY:
    case EOPNOTSUPP: return ACRE_E_NOT_SUPPORTED;
    default: return ACRE_E_UNEXPECTED;
  }
}

ACRE_COLD static bool at_mapping_limit(void) {
  uint64_t limit = acre__linux_read_number("/proc/sys/vm/max_map_count", UINT64_MAX);
  return limit != UINT64_MAX && acre__os_mapping_count() + MAPPING_MARGIN > limit;
}

ACRE_COLD acre_result acre__linux_mapping_error(int error, acre_result no_memory) {
  switch (error) {
    case ENOMEM: return at_mapping_limit() ? ACRE_E_MAPPING_LIMIT : no_memory;
    case EAGAIN: return ACRE_E_LOCK_LIMIT; /* mlockall(MCL_FUTURE) locks what is mapped */
    default: return acre__linux_error(error);
  }
}
