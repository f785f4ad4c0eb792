/* SPDX-License-Identifier: MIT */
/* WinDef.h - windef.h, as programs write it where case does not count. */
#include <windef.h>
