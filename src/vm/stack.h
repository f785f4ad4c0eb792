/* SPDX-License-Identifier: MIT */
/*
 * stack.h - a stack that grows down: the fault handler's part.
 *
 *   pages  0                                  end                frontier
 *          [ gap | alternate stack | end zone | reserved | guard | committed ]
 *
 * From the frontier up all is committed, if nobody but growth commits; the
 * lowest of it is a guard page, unless the stack has its full size. The page below the
 * frontier counts as the guard too: a commit that fails may leave the stack without one.
 *
 * Lock: the region's, which is a stack's (its extra has a stack_step).
 */
#ifndef ACRE_VM_STACK_H
#define ACRE_VM_STACK_H

#include "vm/region.h"

/* Whether an access to the page makes the stack grow. `stack_pointer`: the faulting code's. */
bool acre__stack_wants(const struct acre__region *region, size_t page, uintptr_t stack_pointer);

/* Whether it is an overflow: the page lies in the end zone. */
bool acre__stack_is_over(const struct acre__region *region, size_t page);

/* Commits from the page up to the frontier, and the rest of the step below, with a new guard. */
acre_result acre__stack_grow(struct acre__region *region, size_t page);

#endif
