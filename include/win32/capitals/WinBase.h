/* SPDX-License-Identifier: MIT */
/* WinBase.h - winbase.h, as programs write it where case does not count. */
#include <winbase.h>
