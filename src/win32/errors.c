/* SPDX-License-Identifier: MIT */
/*
 * errors.c - the last error of each thread, and which error each of Acre's
 * results is. include/acre/base.h names the pairs.
 */
#include "win32/win32.h"

static __thread DWORD last_error;

DWORD GetLastError(void) {
  return last_error;
}

void SetLastError(DWORD error) {
  last_error = error;
}

DWORD acre__win32_error(acre_result result) {
  switch (result) {
    case ACRE_OK: return ERROR_SUCCESS;
    case ACRE_E_INVALID_ARGUMENT:
    case ACRE_E_INVALID_SIZE:
    case ACRE_E_INVALID_PROTECTION:
    case ACRE_E_WRONG_KIND:
    case ACRE_E_OUT_OF_RANGE:
    case ACRE_E_NOT_A_BLOCK: return ERROR_INVALID_PARAMETER;
    case ACRE_E_INVALID_ADDRESS:
    case ACRE_E_ADDRESS_IN_USE:
    case ACRE_E_NOT_A_REGION:
    case ACRE_E_NOT_REGION_BASE:
    case ACRE_E_SPANS_REGIONS:
    case ACRE_E_NOT_COMMITTED: return ERROR_INVALID_ADDRESS;
    case ACRE_E_INVALID_ALIGNMENT: return ERROR_MAPPED_ALIGNMENT;
    case ACRE_E_NOT_LOCKED: return ERROR_NOT_LOCKED;
    case ACRE_E_NO_ADDRESS_SPACE:
    case ACRE_E_NO_MEMORY:
    case ACRE_E_MAPPING_LIMIT:
    case ACRE_E_HEAP_LIMIT:
    case ACRE_E_FULL: return ERROR_NOT_ENOUGH_MEMORY;
    case ACRE_E_COMMIT_LIMIT: return ERROR_COMMITMENT_LIMIT;
    case ACRE_E_LOCK_LIMIT: return ERROR_WORKING_SET_QUOTA;
    case ACRE_E_ACCESS_DENIED:
    case ACRE_E_NOT_A_FILE: return ERROR_ACCESS_DENIED;
    case ACRE_E_NOT_SUPPORTED: return ERROR_NOT_SUPPORTED;
    case ACRE_E_CONTENT_LOST: return ERROR_NO_MORE_ITEMS;
    case ACRE_E_NOT_FOUND: return ERROR_FILE_NOT_FOUND;
    case ACRE_E_EXISTS: return ERROR_FILE_EXISTS;
    case ACRE_E_EMPTY_FILE: return ERROR_FILE_INVALID;
    case ACRE_E_READ_ONLY: return ERROR_WRITE_PROTECT;
    case ACRE_E_NO_SPACE: return ERROR_DISK_FULL;
    case ACRE_E_FILE_TOO_LARGE: return ERROR_FILE_TOO_LARGE;
    case ACRE_E_TOO_MANY_FILES: return ERROR_TOO_MANY_OPEN_FILES;
    case ACRE_E_IO: return ERROR_IO_DEVICE;
    case ACRE_E_BUSY: return ERROR_SHARING_VIOLATION;
    case ACRE_E_HEAP_CORRUPT: return ERROR_INVALID_DATA;
    case ACRE_E_MORE: return ERROR_MORE_DATA;
    case ACRE_E_MAPPED: return ERROR_USER_MAPPED_FILE;
    case ACRE_E_UNEXPECTED: break;
  }
  return ERROR_GEN_FAILURE;
}

static atomic_uint error_mode; /* kept for programs that read it back: there are no boxes here */

UINT SetErrorMode(UINT mode) {
  return atomic_exchange(&error_mode, mode);
}

UINT GetErrorMode(void) {
  return atomic_load(&error_mode);
}
