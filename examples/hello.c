/* SPDX-License-Identifier: MIT */
/* Reserve 1 GiB of address space, commit 64 KiB of it, use them, give all back. */
#include <acre/acre.h>
#include <stdio.h>

int main(void) {
  void *base;
  acre_result result = acre_vm_reserve((size_t)1 << 30, NULL, &base);
  if (result == ACRE_OK) result = acre_vm_commit(base, 65536, ACRE_VM_DEFAULT);
  if (result == ACRE_OK) {
    char *text = base;
    snprintf(text, 65536, "Hello from Acre %s", acre_version());
    puts(text);
    result = acre_vm_release(base);
  }
  if (result != ACRE_OK) fprintf(stderr, "hello: %s\n", acre_result_text(result));
  return result == ACRE_OK ? 0 : 1;
}
