/* SPDX-License-Identifier: MIT */
/* Strsafe.h - strsafe.h, as programs write it where case does not count. */
#include <strsafe.h>
