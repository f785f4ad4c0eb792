/* SPDX-License-Identifier: MIT */
/* basetsd.h - see minwindef.h. */
#include "minwindef.h"
