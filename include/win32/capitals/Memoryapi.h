/* SPDX-License-Identifier: MIT */
/* Memoryapi.h - memoryapi.h, as programs write it where case does not count. */
#include <memoryapi.h>
