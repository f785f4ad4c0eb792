/* SPDX-License-Identifier: MIT */
/* Windows.h - windows.h, as programs write it where case does not count. */
#include <windows.h>
