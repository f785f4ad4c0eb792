/* SPDX-License-Identifier: MIT */
/*
 * signals.h - programs that have handlers for SIGSEGV and SIGBUS of their own, under the page heap.
 *
 *   fault ──> Acre's handler ──the page heap's──> told, and the process ends
 *                  │else
 *                  v
 *             on_fault (here) ──> what the program has set, called as the system would have
 *
 * A handler that the program sets would come before Acre's, and take the
 * page heap's faults for its own. So for these two signals sigaction and signal are the
 * functions here: they keep what is set, and the system is not told of it.
 *
 * And where the two are blocked, the system calls no handler, and the process dies
 * without a word. Many programs block all signals in their threads; so masks leave these two out.
 */
#ifndef ACRE_CHECK_SIGNALS_H
#define ACRE_CHECK_SIGNALS_H

/* Before Acre's fault handler is installed. From then on the two signals are kept. */
void acre__signals_keep(void);

#endif
