/* SPDX-License-Identifier: MIT */
/* Tchar.h - tchar.h, as programs write it where case does not count. */
#include <tchar.h>
