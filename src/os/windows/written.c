/* SPDX-License-Identifier: MIT */
/*
 * written.c - which pages were written: not on Windows.
 *
 * MEM_WRITE_WATCH is asked for when memory is reserved, not later, and does not
 * know placeholders. Above this layer write protection and faults do it in its place.
 */
#include "win.h"

#include <string.h>

void acre__os_probe_tracking(struct acre__os_tracking *out) {
  memset(out, 0, sizeof *out);
}

acre_result acre__os_track(void *address, size_t size) {
  (void)address, (void)size;
  return ACRE_E_NOT_SUPPORTED;
}

acre_result acre__os_written(struct acre__os_written_search *search) {
  search->count = 0;
  return ACRE_E_NOT_SUPPORTED;
}

void acre__os_track_in_child(void) {}
