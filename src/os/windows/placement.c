/* SPDX-License-Identifier: MIT */
/*
 * placement.c - large pages, nodes, what goes first on Windows.
 *
 * Large pages there want a privilege that hardly any account has, are reserved
 * and committed at once, and never leave memory: the backend does not use them, and
 * says that there are none (acre__os_system.large_page_size).
 */
#include "win.h"

acre_result acre__os_advise_large(void *address, size_t size) {
  (void)address, (void)size;
  return ACRE_E_NOT_SUPPORTED;
}

void acre__os_advise_small(void *address, size_t size) {
  (void)address, (void)size;
}

size_t acre__os_large_pages_free(void) {
  return 0;
}

acre_result acre__os_commit_large(void *address, size_t size, acre_vm_protection protection) {
  (void)address, (void)size, (void)protection;
  return ACRE_E_NOT_SUPPORTED;
}

acre_result acre__os_collapse(void *address, size_t size) {
  (void)address, (void)size;
  return ACRE_E_NOT_SUPPORTED;
}

/* The system has a node be named when memory is reserved, and not afterwards. */
acre_result acre__os_prefer_node(void *address, size_t size, unsigned node) {
  (void)address, (void)size, (void)node;
  return ACRE_E_NOT_SUPPORTED;
}

acre_result acre__os_cool(void *address, size_t size) {
  (void)address, (void)size;
  return ACRE_E_NOT_SUPPORTED;
}

/* Unlocking pages that are not locked takes them out of the working set: so it is documented. */
acre_result acre__os_page_out(void *address, size_t size) {
  return VirtualUnlock(address, size) || GetLastError() == ERROR_NOT_LOCKED ? ACRE_OK : ACRE_E_NOT_SUPPORTED;
}
