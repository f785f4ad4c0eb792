/* SPDX-License-Identifier: MIT */
/* Psapi.h - psapi.h, as programs write it where case does not count. */
#include <psapi.h>
