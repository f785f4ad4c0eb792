/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#ifndef ACRE_TOOL_LINUX_H
#define ACRE_TOOL_LINUX_H

#include <stdbool.h>
#include <stdint.h>

/* One number from a file such as /proc/sys/vm/max_map_count. */
bool linux_number(const char *path, uint64_t *out);

#endif
