/* SPDX-License-Identifier: MIT */
/* WinNT.h - winnt.h, as programs write it where case does not count. */
#include <winnt.h>
