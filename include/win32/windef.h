/* SPDX-License-Identifier: MIT */
/* windef.h - see minwindef.h. */
#include "minwindef.h"
