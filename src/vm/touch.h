/* SPDX-License-Identifier: MIT */
/*
 * Commit on touch: the fault handler's part of virtual memory control.
 *
 * A fault is ours when its address is a reserved page of a region with a touch
 * step: the step's reserved pages are committed and the access is tried again.
 * Every other fault goes to whoever had it before.
 */
#ifndef ACRE_VM_TOUCH_H
#define ACRE_VM_TOUCH_H

#include <acre/base.h>

/* Makes sure that the handler is installed. */
acre_result acre__touch_install(void);

#endif
