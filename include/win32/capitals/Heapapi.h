/* SPDX-License-Identifier: MIT */
/* Heapapi.h - heapapi.h, as programs write it where case does not count. */
#include <heapapi.h>
