/* SPDX-License-Identifier: MIT */
/* WinError.h - winerror.h, as programs write it where case does not count. */
#include <winerror.h>
