/* SPDX-License-Identifier: MIT */
/* maps.h - the mappings of this process, as /proc/self/maps has them, read without malloc. */
#ifndef ACRE_CHECK_MAPS_H
#define ACRE_CHECK_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct acre__mapping {
  uintptr_t start, end;
  bool readable, writable, is_private;
  const char *name; /* "" : it has none. For the call's time */
};

/* Calls `visit` for each mapping, in ascending order, until it returns false. Callable in the fault handler. */
void acre__maps_each(bool (*visit)(const struct acre__mapping *mapping, void *context), void *context);

/* Copies the whole file to another one that is open. */
void acre__maps_copy(int file);

#endif
