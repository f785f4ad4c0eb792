/* SPDX-License-Identifier: MIT */
/* purge.h - the thread that gives back what heaps keep, for those who ask for it. */
#ifndef ACRE_HEAP_PURGE_H
#define ACRE_HEAP_PURGE_H

/* In the child of a fork, which has no such thread. */
void acre__purge_fork_in_child(void);

#endif
